"""What is different since last time: failures, run times, metrics. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from .runs import PointRun, Run

REMEMBERED = 10
"""A point's earlier runs, the newest, that its run time and metrics are compared with."""

SLOWER = 1.5
"""A point is slower from this multiple of its usual time on ..."""
SLOWER_SECONDS = 2.0
"""... if that is so many seconds more, too."""

SPREADS = 6.0
"""A metric drifts from so many of its usual spreads (1.48 × median deviation) on."""
MANTISSA = 1e-9
"""Relative differences below this are rounding, not drift."""

TREND = 5
"""A median wanders when it was outside of all its earlier range for so many runs."""


@dataclass(frozen=True)
class Changes:
    """Points that were well and are not, and the reverse, since the run before."""

    new_failures: tuple[str, ...] = ()
    recovered: tuple[str, ...] = ()
    still: tuple[str, ...] = ()


@dataclass(frozen=True)
class Slower:
    """A point that took longer than usual; seconds."""

    point: str
    seconds: float
    usual: float


@dataclass(frozen=True)
class Drift:
    """A metric of a point that is not what it used to be; ``usual`` is its median."""

    point: str
    metric: str
    value: float
    usual: float
    spread: float


def changes(now: Run, before: Run | None) -> Changes:
    """Which points are not ok now and were not known to fail, and which are ok again."""
    earlier = before.points if before is not None else {}
    bad_before = {name for name, point in earlier.items() if not point.ok}
    bad = [name for name, point in now.points.items() if not point.ok]
    good = [name for name, point in now.points.items() if point.ok]
    if before is not None and before.total and not before.points:
        return Changes(still=tuple(bad))  # so long ago that its points are not read any more
    return Changes(
        tuple(name for name in bad if name not in bad_before),
        tuple(name for name in good if name in bad_before),
        tuple(name for name in bad if name in bad_before),
    )


def slower(now: Run, earlier: Sequence[Run]) -> list[Slower]:
    """Points that took much longer than the median of their last runs; the worst first."""
    found = []
    for name, point in now.points.items():
        times = [p.seconds for p in _past(name, earlier) if p.seconds is not None]
        if not _counts(point) or point.seconds is None or len(times) < 3:
            continue
        usual = median(times)
        if point.seconds > max(SLOWER * usual, usual + SLOWER_SECONDS):
            found.append(Slower(name, point.seconds, usual))
    return sorted(found, key=lambda each: each.usual - each.seconds)


def drifts(now: Run, earlier: Sequence[Run]) -> list[Drift]:
    """Metrics outside of what they were in at least 5 earlier runs of the same point."""
    found = []
    for name, point in now.points.items():
        if not _counts(point):
            continue
        past = _past(name, earlier)
        for metric, value in point.metrics.items():
            known = [p.metrics[metric] for p in past if metric in p.metrics]
            if len(known) < 5:
                continue
            usual = median(known)
            spread = 1.4826 * median(abs(each - usual) for each in known)
            if abs(value - usual) > max(SPREADS * spread, MANTISSA * abs(usual)):
                found.append(Drift(name, metric, value, usual, spread))
    return sorted(found, key=lambda d: (d.metric, -abs(d.value - d.usual)))


def wandering(series: Sequence[float]) -> bool:
    """Whether the last medians of a metric all lie on one side of all earlier ones."""
    if len(series) < 2 * TREND:
        return False
    earlier, last = series[:-TREND], series[-TREND:]
    room = MANTISSA * max(map(abs, series))
    return min(last) > max(earlier) + room or max(last) < min(earlier) - room


def _counts(point: PointRun) -> bool:
    return point.ok and not point.reused


def _past(name: str, earlier: Sequence[Run]) -> list[PointRun]:
    """The newest runs of a point that say something of it."""
    found = (run.points[name] for run in reversed(earlier) if name in run.points)
    return [point for point in found if _counts(point)][:REMEMBERED]
