"""What is known of each point now; reads only what may have changed since the last look."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence

from ..folder import Attempts, PointFolders, SweepFolder
from ..model import Ending, Job, JobPhase, JobStatus, Point, PointView
from .settled import Proof, Settled
from .states import CONCLUSIVE, decide
from .submissions import Submissions


class Views:
    """The points of one sweep folder, seen again and again.

    ``grace`` is for how many seconds a job that left the queue may have a record that is
    not visible yet; the environment variable ``NBBATCH_GRACE`` overrides it.
    """

    def __init__(self, folder: SweepFolder, grace: float) -> None:
        self.folder = folder
        self.grace = float(os.environ.get("NBBATCH_GRACE", grace)) if grace else 0.0
        # With the bundle of the submission that settled it: another process may submit the
        # point again.
        self._settled: dict[str, tuple[int | None, PointView]] = {}
        self._memory = Settled(folder.settled_file)
        self._unnoted: list[tuple[Proof, PointView]] = []
        self._recalled = False
        self._gone_since = folder.gone()

    def look(
        self,
        points: Sequence[Point],
        submissions: Submissions,
        statuses: Mapping[Job, JobStatus],
    ) -> list[PointView]:
        """A view of each point. ``statuses`` must have been asked for before this call."""
        known_gone = len(self._gone_since)
        folders = PointFolders(self.folder.root)
        if not self._recalled:
            self._recall(points, submissions, folders)
        views = [self._view(point, submissions, statuses, folders) for point in points]
        if len(self._gone_since) > known_gone:
            self.folder.write_gone(self._gone_since)
        self._unnoted = self._memory.note(self._unnoted)
        return views

    def forget(self, point: Point) -> None:
        """The point is about to run again."""
        self._settled.pop(point.id, None)
        self._gone_since.pop(point.id, None)

    def _recall(
        self, points: Sequence[Point], submissions: Submissions, folders: PointFolders
    ) -> None:
        """Begin with what earlier looks of other processes found, as far as it holds still."""
        self._recalled = True
        if not self.folder.settled_file.exists():
            return
        bundle_of = submissions.bundle_of
        proofs = {
            point.id: Proof(bundle_of.get(point.id), point.key, changed)
            for point in points
            if (changed := folders.changed(point)) is not None
        }
        found = self._memory.recall(proofs, {point.id: point for point in points})
        self._settled = {name: (bundle_of.get(name), view) for name, view in found.items()}

    def _view(
        self,
        point: Point,
        submissions: Submissions,
        statuses: Mapping[Job, JobStatus],
        folders: PointFolders,
    ) -> PointView:
        bundle = submissions.bundle_of.get(point.id)
        settled = self._settled.get(point.id)
        if settled is not None and settled[0] == bundle:
            return settled[1]
        job = submissions.job_of(point)
        status = None if job is None else statuses.get(job, JobStatus(JobPhase.GONE))
        phase = None if status is None else status.phase
        if status is not None and (phase in (JobPhase.QUEUED, JobPhase.HELD) or status.unseen):
            # No need to look at the disk: what may be there is of an earlier attempt.
            state = decide(None, phase, began=status.unseen)
            return PointView(point, state, reason=status.reason, host=status.host)
        # Before the record is read: if it is replaced meanwhile, the time will not match.
        changed = None if phase is JobPhase.RUNNING else folders.changed(point)
        there = phase is JobPhase.RUNNING or changed is not None
        record = self.folder.record(point) if there else None
        attempts = self.folder.attempts(point) if there else Attempts()
        view = PointView(
            point,
            decide(
                record,
                phase,
                key=point.key,
                began=attempts.started != "",
                cancelled=point.id in submissions.cancelled,
                ending=status.ending if status else Ending.UNTOLD,
                in_grace=phase is JobPhase.GONE and record is None and self._in_grace(point),
            ),
            record if record is not None and record.key == point.key else None,
            max(attempts.count, record.attempt if record else 0),
            status.reason if status else "",
            (record.host if record else "") or attempts.host,
            attempts.started,
            submissions.transfer_of(point, status.transfer) if status and status.transfer else None,
        )
        if view.state in CONCLUSIVE.values() and phase is not JobPhase.RUNNING:
            self._settled[point.id] = (bundle, view)
            # What may be tried again, or what only the scheduler tells, is asked anew.
            if view.record is not None and not view.record.infrastructure and changed is not None:
                self._unnoted.append((Proof(bundle, point.key, changed), view))
        return view

    def _in_grace(self, point: Point) -> bool:
        if not self.grace:
            return False
        since = self._gone_since.setdefault(point.id, time.time())
        return time.time() - since < self.grace
