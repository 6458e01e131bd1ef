"""What is known of each point now; reads only what may have changed since the last look."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence

from .collect import CONCLUSIVE, decide
from .folder import SweepFolder
from .model import Ending, Job, JobPhase, JobStatus, Point, PointView
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
        self._gone_since = folder.gone()

    def look(
        self,
        points: Sequence[Point],
        submissions: Submissions,
        statuses: Mapping[Job, JobStatus],
    ) -> list[PointView]:
        """A view of each point. ``statuses`` must have been asked for before this call."""
        known_gone = len(self._gone_since)
        views = [self._view(point, submissions, statuses) for point in points]
        if len(self._gone_since) > known_gone:
            self.folder.write_gone(self._gone_since)
        return views

    def forget(self, point: Point) -> None:
        """The point is about to run again."""
        self._settled.pop(point.id, None)
        self._gone_since.pop(point.id, None)

    def _view(
        self, point: Point, submissions: Submissions, statuses: Mapping[Job, JobStatus]
    ) -> PointView:
        bundle = submissions.bundle_of.get(point.id)
        settled = self._settled.get(point.id)
        if settled is not None and settled[0] == bundle:
            return settled[1]
        job = submissions.job_of(point)
        status = None if job is None else statuses.get(job, JobStatus(JobPhase.GONE))
        phase = None if status is None else status.phase
        if phase in (JobPhase.QUEUED, JobPhase.HELD):  # no need to look at the disk
            state = decide(None, phase)
            return PointView(point, state, reason=status.reason if status else "")
        record = self.folder.record(point)
        attempts = self.folder.attempts(point)
        view = PointView(
            point,
            decide(
                record,
                phase,
                key=point.key,
                began=attempts.count > 0 or (status is not None and status.unseen),
                cancelled=point.id in submissions.cancelled,
                ending=status.ending if status else Ending.UNTOLD,
                in_grace=phase is JobPhase.GONE and record is None and self._in_grace(point),
            ),
            record if record is not None and record.key == point.key else None,
            max(attempts.count, record.attempt if record else 0),
            status.reason if status else "",
            (record.host if record else "") or attempts.host,
            attempts.started,
        )
        if view.state in CONCLUSIVE.values() and phase is not JobPhase.RUNNING:
            self._settled[point.id] = (bundle, view)
        return view

    def _in_grace(self, point: Point) -> bool:
        if not self.grace:
            return False
        since = self._gone_since.setdefault(point.id, time.time())
        return time.time() - since < self.grace
