"""Between a sweep and its scheduler: batches are sent, noted, found again, and sent later."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from ..backends.base import Backend, Batch
from ..collect.submissions import Submissions, read_submissions, runs
from ..errors import BackendError, SweepLocked
from ..folder import SweepFolder, asked_in
from ..model import Bundle, Header, Job, JobArray, Point, Resources
from .bundling import AUTO, first_wave, points_per_job
from .postponed import on_hold, postponed


class SweepQueue:
    """The submissions of one sweep folder. What sends or repairs needs the folder's lock."""

    def __init__(self, folder: SweepFolder, header: Header, backend: Backend) -> None:
        self.folder = folder
        self.header = header
        self.backend = backend
        self._batches: dict[int, list[list[str]]] = {}

    # what was submitted

    def noted(self) -> Submissions:
        """What the journal says."""
        return read_submissions(self.folder, self._batches)

    def known(self) -> Submissions:
        """What the journal says, and what the scheduler has of batches that were cut off."""
        submitted = self.noted()
        found = [a for number in submitted.open_batches for a in self._unnoted(number, submitted)]
        return submitted.with_arrays(found)

    def refused(self) -> dict[int, list[str]]:
        """Bundles that the scheduler had no room for, with the ids of their points."""
        return self.known().refused()

    def postponed(self) -> tuple[str, ...]:
        """Ids of points that are sent when it is known how many go into a job."""
        return postponed(self.folder.events(), self.folder.batch)

    def on_hold(self) -> bool:
        """Whether the sweep was held: nothing more is to be sent until it is released."""
        return on_hold(self.folder.events())

    def asked_of(self, point: Point, submitted: Submissions) -> Resources:
        """What the point's last submission asked for."""
        content = self.folder.batch(submitted.batch_of[submitted.bundle_of[point.id]])
        return asked_in(content, self.header.resources)

    def jobs_of(self, points: Sequence[Point]) -> set[Job]:
        """The jobs that have these points."""
        submitted = self.noted()
        jobs = (submitted.job_of(point) for point in points)
        return {job for job in jobs if job is not None}

    # sending

    def send(
        self,
        points: Sequence[Point],
        asked: Resources | None = None,
        seconds: Sequence[float] | None = None,
    ) -> None:
        """Submit points as a new batch; ``asked`` replaces what the sweep asks for.

        ``seconds`` is what points took so far. Where that decides how many go into a job
        and nothing is known, only some points are sent, and the others postponed.
        """
        submitted = self.noted()
        header = self.header if asked is None else asking(self.header, asked)
        size, later = self._size(header, seconds), []
        if size == AUTO:
            size, wave = 1, first_wave(points)
            chosen = {point.id for point in wave}
            points, later = wave, [point.id for point in points if point.id not in chosen]
        bundles = bundled(points, size)
        number, first = submitted.next_batch, submitted.next_bundle
        batch = self._batch(number, first, bundles, header, more=bool(later))
        if self.backend.bundle_files:
            by_id = {point.id: point for point in points}
            for bundle, ids in enumerate(bundles, batch.first):
                parts = [by_id[name] for name in ids]
                self.folder.write_bundle(self._bundle(bundle, parts, header))
        facts = {"batch": batch.number, "first": batch.first, "bundles": bundles, "later": later}
        wanted = header.resources
        facts |= {"memory": wanted.memory, "time": wanted.time, "backend": self.header.backend}
        self.folder.write_batch(batch.number, facts)
        self.folder.journal("submitting", batch=batch.number, first=batch.first)
        if later:
            self.folder.journal("postponed", batch=batch.number)
        self.backend.submit(batch, partial(self._accepted, batch.number))
        self.folder.journal("submitted", batch=batch.number)

    def _size(self, header: Header, seconds: Sequence[float] | None) -> int:
        """Points to a bundle; AUTO where the first of them have to show it."""
        if not self.backend.bundle_files:
            return 1
        if header.resources.time != self.header.resources.time:
            return 1  # a point that needed a whole job's time, and more
        if header.points_per_job != AUTO:
            return header.points_per_job
        return AUTO if seconds is None else points_per_job(seconds, header.resources.time)

    def top_up(self) -> int:
        """Submit bundles for which the scheduler had no room before; returns how many.

        Does nothing while another process drives the sweep. Takes the lock itself.
        """
        before = self.noted().refused()
        if not before or self.on_hold():
            return 0
        try:
            with self.folder.lock("submit what is left"):
                self.repair()
                self._send_again(self.noted())
        except (SweepLocked, BackendError):  # later, then
            return 0
        return len(before) - len(self.noted().refused())

    def _send_again(self, submitted: Submissions) -> None:
        refused = submitted.refused()
        for found in runs(list(refused)):
            bundles = [refused[number] for number in found]
            number = submitted.batch_of[found.start]
            content = self.folder.batch(number)
            header = asking(self.header, asked_in(content, self.header.resources))
            more = bool(content.get("later"))
            batch = self._batch(number, found.start, bundles, header, more=more)
            self.folder.journal("submitting the rest", batch=number)
            self.backend.submit(batch, partial(self._accepted, batch.number))
            self.folder.journal("submitted", batch=number)

    def repair(self) -> None:
        """Finish the notes of a submission whose process died in the middle of it."""
        submitted = self.noted()
        for number in submitted.open_batches:
            for array in self._unnoted(number, submitted):
                self._accepted(number, array)
            self.folder.journal("submitted", batch=number, repaired=True)

    def _unnoted(self, number: int, submitted: Submissions) -> list[JobArray]:
        """Job arrays of a batch that the scheduler has, but the journal has not."""
        content = self.folder.batch(number)
        batch = self._batch(number, content["first"], content["bundles"], self.header)
        return [array for array in self.backend.find(batch) if array not in submitted.arrays]

    def _accepted(self, batch: int, array: JobArray) -> None:
        facts = {"array": array.id, "first": array.first, "size": array.size}
        self.folder.journal("accepted", batch=batch, **facts)

    # what is sent

    def _bundle(self, number: int, points: Sequence[Point], header: Header) -> Bundle:
        return Bundle(
            number=number,
            sweep=self.header.id,
            root=str(self.folder.root),
            notebook=self.folder.notebook_file.name,
            points=tuple(points),
            settings=header.settings,
        )

    def _batch(
        self,
        number: int,
        first: int,
        bundles: Sequence[Sequence[str]],
        header: Header,
        *,
        more: bool = False,
    ) -> Batch:
        return Batch(
            root=self.folder.root,
            header=header,
            number=number,
            first=first,
            bundles=bundles,
            environment=self.folder.worker_environment(),
            more=more,
        )


def bundled(points: Sequence[Point], size: int) -> list[list[str]]:
    """Ids of the points, ``size`` to a bundle."""
    names = [point.id for point in points]
    return [names[start : start + size] for start in range(0, len(names), size)]


def asking(header: Header, asked: Resources) -> Header:
    """The header of a submission that asks for other resources; the worker is told, too."""
    settings = header.settings
    if settings.memory is not None:
        settings = replace(settings, memory=asked.memory)
    if settings.walltime is not None:
        settings = replace(settings, walltime=asked.time)
    return replace(header, resources=asked, settings=settings)
