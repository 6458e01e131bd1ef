"""When a line of a crontab is due, also where the clock changes; which runs did not come."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from nbbatch.errors import UsageError
from nbbatch.schedule.cron_times import next_time, parse_cron, times
from nbbatch.schedule.missed import missed_runs

UTC = timezone.utc
ZURICH = ZoneInfo("Europe/Zurich")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("when", "after", "next_one"),
    [
        ("0 6 * * 1-5", "2026-11-21 12:00", "2026-11-23 06:00"),  # from Saturday to Monday
        ("0 6 * * 1-5", "2026-11-23 05:59", "2026-11-23 06:00"),
        ("0 6 * * 1-5", "2026-11-23 06:00", "2026-11-24 06:00"),
        ("*/15 * * * *", "2026-11-23 06:07", "2026-11-23 06:15"),
        ("5,35 8-10/2 * * *", "2026-11-23 08:05", "2026-11-23 08:35"),
        ("5,35 8-10/2 * * *", "2026-11-23 08:36", "2026-11-23 10:05"),
        ("0 0 1 jan *", "2026-11-23 00:00", "2027-01-01 00:00"),
        ("0 0 * * sun", "2026-11-23 00:00", "2026-11-29 00:00"),
        ("0 0 * * 7", "2026-11-23 00:00", "2026-11-29 00:00"),
        ("0 0 13 * 5", "2026-11-23 00:00", "2026-11-27 00:00"),  # Friday, or the 13th
        ("0 0 29 2 *", "2026-11-23 00:00", "2028-02-29 00:00"),
        ("@daily", "2026-11-23 00:00", "2026-11-24 00:00"),
        ("@hourly", "2026-11-23 00:00", "2026-11-23 01:00"),
    ],
)
def test_the_next_run(when: str, after: str, next_one: str) -> None:
    assert next_time(parse_cron(when), at(after), UTC) == at(next_one)


@pytest.mark.parametrize("when", ["@reboot", "0 0 31 2 *"])
def test_times_that_nobody_can_tell(when: str) -> None:
    assert next_time(parse_cron(when), at("2026-11-23 00:00"), UTC) is None


@pytest.mark.parametrize(
    ("when", "said"),
    [
        ("0 6 * *", "has 4 fields, not 5"),
        ("60 6 * * *", "no minute for cron: write 0 to 59"),
        ("0 25 * * *", "no hour"),
        ("0 6 0 * *", "no day of the month"),
        ("0 6 * foo *", "no month"),
        ("0 6 * * 1-8", "no day of the week"),
        ("0 6 * * 5-1", "1 comes before 5"),
        ("*/0 6 * * *", "behind the / is a number"),
        ("@sometimes", "has 1 fields"),
    ],
)
def test_what_is_no_time(when: str, said: str) -> None:
    with pytest.raises(UsageError) as told:
        parse_cron(when)
    assert said in str(told.value)


def due(when: str, day: str) -> list[str]:
    """The times, UTC, of one day in Zurich."""
    start = datetime.fromisoformat(day).replace(tzinfo=ZURICH) - timedelta(minutes=1)
    end = datetime.fromisoformat(day).replace(tzinfo=ZURICH) + timedelta(days=1, minutes=-1)
    found = times(parse_cron(when), start.astimezone(UTC), end.astimezone(UTC), ZURICH)
    return [f"{moment:%H:%M}" for moment in found]


def test_a_time_that_the_spring_leaves_out_comes_right_after_the_change() -> None:
    # 2026-03-29, 2:00 becomes 3:00, which is 1:00 UTC.
    assert due("30 2 * * *", "2026-03-29") == ["01:00"]
    assert due("0 3 * * *", "2026-03-29") == ["01:00"]
    assert due("0 6 * * *", "2026-03-29") == ["04:00"]
    assert due("0 6 * * *", "2026-03-28") == ["05:00"]


def test_a_time_that_comes_twice_in_autumn_runs_once() -> None:
    # 2026-10-25, 3:00 becomes 2:00, which is 1:00 UTC.
    assert due("30 2 * * *", "2026-10-25") == ["00:30"]
    assert due("30 2,4 * * *", "2026-10-25") == ["00:30", "03:30"]


def test_by_the_clock_every_hour_is_an_hour() -> None:
    assert len(due("0 * * * *", "2026-03-29")) == 23
    assert len(due("0 * * * *", "2026-10-25")) == 25
    assert len(due("*/30 2 * * *", "2026-03-29")) == 0
    assert len(due("*/30 2 * * *", "2026-10-25")) == 4


WEEKDAYS = parse_cron("0 6 * * 1-5")


def missed(since: str, until: str, *seen: str) -> str:
    return str(missed_runs(WEEKDAYS, at(since), at(until), [at(text) for text in seen], UTC) or "")


def test_runs_that_did_not_come() -> None:
    monday, tuesday = "2026-11-23 06:00", "2026-11-24 06:01"
    assert missed(monday, "2026-11-24 05:00") == ""
    assert missed(monday, "2026-11-24 12:00", tuesday) == ""
    assert missed(monday, "2026-11-24 12:00") == "missed 1 run since 2026-11-24 06:00 UTC"
    assert missed(monday, "2026-11-27 12:00", "2026-11-25 06:00") == (
        "missed 3 runs since 2026-11-24 06:00 UTC"
    )
    assert missed("2026-11-27 06:00", "2026-11-29 23:00") == ""  # a weekend


def test_a_run_that_is_late_may_still_come() -> None:
    assert missed("2026-11-23 06:00", "2026-11-24 06:05") == ""
    assert missed("2026-11-23 06:00", "2026-11-24 07:00", "2026-11-24 06:09") == ""
    assert missed("2026-11-23 06:00", "2026-11-24 07:00", "2026-11-24 06:50") != ""


def test_a_day_of_the_clock_change_is_not_missed() -> None:
    daily = parse_cron("30 2 * * *")
    seen = [at("2026-03-28 01:30"), at("2026-03-29 01:00"), at("2026-03-30 00:30")]
    assert missed_runs(daily, at("2026-03-27 12:00"), at("2026-03-30 12:00"), seen, ZURICH) is None


def test_a_machine_that_was_off_for_years_is_told_in_time() -> None:
    told = str(
        missed_runs(
            parse_cron("* * * * *"), at("2024-01-01 00:00"), at("2026-01-01 00:00"), [], UTC
        )
    )
    assert told == "missed 1,000 runs or more since 2024-01-01 00:01 UTC"
