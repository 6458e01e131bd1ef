"""``s``: a sweep in the hands of a notebook's user.

The handle holds nothing that the folder does not: it may be dropped, its kernel may be
restarted, and ``nbbatch.open`` gives another one.
"""

from __future__ import annotations

import asyncio
import operator
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..collect.states import count
from ..errors import NbbatchError
from ..folder import now
from ..model import Header, Point, PointState, PointView
from ..plan import choose_point
from ..sweep import FAILED_TOO, RESUMED, Sweep
from .block import Shown, bundle, line, one_file, text
from .failing import Failures, check, failures_of
from .following import Follower, Look
from .live import LiveBlocks, in_kernel, running_cell
from .points import LinkedPath, PointHandle, Points
from .waiting import Completed, Detached

if TYPE_CHECKING:
    import pandas

GLANCE = 0.5
"""Seconds for which a look holds where nobody follows: a loop asks each of 10,000 points."""

BUSY, QUIET = 0.9, 5.0
"""Seconds between updates of a block at the least: while points change, and while none does."""


class SweepHandle:
    """A sweep: shows itself live in a notebook, and can be waited for, asked and steered.

    Safe to use from any thread. Nothing here keeps the sweep alive: it goes on without.
    """

    def __init__(self, sweep: Sweep, *, notes: Sequence[str] = (), here: Path | None = None):
        self._sweep = sweep
        self._lock = threading.RLock()
        self._notes = tuple(notes)
        self._here = here or Path.cwd()
        self._live = LiveBlocks()
        # Not the index: of a sweep made with --point only some of the grid's points are there.
        self._places = {point.id: place for place, point in enumerate(sweep.points)}
        self._follower = Follower(sweep.root, sweep.points, self._heard)
        self._glance: Sequence[PointView] = ()
        self._glance_until = 0.0
        self._waits_in: int | None = None
        self._updated = -QUIET
        self._cost = 0.0
        self._updated_counts: dict[PointState, int] = {}

    # what it is

    @property
    def folder(self) -> Path:
        return self._sweep.root

    @property
    def header(self) -> Header:
        """What ``sweep.json`` says: id, name, notebook, backend, settings."""
        return self._sweep.header

    @property
    def name(self) -> str:
        return self._sweep.header.name

    @property
    def id(self) -> str:
        return self._sweep.header.id

    # where it is

    @property
    def counts(self) -> dict[str, int]:
        """How many points are in each state that some are in."""
        return {state.value: number for state, number in count(self._views()).items()}

    @property
    def over(self) -> bool:
        """Whether every point has ended, well or not."""
        return all(view.state.over for view in self._views())

    @property
    def points(self) -> Points:
        """The points, in the order of the grid."""
        return Points(self.folder, self._sweep.points, self._view, self._views)

    def __getitem__(self, key: int | str) -> PointHandle:
        """The point of this number, id or beginning of an id. IndexError, UsageError."""
        if isinstance(key, str):
            return self._handle(choose_point(key, self._sweep.points))
        number = operator.index(key)  # numpy's whole numbers, too
        if number < 0:
            return self.points[number]
        for point in self._sweep.points:
            if point.index == number:
                return self._handle(point)
        raise IndexError(f"{self.name} has no point {number}")

    def __len__(self) -> int:
        return len(self._sweep.points)

    def __iter__(self) -> Iterator[PointHandle]:
        return iter(self.points)

    def errors(self) -> Failures:
        """The points that ended and are not ok, as exceptions that are not raised."""
        return failures_of(self._views())

    @property
    def df(self) -> pandas.DataFrame:
        """One row a point: parameters, metrics, state, times, paths. Needs pandas."""
        from .frame import frame

        return frame(self._views(), self.folder)

    @property
    def report(self) -> LinkedPath:
        """The report, made anew from what is known now: ``report/index.html``.

        In a notebook it is the same as one file, ``report.html``, which its server can show.
        """
        with self._lock:
            views = self._sweep.views()
            index = self._sweep.write_results(views)
            if not in_kernel():
                return LinkedPath(index)
            from .watching import write_one_file

            return LinkedPath(write_one_file(self._sweep, views))

    @property
    def problems(self) -> list[str]:
        """What went wrong while following, with the times; none of it concerns the points."""
        return list(self._follower.problems)

    # following

    def wait(self, timeout: float | None = None, *, check: bool = False) -> SweepHandle:
        """Return when every point has ended and the report is written.

        ``timeout`` in seconds; raises WaitTimeout when it has passed. ``check=True`` raises
        SweepFailed, an exception group, unless all points are ok. Interrupting the cell
        leaves the sweep running (Detached).
        """
        self._show_once()
        self._notice()
        look = self._attached(lambda: self._follower.wait(timeout))
        if check:
            self._check(look)
        return self

    def result(self, timeout: float | None = None) -> Points:
        """The points, when all are ok. Raises SweepFailed, WaitTimeout."""
        return self.wait(timeout, check=True).points

    def _check(self, look: Look) -> None:
        check(self.name, look.views)

    def __await__(self) -> Generator[Any, None, SweepHandle]:
        return self._ended().__await__()

    async def _ended(self) -> SweepHandle:
        loop = asyncio.get_running_loop()
        ended = asyncio.Event()

        def tell() -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(ended.set)

        self._notice()
        self._follower.afterwards(tell)
        while not ended.is_set():
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(ended.wait(), 1.0)
            if not ended.is_set():
                self._follower.check()  # who cannot be followed tells nothing
        return self

    def as_completed(self, timeout: float | None = None) -> Completed:
        """The points as they end, for ``for`` and ``async for``. Raises WaitTimeout."""
        return Completed(self._completed(timeout), self._leave())

    def _completed(self, timeout: float | None) -> Iterator[PointHandle]:
        given: set[str] = set()
        self._show_once()
        self._notice()
        for look in self._follower.looks(timeout):
            fresh = [v for v in look.views if v.state.over and v.point.id not in given]
            given.update(view.point.id for view in fresh)
            fresh.sort(key=lambda view: view.record.finished if view.record else "")
            yield from (self._handle(view.point) for view in fresh)

    def on_complete(self, call: Callable[[SweepHandle], Any]) -> Callable[[SweepHandle], Any]:
        """Call with this handle when the sweep has ended, in a background thread.

        At once when it has ended already. What it raises is kept in ``problems``. Returns
        ``call``, so that it can decorate.
        """
        self._notice()
        self._follower.afterwards(lambda: call(self))
        return call

    def _attached(self, wait: Callable[[], Look]) -> Look:
        try:
            return wait()
        except KeyboardInterrupt:
            raise Detached(self._leave()) from None

    def _leave(self) -> str:
        return (
            "Interrupted; the sweep goes on: `wait()` waits again, `cancel()` stops it, "
            f"nbbatch.open({str(self.folder)!r}) finds it from anywhere."
        )

    # steering

    def cancel(self, *points: int | str) -> SweepHandle:
        """Take these points (none given: all) back; what has ended is kept."""
        with self._changing() as sweep:
            sweep.cancel(self._ids(points))
        return self

    def hold(self, *points: int | str) -> SweepHandle:
        """Keep queued points (none given: all) from starting."""
        with self._changing() as sweep:
            sweep.hold(self._ids(points))
        return self

    def release(self, *points: int | str) -> SweepHandle:
        """Let held points (none given: all) start."""
        with self._changing() as sweep:
            sweep.release(self._ids(points))
        return self

    def resume(self, *points: int | str, failed: bool = False) -> SweepHandle:
        """Run again what is missing, lost, interrupted, died or was cancelled.

        ``failed=True``: failed and timed-out points, too. Raises SweepLocked.
        """
        with self._changing() as sweep:
            sweep.submit(FAILED_TOO if failed else RESUMED, only=self._ids(points) or ())
        self._follower.again()
        if self._live:
            self._follower.start()
        return self

    def _ids(self, points: Sequence[int | str]) -> list[str] | None:
        return [self[point].id for point in points] or None

    # looking

    def _views(self) -> Sequence[PointView]:
        look = self._follower.latest
        if look is not None and self._follower.active:
            return look.views
        with self._lock:
            began = time.monotonic()
            if began >= self._glance_until:
                self._glance = self._sweep.views()
                spent = time.monotonic() - began
                self._glance_until = time.monotonic() + max(GLANCE, 10 * spent)
            return self._glance

    @contextmanager
    def _changing(self) -> Iterator[Sweep]:
        """The sweep, to do something to it: what was seen before does not count after it."""
        with self._lock:
            try:
                yield self._sweep
            finally:
                self._glance_until = 0.0

    def _notice(self) -> None:
        """Before following: one that has ended needs nobody, one that was resumed does again."""
        if self._follower.active:
            return
        with self._lock:
            views = self._sweep.views()
            over = all(view.state.over for view in views) and self._sweep.is_finished()
        if over and self._reported():
            self._follower.known(Look(now(), views, final=True))
        elif self._follower.latest is not None or self._follower.failed:
            self._follower.again()

    def _reported(self) -> bool:
        """Whether the report is there, also as one file that is no older."""
        try:
            index = self._sweep.folder.report_index.stat()
            return one_file(self.folder).stat().st_mtime >= index.st_mtime
        except FileNotFoundError:
            return False

    def _view(self, point: Point) -> PointView:
        return self._views()[self._places[point.id]]

    def _handle(self, point: Point) -> PointHandle:
        return PointHandle(self.folder, point, self._view)

    # showing

    def _shown(self, look: Look | None = None) -> Shown:
        if look is None:
            try:
                look = Look(now(), self._views())
            except NbbatchError as error:  # a block is shown even where the scheduler is not
                unknown = [PointView(p, PointState.UNKNOWN) for p in self._sweep.points]
                look = Look(now(), unknown, problem=error.message)
        pages = (one_file(self.folder), self._sweep.folder.report_index)
        return Shown(
            name=self.name,
            backend=self.header.backend,
            root=self.folder,
            views=look.views,
            at=look.at,
            here=self._here,
            report=next((page for page in pages if page.exists()), None),
            notes=self._notes,
            problem=look.problem,
        )

    def _heard(self, look: Look) -> None:
        """In the follower's thread: the blocks move, no more often than is of use."""
        if not self._live:
            return
        counts = count(look.views)
        began = time.monotonic()
        pause = max(QUIET if counts == self._updated_counts else BUSY, 20 * self._cost)
        if began < self._updated + pause and not look.final and not look.problem:
            return
        self._live.update(bundle(self._shown(look)))
        self._updated, self._updated_counts = began, counts
        self._cost = time.monotonic() - began

    def __repr__(self) -> str:
        return line(self._shown())

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return bundle(self._shown())

    def _show_once(self) -> None:
        """A cell that waits shows what it waits for, if no cell does yet."""
        if in_kernel() and not self._live:
            self._ipython_display_()
            self._waits_in = running_cell()

    def _ipython_display_(self) -> None:
        if self._waits_in is not None and self._waits_in == running_cell():
            return  # `s.wait()`, the end of a cell, is `s`: the cell shows it already
        shown = self._shown()
        if not self._live.show(lambda: bundle(self._shown())):
            print(text(shown))
            return
        self._notice()
        self._follower.start()
        look = self._follower.latest
        if (
            look is not None and look.final and not shown.final
        ):  # it ended while the block was being shown
            self._live.update(bundle(self._shown(look)))
