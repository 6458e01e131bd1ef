"""Which runs of a name to keep. Pure: the rules, and why each run stays or goes.

The rules are those of restic and borg: a run stays if any rule keeps it. A day or a week
without a run does not use up one of the N.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone, tzinfo

from .runs import Run


@dataclass(frozen=True)
class Keep:
    """What to keep: the last N runs, the newest of each of the last N days and weeks that
    had one, and all within so many seconds before the newest run.
    """

    last: int | None = None
    daily: int | None = None
    weekly: int | None = None
    within: float | None = None

    def __bool__(self) -> bool:
        return any(rule is not None for rule in (self.last, self.daily, self.weekly, self.within))


@dataclass(frozen=True)
class Kept:
    """A run, and the reasons for which it stays; none: it goes."""

    run: Run
    why: tuple[str, ...]


def choose(
    runs: Sequence[Run],
    rules: Keep,
    *,
    protected: Collection[str] = (),
    latest_ok: str = "",
    zone: tzinfo | None = None,
) -> list[Kept]:
    """What becomes of each run, the newest first.

    ``runs`` are those that are still there, in any order. A run that is running, whose
    folder is in ``protected`` (pinned) or is ``latest_ok`` stays always; without any rule
    all stay. Days and weeks are those of ``zone`` (None: this machine's).
    """
    newest = sorted(runs, key=lambda run: (run.created, run.folder), reverse=True)
    why: dict[str, list[str]] = {run.folder: [] for run in newest}

    for run in newest:
        if run.state == "running":
            why[run.folder].append("running")
        if run.folder in protected:
            why[run.folder].append("pinned")
        if run.folder == latest_ok:
            why[run.folder].append("latest-ok")
        if not rules:
            why[run.folder].append("no rule")

    def newest_of_each(number: int | None, period: Callable[[datetime], object], word: str) -> None:
        seen: set[object] = set()
        for run in newest:
            when = period(_when(run, zone))
            if when not in seen and len(seen) < (number or 0):
                seen.add(when)
                why[run.folder].append(word)

    for run in newest[: rules.last or 0]:
        why[run.folder].append("last")
    newest_of_each(rules.daily, lambda when: when.date(), "daily")
    newest_of_each(rules.weekly, lambda when: when.isocalendar()[:2], "weekly")
    if rules.within is not None and newest:
        # In UTC: a day of 23 hours makes no run older.
        oldest = _when(newest[0], timezone.utc) - timedelta(seconds=rules.within)
        for run in newest:
            if _when(run, timezone.utc) >= oldest:
                why[run.folder].append("within")
    return [Kept(run, tuple(why[run.folder])) for run in newest]


def _when(run: Run, zone: tzinfo | None) -> datetime:
    return datetime.fromisoformat(run.created.replace("Z", "+00:00")).astimezone(zone)
