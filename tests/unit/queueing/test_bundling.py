"""--points-per-job auto: from what earlier points took to how many go into a job."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from pathlib import Path

import pytest

from nbbatch import catalogue
from nbbatch.model import Outcome, Point, PointState, PointView, Record
from nbbatch.plan import Request, make_plan
from nbbatch.queueing.bundling import first_wave, known_seconds, pace, points_per_job
from nbbatch.sweep import Sweep
from tests.notebooks import write_notebook


@pytest.mark.parametrize(
    ("seconds", "walltime", "count"),
    [
        ([], None, 1),  # nothing is known: each point for itself
        ([], 3600, 1),
        ([60.0] * 5, None, 10),
        ([2.0, 2.0, 2.0], None, 300),
        ([0.0], None, 6000),
        ([1200.0], None, 1),  # longer than ten minutes
        ([60.0] * 5, 300, 4),  # four fit into four fifths of five minutes
        ([60.0] * 9 + [240.0], 600, 2),  # the slow ones decide
        ([60.0], 10, 1),
    ],
)
def test_points_per_job(seconds: list[float], walltime: int | None, count: int) -> None:
    assert points_per_job(seconds, walltime) == count


def test_durations_come_from_earlier_sweeps_of_the_notebook(tmp_path: Path) -> None:
    notebook = write_notebook(tmp_path / "scan.ipynb", "y = x", parameters="x = 0")
    other = write_notebook(tmp_path / "other.ipynb", "y = x", parameters="x = 0")
    request = Request(notebook=notebook, grid={"x": [1, 2, 3]}, out=tmp_path / "sweep")
    sweep = Sweep.create(make_plan(request))
    assert known_seconds(notebook) == []
    for seconds, outcome, point in zip(
        (4.0, 5.0, 99.0), ("ok", "ok", "failed"), sweep.points, strict=True
    ):
        record = {"point": point.id, "key": point.key, "attempt": 1, "outcome": outcome}
        folder = sweep.root / point.dir
        folder.mkdir(parents=True)
        (folder / "record.json").write_text(json.dumps({**record, "seconds": seconds}))
    assert [root for root, _ in catalogue.known_sweeps()] == [sweep.root]
    assert known_seconds(notebook) == [4.0, 5.0]
    assert known_seconds(other) == []


# Where nothing is known: a first wave of points, and what it shows.


def points(count: int) -> list[Point]:
    return [Point(f"x-{i}", i, {"x": i}, f"points/x-{i}", "key") for i in range(count)]


def test_the_first_wave_is_spread_over_the_grid() -> None:
    assert [point.index for point in first_wave(points(100))] == list(range(0, 100, 10))
    assert [point.index for point in first_wave(points(3))] == [0, 1, 2]
    assert first_wave(points(0)) == []


NOW = datetime(2026, 11, 21, 12, 0, 30, tzinfo=timezone.utc)
SENT = points(1)[0]


def view(state: str, seconds: float = 0.0) -> PointView:
    record = None
    if state in ("ok", "failed"):
        record = Record(SENT.id, SENT.key, 1, Outcome(state), seconds=seconds)
    started = "2026-11-21T12:00:00.000Z" if state == "running" else ""
    return PointView(SENT, PointState(state), record, started=started)


OK, BAD, RUNS, WAITS = view("ok", 5.0), view("failed", 1.0), view("running"), view("queued")


@pytest.mark.parametrize(
    ("views", "known"),
    [
        ([WAITS] * 4, None),
        ([OK, WAITS, WAITS, WAITS], None),  # the first to end is not the typical one
        ([OK, OK, WAITS, WAITS], [5.0, 5.0]),
        ([OK, OK, RUNS, RUNS], [5.0, 5.0, 30.0, 30.0]),  # those that still run count so far
        ([BAD, BAD, RUNS, RUNS], None),  # what fails, fails early
        ([OK, BAD, BAD, WAITS], [5.0]),
        ([BAD, BAD], [1.0, 1.0]),  # all have ended: there is nothing better to come
        ([view("lost"), view("cancelled")], []),
        ([OK, view("pending")], [5.0]),  # pending: not sent
    ],
)
def test_what_the_first_wave_shows(views: list[PointView], known: list[float] | None) -> None:
    assert pace(views, NOW) == known
