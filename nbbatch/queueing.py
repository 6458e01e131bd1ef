"""Between a sweep and its scheduler: batches are sent, noted, found again, and sent later."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from .backends.base import Backend, Batch
from .errors import BackendError, SweepLocked
from .folder import SweepFolder
from .model import Bundle, Header, Job, JobArray, Point
from .submissions import Submissions, read_submissions, runs


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

    def memory_of(self, point: Point, submitted: Submissions) -> int | None:
        """The memory (bytes) asked for in the point's last submission; None: the sweep's."""
        content = self.folder.batch(submitted.batch_of[submitted.bundle_of[point.id]])
        memory: int | None = content.get("memory")
        return memory

    def jobs_of(self, points: Sequence[Point]) -> set[Job]:
        """The jobs that have these points."""
        submitted = self.noted()
        jobs = (submitted.job_of(point) for point in points)
        return {job for job in jobs if job is not None}

    # sending

    def send(self, points: Sequence[Point], memory: int | None = None) -> None:
        """Submit points as a new batch; ``memory`` (bytes) replaces what the sweep asks for."""
        submitted = self.noted()
        size = self.header.points_per_job if self.backend.bundle_files else 1
        bundles = bundled(points, size)
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

    def top_up(self) -> int:
        """Submit bundles for which the scheduler had no room before; returns how many.

        Does nothing while another process drives the sweep. Takes the lock itself.
        """
        before = self.noted().refused()
        if not before:
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
            memory = self.folder.batch(number).get("memory")
            batch = self._batch(number, found.start, bundles, memory)
            self.backend.submit(batch, partial(self._accepted, batch.number))

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
        batch = self._batch(number, content["first"], content["bundles"])
        return [array for array in self.backend.find(batch) if array not in submitted.arrays]

    def _accepted(self, batch: int, array: JobArray) -> None:
        facts = {"array": array.id, "first": array.first, "size": array.size}
        self.folder.journal("accepted", batch=batch, **facts)

    # what is sent

    def _bundle(self, number: int, points: Sequence[Point]) -> Bundle:
        return Bundle(
            number=number,
            sweep=self.header.id,
            root=str(self.folder.root),
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
            root=self.folder.root,
            header=self.header if memory is None else with_memory(self.header, memory),
            number=number,
            first=first,
            bundles=bundles,
            environment=environment,
        )


def bundled(points: Sequence[Point], size: int) -> list[list[str]]:
    """Ids of the points, ``size`` to a bundle."""
    names = [point.id for point in points]
    return [names[start : start + size] for start in range(0, len(names), size)]


def with_memory(header: Header, memory: int) -> Header:
    """The header of a submission that asks for another amount of memory (bytes)."""
    return replace(header, resources=replace(header.resources, memory=memory))
