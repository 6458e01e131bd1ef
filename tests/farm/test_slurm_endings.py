"""How jobs end for real, and what becomes of their points."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from nbbatch.model import Cause, PointFiles, PointState, PointView
from nbbatch.sweep import RESUMED, Sweep
from tests.contract.conftest import LONG, Bench, states, until

from .slurm_pool import accounting, configured, farm, kept, slurm, use_slurm

HANG = "print('half way', flush=True)\nimport time; time.sleep(600)"


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    use_slurm(monkeypatch)
    yield Bench(tmp_path, "slurm")
    farm("up", *kept())  # whatever was stopped or set down: the next test finds it as it was
    farm("clean")


def wait_for_go(bench: Bench) -> str:
    go = str(bench.folder / "go")
    return f"import os, time\nwhile not os.path.exists({go!r}): time.sleep(0.05)"


def job(sweep: Sweep) -> str:
    """The first task of the sweep's last array, as Slurm names it."""
    accepted = [event for event in sweep.folder.events() if event["event"] == "accepted"]
    return f"{accepted[-1]['array']}_0"


def half_way(sweep: Sweep) -> bool:
    log = sweep.root / sweep.points[0].dir / PointFiles.LOG
    return log.exists() and "half way" in log.read_text()


def partial(sweep: Sweep, view: PointView) -> str:
    return (sweep.root / view.point.dir / PointFiles.EXECUTED).read_text()


def test_out_of_time_is_a_result_with_all_that_was_printed(bench: Bench) -> None:
    sweep = bench.run(bench.notebook(HANG), {"x": [1]}, time="1m")
    (view,) = sweep.wait(LONG)
    assert view.state is PointState.TIMEOUT
    assert view.record is not None and view.record.cause is Cause.WALLTIME
    assert view.record.failure is not None
    assert view.record.failure.source == "import time; time.sleep(600)"
    assert "half way" in partial(sweep, view)
    assert bench.ran() == ["1"]  # with the same time it would end the same way


EAT = "import time\nkept = []\nwhile True: kept.append(bytearray(10**7)); time.sleep(0.02)"


def test_out_of_memory_tells_what_to_ask_for(bench: Bench) -> None:
    sweep = bench.run(bench.notebook(EAT), {"x": [1]}, memory="400MB")
    (view,) = sweep.wait(LONG)
    assert view.state is PointState.DIED
    # Without cgroups Slurm kills the worker, too, before it can write a record.
    assert view.record is None or view.record.cause is Cause.OUT_OF_MEMORY
    until(lambda: "resume with --memory 800MB" in sweep_reason(sweep))


def test_out_of_memory_where_slurm_polls_and_kills_all(bench: Bench) -> None:
    """Sites without cgroups: squeue says FAILED, only the end of the job's log says why."""
    with configured("TaskPlugin=task/none", "JobAcctGatherParams=OverMemoryKill"):
        sweep = bench.run(bench.notebook(EAT), {"x": [1]}, memory="400MB")
        (view,) = sweep.wait(LONG)
        assert view.state is PointState.DIED
        assert "out of memory: asked 400MB" in view.reason


def test_retry_with_more_memory(bench: Bench) -> None:
    """Only the point that ran out of it is tried again, with twice as much."""
    eat = "kept = bytearray(500_000_000) if x == 2 else None"
    sweep = bench.run(bench.notebook(eat), {"x": [1, 2]}, memory="400MB", retry_memory="2x")
    sweep.wait(LONG)
    assert states(sweep) == {1: "ok", 2: "ok"}
    assert bench.ran() == ["1", "2", "2"]
    asked = [
        script.read_text().split("--mem=")[1].split("\n")[0]
        for script in sorted(sweep.folder.submit.glob("*-[0-9].sh"))
    ]
    assert asked == ["400M", "800M"]


def sweep_reason(sweep: Sweep) -> str:
    """What another process says of the first point."""
    return Sweep.open(sweep.root).views()[0].reason


def test_cancelled_in_slurm_by_hand(bench: Bench) -> None:
    sweep = bench.run(bench.notebook(HANG), {"x": [1]})
    until(lambda: half_way(sweep))
    slurm("scancel", job(sweep))
    (view,) = sweep.wait(LONG)
    assert view.state is PointState.CANCELLED
    assert "half way" in partial(sweep, view)
    assert "cancelled in Slurm" in view.reason


def test_requeued_by_an_administrator(bench: Bench) -> None:
    sweep = bench.run(bench.notebook(wait_for_go(bench)), {"x": [1]})
    until(lambda: bench.ran() == ["1"])
    slurm("scontrol", "requeue", job(sweep))
    until(lambda: bench.ran() == ["1", "1"])
    (bench.folder / "go").touch()
    (view,) = sweep.wait(LONG)
    assert (view.state, view.attempts) == (PointState.OK, 2)
    assert bench.ended() == ["1"]


