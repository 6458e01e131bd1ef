"""A sweep: create, open, submit, follow, cancel, resume. The one door behind all others.

The folder is the truth. A ``Sweep`` object holds only what it has read; any number of
them, in any process, may look at the same folder.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from datetime import datetime, timezone
from pathlib import Path

from . import catalogue
from .backends import check_name, get_backend
from .backends.base import Backend, Batch, Foreseeing, HoldingForMemory
from .collect.states import CONCLUSIVE, count
from .collect.views import Views
from .create import header_of, place_of, write_sweep
from .errors import BackendError, NoPoints, SweepLocked, UsageError, WaitTimeout
from .folder import SweepFolder
from .model import Job, Point, PointState, PointView, Resources
from .output import PATIENCE, SweepOutput
from .plan import Plan, choose_point
from .queueing.bundling import AUTO, first_wave, pace
from .queueing.queue import SweepQueue, bundled
from .queueing.retrying import RETRIED, to_ask_for

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
        self.output = SweepOutput(self.folder, self.header)

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
        made = cls(root)
        made._note_created()
        return made

    def _note_created(self) -> None:
        from .history import note_created

        note_created(self.root, self.header, len(self.points))

    # what is the state

    def views(self) -> list[PointView]:
        """Every point with its state, in the order of the grid. Reads only what may change."""
        submitted = self._queue.known()
        # The scheduler first, then the records: a job seen gone has written its record.
        statuses = self.backend.poll(submitted.arrays) if submitted.arrays else {}
        return self._views.look(self.points, submitted, statuses)

    # doing

    def cautions(self) -> list[str]:
        """What may go wrong before the sweep ends: to say before points are submitted."""
        return self.backend.cautions() if isinstance(self.backend, Foreseeing) else []

    def submit(
        self,
        states: Collection[PointState] = RESUMED,
        only: Sequence[str] = (),
        asked: Resources | None = None,
    ) -> list[Point]:
        """Queue the points that are in one of ``states`` (and in ``only``, if given).

        ``asked`` is asked for in place of what the sweep asks for. Returns the points
        that were queued; their earlier records go to their history.
        Raises SweepLocked when another process drives this sweep.
        """
        self.backend.check()
        with self.folder.lock("run points"):
            _refuse_driven(self.root, self.backend)
            self._queue.repair()
            views = self.views()
            seconds = self._pace(views)
            # Points that wait for others to show what they take are asked for already.
            later = self._queue.postponed() if seconds is None else ()
            chosen = [
                view
                for view in views
                if view.state in states
                and (not only or view.point.id in only)
                and view.point.id not in later
            ]
            if not chosen:
                return []
            for view in chosen:
                self.folder.archive_record(view.point)
                self._views.forget(view.point)
            points = [view.point for view in chosen]
            self._queue.send(points, asked, seconds)
        return points

    def _pace(self, views: Sequence[PointView]) -> list[float] | None:
        """What points take, in seconds, where their number in a job hangs on it."""
        if self.header.points_per_job != AUTO:
            return []
        sent = self._queue.noted().bundle_of
        known = pace([view for view in views if view.point.id in sent], datetime.now(timezone.utc))
        return known if sent else None

    def retry_with_more(self) -> int:
        """Submit points that ran out of memory or time again, with more, if that was asked for.

        Returns how many. A point's request grows ``retries`` times at most. Does nothing
        while another process drives the sweep, or where the scheduler does it.
        """
        return self._retry_with_more() or 0

    def _retries_with_more(self) -> bool:
        launch = self.header.launch
        return bool(launch.retry_memory or launch.retry_time) and not self.backend.raises_memory

    def _retry_with_more(self) -> int | None:
        """As ``retry_with_more``; None where another process may be about to do it."""
        if not self._retries_with_more():
            return 0
        submitted = self._queue.noted()
        longest = self.backend.longest() if self.header.launch.retry_time else None
        requests = to_ask_for(
            self.views(),
            lambda point: self._queue.asked_of(point, submitted),
            self.header,
            longest,
        )
        try:
            again = [self.submit(RETRIED, ids, asked) for asked, ids in requests.items()]
        except SweepLocked:
            return None
        except BackendError:  # later, then
            return 0
        return sum(map(len, again))

    def top_up(self) -> int:
        """Submit what could not be sent before; returns how many bundles or points.

        The scheduler had no room for it, or it was not known how many points go into a job.
        """
        with suppress(BackendError):  # later, then
            self.backend.balance()
        return self._queue.top_up() + self._send_postponed()

    def _send_postponed(self) -> int:
        if not self._queue.postponed() or self._queue.on_hold():
            return 0
        seconds = self._pace(self.views())
        if seconds is None:
            return 0
        try:
            with self.folder.lock("submit what is left"):
                self._queue.repair()
                later = set(self._queue.postponed())  # another process may have been faster
                points = [point for point in self.points if point.id in later]
                if points:
                    self._queue.send(points, None, seconds)
        except (SweepLocked, BackendError):  # later, then
            return 0
        return len(points)

    def postponed(self) -> int:
        """How many points wait until others show how many of them go into a job."""
        return len(self._queue.postponed())

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
        # By name where some are not queued: "all" means all that were submitted.
        by_name = only is not None or self._queue.postponed()
        names = [point.id for point in chosen] if by_name else None
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

    def release_with_memory(self, memory: int, only: Sequence[str] | None = None) -> int:
        """Let points (None: all) that are held for their memory start with this much (bytes).

        Returns the number of their jobs: 0 where a scheduler holds none for that.
        """
        if not isinstance(self.backend, HoldingForMemory):
            return 0
        started = self.backend.release_with_memory(self._jobs(self.points, only), memory)
        if started:
            names = None if only is None else list(only)
            self.folder.journal("released", points=names, memory=memory)
        return started

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
            looked = time.monotonic() - began
            if seen is not None:
                seen(views)
            if _all_over(views) and not self.backend.driver() and not self._queue.refused():
                if self._send_postponed():
                    continue
                again = self._retry_with_more()
                if again:
                    continue
                if again is not None and not self._queue.postponed():
                    # Another process may have sent points again after we looked.
                    views = self.views() if self._retries_with_more() else views
                    if _all_over(views):
                        return views
            if deadline is not None and time.monotonic() >= deadline:
                raise WaitTimeout(
                    f"Not all points of {self.root} ended within {timeout:g} s.",
                    hint=f"They go on; `nbbatch status {self.root}` shows where they are.",
                )
            pause = max(interval, min(10 * looked, TOP_UP_SECONDS))
            left = pause if deadline is None else max(0.0, deadline - time.monotonic())
            time.sleep(min(pause, left))

    # results

    def write_results(
        self, views: Sequence[PointView] | None = None, *, every_format: bool = True
    ) -> Path:
        """Write results and report as far as they are known; returns its ``index.html``."""
        seen = self.views() if views is None else views
        return self.output.write(seen, every_format=every_format)

    def finish(self, views: Sequence[PointView] | None = None, *, wait: float = PATIENCE) -> Path:
        """Write results and report of a sweep that has ended, run its summary, and note it.

        First it sends what there was no room for, and what is to be tried again: where jobs do
        this when they have ended, the sweep goes on with nobody there.
        """
        from .history import note_ended

        sent = self.top_up() + self.retry_with_more()
        seen = self.views() if views is None or sent else views
        index = self.write_results(seen)
        if sent:
            return index
        self.output.summarise(seen, wait=wait)
        self.folder.journal("finished", counts={s.value: n for s, n in count(seen).items()})
        note_ended(self.root, self.header, seen)
        return index

    def settle(self, views: Sequence[PointView]) -> None:
        """Write results and report if the sweep has ended and nobody has since.

        For sweeps whose jobs cannot do that: they do not see the folder, or the last of
        them was lost.
        """
        if not all(view.state.over for view in views) or self.backend.driver():
            return
        if not self.is_finished():
            with suppress(SweepLocked):  # another process is at it: its summary runs
                self.finish(views, wait=0)

    def is_finished(self) -> bool:
        """Whether results and report were written since the last submission."""
        noted = [event["event"] for event in self.folder.events()]
        last = {name: number for number, name in enumerate(noted)}
        return last.get("finished", -1) >= last.get("submitted", -1)

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
        points = first_wave(plan.points) if size == AUTO else plan.points
        bundles, more = bundled(points, size or 1), len(points) < len(plan.points)
        return backend.render(Batch(root, header, 1, 1, bundles, more=more))


def _all_over(views: Sequence[PointView]) -> bool:
    """Whether nothing more is to come of what was submitted."""
    return all(view.state.over or view.state is PointState.PENDING for view in views)


def _refuse_driven(root: Path, backend: Backend) -> None:
    driver = backend.driver()
    if driver:
        raise SweepLocked(
            f"{root} is being run by {driver}.",
            hint=f"`nbbatch watch {root}` follows it, `nbbatch cancel {root}` stops it.",
        )
