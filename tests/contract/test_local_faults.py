"""What only a machine of our own can be made to suffer: kill -9 of anything, any time."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from contextlib import suppress
from functools import partial
from typing import Any

import psutil
import pytest

from nbbatch.errors import SweepLocked
from nbbatch.model import PointFiles, PointState
from nbbatch.sweep import RESUMED, Sweep

from .conftest import LONG, Bench, states, until

pytestmark = pytest.mark.parametrize("backend", ["local"], indirect=True)

ROUNDS = 20
POINTS = [1, 2, 3, 4, 5, 6]


@pytest.mark.slow
@pytest.mark.parametrize("victim", ["supervisor", "worker", "kernel", "all"])
def test_kill_at_random_moments(bench: Bench, victim: str) -> None:
    """Whatever is killed, ``resume`` ends with the right results and runs no ok point again."""
    notebook = bench.notebook("import time; time.sleep(0.3)", "y = x * x")
    chance = random.Random(victim)
    for number in range(ROUNDS // 4):
        sweep = bench.run(
            notebook, {"x": POINTS}, collect=["y"], out=bench.folder / f"sweep-{number}"
        )
        time.sleep(chance.uniform(0.0, 4.0))
        # Looked at before the kill: what is ok now must never run again.
        ok_before = {v.point.params["x"] for v in sweep.views() if v.state is PointState.OK}
        ran_before = bench.ran()
        _kill(sweep, victim)

        for _ in range(5):
            with suppress(SweepLocked):  # the supervisor lives: it goes on by itself
                Sweep.open(sweep.root).submit(RESUMED)
            sweep.wait(LONG)
            if set(states(sweep).values()) == {"ok"}:
                break

        views = sweep.views()
        assert states(sweep) == dict.fromkeys(POINTS, "ok")
        for view in views:
            x = view.point.params["x"]
            assert view.record is not None
            assert view.record.metrics == {"y": x * x}  # type: ignore[operator]
            if x in ok_before:
                assert bench.ran().count(str(x)) == ran_before.count(str(x))
        until(partial(_no_kernels, sweep))
        (bench.folder / "ran").unlink(missing_ok=True)


@pytest.mark.slow
def test_no_kernel_outlives_everything_else(bench: Bench) -> None:
    sweep = bench.run(bench.notebook("import time; time.sleep(600)"), {"x": [1, 2]})
    until(lambda: len(bench.ran()) == 2)
    _kill(sweep, "supervisor")
    _kill(sweep, "workers")
    until(lambda: _kernels(sweep) == [])
    assert set(states(sweep).values()) == {"lost"}


@pytest.mark.slow
def test_workers_of_a_killed_supervisor_are_not_doubled(bench: Bench) -> None:
    """They end the point they are at; a new supervisor waits for them and takes the rest."""
    go = bench.folder / "go"
    wait = f"import os, time\nwhile not os.path.exists({str(go)!r}): time.sleep(0.05)"
    sweep = bench.run(bench.notebook(wait), {"x": [1, 2, 3, 4]})
    until(lambda: len(bench.ran()) == 2)
    _kill(sweep, "supervisor")

    seen = states(sweep)
    assert sorted(seen.values()) == ["lost", "lost", "running", "running"]
    Sweep.open(sweep.root).submit(RESUMED)
    assert bench.ran() == ["1", "2"]
    go.touch()
    sweep.wait(LONG)

    assert set(states(sweep).values()) == {"ok"}
    assert bench.ran() == bench.ended() == ["1", "2", "3", "4"]


@pytest.mark.slow
def test_termination_of_the_supervisor_keeps_what_was_printed(bench: Bench) -> None:
    """The machine shuts down: SIGTERM. Partial notebooks stay, ``resume`` goes on."""
    notebook = bench.notebook("print('half way', flush=True)\nimport time; time.sleep(600)")
    sweep = bench.run(notebook, {"x": [1]})
    log = sweep.root / sweep.points[0].dir / PointFiles.LOG
    until(lambda: log.exists() and "half way" in log.read_text())

    os.kill(_state(sweep)["pid"], signal.SIGTERM)
    sweep.wait(LONG)

    assert states(sweep) == {1: "interrupted"}
    partial = json.loads((log.parent / PointFiles.EXECUTED).read_text())
    assert any("half way" in str(cell.get("outputs")) for cell in partial["cells"])


def _state(sweep: Sweep) -> dict[str, Any]:
    state: dict[str, Any] = json.loads((sweep.folder.logs / "supervisor.json").read_text())
    return state


def _kernels(sweep: Sweep) -> list[int]:
    """Processes of a point of this sweep: they carry its id in their environment."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if process.environ().get("NBBATCH_SWEEP") == sweep.header.id:
                found.append(process.pid)
    return found


def _no_kernels(sweep: Sweep) -> bool:
    return not _kernels(sweep)


def _kill(sweep: Sweep, victim: str) -> None:
    state = _state(sweep)
    workers = [worker["pid"] for worker in state["workers"]]
    victims = {
        "supervisor": [state["pid"]],
        "worker": workers[:1],
        "workers": workers,
        "kernel": _kernels(sweep)[:1],
        "all": [state["pid"], *workers, *_kernels(sweep)],
    }[victim]
    for pid in victims:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    until(lambda: not any(_lives(pid) for pid in victims))


def _lives(pid: int) -> bool:
    with suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    return False


def test_a_watcher_sees_what_another_process_resumed(bench: Bench) -> None:
    """A point that one ``Sweep`` saw die runs again through another one."""
    cure = bench.folder / "cure"
    die = f"import os\nif not os.path.exists({str(cure)!r}): os.kill(os.getpid(), 9)"
    watcher = bench.run(bench.notebook(die), {"x": [1]})
    watcher.wait(LONG)
    assert states(watcher) == {1: "died"}
    cure.touch()
    Sweep.open(watcher.root).submit(RESUMED)
    watcher.wait(LONG)
    assert states(watcher) == {1: "ok"}
