"""How many points one job runs (``--points-per-job auto``): long enough to be worth a job.

What points take is known from earlier sweeps of the notebook. Where it is not, a first wave of
points, each a job of its own, shows it, and the rest follows in bundles. The jobs of the wave send
the rest themselves when they end (``Backend.goes_on``), so that nobody has to be there.

The other way, moderate bundles that give back what they do not get to, was left: a bundle of
points that turn out to take hours runs them one after another, where each could have had a job.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path

from .. import catalogue
from ..collect.states import CONCLUSIVE
from ..folder import SweepFolder
from ..model import Outcome, Point, PointState, PointView

TARGET_SECONDS = 600.0
"""What a job should last: starting one costs seconds, and a lost one should cost minutes."""

ROOM = 0.8
"""The part of the walltime that a bundle may fill, as points do not all last the same."""

AUTO = 0
"""``Header.points_per_job`` of a sweep whose first points have to show it."""

FIRST_WAVE = 10
"""Points of the first wave: what half of them took, and the others up to then, decides."""

SWEEPS = 5
"""How many earlier sweeps of the notebook are looked at, the newest first."""


def known_seconds(notebook: Path) -> list[float]:
    """How long the ok points of this notebook's latest sweeps took, in seconds."""
    found: list[float] = []
    path = str(notebook.resolve())
    mine = [root for root, header in catalogue.known_sweeps() if header.notebook == path]
    for root in mine[:SWEEPS]:
        found.extend(_seconds(SweepFolder(root)))
    return found


def _seconds(folder: SweepFolder) -> Iterable[float]:
    for point in folder.points():
        record = folder.record(point)
        if record is not None and record.outcome is Outcome.OK:
            yield record.seconds


def points_per_job(seconds: Sequence[float], walltime: int | None = None) -> int:
    """Points for about ten minutes a job, which fit into ``walltime`` (seconds).

    ``seconds`` are durations of points; where none is known, each point is a job of its own.
    """
    if not seconds:
        return 1
    typical = max(statistics.median(seconds), 0.1)
    count = TARGET_SECONDS / typical
    if walltime is not None:
        # The slowest decides: a bundle that is cut off has to be queued again.
        slow = statistics.quantiles(seconds, n=10)[-1] if len(seconds) > 1 else seconds[0]
        count = min(count, ROOM * walltime / max(slow, 0.1))
    return max(1, int(count))


def first_wave(points: Sequence[Point]) -> list[Point]:
    """Some of the points, evenly over the grid: what a point takes often depends on its place."""
    count = min(FIRST_WAVE, len(points))
    return [points[place * len(points) // count] for place in range(count)]


def pace(views: Iterable[PointView], now: datetime) -> list[float] | None:
    """What points of this sweep take, in seconds, by those that were sent; None: wait and see.

    Half of them must have ended, and one of them ok, as notebooks that fail do so early. Those
    that run count with their time so far: else the first to end would speak for all. When all
    have ended there is nothing to wait for: then the failed ones tell, or the list is empty.
    """
    sent = [view for view in views if view.state is not PointState.PENDING]
    ended = [view for view in sent if view.state.over]
    results = [v for v in ended if v.record is not None and v.state in CONCLUSIVE.values()]
    ok = [view.record.seconds for view in results if view.record and view.state is PointState.OK]
    if len(ended) < len(sent):
        if not ok or 2 * len(ended) < len(sent):
            return None
        running = [view.started for view in sent if view.state is PointState.RUNNING]
        return ok + [_since(started, now) for started in running if started]
    return ok or [view.record.seconds for view in results if view.record]


def _since(started: str, now: datetime) -> float:
    return max(0.0, (now - datetime.fromisoformat(started.replace("Z", "+00:00"))).total_seconds())
