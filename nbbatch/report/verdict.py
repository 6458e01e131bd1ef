"""What a sweep came to, in words: shared by the report and the terminal. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone

from ..collect.states import count
from ..model import PointState, PointView
from ..results.table import settled

ORDER = (
    PointState.OK,
    PointState.FAILED,
    PointState.DIED,
    PointState.TIMEOUT,
    PointState.LOST,
    PointState.INTERRUPTED,
    PointState.CANCELLED,
    PointState.RUNNING,
    PointState.HELD,
    PointState.QUEUED,
    PointState.PENDING,
    PointState.UNKNOWN,
)
"""States as a reader meets them: what is done, what went wrong, what is to come."""


@dataclass(frozen=True)
class Verdict:
    """The answer to "did it work?".

    ``tone`` is "ok", "bad" (something is over and not ok), "open" (not over, nothing bad)
    or "empty". Times in seconds; ``wall`` is from the first attempt's start to the last
    one's end, and ``busy`` and ``cpu`` are sums over the points; None: not known.
    ``reused`` points have their results from an earlier run, and are in no time.
    """

    headline: str
    tone: str
    counts: dict[PointState, int]
    total: int
    over: int
    started: str
    finished: str
    wall: float | None
    busy: float | None
    cpu: float | None
    reused: int = 0

    @property
    def open(self) -> bool:
        """True while some point has not ended."""
        return self.over < self.total


def verdict(views: Sequence[PointView]) -> Verdict:
    """Count the points, say it in a sentence, and add up their times."""
    counted = count(views)
    counts = {state: counted[state] for state in ORDER if state in counted}
    over = sum(number for state, number in counts.items() if state.over)
    # What was reused from an earlier run took no time in this one.
    every = [record for view in views if (record := settled(view)) is not None]
    records = [record for record in every if not record.reused]
    started = min((record.started for record in records if record.started), default="")
    finished = max((record.finished for record in records if record.finished), default="")
    return Verdict(
        headline=headline(counts),
        tone=_tone(counts, over, len(views)),
        counts=counts,
        total=len(views),
        over=over,
        started=started,
        finished=finished,
        wall=_between(started, finished),
        busy=_sum([record.seconds for record in records]),
        cpu=_sum([record.cpu_seconds for record in records if record.cpu_seconds is not None]),
        reused=len(every) - len(records),
    )


def headline(counts: dict[PointState, int]) -> str:
    """One sentence for the counts by state."""
    total = sum(counts.values())
    if not total:
        return "No points"
    ok = counts.get(PointState.OK, 0)
    over = sum(number for state, number in counts.items() if state.over)
    if over < total:
        if not over:
            return f"{points(total)}, none done yet"
        well = "" if ok == over else f", {over - ok:,} of them not ok"
        return f"{over:,} of {points(total)} done{well}"
    if ok == total:
        return "The only point is ok" if total == 1 else f"All {total:,} points are ok"
    if not ok:
        return "The only point is not ok" if total == 1 else f"None of the {total:,} points is ok"
    return f"{ok:,} of {total:,} points {'is' if ok == 1 else 'are'} ok, {total - ok:,} not"


def _tone(counts: dict[PointState, int], over: int, total: int) -> str:
    if not total:
        return "empty"
    if over > counts.get(PointState.OK, 0):
        return "bad"
    return "ok" if over == total else "open"


def points(number: int) -> str:
    """``1 point``, ``2,000 points``."""
    return f"{number:,} point{'' if number == 1 else 's'}"


def states_in_words(counts: dict[PointState, int]) -> str:
    """``37 ok, 2 failed, 1 timeout``."""
    return ", ".join(f"{number:,} {state.value}" for state, number in counts.items())


def duration(seconds: float | None) -> str:
    """Seconds as ``0.4 s``, ``12 s``, ``3 min 05 s``, ``2 h 05 min`` or ``1 d 04 h``."""
    if seconds is None:
        return ""
    if seconds < 9.95:
        return f"{max(seconds, 0.0):.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    minutes = round(seconds / 60)
    if minutes < 24 * 60:
        return f"{minutes // 60} h {minutes % 60:02d} min"
    hours = round(seconds / 3600)
    return f"{hours // 24} d {hours % 24:02d} h"


def moment(iso: str) -> str:
    """An ISO 8601 time as ``2024-05-01 12:30 UTC``; other text as it is."""
    when = _parsed(iso)
    return iso if when is None else f"{when:%Y-%m-%d %H:%M} UTC"


def epoch(iso: str) -> float | None:
    """An ISO 8601 time as seconds since 1970; None for other text."""
    when = _parsed(iso)
    return None if when is None else when.timestamp()


def remaining(found: Verdict, now: str) -> float | None:
    """Seconds until the last point ends, if they go on as they did until ``now``."""
    spent = _between(found.started, now)
    if not found.open or not found.over or not spent:
        return None
    return spent / found.over * (found.total - found.over)


def left_in_words(seconds: float | None) -> str:
    """``about 3 min left``, no finer than an estimate is."""
    if seconds is None:
        return "time left: estimating…"
    if seconds < 60:
        return "less than a minute left"
    if seconds < 90 * 60:
        return f"about {round(seconds / 60)} min left"
    if seconds < 36 * 3600:
        return f"about {round(seconds / 3600)} h left"
    return f"about {round(seconds / 86400)} days left"


def _parsed(iso: str) -> datetime | None:
    if not iso:
        return None
    try:
        # Python 3.10 does not read the Z.
        when = datetime.fromisoformat(iso.replace("Z", "+00:00"))
    except ValueError:
        return None
    if when.tzinfo is None:
        when = when.replace(tzinfo=timezone.utc)
    return when.astimezone(timezone.utc)


def _between(started: str, finished: str) -> float | None:
    first, last = _parsed(started), _parsed(finished)
    if first is None or last is None:
        return None
    return max((last - first).total_seconds(), 0.0)


def _sum(values: Sequence[float]) -> float | None:
    return sum(values) if values else None
