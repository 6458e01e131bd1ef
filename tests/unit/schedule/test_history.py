"""What the runs of a name were: changes, drift, retention, the page."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbbatch.history import (
    Changes,
    History,
    Keep,
    changes,
    choose,
    drifts,
    note_created,
    note_ended,
    read_history,
    slower,
    summarise,
    wandering,
    write_page,
)
from nbbatch.history.page import render
from nbbatch.history.runs import POINTS_READ, Event, append_event, append_removed, append_run
from nbbatch.history.summary import point_latest_ok
from nbbatch.model import PointState
from tests.unit.schedule.nights import a_point, a_run, thirty_nights, write_nights
from tests.views import a_header, a_view, failed, ok

# ------------------------------------------------------------------- since last time


@pytest.mark.parametrize(
    ("before", "now", "found"),
    [
        ("ok", "ok", Changes()),
        ("ok", "failed", Changes(new_failures=("p",))),
        ("ok", "lost", Changes(new_failures=("p",))),
        (None, "failed", Changes(new_failures=("p",))),
        (None, "ok", Changes()),
        ("failed", "ok", Changes(recovered=("p",))),
        ("failed", "timeout", Changes(still=("p",))),
    ],
)
def test_what_changed(before: str | None, now: str, found: Changes) -> None:
    earlier = a_run(0, {} if before is None else {"p": a_point(before)})
    assert changes(a_run(1, {"p": a_point(now)}), earlier) == found


def test_the_first_run_has_nothing_to_be_compared_with() -> None:
    first = a_run(0, {"p": a_point("failed"), "q": a_point()})
    assert changes(first, None) == Changes(new_failures=("p",))


def test_of_runs_long_ago_only_the_counts_are_read(tmp_path: Path) -> None:
    runs = [a_run(night, {"p": a_point("failed")}) for night in range(POINTS_READ + 2)]
    for run in runs:
        append_run(tmp_path, run)
    history = read_history(tmp_path)
    assert [bool(run.points) for run in history.runs[:3]] == [False, False, True]
    assert [run.counts for run in history.runs] == [{"failed": 1}] * len(runs)
    # What is not known is not told as new.
    assert changes(history.runs[2], history.runs[1]) == Changes(still=("p",))


def test_thirty_nights() -> None:
    """The last one: b fails again, c is slow, a drifts, and nothing else is said."""
    *earlier, last = thirty_nights()
    assert changes(last, earlier[-1]).new_failures == ("b-2",)
    assert [(s.point, s.seconds, s.usual) for s in slower(last, earlier)] == [("c-3", 200, 61)]
    night_25 = thirty_nights()[25]
    drift = drifts(night_25, thirty_nights()[:25])
    assert [(d.point, d.metric) for d in drift] == [("a-1", "chi2")]
    assert drift[0].usual == pytest.approx(1.0, abs=0.02)
    assert drifts(thirty_nights()[24], thirty_nights()[:24]) == []
    assert changes(thirty_nights()[12], thirty_nights()[11]).recovered == ("b-2",)


def test_what_was_always_the_same_drifts_at_the_first_change() -> None:
    earlier = [a_run(night, {"p": a_point(mass=91.2)}) for night in range(5)]
    assert drifts(a_run(5, {"p": a_point(mass=91.2 * (1 + 1e-12))}), earlier) == []
    assert [d.value for d in drifts(a_run(5, {"p": a_point(mass=91.3)}), earlier)] == [91.3]
    assert drifts(a_run(5, {"p": a_point(mass=91.3)}), earlier[:4]) == []  # too few to tell


def test_a_reused_point_says_nothing_of_time_and_drift() -> None:
    earlier = [a_run(night, {"p": a_point(mass=1.0)}) for night in range(6)]
    reused = replace(a_point(seconds=999, mass=2.0), reused=True)
    assert slower(a_run(6, {"p": reused}), earlier) == []
    assert drifts(a_run(6, {"p": reused}), earlier) == []


@pytest.mark.parametrize(
    ("series", "wanders"),
    [
        ([1, 2, 1, 2, 1, 2, 1, 2, 1, 2], False),
        ([1, 2, 1, 2, 1, 3, 3, 4, 3, 5], True),
        ([5, 4, 5, 4, 5, 1, 2, 1, 2, 1], True),
        ([1, 2, 1, 2, 1, 3, 3, 2, 3, 5], False),
        ([1, 9], False),
        ([7.0] * 20, False),
    ],
)
def test_a_metric_that_left_its_range(series: list[float], wanders: bool) -> None:
    assert wandering(series) is wanders


# ------------------------------------------------------------------------- retention

NIGHTS = thirty_nights()  # 2026-10-01 06:00 … 2026-10-30 06:00 UTC, one a day


def stays(rules: Keep, **words: object) -> list[int]:
    """The nights that stay."""
    kept = choose(NIGHTS, rules, zone=ZoneInfo("UTC"), **words)  # type: ignore[arg-type]
    return sorted(int(each.run.id, 16) for each in kept if each.why)


@pytest.mark.parametrize(
    ("rules", "nights"),
    [
        (Keep(), list(range(30))),  # no rule: all
        (Keep(last=3), [27, 28, 29]),
        (Keep(last=100), list(range(30))),
        (Keep(daily=2), [28, 29]),
        # The newest of each week: Friday the 30th, then the Sundays 25th, 18th and 11th.
        (Keep(weekly=4), [10, 17, 24, 29]),
        (Keep(within=2 * 86400), [27, 28, 29]),
        (Keep(last=1, weekly=2), [24, 29]),
    ],
)
def test_which_runs_stay(rules: Keep, nights: list[int]) -> None:
    assert stays(rules) == nights


def test_pinned_running_and_latest_ok_always_stay() -> None:
    pinned, last_ok = NIGHTS[3].folder, NIGHTS[28].folder
    assert stays(Keep(last=1), protected={pinned}, latest_ok=last_ok) == [3, 28, 29]
    going = replace(NIGHTS[5], counts={"ok": 1, "running": 1}, ended="")
    kept = choose([going, *NIGHTS[20:]], Keep(last=1))
    assert [each.run.id for each in kept if each.why] == [NIGHTS[29].id, going.id]


def test_several_runs_a_day_leave_the_newest() -> None:
    morning = a_run(0, {"p": a_point()})
    noon = replace(morning, folder="noon", created="2026-10-01T12:00:00.000Z")
    kept = choose([morning, noon], Keep(daily=5), zone=ZoneInfo("UTC"))
    assert [(each.run.folder, each.why) for each in kept] == [
        ("noon", ("daily",)),
        (morning.folder, ()),
    ]


def test_days_are_those_of_the_place() -> None:
    late = replace(NIGHTS[0], folder="late", created="2026-10-01T23:30:00.000Z")
    early = replace(NIGHTS[0], folder="early", created="2026-10-02T00:30:00.000Z")
    for zone, number in (("UTC", 2), ("Europe/Zurich", 1)):
        kept = choose([late, early], Keep(daily=9), zone=ZoneInfo(zone))
        assert sum(bool(each.why) for each in kept) == number


counts = st.one_of(st.none(), st.integers(1, 12))


@settings(max_examples=60)
@given(
    st.lists(st.integers(0, 400), min_size=1, max_size=25, unique=True),
    st.builds(Keep, counts, counts, counts, st.one_of(st.none(), st.floats(1, 1e8))),
    st.sets(st.integers(0, 24)),
)
def test_retention_keeps_what_it_must(nights: list[int], rules: Keep, pins: set[int]) -> None:
    runs = [a_run(night, {"p": a_point("ok" if night % 3 else "failed")}) for night in nights]
    protected = {run.folder for place, run in enumerate(runs) if place in pins}
    good = max((run.folder for run in runs if run.ok), default="")
    kept = choose(runs, rules, protected=protected, latest_ok=good)
    staying = {each.run.folder for each in kept if each.why}
    newest_first = sorted((run.folder for run in runs), reverse=True)
    assert [each.run.folder for each in kept] == newest_first
    assert protected <= staying
    assert not good or good in staying
    assert newest_first[0] in staying  # every rule keeps the newest
    assert set(newest_first[: rules.last or 0]) <= staying
    if rules:  # and nothing stays without one of the reasons
        bounds = sum((rules.last or 0, rules.daily or 0, rules.weekly or 0)) + len(protected) + 1
        assert rules.within is not None or len(staying) <= bounds


# ------------------------------------------------------------------------ the folder


def test_a_run_is_in_the_history_from_its_beginning_to_its_end(tmp_path: Path) -> None:
    header = a_header(name="nightly", id="1f00")
    root = tmp_path / "nightly" / "20240501T120000Z-1f00"
    root.mkdir(parents=True)
    note_created(root, header, 2)
    (begun,) = read_history(root.parent).runs
    assert (begun.state, begun.total) == ("running", 2)
    assert not (root.parent / "latest-ok").exists()

    note_ended(root, header, [ok(0, {"x": 1}, chi2=1.5), ok(1, {"x": 2}, chi2=2.5, name="b")])
    note_ended(root, header, [ok(0, {"x": 1}, chi2=1.5), ok(1, {"x": 2}, chi2=2.5, name="b")])
    (run,) = read_history(root.parent).runs
    assert (run.state, run.counts, run.metrics) == ("ok", {"ok": 2}, {"chi2": 2.0})
    assert run.points["p0-0000"].seconds == 60
    assert (root.parent / "latest-ok").resolve() == root
    assert len((root.parent / "runs.jsonl").read_text().splitlines()) == 2


def test_a_sweep_with_out_has_no_history(tmp_path: Path) -> None:
    note_created(tmp_path / "scan", a_header(name="scan"), 2)
    assert not (tmp_path / "runs.jsonl").exists()


@pytest.mark.parametrize(
    ("views", "state"),
    [
        ([ok(0, {})], "ok"),
        ([ok(0, {}), failed(1, {})], "failed"),
        ([failed(0, {}), a_view(1, {}, PointState.LOST)], "incomplete"),
        ([ok(0, {}), a_view(1, {}, PointState.INTERRUPTED)], "incomplete"),
        ([ok(0, {}), a_view(1, {}, PointState.RUNNING)], "running"),
        ([ok(0, {}), a_view(1, {}, PointState.UNKNOWN)], "running"),
    ],
)
def test_what_a_run_came_to(tmp_path: Path, views: list, state: str) -> None:
    assert summarise(tmp_path, a_header(), views).state == state


def test_latest_ok_after_failures(tmp_path: Path) -> None:
    home = tmp_path / "nightly"
    runs = thirty_nights()
    write_nights(home, runs)
    point_latest_ok(home)
    assert (home / "latest-ok").resolve().name == runs[28].folder  # night 29 failed
    fixed = a_run(30, {"a-1": a_point()})
    write_nights(home, [fixed])
    point_latest_ok(home)
    assert (home / "latest-ok").resolve().name == fixed.folder


def test_torn_lines_and_removed_runs(tmp_path: Path) -> None:
    run = a_run(0, {"p": a_point()})
    append_run(tmp_path, run)
    append_event(tmp_path, Event("2026-10-02T06:00:00Z", "skipped", "still running"))
    append_removed(tmp_path, [run.folder], "2026-11-01T06:00:00Z")
    with (tmp_path / "runs.jsonl").open("a") as file:
        file.write('{"event": "run", "fol')
    history = read_history(tmp_path)
    assert history.runs == (replace(run, removed=True),)
    assert [event.kind for event in history.events] == ["skipped"]


# -------------------------------------------------------------------------- the page


def test_the_page_of_thirty_nights(tmp_path: Path) -> None:
    home = tmp_path / "nightly"
    write_nights(home, thirty_nights())
    append_event(home, Event("2026-10-15T06:00:00Z", "skipped", "the run before went on"))
    text = write_page(home).read_text()
    assert "Last run: 2 of 3 points are ok, 1 not" in text
    assert text.count('<tr class="run">') == 30 and text.count('<tr class="event">') == 1
    since = text.partition('id="since-title"')[2].partition("</section>")[0]
    plain = " ".join(re.sub(r"<[^>]+>", " ", since).split())
    assert "1 New failures b-2" in plain
    assert "c-3 took 3 min 20 s, 3.3 times its usual 1 min 01 s" in plain
    assert "Recovered" not in plain
    for href in re.findall(r'href="([^"#]+)#?[^"]*"', text):
        if not href.startswith("data:"):
            assert (home / href).is_file(), href
    assert "<script" not in text and "http" not in text.replace("http-equiv", "")


def test_a_metric_that_is_not_recorded_any_more_is_no_line(tmp_path: Path) -> None:
    """It was renamed, so long ago that none of the runs on the page has it."""
    names = ["old", *["new"] * POINTS_READ]
    runs = [a_run(night, {"a": a_point(**{name: 1.0})}) for night, name in enumerate(names)]
    text = render(History(tmp_path / "nightly", tuple(runs)))
    assert "<bdi>new</bdi>" in text and "<bdi>old</bdi>" not in text


def test_names_cannot_write_html(tmp_path: Path) -> None:
    home = tmp_path / "nightly"
    evil = "<img src=x onerror=alert(1)>"
    write_nights(home, [a_run(0, {evil: a_point("failed", **{evil: 1.0})}, metrics={evil: 1.0})])
    append_event(home, Event("2026-10-02T06:00:00Z", "not started", evil))
    text = write_page(home).read_text()
    assert "<img" not in text and "&lt;img" in text


def test_a_page_of_nothing(tmp_path: Path) -> None:
    assert "No run has ended yet" in write_page(tmp_path).read_text()
