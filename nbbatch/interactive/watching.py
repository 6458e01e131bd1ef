"""``python -m nbbatch.interactive.watching SWEEP``: looks at a sweep and says what changed.

A process of its own, so that a scheduler that is slow to answer, or a large report, never
holds up the user's kernel. It prints one JSON line a look and ends with the sweep, or when
nobody reads any more. Meanwhile the report is kept fresh.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO

from ..errors import NbbatchError, SpecificationError, SweepNotFound, UsageError
from ..folder import now
from ..model import PointState, PointView
from ..report import write_single_file
from ..sweep import Sweep
from .block import one_file
from .wire import changed, to_wire

INTERVAL = 1.0
"""Seconds between two looks; more when a look takes long (``Sweep.wait``)."""

REPORT_INTERVAL, ONE_FILE_INTERVAL = 15.0, 60.0
"""Seconds between two rewrites of the report, and of it as one file; more when it is slow."""


class Teller:
    """Says at each look what is new, and rewrites the report now and then."""

    def __init__(self, sweep: Sweep, out: TextIO) -> None:
        self.sweep = sweep
        self.out = out
        self.told: Sequence[PointView] = ()
        self.next_report = self.next_one_file = 0.0
        # In a thread: `Sweep.wait` makes its pauses longer when this call takes long.
        self.writer = ThreadPoolExecutor(1)
        self.writing: Future[None] | None = None

    def __call__(self, views: Sequence[PointView]) -> None:
        self.tell(views)
        if self.writing is not None and self.writing.done():
            self.written()
        if self.writing is None and time.monotonic() >= self.next_report and self.writable:
            self.writing = self.writer.submit(self._write, views)

    @property
    def writable(self) -> bool:
        """Whether the folder takes a report: one may look at the sweeps of others."""
        return os.access(self.sweep.root, os.W_OK)

    def _write(self, views: Sequence[PointView]) -> None:
        began = time.monotonic()
        self.sweep.write_results(views, every_format=False)
        spent = time.monotonic() - began
        self.next_report = time.monotonic() + max(REPORT_INTERVAL, 20 * spent)
        if began >= self.next_one_file:
            write_one_file(self.sweep, views)
            spent = time.monotonic() - began
            self.next_one_file = time.monotonic() + max(ONE_FILE_INTERVAL, 50 * spent)

    def written(self) -> None:
        """Return when no report is being written. Raises what went wrong with the last one."""
        if self.writing is not None:
            writing, self.writing = self.writing, None
            writing.result()

    def tell(self, views: Sequence[PointView]) -> None:
        news = changed(self.told, views)
        self.told = views
        self.say(points=[to_wire(view) for view in news])

    def say(self, **facts: Any) -> None:
        # Also when nothing is new: that is how this process notices that nobody listens.
        self.out.write(json.dumps({"at": now(), **facts}) + "\n")
        self.out.flush()


def watch(sweep: Sweep, out: TextIO) -> None:
    """Tell ``out`` what happens to a sweep until it has ended and its report is written."""
    teller = Teller(sweep, out)
    ended = False
    while not ended:
        last = sweep.wait(seen=teller, interval=INTERVAL)
        teller.written()
        if teller.writable:
            sweep.settle(last)
            last = sweep.views()
        # What is to be tried again with more memory or time has been sent by then.
        ended = all(view.state.over or view.state is PointState.PENDING for view in last)
    if teller.writable:
        if not sweep.is_finished():
            sweep.write_results(last)
        write_one_file(sweep, last)
    teller.tell(last)
    teller.say(final=True)


def write_one_file(sweep: Sweep, views: Sequence[PointView]) -> Path:
    """Write the report as one file, and return its path.

    A Jupyter server gives the page of a report to the browser in a sandbox, where it cannot
    load the files beside it; one that is complete works there. Where there are too many
    figures for one file, the path is that of the report's index.
    """
    try:
        return write_single_file(sweep.root, sweep.header, views, one_file(sweep.root))
    except UsageError:
        one_file(sweep.root).unlink(missing_ok=True)
        return sweep.folder.report_index


def main(root: Path) -> None:
    """Watch the sweep of this folder. What goes wrong is said as a line, too."""
    # Whatever else writes to standard output must not come between the lines.
    out = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    with suppress(OSError):
        os.nice(5)  # the points come first
    with suppress(BrokenPipeError):  # nobody reads any more: the cell's process has ended
        try:
            watch(Sweep(root), out)
        except BrokenPipeError:
            raise
        except Exception as error:  # whatever it is, the reader can show it and start another
            lasting = isinstance(error, (SpecificationError, SweepNotFound))
            known = isinstance(error, NbbatchError)
            text = str(error) if known else f"{type(error).__name__}: {error}"
            out.write(json.dumps({"at": now(), "error": text, "lasting": lasting}) + "\n")
            out.flush()
    with suppress(BrokenPipeError):
        out.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
