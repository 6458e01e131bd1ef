"""Old runs go, and only those that no rule keeps."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from nbbatch.folder import SweepFolder
from nbbatch.history import Keep, read_history
from nbbatch.schedule.pruning import DELETED, pin, plan_pruning, prune
from nbbatch.sweep import Sweep
from tests.unit.schedule.light import a_sweep, work


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Sweep]:
    """Five runs, the oldest first; of these only the second and third are all ok."""
    monkeypatch.chdir(tmp_path)
    made = []
    for place in range(5):
        sweep = a_sweep(tmp_path, {"x": [1, 2]})
        work(sweep, bad={} if place in (1, 2) else {2: "no"})
        sweep.finish()
        made.append(sweep)
    return sorted(made, key=lambda sweep: sweep.header.created)


def there(home: Path) -> set[str]:
    return {folder.parent.name for folder in home.glob("2*/sweep.json")}


def test_pruning_keeps_what_it_must(runs: list[Sweep]) -> None:
    home = runs[0].root.parent
    pin(runs[0].root, True)
    planned = {each.run.folder: each.why for each in plan_pruning(home, Keep(last=1))}
    assert planned == {
        runs[0].root.name: ("pinned",),
        runs[1].root.name: (),
        runs[2].root.name: ("latest-ok",),
        runs[3].root.name: (),
        runs[4].root.name: ("last",),
    }
    assert len(there(home)) == 5  # planning deletes nothing

    gone = prune(home, Keep(last=1))
    assert {each.run.folder for each in gone} == {runs[1].root.name, runs[3].root.name}
    assert there(home) == {runs[place].root.name for place in (0, 2, 4)}
    assert (home / "latest-ok").resolve() == runs[2].root
    assert [run.removed for run in read_history(home).runs] == [False, True, False, True, False]
    page = (home / "index.html").read_text()
    assert f"{runs[1].root.name}/report" not in page and "removed by retention" in page

    pin(runs[0].root, False)
    prune(home, Keep(last=1))
    assert there(home) == {runs[2].root.name, runs[4].root.name}
    assert list(home.glob(f"{DELETED}*")) == []


def test_a_run_that_somebody_uses_stays(runs: list[Sweep]) -> None:
    home = runs[0].root.parent
    with SweepFolder(runs[0].root).lock("resume it"):
        prune(home, Keep(last=4))
        assert runs[0].root.is_dir()
    prune(home, Keep(last=4))
    assert not runs[0].root.exists()


def test_what_a_crash_left_half_deleted_goes_next_time(runs: list[Sweep]) -> None:
    home = runs[0].root.parent
    runs[0].root.rename(home / f"{DELETED}{runs[0].root.name}")
    prune(home, Keep(last=10))
    assert list(home.glob(f"{DELETED}*")) == []
    assert len(there(home)) == 4


def test_a_run_that_was_deleted_by_hand_is_told(runs: list[Sweep]) -> None:
    home = runs[0].root.parent
    begun = a_sweep(home.parents[1], {"x": [1, 2]})
    shutil.rmtree(begun.root)
    shutil.rmtree(runs[4].root)
    assert len(plan_pruning(home, Keep(last=1))) == 4
    last = read_history(home).runs[-1]
    assert (last.folder, last.removed, last.state) == (begun.root.name, True, "incomplete")
