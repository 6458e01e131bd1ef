"""Runs that were due and did not come. Pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from .cron_times import CronTime, times

EARLY = timedelta(seconds=90)
"""A run belongs to a time if it began at most so long before it (cron's clock and ours) ..."""
LATE = timedelta(minutes=10)
"""... or so long after it: a loaded machine, a job in scrontab's queue."""
COUNTED = 1_000


@dataclass(frozen=True)
class Missed:
    """How many runs did not come since ``first``, when the first of them was due (UTC)."""

    number: int
    first: datetime

    def __str__(self) -> str:
        many = "1 run" if self.number == 1 else f"{self.number:,} runs"
        more = " or more" if self.number >= COUNTED else ""
        return f"missed {many}{more} since {self.first:%Y-%m-%d %H:%M} UTC"


def missed_runs(
    cron: CronTime,
    since: datetime,
    until: datetime,
    seen: Collection[datetime],
    zone: tzinfo | None = None,
) -> Missed | None:
    """The times in (``since``, ``until``] at which nothing began. ``seen`` is when runs began,
    were skipped or could not start; what is due less than ``LATE`` ago may still come.
    """
    began = sorted(seen)
    first, number, place = None, 0, 0
    for due in times(cron, since, until - LATE, zone):
        while place < len(began) and began[place] < due - EARLY:
            place += 1
        if place < len(began) and began[place] <= due + LATE:
            continue
        first = first or due
        number += 1
        if number >= COUNTED:
            break
    return Missed(number, first) if first else None
