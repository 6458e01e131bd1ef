"""Requests to the supervisor of local workers, and what it does with those of an earlier one."""

from __future__ import annotations

import json
import os
from pathlib import Path
from signal import Signals

import pytest

from nbbatch.backends.local import processes
from nbbatch.backends.local.backend import REQUESTS, STATE, LocalBackend
from nbbatch.backends.local.supervisor import STOP_SECONDS, Supervisor
from nbbatch.folder import SweepFolder
from nbbatch.model import Job, JobPhase
from nbbatch.plan import Request, make_plan
from nbbatch.sweep import Sweep
from tests.notebooks import write_notebook


@pytest.fixture
def sweep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sweep:
    """Three points, queued as the second batch, while none of them runs yet."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    notebook = tmp_path / "scan.ipynb"
    write_notebook(notebook, "y = x * 2", parameters="x = 1")
    plan = make_plan(Request(notebook=notebook, grid={"x": [1, 2, 3]}, out=tmp_path / "sweep"))
    sweep = Sweep.create(plan)
    folder = SweepFolder(sweep.root)
    folder.logs.mkdir(exist_ok=True)
    bundles = [[point.id] for point in sweep.points]
    folder.write_batch(2, {"batch": 2, "first": 11, "bundles": bundles})
    return sweep


def test_jobs_of_an_earlier_batch_are_no_jobs_of_this_one(sweep: Sweep) -> None:
    backend = LocalBackend(sweep.root)
    logs = SweepFolder(sweep.root).logs
    state = {**processes.identity(), "array": "local-2", "over": False, "workers": []}
    (logs / STATE).write_text(json.dumps(state))

    backend.hold({Job("local-1", 0), Job("local-2", 2)})
    backend.cancel({Job("local-1", 1)})
    backend.cancel(None)

    said = [json.loads(line) for line in (logs / REQUESTS).read_text().splitlines()]
    assert said == [
        {"do": "hold", "jobs": [2]},
        {"do": "cancel", "jobs": []},
        {"do": "cancel", "jobs": None},
    ]


def test_a_worker_of_a_killed_supervisor_is_asked_once_to_save_what_it_has(
    sweep: Sweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The third signal ends a worker at once, without its notebook."""
    sent: list[str] = []
    monkeypatch.setattr(os, "kill", lambda _, number: sent.append(Signals(number).name))
    clock = 1000.0
    monkeypatch.setattr("nbbatch.backends.local.supervisor.time.monotonic", lambda: clock)
    supervisor = Supervisor(sweep.root, 2)
    supervisor.orphans = [{**processes.identity(), "index": 0, "slot": 1}]

    for _ in range(5):
        supervisor._stop_work()
    assert sent == ["SIGTERM"]
    clock += STOP_SECONDS + 1
    supervisor._stop_work()
    assert sent == ["SIGTERM", "SIGKILL"]


def test_a_point_that_an_earlier_supervisor_began_runs_until_it_has_ended(
    sweep: Sweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many supervisors are killed meanwhile: it is not begun a second time."""
    backend, logs = LocalBackend(sweep.root), SweepFolder(sweep.root).logs
    worker = {**processes.identity(), "slot": 1, "index": 4}
    state = {**processes.identity(), "array": "local-1", "over": False, "workers": [worker]}
    (logs / STATE).write_text(json.dumps(state))

    for _ in range(2):
        supervisor = Supervisor(sweep.root, 2)
        supervisor._adopt_orphans()
        supervisor._write_state()
        assert backend.poll(())[Job("local-1", 4)].phase is JobPhase.RUNNING

    monkeypatch.setattr(processes, "alive", lambda process: "slot" in process)  # all but the last
    assert list(backend.poll(())) == [Job("local-1", 4)]
    asked: list[int] = []
    monkeypatch.setattr(processes, "terminate", lambda process: asked.append(process["index"]))
    backend.cancel({Job("local-2", 4)})
    assert asked == []
    backend.cancel({Job("local-1", 4)})
    assert asked == [4]
