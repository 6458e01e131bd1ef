"""Results that are still valid are taken from an earlier run of the same name."""

from __future__ import annotations

from pathlib import Path

import pytest

from nbbatch.folder import SweepFolder
from nbbatch.history import read_history
from nbbatch.model import PointState
from nbbatch.schedule.reuse import reuse_results
from tests.notebooks import write_notebook
from tests.unit.schedule.light import a_sweep, work


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_unchanged_points_are_taken_and_new_ones_are_not(here: Path) -> None:
    first = a_sweep(here, {"x": [1, 2, 3]})
    work(first, bad={3: "diverged"})
    first.finish()
    second = a_sweep(here, {"x": [1, 2, 3, 4]})
    taken = reuse_results(second.root)

    states = {view.point.params["x"]: view for view in second.views()}
    assert {x: view.state for x, view in states.items()} == {
        1: PointState.OK,
        2: PointState.OK,
        3: PointState.PENDING,  # it had failed: nothing to take
        4: PointState.PENDING,
    }
    assert sorted(taken) == sorted(states[x].point.id for x in (1, 2))
    record = states[1].record
    assert record is not None and record.reused == f"../{first.root.name}"
    assert (record.metrics, record.host, record.seconds) == ({"y": 2}, "node7", 60.0)
    assert {"event": "reused", "source": first.root.name} == {
        key: value
        for event in SweepFolder(second.root).events()
        for key, value in event.items()
        if event["event"] == "reused" and key in ("event", "source")
    }

    work(second)
    second.finish()
    run = read_history(second.root.parent).runs[-1]
    assert (run.reused, run.state) == (2, "ok")
    # A third run names the first, which really ran, and finds what only the second has.
    third = a_sweep(here, {"x": [1, 4]})
    reuse_results(third.root)
    origin = {v.point.params["x"]: v.record.reused for v in third.views() if v.record}
    assert origin == {1: f"../{first.root.name}", 4: f"../{second.root.name}"}


def test_every_file_of_the_point_comes_along(here: Path) -> None:
    first = a_sweep(here, {"x": [1]})
    work(first)
    second = a_sweep(here, {"x": [1]})
    reuse_results(second.root)
    (old,), (new,) = ((sweep.root / sweep.points[0].dir,) for sweep in (first, second))
    names = sorted(str(file.relative_to(old)) for file in old.rglob("*") if file.is_file())
    assert sorted(str(f.relative_to(new)) for f in new.rglob("*") if f.is_file()) == names
    # What nbbatch replaces and never changes is linked; what the notebook wrote is a copy.
    assert (old / "executed.ipynb").samefile(new / "executed.ipynb")
    assert not (old / "mine.txt").samefile(new / "mine.txt")
    assert not (old / "record.json").samefile(new / "record.json")


def test_an_edited_notebook_takes_nothing(here: Path) -> None:
    work(a_sweep(here, {"x": [1]}))
    write_notebook(here / "scan.ipynb", "y = x * 3", parameters="x = 1")
    assert reuse_results(a_sweep(here, {"x": [1]}).root) == []


def test_another_name_is_another_history(here: Path) -> None:
    work(a_sweep(here, {"x": [1]}, name="nightly"))
    assert reuse_results(a_sweep(here, {"x": [1]}, name="weekly").root) == []


def test_relative_dates_make_new_points_each_day(here: Path) -> None:
    """A point of yesterday's date has another id: it is not today's."""
    write_notebook(here / "scan.ipynb", "y = 1", parameters='x = 1\nday = ""')
    first = a_sweep(here, {"x": [1], "day": ["2026-11-20"]})
    work(first)
    second = a_sweep(here, {"x": [1], "day": ["2026-11-20", "2026-11-21"]})
    assert reuse_results(second.root) == [first.points[0].id]
