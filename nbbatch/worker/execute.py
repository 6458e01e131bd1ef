"""One attempt at one point: run it, then write notebook, page and record."""

from __future__ import annotations

import json
import os
import platform
import resource
import socket
import sys
import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_notebook
from papermill.engines import papermill_engines

from ..model import Bundle, Cause, Failure, Outcome, Point, PointFiles, Record
from .client import PointClient, Told
from .ending import Facts, judge
from .engine import ENGINE, ExecutedNotebook
from .figures import write_figures
from .files import write_atomic
from .kernel import Kernel, KernelProblem, find_kernel
from .memory import MemoryWatch, OutOfMemoryCount, own_memory
from .metrics import metrics_from_outputs
from .outputs import OutputLog
from .prepare import NotebookInvalid, inject, kernel_name, load_notebook
from .stop import Stop
from .texts import write_texts
from .warm.source import KernelSource

OTHERS_SHARE = 0.2
"""A point that began within this part of its job's time, so far, had nearly all of it."""


@dataclass(frozen=True)
class Attempt:
    """One try at a point, and where it happens. ``root`` is the sweep folder.

    ``job_began``: when the worker did, on the monotonic clock.
    """

    bundle: Bundle
    point: Point
    root: Path
    number: int
    tcp: bool = False
    job_began: float = field(default_factory=time.monotonic)

    @property
    def folder(self) -> Path:
        return self.root / self.point.dir

    @property
    def executed(self) -> Path:
        return self.folder / PointFiles.EXECUTED

    def environment(self) -> dict[str, str]:
        """What the notebook can find out about its point."""
        return {
            "NBBATCH_SWEEP": self.bundle.sweep,
            "NBBATCH_POINT_ID": self.point.id,
            "NBBATCH_POINT_INDEX": str(self.point.index),
            "NBBATCH_POINT_DIR": str(self.folder),
        }

    def cwd(self) -> Path:
        cwd = self.bundle.settings.cwd
        return self.folder if cwd == "point" else Path(cwd)


@dataclass(frozen=True)
class Result:
    """``final``: an infrastructure failure that another try cannot help."""

    record: Record
    final: bool = False


def now() -> str:
    """The present time, ISO 8601 UTC, to the millisecond."""
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def blank_record(attempt: Attempt, started: str) -> Record:
    """A record of this attempt that says how it ended as little as possible."""
    return Record(
        point=attempt.point.id,
        key=attempt.point.key,
        attempt=attempt.number,
        outcome=Outcome.DIED,
        cause=Cause.WORKER_ERROR,
        started=started,
        finished=now(),
        host=socket.gethostname(),
        pid=os.getpid(),
        job=os.environ.get("NBBATCH_JOB", ""),
        python=platform.python_version(),
    )


def write_outcome(attempt: Attempt, nb: NotebookNode, record: Record) -> None:
    """Write figures and page, then the record, which ends the attempt. Raises OSError."""
    record = replace(record, figures=_write_extras(attempt, nb))
    _write_page(attempt, nb, record)
    record = replace(record, worker_memory=own_memory() or None)
    text = json.dumps(record.to_json(), ensure_ascii=False, indent=1, allow_nan=False)
    write_atomic(attempt.folder / PointFiles.RECORD, f"{text}\n".encode("utf-8", "replace"))


def run_attempt(attempt: Attempt, stop: Stop, source: KernelSource) -> Result:
    """Run the point and write its files, the record last. Raises for our own defects only."""
    started, clock = now(), time.monotonic()
    log = OutputLog(attempt.folder / PointFiles.LOG)
    try:
        run = _Run(attempt, stop, log, clock, source)
        problem = run.execute()
    finally:
        log.close()
    facts = replace(run.facts(), problem=problem)
    outcome, cause, failure = judge(facts)
    if failure is not None and failure.cell is not None and run.notebook is not None:
        failure = replace(failure, cell=run.notebook.mark_error(failure.cell))
    told = run.told
    record = replace(
        blank_record(attempt, started),
        outcome=outcome,
        cause=cause,
        failure=failure,
        metrics={**run.recorded_metrics(), **told.metrics},
        metric_errors=told.metric_errors,
        seconds=round(time.monotonic() - run.clock, 3),
        kernel=run.kernel_name,
        language=told.language,
        peak_memory=run.peak or None,
        cpu_seconds=run.cpu_seconds,
        truncated=run.truncated(failure),
    )
    if told.language == "python" and told.version:
        record = replace(record, python=told.version)
    assert run.notebook is not None  # ``execute`` made one, whatever came of it
    run.notebook.finish()
    write_outcome(attempt, run.notebook.nb, record)
    return Result(record, final=isinstance(problem, KernelProblem) and problem.final)


