"""A sweep larger than the cluster takes at once, and one of ten thousand points."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest

from nbbatch.model import PointState
from nbbatch.plan import Request, make_plan
from nbbatch.sweep import Sweep
from tests.notebooks import write_notebook

from .light_worker import interpreter
from .slurm_pool import accounting, configured, farm, slurm, use_slurm

PROGRAMS = ("sbatch", "squeue", "scancel", "scontrol", "sacct", "sacctmgr")


@pytest.fixture(autouse=True)
def _slurm(monkeypatch: pytest.MonkeyPatch) -> None:
    use_slurm(monkeypatch)


@pytest.fixture
def counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that gets a line for each of Slurm's programs that is started."""
    log, shims = tmp_path / "started", tmp_path / "bin"
    shims.mkdir()
    path = os.environ["PATH"]
    for name in PROGRAMS:
        shim = shims / name
        shim.write_text(f'#!/bin/sh\necho "{name} $*" >>{log}\nPATH="{path}" exec {name} "$@"\n')
        shim.chmod(0o755)
    monkeypatch.setenv("PATH", f"{shims}:{path}")
    return log


def light_sweep(folder: Path, points: int, **words: object) -> Sweep:
    notebook = write_notebook(folder / "light.ipynb", "pass", parameters="x = 0")
    request = Request(
        notebook=notebook,
        grid={"x": list(range(points))},
        backend="slurm",
        out=folder / "sweep",
        max_points=points,
        python=str(interpreter(folder)),
        **words,  # type: ignore[arg-type]
    )
    return Sweep.create(make_plan(request))


def test_more_points_than_the_cluster_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """300 points where an array has at most 101 tasks, and the cluster at most 200 jobs."""
    monkeypatch.setattr("nbbatch.sweep.TOP_UP_SECONDS", 3.0)
    with configured("MaxArraySize=101", "MaxJobCount=200"):
        sweep = light_sweep(tmp_path, 300)
        sweep.submit()
        accepted = [e for e in sweep.folder.events() if e["event"] == "accepted"]
        assert [(e["first"], e["size"]) for e in accepted] == [(1, 101), (102, 97)]
        assert Counter(v.state for v in sweep.views())[PointState.PENDING] == 102

        views = sweep.wait(300)

    assert Counter(v.state for v in views) == {PointState.OK: 300}
    ran = (sweep.root / "ran").read_text().split()
    assert sorted(ran) == sorted(point.id for point in sweep.points)


def test_ten_thousand_points_cost_a_bounded_number_of_commands(
    tmp_path: Path, counted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with configured("MaxJobCount=20000"):
        monkeypatch.setenv("NBBATCH_POLL_INTERVAL", "10")
        sweep = light_sweep(tmp_path, 10_000)
        counted.write_text("")
        sweep.submit()
        submitting = Counter(line.split()[0] for line in counted.read_text().splitlines())
        # Ten arrays of at most 1001 tasks and the job that builds the report.
        assert submitting["sbatch"] == 11
        assert submitting["squeue"] == 1
        assert submitting.total() <= 11 + 1 + 3  # …, scontrol show config, sacctmgr twice

        counted.write_text("")
        for _ in range(20):
            assert len(Sweep.open(sweep.root).views()) == 10_000
        looking = Counter(line.split()[0] for line in counted.read_text().splitlines())
        assert looking["squeue"] <= 5  # one in ten seconds
        sweep.cancel()


def test_an_accounts_limit_is_kept(tmp_path: Path) -> None:
    """MaxSubmitJobs of the association: what fits now is submitted, the rest waits."""
    if not accounting():
        return  # without accounting there is no such limit
    user = ("sacctmgr", "-i", "modify", "user", "root", "set")
    slurm(*user, "MaxSubmitJobs=5")
    try:
        sweep = light_sweep(tmp_path, 12)
        sweep.submit()
        (array,) = [e for e in sweep.folder.events() if e["event"] == "accepted"]
        assert array["size"] == 4  # one is kept for the job that builds the report
        while sweep.top_up():
            pass
        sweep.wait(120)
    finally:
        slurm(*user, "MaxSubmitJobs=-1")
    assert Counter(v.state for v in sweep.views()) == {PointState.OK: 12}
    assert len((sweep.root / "ran").read_text().split()) == 12


def test_an_impossible_request_is_refused_with_slurms_words(tmp_path: Path) -> None:
    from nbbatch.errors import CommandFailed

    sweep = light_sweep(tmp_path, 2, options=("partition=nowhere",))
    with pytest.raises(CommandFailed, match="Invalid partition name"):
        sweep.submit()
    assert [view.state for view in sweep.views()] == [PointState.PENDING] * 2
    assert farm("status")
