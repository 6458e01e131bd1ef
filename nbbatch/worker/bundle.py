"""The points of one bundle, one after another, each until it has a conclusive record."""

from __future__ import annotations

import json
import os
import select
import socket
import sys
import time
import traceback
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from nbformat.v4 import new_notebook

from ..model import Bundle, Cause, Failure, Point, PointFiles, Record
from .execute import Attempt, Result, blank_record, now, run_attempt, write_outcome
from .files import append_line
from .stop import Stop
from .warm.source import KernelSource

DONE = 0
NOT_FINISHED = 75
"""EX_TEMPFAIL: run me again. HTCondor and Slurm turn it into a retry."""

STALE_SECONDS = 3_600.0
BACK_OFF = (1.0, 5.0, 15.0)


@dataclass
class History:
    """What ``attempts.jsonl`` says: the number of the last attempt, and how many count.

    Those count that began since the last reset, at the point as it is now (``key``).
    """

    last: int = 0
    tried: int = 0

    @classmethod
    def of(cls, lines: Iterable[Mapping[str, Any]], key: str) -> History:
        history = cls()
        for line in lines:
            if line.get("reset"):
                history.tried = 0
            elif "started" in line:
                history.last = max(history.last, int(line.get("attempt", 0)))
                history.tried += line.get("key", key) == key
        return history


class Worker:
    """Runs bundles; remembers when it began and what its longest point took.

    ``more``: another bundle is likely to follow.
    """

    def __init__(self, stop: Stop) -> None:
        self.stop = stop
        self.source = KernelSource(stop)
        self.more = False
        self.began = time.monotonic()
        self.longest = 0.0

    def run(self, bundle: Bundle, root: Path | None = None) -> int:
        """Run the points of ``bundle``; DONE when each has a conclusive record."""
        root = (root or Path(bundle.root)).absolute()
        exit_code = DONE
        for count, point in enumerate(bundle.points, start=1):
            self.source.more = self.more or count < len(bundle.points)
            if self.stop or not self._time_left(bundle.settings.walltime):
                return NOT_FINISHED
            start = time.monotonic()
            try:
                finished = self._finish(bundle, point, root)
            except Exception:  # not even a record can be written: perhaps on another node, later
                traceback.print_exc()
                finished = False
            self.longest = max(self.longest, time.monotonic() - start)
            if not finished:
                exit_code = NOT_FINISHED
        return exit_code

    def close(self) -> None:
        """End what is kept ready for further points."""
        self.source.close()

    def _time_left(self, walltime: int | None) -> bool:
        if walltime is None:
            return True
        return walltime - (time.monotonic() - self.began) >= self.longest

    def _finish(self, bundle: Bundle, point: Point, root: Path) -> bool:
        """Try ``point`` until its record is conclusive or its tries are used up."""
        folder = root / point.dir
        folder.mkdir(parents=True, exist_ok=True)
        kernel_failures = 0
        while True:
            record = read_record(folder)
            if record is not None and record.key == point.key and not record.infrastructure:
                return True
            history = History.of(read_lines(folder / PointFiles.ATTEMPTS), point.key)
            attempt = Attempt(
                bundle, point, root, history.last, tcp=kernel_failures > 0, job_began=self.began
            )
            if history.tried > bundle.settings.retries:
                _give_up(attempt, record)
                return True
            if kernel_failures and not self._pause(kernel_failures):
                return False
            result = self._try(replace(attempt, number=history.last + 1), record)
            if not result.record.infrastructure or result.final:
                return True
            if result.record.cause is Cause.SIGNALLED:
                return False
            kernel_failures += 1

    def _pause(self, failures: int) -> bool:
        """Wait before another try; False when told to stop meanwhile."""
        select.select([self.stop.fd], [], [], BACK_OFF[min(failures, len(BACK_OFF)) - 1])
        return not self.stop

    def _try(self, attempt: Attempt, old: Record | None) -> Result:
        attempts = attempt.folder / PointFiles.ATTEMPTS
        _archive(attempt.folder, old)
        _tidy(attempt.folder)
        line = {
            "attempt": attempt.number,
            "started": (started := now()),
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "job": os.environ.get("NBBATCH_JOB", ""),
            "key": attempt.point.key,
        }
        append_line(attempts, json.dumps(line))
        try:
            return run_attempt(attempt, self.stop, self.source)
        except Exception as error:  # a defect of ours, a full disk: it must not end the bundle
            traceback.print_exc()
            failure = Failure(type(error).__name__, str(error), traceback.format_exc())
            record = replace(blank_record(attempt, started), failure=failure)
            write_outcome(attempt, new_notebook(), record)
            return Result(record)


def _give_up(attempt: Attempt, old: Record | None) -> None:
    """No tries are left: an infrastructure failure on record stands, else say what happened."""
    if old is not None and old.key == attempt.point.key and old.cause is not Cause.SIGNALLED:
        return
    _archive(attempt.folder, old)
    tries = attempt.bundle.settings.retries + 1
    value = (
        f"{tries} attempts began and none came to an end: the worker was killed or told to "
        "stop each time."
    )
    record = replace(
        blank_record(attempt, now()), failure=Failure("WorkerLost", value), finished=now()
    )
    write_outcome(attempt, new_notebook(), record)


def _archive(folder: Path, old: Record | None) -> None:
    """Move a record to ``attempts.jsonl``, so that it is not taken for the new attempt's."""
    if old is not None:
        archived = {"attempt": old.attempt, "record": old.to_json()}
        append_line(folder / PointFiles.ATTEMPTS, json.dumps(archived))
    (folder / PointFiles.RECORD).unlink(missing_ok=True)


def _tidy(folder: Path) -> None:
    """Remove what a worker that was killed while writing left; not what one writes now."""
    for path in folder.glob(".*.tmp"):
        with suppress(OSError):
            if time.time() - path.stat().st_mtime > STALE_SECONDS:
                path.unlink()


def read_record(folder: Path) -> Record | None:
    """The record in a point's folder; None when there is none that can be read."""
    try:
        return Record.from_json(json.loads((folder / PointFiles.RECORD).read_bytes()))
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        sys.stderr.write(f"{folder / PointFiles.RECORD} is damaged and ignored: {error}\n")
        return None


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The objects of a JSON-lines file; torn lines are left out."""
    found = []
    with suppress(FileNotFoundError):
        for line in path.read_bytes().splitlines():
            with suppress(ValueError):
                found.append(json.loads(line))
    return found