def _write_extras(attempt: Attempt, nb: NotebookNode) -> tuple[str, ...]:
    """Figures and cell texts for the report; that they cannot be written costs no result."""
    try:
        write_texts(nb, attempt.point.id, attempt.folder)
        return write_figures(nb, attempt.folder)
    except Exception:  # of any library that reads pictures, and a full disk
        traceback.print_exc()
        return ()


class _Run:
    """The kernel, its watch and its client for the length of one attempt."""

    def __init__(
        self, attempt: Attempt, stop: Stop, log: OutputLog, clock: float, source: KernelSource
    ) -> None:
        self.attempt = attempt
        self.source = source
        self.settings = attempt.bundle.settings
        self.stop = stop
        self.log = log
        self.told = Told()
        self.notebook: ExecutedNotebook | None = None
        self.kernel_name = self.settings.kernel or ""
        self.death = ""
        self.peak = 0
        self.used: int | None = None
        self.cpu_seconds: float | None = None
        self.system_oom = False
        self.clock = clock

    def execute(self) -> Exception | None:
        """Run the notebook; return the exception that ended it, if it did not end well."""
        nb = None
        try:
            nb = load_notebook(self.attempt.root / self.attempt.bundle.notebook)
            self.kernel_name = kernel_name(nb, self.settings.kernel)
            spec = find_kernel(self.kernel_name, self.attempt.root)
            nb = inject(nb, self.attempt.point.params, kernel=self.kernel_name, spec=spec)
        except (NotebookInvalid, KernelProblem) as problem:
            self.log.line(f"── {problem} ──")
            self.notebook = ExecutedNotebook(nb or new_notebook(), self.attempt.executed)
            return problem
        nb.metadata.papermill["input_path"] = str(self.attempt.root / self.attempt.bundle.notebook)
        nb.metadata.papermill["output_path"] = str(self.attempt.executed)
        waiting = time.monotonic()
        kernel = self.source.take(
            self.kernel_name,
            spec,
            settings=self.settings,
            cwd=self.attempt.cwd(),
            tcp=self.attempt.tcp,
        )
        # What all points need is prepared by the first: that is no part of its time.
        self.clock += time.monotonic() - waiting
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        watch = MemoryWatch(kernel.processes, self.settings.memory, kernel.kill)
        try:
            self._converse(nb, kernel, watch)
        finally:
            self.used = watch.exceeded
            kernel.end()
            self.death = kernel.death()
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        self.cpu_seconds = round(
            after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, 3
        )
        self.peak = max(watch.peak, self.told.high_water, self.used or 0)
        # The largest child counts; a fork of this process, before its exec, is one, too.
        own = resource.getrusage(resource.RUSAGE_SELF)
        if after.ru_maxrss > max(before.ru_maxrss, own.ru_maxrss):
            unit = 1 if sys.platform == "darwin" else 1024  # kB on Linux
            self.peak = max(self.peak, after.ru_maxrss * unit)
        _, cause, failure = judge(self.facts())
        if failure is not None and cause is not Cause.CELL_ERROR:
            self.log.line(f"── {failure.value} ──")
        return self.told.problem

    def _converse(self, nb: NotebookNode, kernel: Kernel, watch: MemoryWatch) -> None:
        oom: list[OutOfMemoryCount] = []

        def start() -> Any:
            client = kernel.start(self.attempt.cwd(), self.attempt.environment())
            oom.append(OutOfMemoryCount(kernel.pid))
            watch.start()  # after the fork: no thread of ours is alive in it
            return client

        timeout = self.settings.timeout

        def connect(executed: ExecutedNotebook) -> PointClient:
            self.notebook = executed
            client = PointClient(
                executed,
                kernel,
                settings=self.settings,
                log=self.log,
                stop=self.stop,
                deadline=None if timeout is None else self.clock + timeout,
                start=start,
                meanwhile=self.source.prepare,
                startup_code=startup_code(kernel.scratch.path),
            )
            self.told = client.told
            return client

        try:
            papermill_engines.execute_notebook_with_engine(
                ENGINE,
                nb,
                self.kernel_name,
                output_path=str(self.attempt.executed),
                connect=connect,
            )
        except Exception:  # a defect of ours: what the notebook did is kept, and it is raised
            if self.notebook is not None:
                self.notebook.save()
            raise
        finally:
            watch.stop()
        self.system_oom = any(count.grew() for count in oom)

    def facts(self) -> Facts:
        index = self.told.cell
        known = self.notebook is not None and index is not None
        return Facts(
            problem=self.told.problem,
            settings=self.settings,
            cell=self.notebook.nb.cells[index] if known and self.notebook else None,
            index=index,
            signal=self.stop.name,
            used=self.used,
            system_oom=self.system_oom,
            death=self.death,
            words=self.told.words,
            peak=self.peak,
            had_the_job=self._had_the_job(),
        )

    def _had_the_job(self) -> bool:
        before, now = self.clock - self.attempt.job_began, time.monotonic()
        return before <= OTHERS_SHARE * (now - self.attempt.job_began)

    def recorded_metrics(self) -> Mapping[str, Any]:
        return {} if self.notebook is None else metrics_from_outputs(self.notebook.nb)

    def truncated(self, failure: Failure | None) -> tuple[int, ...]:
        """The cells whose text was cut, where papermill's error notes have moved them."""
        cells = self.told.truncated
        if failure is None or failure.cell is None:
            return cells
        failed = failure.cell - 2
        return tuple(index + (2 if index >= failed else 1) for index in cells)