def test_preempted_for_good_then_resumed(bench: Bench) -> None:
    notebook = bench.notebook(wait_for_go(bench))
    sweep = bench.run(notebook, {"x": [1]}, options=("partition=scavenge",))
    until(lambda: bench.ran() == ["1"])
    urgent = ("-p", "urgent", "-n", "8", "-o", "/dev/null", "--wrap", "true")
    slurm("sbatch", *urgent)
    (view,) = sweep.wait(LONG)
    # The farm's KillWait is 5 s: a busy machine may not have saved and recorded by then.
    assert view.state in (PointState.INTERRUPTED, PointState.LOST)
    assert "preempted" in view.reason
    (bench.folder / "go").touch()
    sweep.submit(RESUMED)
    sweep.wait(LONG)
    assert states(sweep) == {1: "ok"}


def test_slurmd_killed_and_restarted(bench: Bench) -> None:
    sweep = bench.run(bench.notebook(wait_for_go(bench)), {"x": [1, 2]})
    until(lambda: len(bench.ran()) == 2)
    farm("kill", "slurmd")
    assert states(sweep) == {1: "running", 2: "running"}
    farm("start", "slurmd")
    (bench.folder / "go").touch()
    sweep.wait(LONG)
    assert set(states(sweep).values()) == {"ok"}
    assert bench.ran() == bench.ended() == ["1", "2"]


def test_slurmctld_restarted_in_the_middle(bench: Bench) -> None:
    """While it is away nothing is known, and nothing is called lost."""
    sweep = bench.run(bench.notebook(wait_for_go(bench)), {"x": [1, 2, 3]})
    until(lambda: len(bench.ran()) == 2)
    farm("stop", "slurmctld")  # killed with -9 it would forget that the jobs began
    sweep.backend.queue.forget()  # type: ignore[attr-defined]
    away = sweep.views()
    assert {view.state for view in away} == {PointState.UNKNOWN}
    assert "does not answer" in away[0].reason
    farm("start", "slurmctld")
    (bench.folder / "go").touch()
    sweep.wait(LONG)
    assert set(states(sweep).values()) == {"ok"}
    assert bench.ran() == bench.ended() == ["1", "2", "3"]


def test_node_fails_and_comes_back(bench: Bench) -> None:
    """Slurm queues its jobs again by itself; the point is tried again."""
    sweep = bench.run(bench.notebook(wait_for_go(bench)), {"x": [1]})
    until(lambda: bench.ran() == ["1"])
    farm("fail-node")
    try:
        until(lambda: "down" in sweep.views()[0].reason)
    finally:
        farm("resume-node")
    (bench.folder / "go").touch()
    (view,) = sweep.wait(LONG)
    assert (view.state, view.attempts) == (PointState.OK, 2)


def test_a_worker_that_cannot_start_says_why(bench: Bench) -> None:
    sweep = bench.run(bench.notebook(), {"x": [1]}, python="/no/such/python", retries=0)
    (view,) = sweep.wait(LONG)
    assert view.state is PointState.LOST
    assert "/no/such/python" in view.reason


def test_what_squeue_has_forgotten_is_found_in_accounting_or_logs(bench: Bench) -> None:
    """Nobody looked while the job was in the queue; the ending is told all the same."""
    sweep = bench.run(bench.notebook(HANG), {"x": [1]}, setup="sleep 600")
    task = job(sweep)
    log = next(iter([*sweep.folder.logs.glob("*_0.log")]), None)
    until(lambda: any(sweep.folder.logs.glob("*_0.log")))
    assert log is None or log.exists()
    slurm("scancel", task)
    until(lambda: task not in slurm("squeue", "-h", "-r", "-t", "all", "-o", "%i"))
    (view,) = sweep.wait(LONG)
    assert view.state is PointState.CANCELLED
    assert "cancelled in Slurm" in view.reason


def test_usage_comes_from_accounting(bench: Bench) -> None:
    sweep = bench.run(bench.notebook("import time; time.sleep(2)"), {"x": [1]})
    sweep.wait(LONG)
    accepted = next(e for e in sweep.folder.events() if e["event"] == "accepted")
    from nbbatch.model import Job

    wanted = Job(accepted["array"], 0)
    if not accounting():
        assert sweep.backend.usage([wanted]) == {}
        return
    until(lambda: sweep.backend.usage([wanted])[wanted].ended == "COMPLETED")
    used = sweep.backend.usage([wanted])[wanted]
    assert used.wall_seconds is not None and used.wall_seconds >= 2
    assert used.peak_memory is not None and used.peak_memory > 10_000_000
