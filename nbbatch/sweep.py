"""A sweep: create, open, submit, follow, cancel, resume. The one door behind all others.

The folder is the truth. A ``Sweep`` object holds only what it has read; any number of
them, in any process, may look at the same folder.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from functools import partial
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
    Bundle,
    Header,
    Job,
    JobArray,
    Point,
    PointState,
    PointView,
)
from .plan import Plan, choose_point
from .submissions import Submissions, read_submissions, runs
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
        self._batches: dict[int, list[list[str]]] = {}
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
        submitted = self._with_unnoted(self._submissions())
        # The scheduler first, then the records: a job seen gone has written its record.
        statuses = self.backend.poll(submitted.arrays) if submitted.arrays else {}
        return self._views.look(self.points, submitted, statuses)

    def _submissions(self) -> Submissions:
        return read_submissions(self.folder, self._batches)

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
            self._repair()
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
            self._send(points, memory)
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
        submitted = self._submissions()
        wanted: dict[int, list[str]] = {}
        for view in filter(out_of_memory, self.views()):
            batch = submitted.batch_of[submitted.bundle_of[view.point.id]]
            memory = int((self.folder.batch(batch).get("memory") or first) * factor)
            if memory <= limit:
                wanted.setdefault(memory, []).append(view.point.id)
        try:
            again = [self.submit({PointState.DIED}, ids, size) for size, ids in wanted.items()]
        except (SweepLocked, BackendError):  # later, then
            return 0
        return sum(map(len, again))

    def _send(self, points: Sequence[Point], memory: int | None = None) -> None:
        submitted = self._submissions()
        size = self.header.points_per_job if self.backend.bundle_files else 1
        bundles = _bundles(points, size)
        batch = self._batch(submitted.next_batch, submitted.next_bundle, bundles, memory)
        if self.backend.bundle_files:
            by_id = {point.id: point for point in points}
            for number, ids in enumerate(bundles, batch.first):
                self.folder.write_bundle(self._bundle(number, [by_id[name] for name in ids]))
        facts = {"batch": batch.number, "first": batch.first, "memory": memory, "bundles": bundles}
        self.folder.write_batch(batch.number, {**facts, "backend": self.header.backend})
        self.folder.journal("submitting", batch=batch.number, first=batch.first)
        self.backend.submit(batch, partial(self._accepted, batch.number))
        self.folder.journal("submitted", batch=batch.number)

    def _bundle(self, number: int, points: Sequence[Point]) -> Bundle:
        return Bundle(
            number=number,
            sweep=self.header.id,
            root=str(self.root),
            notebook=self.folder.notebook_file.name,
            points=tuple(points),
            settings=self.header.settings,
        )

    def _batch(
        self,
        number: int,
        first: int,
        bundles: Sequence[Sequence[str]],
        memory: int | None = None,
    ) -> Batch:
        environment = {}
        if self.folder.kernels.is_dir():
            known = os.environ.get("JUPYTER_PATH", "")
            paths = [str(self.folder.kernels), *filter(None, [known])]
            environment["JUPYTER_PATH"] = os.pathsep.join(paths)
        return Batch(
            root=self.root,
            header=self.header if memory is None else with_memory(self.header, memory),
            number=number,
            first=first,
            bundles=bundles,
            environment=environment,
        )

    def _accepted(self, batch: int, array: JobArray) -> None:
        facts = {"array": array.id, "first": array.first, "size": array.size}
        self.folder.journal("accepted", batch=batch, **facts)

    def top_up(self) -> int:
        """Submit bundles for which the scheduler had no room before; returns how many.

        Does nothing while another process drives the sweep.
        """
        before = self._submissions().refused()
        if not before:
            return 0
        try:
            with self.folder.lock("submit what is left"):
                self._repair()
                submissions = self._submissions()
                refused = submissions.refused()
                for found in runs(list(refused)):
                    bundles = [refused[number] for number in found]
                    number = submissions.batch_of[found.start]
                    memory = self.folder.batch(number).get("memory")
                    batch = self._batch(number, found.start, bundles, memory)
                    self.backend.submit(batch, partial(self._accepted, batch.number))
        except (SweepLocked, BackendError):  # later, then
            return 0
        return len(before) - len(self._submissions().refused())

    def without_room(self) -> int:
        """How many points wait because the scheduler takes no more jobs now."""
        return sum(map(len, self._refused().values()))

    def _refused(self) -> dict[int, list[str]]:
        return self._with_unnoted(self._submissions()).refused()

    def _repair(self) -> None:
        """Finish the notes of a submission whose process died in the middle of it."""
        submitted = self._submissions()
        for number in submitted.open_batches:
            for array in self._unnoted(number, submitted):
                self._accepted(number, array)
            self.folder.journal("submitted", batch=number, repaired=True)

    def _unnoted(self, number: int, submitted: Submissions) -> list[JobArray]:
        """Job arrays of a batch that the scheduler has, but the journal has not."""
        content = self.folder.batch(number)
        batch = self._batch(number, content["first"], content["bundles"])
        return [array for array in self.backend.find(batch) if array not in submitted.arrays]

    def _with_unnoted(self, submitted: Submissions) -> Submissions:
        found = [a for number in submitted.open_batches for a in self._unnoted(number, submitted)]
        return submitted.with_arrays(found)

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
        submitted = self._submissions()
        chosen = (submitted.job_of(point) for point in points if point.id in only)
        return {job for job in chosen if job is not None}

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
            if over and not self.backend.driver() and not self._refused():
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
        return backend.render(Batch(root, header, 1, 1, _bundles(plan.points, size)))


def _bundles(points: Sequence[Point], size: int) -> list[list[str]]:
    """Ids of the points, ``size`` to a bundle."""
    names = [point.id for point in points]
    return [names[start : start + size] for start in range(0, len(names), size)]


def with_memory(header: Header, memory: int) -> Header:
    """The header of a submission that asks for another amount of memory (bytes)."""
    return replace(header, resources=replace(header.resources, memory=memory))


def _refuse_driven(root: Path, backend: Backend) -> None:
    driver = backend.driver()
    if driver:
        raise SweepLocked(
            f"{root} is being run by {driver}.",
            hint=f"`nbbatch watch {root}` follows it, `nbbatch cancel {root}` stops it.",
        )
