"""When the report of a sweep that nobody watches is rebuilt."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from nbbatch.backends.local import fresh_report
from nbbatch.backends.local.fresh_report import FreshReport
from nbbatch.folder import SweepFolder


class Clock:
    """``now`` counts seconds; what the time of day is may be set to ``ahead`` of that."""

    now = 1000.0
    ahead = 0.0

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return self.now + self.ahead


class Command:
    """Stands for `nbbatch refresh`, which takes as long as the test says."""

    pid = 4711
    begun = 0

    def __init__(self, *_: object, **__: object) -> None:
        Command.begun += 1
        self.code: int | None = None

    def poll(self) -> int | None:
        return self.code

    def kill(self) -> None:
        self.code = -9

    def wait(self) -> None:
        assert self.code is not None


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(fresh_report, "time", clock)
    monkeypatch.setattr(fresh_report.subprocess, "Popen", Command)
    monkeypatch.setattr(Command, "begun", 0)
    return clock


@pytest.fixture
def report(clock: Clock, tmp_path: Path) -> FreshReport:
    return FreshReport(SweepFolder(tmp_path))


def after(seconds: float, report: FreshReport, clock: Clock) -> int:
    """How many reports were begun until then."""
    clock.now += seconds
    report.look()
    return Command.begun


def test_a_minute_after_something_happened(report: FreshReport, clock: Clock) -> None:
    assert after(61, report, clock) == 0
    report.outdated()
    assert after(0, report, clock) == 1
    assert report.pids == {4711}


def test_one_at_a_time_and_the_less_often_the_longer_it_takes(
    report: FreshReport, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    report.outdated()
    assert after(61, report, clock) == 1
    report.outdated()
    assert after(10, report, clock) == 1
    monkeypatch.setattr(Command, "poll", lambda _: 0)
    assert after(0, report, clock) == 1  # it took ten seconds …
    assert report.pids == set()
    assert after(399, report, clock) == 1
    assert after(2, report, clock) == 2  # … so it is left alone for four hundred


def test_not_while_somebody_else_keeps_it_fresh(
    report: FreshReport, clock: Clock, tmp_path: Path
) -> None:
    index = tmp_path / "report" / "index.html"
    index.parent.mkdir()
    index.touch()
    report.outdated()
    os.utime(index, (clock.now + 50, clock.now + 50))
    assert after(61, report, clock) == 0
    assert after(48, report, clock) == 0
    assert after(2, report, clock) == 1


def test_it_does_not_outlive_the_points(report: FreshReport, clock: Clock) -> None:
    report.outdated()
    after(61, report, clock)
    report.end()
    assert report.pids == set()


def test_a_night_in_which_the_machine_slept_is_no_time_that_a_report_took(
    report: FreshReport, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    report.outdated()
    assert after(61, report, clock) == 1
    clock.ahead = 8 * 3600
    report.outdated()
    monkeypatch.setattr(Command, "poll", lambda _: 0)
    after(1, report, clock)
    assert after(61, report, clock) == 2


def test_a_clock_that_was_set_back(report: FreshReport, clock: Clock, tmp_path: Path) -> None:
    index = tmp_path / "report" / "index.html"
    index.parent.mkdir()
    index.touch()
    os.utime(index, (clock.now, clock.now))
    clock.ahead = -3600
    report.outdated()
    assert after(61, report, clock) == 1


def test_a_report_that_cannot_be_begun_does_not_end_the_sweep(
    report: FreshReport, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise BlockingIOError("Resource temporarily unavailable")

    report.outdated()
    with monkeypatch.context() as patch:
        patch.setattr(fresh_report.subprocess, "Popen", refuse)
        assert after(61, report, clock) == 0
    assert after(58, report, clock) == 0
    assert after(3, report, clock) == 1
