"""Told to stop, and killed: what is kept, and what is left behind."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable

import psutil
import pytest

from nbbatch.model import Cause, Outcome
from tests.unit.worker.sweeps import PATIENCE, Sweep, processes_of, wait_until

LONG = "import time\nprint('begun', flush=True)\ntime.sleep(600)"
DEAF = """
import time
print('begun', flush=True)
while True:
    try:
        time.sleep(600)
    except KeyboardInterrupt:
        print('not listening', flush=True)
"""


@pytest.mark.parametrize("name", ["SIGTERM", pytest.param("SIGINT", marks=pytest.mark.slow)])
def test_a_signal_keeps_what_there_is(sweep: Callable[..., Sweep], name: str) -> None:
    stopped = sweep("print('first')", LONG, "print('last')", params=[{}, {}])
    with stopped.start() as worker:
        stopped.wait_for("begun")
        worker.send_signal(getattr(signal, name))
        worker.communicate(timeout=PATIENCE)

    assert worker.returncode == 75
    record = stopped.record()
    assert (record.outcome, record.cause) == (Outcome.INTERRUPTED, Cause.SIGNALLED)
    assert record.failure is not None
    assert record.failure.value == f"The worker was told to stop by {name}."
    assert record.failure.source == "time.sleep(600)"
    assert stopped.states() == ["completed", "failed", "pending"]
    assert "first" in stopped.log()
    assert not stopped.folder(1).exists()  # it took no other point
    assert processes_of(stopped) == []
    assert stopped.scratch() == []


@pytest.mark.slow
def test_a_kernel_that_does_not_listen_is_killed(sweep: Callable[..., Sweep]) -> None:
    stopped = sweep(DEAF)
    with stopped.start() as worker:
        stopped.wait_for("begun")
        begin = time.monotonic()
        worker.terminate()
        worker.communicate(timeout=PATIENCE)
        # The promise is five seconds; a loaded machine gets more, and it never ends by itself.
        assert time.monotonic() - begin < 60

    assert worker.returncode == 75
    assert stopped.record().cause is Cause.SIGNALLED
    assert "not listening" in stopped.log()
    assert processes_of(stopped) == []


@pytest.mark.slow
def test_a_second_signal_does_not_wait(sweep: Callable[..., Sweep]) -> None:
    stopped = sweep(DEAF)
    with stopped.start() as worker:
        stopped.wait_for("begun")
        worker.terminate()
        stopped.wait_for("not listening")
        worker.terminate()
        worker.communicate(timeout=PATIENCE)

    assert worker.returncode == 75
    assert stopped.record().cause is Cause.SIGNALLED
    assert processes_of(stopped) == []


@pytest.mark.slow
def test_the_scheduler_signals_the_kernel_as_well(sweep: Callable[..., Sweep]) -> None:
    """Slurm sends SIGTERM to every process of a job: the kernel's death is no failure."""
    stopped = sweep(LONG)
    with stopped.start() as worker:
        stopped.wait_for("begun")
        for process in processes_of(stopped):
            process.terminate()
        worker.terminate()
        worker.communicate(timeout=PATIENCE)

    assert worker.returncode == 75
    assert stopped.record().cause is Cause.SIGNALLED


@pytest.mark.slow
def test_an_idle_worker_leaves_at_once(sweep: Callable[..., Sweep]) -> None:
    with sweep("1").start("-") as worker:
        assert worker.stdin is not None
        assert worker.stdout is not None
        worker.stdin.write('{"not": "a bundle"}\n')
        worker.stdin.flush()
        assert json.loads(worker.stdout.readline()) == {"bundle": None, "exit": 75}
        worker.terminate()
        worker.wait(PATIENCE)

    assert worker.returncode == 75


@pytest.mark.parametrize("warm", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_kill_9_of_the_worker_takes_the_kernel_with_it(
    sweep: Callable[..., Sweep], warm: bool
) -> None:
    killed = sweep(LONG, retries=1, warm=warm)
    with killed.start() as worker:
        killed.wait_for("begun")
        kernels = processes_of(killed)
        worker.kill()
        worker.wait(PATIENCE)

    # The next worker cleans up behind the killed one, but not what could still be in use.
    left = set(killed.temporary.iterdir())
    assert left
    with killed.start("-") as another:
        another.communicate("", PATIENCE)
    assert set(killed.temporary.iterdir()) == left
    for folder in left:
        os.utime(folder, (0, 0))
    with killed.start("-") as another:
        another.communicate("", PATIENCE)
    assert killed.scratch() == []

    assert kernels
    psutil.wait_procs(kernels, timeout=PATIENCE)
    assert processes_of(killed) == []
    assert "begun" in killed.log()


@pytest.mark.slow
def test_a_point_that_kills_its_worker_each_time_is_given_up(
    sweep: Callable[..., Sweep],
) -> None:
    killer = sweep(
        "import os, signal\nif kill: os.kill(int(os.environ['JPY_PARENT_PID']), signal.SIGKILL)",
        params=[{"kill": True}, {"kill": False}],
        retries=1,
    )
    assert killer.run() == -signal.SIGKILL
    assert killer.run() == -signal.SIGKILL
    assert killer.run() == 0

    record = killer.record(0)
    assert (record.outcome, record.cause) == (Outcome.DIED, Cause.WORKER_ERROR)
    assert record.failure is not None
    assert record.failure.value.startswith("2 attempts began and none came to an end")
    assert [line["attempt"] for line in killer.attempts(0)] == [1, 2]
    assert killer.record(1).outcome is Outcome.OK

    # ``resume`` gives it new tries.
    with (killer.folder(0) / "attempts.jsonl").open("a") as stream:
        stream.write('{"reset": true}\n')
    assert killer.run() == -signal.SIGKILL
    assert killer.attempts(0)[-1]["attempt"] == 3


@pytest.mark.slow
def test_what_a_notebook_starts_ends_with_it(sweep: Callable[..., Sweep]) -> None:
    """Also a daemon that left the kernel's session and was orphaned."""
    family = sweep(
        """
import subprocess, multiprocessing, time
subprocess.Popen("setsid sleep 600 & setsid sleep 600 &", shell=True, start_new_session=True)
multiprocessing.get_context("fork").Process(target=time.sleep, args=(600,), daemon=False).start()
print("started")
"""
    )
    assert family.run() == 0

    assert family.record().outcome is Outcome.OK
    wait_until(lambda: processes_of(family) == [], "the end of its processes")