def startup_code(scratch: Path) -> str:
    """Code that prepares a Python kernel and leaves nothing behind in its namespace."""
    source = files("nbbatch.worker.kernel_side").joinpath("startup.py").read_text("utf-8")
    names = {"__name__": "_nbbatch_startup", "SCRATCH": str(scratch)}
    return f"exec(compile({source!r}, '<nbbatch>', 'exec'), {names!r})"


def _write_page(attempt: Attempt, nb: NotebookNode, record: Record) -> None:
    """Write ``notebook.html``; a page that cannot be rendered says so and costs nothing else."""
    settings = attempt.bundle.settings
    stylesheet = os.path.relpath(attempt.root / settings.stylesheet, attempt.folder)
    live = attempt.folder / PointFiles.LIVE
    try:
        from .render import frame_page, render_page

        page = render_page(
            nb,
            title=attempt.point.id,
            subtitle_params=attempt.point.params,
            record=record,
            stylesheet_href=Path(stylesheet).as_posix(),
            hide_input=settings.hide_input,
            scripts=settings.allow_scripts,
        )
        if settings.allow_scripts:
            write_atomic(live, page.encode("utf-8", "replace"))
            page = frame_page(record, Path(stylesheet).as_posix())
        else:
            live.unlink(missing_ok=True)  # of an earlier attempt
    except Exception:  # of any library that renders outputs
        reason = traceback.format_exc()
        sys.stderr.write(f"{attempt.point.id}: the page could not be rendered\n{reason}")
        page = (
            f"<!DOCTYPE html><meta charset=utf-8><title>{escape(attempt.point.id)}</title>"
            f"<p>This page could not be rendered; {PointFiles.EXECUTED} has the notebook.</p>"
            f"<pre>{escape(reason)}</pre>"
        )
    write_atomic(attempt.folder / PointFiles.PAGE, page.encode("utf-8", "replace"))
