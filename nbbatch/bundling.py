"""How many points one job runs (``--points-per-job auto``): long enough to be worth a job."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from pathlib import Path

from . import catalogue
from .folder import SweepFolder
from .model import Outcome

TARGET_SECONDS = 600.0
"""What a job should last: starting one costs seconds, and a lost one should cost minutes."""

ROOM = 0.8
"""The part of the walltime that a bundle may fill, as points do not all last the same."""

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
