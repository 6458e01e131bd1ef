"""A sweep: create, open, submit, follow, cancel, resume. The one door behind all others.

The folder is the truth. A ``Sweep`` object holds only what it has read; any number of
them, in any process, may look at the same folder.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from . import catalogue
from .backends import check_name, get_backend
from .backends.base import Backend, Batch
from .collect import CONCLUSIVE, count, out_of_memory
from .create import header_of, place_of, write_sweep
from .errors import BackendError, NoPoints, SweepLocked, UsageError, WaitTimeout
from .folder import SweepFolder
from .model import (
    Job,
    Point,
    PointState,
    PointView,
)
from .plan import Plan, choose_point
from .queueing import SweepQueue, bundled
from .views import Views

if TYPE_CHECKING:
    from .report import Report

RESUMED = frozenset(PointState) - frozenset(
    {
        PointState.OK,
        PointState.FAILED,
        PointState.TIMEOUT,
        PointState.QUEUED,
        PointState.RUNNING,
        PointState.HELD,
        PointState.UNKNOWN,
    }
)
"""What ``resume`` runs again: all that ended without a result of the notebook."""

FAILED_TOO = RESUMED | {PointState.FAILED, PointState.TIMEOUT}
"""What ``resume --failed``, and ``run`` on an existing folder, run again."""

EVERYTHING = FAILED_TOO | {PointState.OK}
"""What ``--force`` runs again: all but what is in the queue at this moment."""


TOP_UP_SECONDS = 30.0
"""How often ``wait`` looks whether the scheduler has room for what it refused."""


class Sweep:
    """One sweep folder. ``Sweep.open`` and ``Sweep.create`` make it."""

    def __init__(self, root: Path) -> None:
        self.folder = SweepFolder(root)
        self.header = self.folder.header()
        self.backend = get_backend(self.header.backend, root)
        self.points = self.folder.points()
        self._views = Views(self.folder, self.backend.grace)
        self._queue = SweepQueue(self.folder, self.header, self.backend)
        self._report: Report | None = None

    @property
    def root(self) -> Path:
        return self.folder.root

    # making and opening

    @classmethod
    def open(cls, words: str | os.PathLike[str] = "latest") -> Sweep:
        """The sweep given as a folder, a name, an id or ``latest``. Raises SweepNotFound."""
        return cls(catalogue.find_sweep(words))

    @classmethod
    def create(cls, plan: Plan) -> Sweep:
        """Write the sweep folder of a plan, or the next revision of the one that is there.

        Nothing is submitted. Raises NoPoints, SweepLocked, UsageError.
        """
        check_name(plan.request.backend)
        if not plan.points:
            raise NoPoints("The grid has no point.", hint="Check its `exclude` and `--where`.")
        root, sweep_id = place_of(plan)
        folder = SweepFolder(root)
        if not folder.exists() and root.is_dir() and any(root.iterdir()):
            raise UsageError(
                f"{root} exists and is not a sweep folder.",
                hint="Give --out a new folder, or one that nbbatch made.",
            )
        root.mkdir(parents=True, exist_ok=True)
        with folder.lock("change it"):
            if folder.exists():
                _refuse_driven(root, get_backend(folder.header().backend, root))
            write_sweep(plan, folder, sweep_id)
        catalogue.remember(root)
        if plan.request.out is None:
            catalogue.point_latest(root)
        return cls(root)

    # what is the state

    def views(self) -> list[PointView]:
        """Every point with its state, in the order of the grid. Reads only what may change."""
        submitted = self._queue.known()
        # The scheduler first, then the records: a job seen gone has written its record.
        statuses = self.backend.poll(submitted.arrays) if submitted.arrays else {}
        return self._views.look(self.points, submitted, statuses)

    # doing

    def submit(
        self,
        states: Collection[PointState] = RESUMED,
        only: Sequence[str] = (),
        memory: int | None = None,
    ) -> list[Point]:
        """Queue the points that are in one of ``states`` (and in ``only``, if given).

        ``memory`` (bytes) is asked for in place of what the sweep asks for. Returns the points
        that were queued; their earlier records go to their history.
        Raises SweepLocked when another process drives this sweep.
        """
        self.backend.check()
        with self.folder.lock("run points"):
            _refuse_driven(self.root, self.backend)
            self._queue.repair()
            chosen = [
                view
                for view in self.views()
                if view.state in states and (not only or view.point.id in only)
            ]
            if not chosen:
                return []
            for view in chosen:
                self.folder.archive_record(view.point)
                self._views.forget(view.point)
            points = [view.point for view in chosen]
            self._queue.send(points, memory)
        return points

    def retry_out_of_memory(self) -> int:
        """Submit points that ran out of memory again, with more, if that was asked for.

        Returns how many. A point's request grows ``retries`` times at most. Does nothing
        while another process drives the sweep, or where the scheduler does it.
        """
        factor, first = self.header.launch.retry_memory, self.header.resources.memory
        if not factor or not first or self.backend.raises_memory:
            return 0
        limit = first * factor**self.header.settings.retries
        submitted = self._queue.noted()
        wanted: dict[int, list[str]] = {}
        for view in filter(out_of_memory, self.views()):
            memory = int((self._queue.memory_of(view.point, submitted) or first) * factor)
            if memory <= limit:
                wanted.setdefault(memory, []).append(view.point.id)
        try:
            again = [self.submit({PointState.DIED}, ids, size) for size, ids in wanted.items()]
        except (SweepLocked, BackendError):  # later, then
            return 0
        return sum(map(len, again))

    def top_up(self) -> int:
        """Submit bundles for which the scheduler had no room before; returns how many."""
        return self._queue.top_up()

    def without_room(self) -> int:
        """How many points wait because the scheduler takes no more jobs now."""
        return sum(map(len, self._queue.refused().values()))

    def cancel(self, only: Sequence[str] | None = None) -> list[Point]:
        """Take points (None: all) back: queued ones do not start, running ones are stopped.

        Returns the points that this concerns.
        """
        ended = CONCLUSIVE.values()
        chosen = [
            view.point
            for view in self.views()
            if view.state not in ended and (only is None or view.point.id in only)
        ]
        names = None if only is None else [point.id for point in chosen]
        self.folder.journal("cancelled", points=names)
        self.backend.cancel(self._jobs(chosen, only))
        return chosen

    def hold(self, only: Sequence[str] | None = None) -> None:
        """Keep queued points (None: all) from starting."""
        self.folder.journal("held", points=None if only is None else list(only))
        self.backend.hold(self._jobs(self.points, only))

    def release(self, only: Sequence[str] | None = None) -> None:
        """Let held points start."""
        self.folder.journal("released", points=None if only is None else list(only))
        self.backend.release(self._jobs(self.points, only))

    def _jobs(self, points: Sequence[Point], only: Sequence[str] | None) -> set[Job] | None:
        if only is None:
            return None
        return self._queue.jobs_of([point for point in points if point.id in only])

    # following

    def wait(
        self,
        timeout: float | None = None,
        seen: Callable[[list[PointView]], None] | None = None,
        interval: float = 0.5,
    ) -> list[PointView]:
        """Return when every point is over; ``seen`` is called after each look.

        ``timeout`` in seconds; raises WaitTimeout when it has passed. A look that takes long
        makes the pause to the next one longer, so that watching costs little.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        topped_up = time.monotonic()
        while True:
            began = time.monotonic()
            if began - topped_up > TOP_UP_SECONDS:
                self.top_up()
                topped_up = began
            views = self.views()
            if seen is not None:
                seen(views)
            over = all(view.state.over or view.state is PointState.PENDING for view in views)
            if over and not self.backend.driver() and not self._queue.refused():
                if self.retry_out_of_memory():
                    continue
                return views
            if deadline is not None and time.monotonic() >= deadline:
                raise WaitTimeout(
                    f"Not all points of {self.root} ended within {timeout:g} s.",
                    hint=f"They go on; `nbbatch status {self.root}` shows where they are.",
                )
            pause = max(interval, 10 * (time.monotonic() - began))
            left = pause if deadline is None else max(0.0, deadline - time.monotonic())
            time.sleep(min(pause, left))

    # results

    def write_results(self, views: Sequence[PointView] | None = None) -> Path:
        """Write ``results.csv`` and the report; returns the report's ``index.html``."""
        from .report import Report
        from .results import rows, write_csv

        seen = self.views() if views is None else views
        write_csv(rows(seen, self.root), self.folder.results_file)
        if self._report is None:
            self._report = Report(self.root)
        return self._report.write(self.header, seen)

    def finish(self, views: Sequence[PointView] | None = None) -> Path:
        """Write results and report of a sweep that has ended, and note it."""
        self.retry_out_of_memory()
        seen = self.views() if views is None else views
        index = self.write_results(seen)
        self.folder.journal("finished", counts={s.value: n for s, n in count(seen).items()})
        return index

    def settle(self, views: Sequence[PointView]) -> None:
        """Write results and report if the sweep has ended and nobody has since.

        For sweeps whose jobs cannot do that: they do not see the folder, or the last of
        them was lost.
        """
        if not all(view.state.over for view in views) or self.backend.driver():
            return
        noted = [event["event"] for event in self.folder.events()]
        last = {name: number for number, name in enumerate(noted)}
        if last.get("finished", -1) < last.get("submitted", -1):
            self.finish(views)

    def point(self, words: str) -> Point:
        """The point of this id, index, or unambiguous beginning of an id."""
        return choose_point(words, self.points)

    @staticmethod
    def preview(plan: Plan) -> str:
        """What ``run`` would submit, as the backend writes it; touches nothing."""
        root, sweep_id = place_of(plan)
        backend = get_backend(plan.request.backend, root)
        header = header_of(plan, root, sweep_id)
        size = header.points_per_job if backend.bundle_files else 1
        return backend.render(Batch(root, header, 1, 1, bundled(plan.points, size)))


def _refuse_driven(root: Path, backend: Backend) -> None:
    driver = backend.driver()
    if driver:
        raise SweepLocked(
            f"{root} is being run by {driver}.",
            hint=f"`nbbatch watch {root}` follows it, `nbbatch cancel {root}` stops it.",
        )
