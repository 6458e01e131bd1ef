"""How jobs end for real, and what becomes of their points."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from nbbatch.errors import CommandFailed
from nbbatch.model import Cause, Job, PointFiles, PointState, PointView, Usage
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


def test_out_of_time_is_a_result_and_is_tried_again_with_more_where_asked(
    bench: Bench, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    second = Bench(other, "slurm")
    hang_once = f"import os\nif os.path.exists({str(other / 'ended')!r}) or x == 2: pass\nelse:\n"
    first_time = f"open({str(other / 'ran')!r}).read().split().count('1') == 1"
    hang_once = HANG.replace("600", f"600 if x == 1 and {first_time} else 0")
    sweep = bench.run(bench.notebook(HANG), {"x": [1]}, time="1m")
    again = second.run(second.notebook(hang_once), {"x": [1, 2]}, time="1m", retry_time="2x")

    (view,) = sweep.wait(LONG)
    assert view.state is PointState.TIMEOUT
    assert view.record is not None and view.record.cause is Cause.WALLTIME
    assert view.record.failure is not None
    assert view.record.failure.source == "import time; time.sleep(600)"
    assert "half way" in partial(sweep, view)
    assert bench.ran() == ["1"]  # with the same time it would end the same way

    again.wait(LONG)
    assert states(again) == {1: "ok", 2: "ok"}
    assert second.ran() == ["1", "1", "2"]  # only the point that ran out of it
    assert requests(again, "--time=") == ["00:01:00", "00:02:00"]


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
        if accounting():
            words = r"out of memory: asked 400MB, used \d+(\.\d+)?[MG]B: resume with --memory"
            until(lambda: re.match(words, sweep_reason(sweep)))


def test_retry_with_more_memory(bench: Bench) -> None:
    """Only the point that ran out of it is tried again, with twice as much."""
    eat = "kept = bytearray(500_000_000) if x == 2 else None"
    sweep = bench.run(bench.notebook(eat), {"x": [1, 2]}, memory="400MB", retry_memory="2x")
    sweep.wait(LONG)
    assert states(sweep) == {1: "ok", 2: "ok"}
    assert bench.ran() == ["1", "2", "2"]
    assert requests(sweep, "--mem=") == ["400M", "800M"]


def requests(sweep: Sweep, option: str) -> list[str]:
    """What the sweep's arrays asked for, one after the other."""
    return [
        script.read_text().split(option)[1].split("\n")[0]
        for script in sorted(sweep.folder.submit.glob("*-[0-9].sh"))
    ]


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


def urgent_job() -> None:
    """A job that takes the node from those of other partitions."""
    slurm("sbatch", "-p", "urgent", "-n", "8", "-o", "/dev/null", "--wrap", "sleep 1")


def test_preempted_and_queued_again(bench: Bench) -> None:
    """As most sites have it: the point is tried again by itself, and has a record of both."""
    sweep = bench.run(bench.notebook(wait_for_go(bench)), {"x": [1]})
    until(lambda: bench.ran() == ["1"])
    urgent_job()
    until(lambda: bench.ran() == ["1", "1"])
    (bench.folder / "go").touch()
    (view,) = sweep.wait(LONG)
    assert (view.state, view.attempts) == (PointState.OK, 2)
    assert bench.ended() == ["1"]


def test_preempted_for_good_then_resumed(bench: Bench) -> None:
    """Where the partition cancels what it preempts, the worker has saved what there was."""
    notebook = bench.notebook("print('half way', flush=True)", wait_for_go(bench))
    sweep = bench.run(notebook, {"x": [1]}, options=("partition=scavenge",))
    until(lambda: half_way(sweep))
    urgent_job()
    (view,) = sweep.wait(LONG)
    assert view.state is PointState.INTERRUPTED
    assert "preempted" in view.reason
    assert "half way" in partial(sweep, view)
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
    sweep = bench.run(bench.notebook(HANG), {"x": [1]}, setup="sleep 600 & wait")
    task = job(sweep)
    until(lambda: any(sweep.folder.logs.glob("*_0.log")))
    slurm("scancel", task)
    until(lambda: task not in slurm("squeue", "-h", "-r", "-t", "all", "-o", "%i"))
    (view,) = sweep.wait(LONG)
    assert view.state is PointState.CANCELLED
    assert "cancelled in Slurm" in view.reason


def test_usage_comes_from_accounting(bench: Bench) -> None:
    """Also where slurmdbd was away when the job ended: slurmctld tells it later.

    The job lasts several times JobAcctGatherFrequency: what is never sampled has no peak.
    """
    with_accounts = accounting()
    if with_accounts:
        farm("stop", "slurmdbd")
    eat = "kept = b'x' * 200_000_000"
    sweep = bench.run(bench.notebook(eat, "import time; time.sleep(4)"), {"x": [1]})
    sweep.wait(LONG)
    accepted = next(e for e in sweep.folder.events() if e["event"] == "accepted")
    wanted = Job(accepted["array"], 0)
    if not with_accounts:
        assert sweep.backend.usage([wanted]) == {}
        return
    with pytest.raises(CommandFailed, match="sacct"):
        sweep.backend.usage([wanted])
    farm("start", "slurmdbd")

    def told() -> Usage:
        return sweep.backend.usage([wanted]).get(wanted, Usage())

    until(lambda: told().ended == "COMPLETED" and told().peak_memory)
    used = told()
    assert used.wall_seconds is not None and used.wall_seconds >= 4
    assert used.peak_memory is not None and used.peak_memory > 200_000_000
