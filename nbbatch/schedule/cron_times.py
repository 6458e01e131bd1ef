"""When a cron expression is due, the way cron does it. Pure.

Debian's cron (cron(8), "Notes") tells two kinds of jobs apart where the clock changes. One
at fixed times (neither minute nor hour begins with ``*``) whose time is skipped in spring
runs right after the change, and one whose time comes twice in autumn runs once. One with
``*`` runs by the clock as it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone, tzinfo

from ..errors import UsageError

SPECIAL = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
REBOOT = "@reboot"

_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
_FIELDS: tuple[tuple[str, int, int, dict[str, int]], ...] = (
    ("minute", 0, 59, {}),
    ("hour", 0, 23, {}),
    ("day of the month", 1, 31, {}),
    ("month", 1, 12, {name: n + 1 for n, name in enumerate(_MONTHS)}),
    ("day of the week", 0, 7, {name: n for n, name in enumerate(_DAYS)}),
)
HORIZON = timedelta(days=8 * 366)
"""A 29 February is at most eight years away."""


@dataclass(frozen=True)
class CronTime:
    """A parsed expression: the values that each field allows; weekday 0 is Sunday."""

    text: str
    minutes: frozenset[int] = frozenset()
    hours: frozenset[int] = frozenset()
    days: frozenset[int] = frozenset()
    months: frozenset[int] = frozenset()
    weekdays: frozenset[int] = frozenset()
    any_day: bool = True
    any_weekday: bool = True
    by_the_clock: bool = False

    def on(self, day: datetime) -> bool:
        """Whether it is due on this day. With both kinds of day restricted, either will do."""
        if day.month not in self.months:
            return False
        in_month = day.day in self.days
        in_week = day.isoweekday() % 7 in self.weekdays
        if self.any_day or self.any_weekday:
            return in_month and in_week
        return in_month or in_week


def parse_cron(text: str) -> CronTime:
    """``0 6 * * 1-5``, ``@daily``, ``@reboot``. Raises UsageError, naming the field."""
    words = SPECIAL.get(text.strip().lower(), text).split()
    if at_start(text):
        return CronTime(text.strip())
    if len(words) != 5:
        raise UsageError(
            f"{text!r} is no time for cron: it has {len(words)} fields, not 5.",
            hint='Minute, hour, day, month, weekday: "0 6 * * 1-5" is 6:00 on weekdays.',
        )
    values = [_field(word, *facts) for word, facts in zip(words, _FIELDS, strict=True)]
    return CronTime(
        text.strip(),
        minutes=values[0],
        hours=values[1],
        days=values[2],
        months=values[3],
        weekdays=frozenset(day % 7 for day in values[4]),
        any_day=words[2].startswith("*"),
        any_weekday=words[4].startswith("*"),
        by_the_clock=words[0].startswith("*") or words[1].startswith("*"),
    )


def at_start(text: str) -> bool:
    """Whether this is ``@reboot``, whose time nobody can tell."""
    return text.strip().lower() == REBOOT


def _field(text: str, name: str, low: int, high: int, names: dict[str, int]) -> frozenset[int]:
    def number(word: str) -> int:
        value = names.get(word.lower()[:3], -1) if not word.isdecimal() else int(word)
        if not low <= value <= high:
            raise UsageError(f"{text!r} is no {name} for cron: write {low} to {high}.")
        return value

    found: set[int] = set()
    for part in text.split(","):
        body, slash, step = part.partition("/")
        if slash and not (step.isdecimal() and int(step)):
            raise UsageError(f"{text!r} is no {name} for cron: behind the / is a number.")
        first, dash, last = body.partition("-")
        if body == "*":
            start, end = low, high
        else:
            start = number(first)
            end = number(last) if dash else (high if slash else start)
        if end < start:
            raise UsageError(f"{text!r} is no {name} for cron: {end} comes before {start}.")
        found.update(range(start, end + 1, int(step) if slash else 1))
    return frozenset(found)


def times(
    cron: CronTime, after: datetime, until: datetime, zone: tzinfo | None
) -> Iterator[datetime]:
    """When it is due in (``after``, ``until``], as UTC. ``zone`` None: this machine's."""
    if not cron.minutes:
        return  # @reboot
    day = _local(after, zone).replace(hour=0, minute=0, second=0, microsecond=0)
    last = _local(until, zone)
    while day <= last:
        if cron.on(day):
            for moment in _of_day(cron, day, zone):
                if after < moment <= until:
                    yield moment
        day += timedelta(days=1)


def next_time(cron: CronTime, after: datetime, zone: tzinfo | None = None) -> datetime | None:
    """The first time after ``after``; None for ``@reboot`` and for 31 February."""
    return next(times(cron, after, after + HORIZON, zone), None)


def _of_day(cron: CronTime, day: datetime, zone: tzinfo | None) -> Iterator[datetime]:
    if cron.by_the_clock:
        moment, end = _utc(day, zone), _utc(day + timedelta(days=1), zone)
        while moment < end:
            shown = _local(moment, zone)
            if shown.minute in cron.minutes and shown.hour in cron.hours:
                yield moment
            moment += timedelta(minutes=1)
        return
    moments = {
        _utc(day.replace(hour=hour, minute=minute), zone)
        for hour in cron.hours
        for minute in cron.minutes
    }
    yield from sorted(moments)


def _utc(local: datetime, zone: tzinfo | None) -> datetime:
    """The moment at which a clock shows this; the first of two; the change, if it never does."""
    moment = _aware(local, zone)
    while _local(moment, zone) > local and _local(moment - timedelta(minutes=1), zone) > local:
        moment -= timedelta(minutes=1)  # in the hour that is left out: back to the change
    return moment


def _aware(local: datetime, zone: tzinfo | None) -> datetime:
    aware = local if zone is None else local.replace(tzinfo=zone)
    return aware.replace(fold=0).astimezone(timezone.utc)


def _local(moment: datetime, zone: tzinfo | None) -> datetime:
    return moment.astimezone(zone).replace(tzinfo=None, fold=0)
