"""The summary notebook: runs once all points have ended, on the table of their results.

It is executed as a point is, by the worker, in the folder ``summary/``: with its own
executed notebook, page, log, figures and record, and the record's key says from which
results it was made. How it ended changes nothing of the points.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ..errors import UsageError
from ..folder import SweepFolder
from ..locks import Lock
from ..model import (
    SUMMARY,
    Bundle,
    Header,
    Outcome,
    Point,
    PointState,
    PointView,
    Record,
    Summary,
    Value,
)
from ..worker.files import write_atomic
from .table import ERROR_LENGTH, shorten


@dataclass(frozen=True)
class Told:
    """What the report shows of a summary. ``error`` is one line, empty if it is ok."""

    error: str
    record: Record
    outdated: bool


class SummaryNotebook:
    """The summary notebook of one sweep folder, if it has one."""

    def __init__(self, folder: SweepFolder, header: Header) -> None:
        self.folder = folder
        self.header = header
        self.place = folder.root / SUMMARY

    def due(self, views: Sequence[PointView], stamp: str) -> bool:
        """Whether it is to run: all points have ended, and not from these results before."""
        summary = self.header.summary
        if summary is None or not stamp:
            return False
        if not all(v.state.over and v.state is not PointState.CANCELLED for v in views):
            return False
        record = self._record()
        return record is None or record.key != self._key(summary, stamp) or record.infrastructure

    def run(self, stamp: str, *, again: bool, wait: float) -> None:
        """Execute it on the results that have this stamp; ``again``: even if it was before.

        If another process does that already, wait for it for so many seconds. Raises
        SweepLocked, OSError, and UsageError where there is no summary notebook.
        """
        summary = self.header.summary
        if summary is None:
            raise UsageError(
                f"{self.folder.root} has no summary notebook.",
                hint="`nbbatch run` with --summary NOTEBOOK and the same --out adds one.",
            )
        with Lock(self.place / ".lock").acquire("run the summary", wait=wait, watch=wait > 0):
            point = self._point(self._key(summary, stamp), summary.parameters)
            record = self._record()
            if again and record is not None:
                self.folder.archive_record(point)
            elif record is not None and record.key == point.key and not record.infrastructure:
                return
            self._execute(summary, point)

    def told(self, stamp: str) -> Told | None:
        """How the last run ended; None when there was none."""
        summary, record = self.header.summary, self._record()
        if summary is None or record is None:
            return None
        failure = record.failure
        error = ""
        if record.outcome is not Outcome.OK:
            said = f"{failure.name}: {failure.value}" if failure else record.outcome.value
            error = shorten(said, ERROR_LENGTH)
        return Told(error, record, record.key != self._key(summary, stamp))

    def _record(self) -> Record | None:
        return self.folder.record(self._point("", ()))

    @staticmethod
    def _key(summary: Summary, stamp: str) -> str:
        said = f"{summary.sha256} {summary.kernel} {stamp}"
        return hashlib.sha256(said.encode()).hexdigest()[:32]

    def _point(self, key: str, parameters: Sequence[str]) -> Point:
        paths = {"results": self.folder.results_file, "sweep": self.folder.root}
        params: dict[str, Value] = {name: str(paths[name]) for name in parameters}
        return Point(SUMMARY, 0, params, SUMMARY, key)

    def _execute(self, summary: Summary, point: Point) -> None:
        home = Path(summary.notebook).parent
        settings = replace(
            self.header.settings,
            kernel=summary.kernel,
            # On a node that does not see it: in its own folder.
            cwd=str(home) if home.is_dir() else "point",
            collect={},
            timeout=None,
            memory=None,
            walltime=None,
        )
        bundle = Bundle(
            number=0,
            sweep=self.header.id,
            root=str(self.folder.root),
            notebook=self.folder.summary_file.name,
            points=(point,),
            settings=settings,
        )
        file = self.place / "bundle.json"
        write_atomic(file, json.dumps(bundle.to_json()), durable=False)
        command = [sys.executable, "-m", "nbbatch.worker", str(file)]
        self.folder.logs.mkdir(exist_ok=True)
        with (self.folder.logs / "summary.log").open("ab") as log:
            # Its exit code says nothing that its record does not say.
            subprocess.run(
                command,
                env={**os.environ, **self.folder.worker_environment()},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                check=False,
            )
