"""What a sweep asks of Slurm, and whether its jobs get it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from nbbatch.model import PointState
from nbbatch.sweep import RESUMED
from tests.contract.conftest import LONG, Bench, states, until
from tests.notebooks import write_notebook

from .slurm_pool import CONFIGURATION, accounting, farm, slurm, use_slurm


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    use_slurm(monkeypatch)
    yield Bench(tmp_path, "slurm")
    farm("clean")


def test_gpus_memory_and_disk(bench: Bench) -> None:
    """The node of the farm has two "gpus": one is the job's, and the kernel is told which."""
    notebook = bench.notebook("import os; seen = os.environ.get('CUDA_VISIBLE_DEVICES', 'none')")
    asked = {"gpus": 1, "disk": "2GB", "memory": "500MB", "cpus": 2}
    sweep = bench.run(notebook, {"x": [1]}, collect=["seen"], **asked)
    (accepted,) = [e for e in sweep.folder.events() if e["event"] == "accepted"]
    job = slurm("scontrol", "show", "job", accepted["array"])
    for words in ("TresPerNode=gres:gpu:1", "MinTmpDiskNode=2G", "mem=500M", "CPUs/Task=2"):
        assert words in job
    (view,) = sweep.wait(LONG)
    assert view.record is not None and view.record.metrics["seen"] in ("0", "1", 0, 1)


def test_a_container(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program in apptainer's place notes how it is called and runs what follows the image."""
    programs, called = bench.folder / "bin", bench.folder / "called"
    programs.mkdir()
    stand_in = programs / "apptainer"
    stand_in.write_text(
        f'#!/bin/bash\necho "$*" >>{called}\nuntil [ "$1" = /images/fit.sif ]; do shift; done\n'
        'shift; exec "$@"\n'
    )
    stand_in.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    image = {"container": "/images/fit.sif", "python": sys.executable}
    sweep = bench.run(bench.notebook(), {"x": [1]}, **image)
    sweep.wait(LONG)
    assert states(sweep) == {1: "ok"}
    words = called.read_text().splitlines()[0].split()
    assert words[:3] == ["exec", "--bind", str(sweep.root)]
    assert words[-4:] == [sys.executable, "-m", "nbbatch.worker", "bundles/0001.json"]


def test_a_deadline_that_cannot_be_kept(bench: Bench) -> None:
    late = ("deadline=now+5",)
    sweep = bench.run(bench.notebook(), {"x": [1]}, time="10m", options=late)
    (view,) = sweep.wait(LONG)
    assert view.state is PointState.LOST  # it never began: `resume` is right
    assert view.reason == "its --deadline passed: run it again with a later one"
    assert bench.ran() == []


TRACED = """import os, time
def note(sign):
    with open({trace!r}, 'a') as trace:
        trace.write(sign)
note('+')
while not os.path.exists({go!r} + str(x)) and not os.path.exists({go!r} + 'all'):
    time.sleep(0.05)
note('-')"""


def test_jobs_bounds_the_sweep_also_when_it_is_extended(bench: Bench) -> None:
    """Two arrays share the two places: the new one has one when a point of the old one ends."""
    trace, go = bench.folder / "trace", bench.folder / "go-"
    trace.touch()
    notebook = bench.notebook(TRACED.format(trace=str(trace), go=str(go)))
    bench.run(notebook, {"x": [1, 2, 3, 4, 5]}, jobs=2)
    until(lambda: bench.ran() == ["1", "2"])

    sweep = bench.run(notebook, {"x": [1, 2, 3, 4, 5, 6, 7, 8]}, jobs=2)
    Path(f"{go}1").touch()
    until(lambda: len(bench.ran()) == 3)
    assert bench.ran() == ["1", "2", "6"]  # not 3: the old array has one place now

    Path(f"{go}2").touch()
    until(lambda: bench.ran() == ["1", "2", "3", "6"])
    for x in (6, 7, 8):  # the new array comes to its end, and the old one gets its place back
        Path(f"{go}{x}").touch()
    until(lambda: len(bench.ended()) == 5)

    def both_places() -> bool:
        sweep.top_up()  # what `status`, `wait` and the job at the end do
        return bench.ran() == ["1", "2", "3", "4", "6", "7", "8"]

    sweep.views()
    until(both_places)
    Path(f"{go}all").touch()
    sweep.wait(LONG)
    assert set(states(sweep).values()) == {"ok"}
    running = [
        trace.read_text()[:n].count("+") - trace.read_text()[:n].count("-") for n in range(17)
    ]
    assert max(running) == 2


# ------------------------------------------------------------------------ an ordinary user


@pytest.fixture
def user_folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    use_slurm(monkeypatch)
    folder = Path(tempfile.mkdtemp(prefix="nbslurm-", dir="/tmp"))
    shutil.chown(folder, "nbtest", "nbtest")
    yield folder
    farm("clean")
    shutil.rmtree(folder)


def as_user(folder: Path, *words: str) -> str:
    """Output of nbbatch, run by the farm's ordinary user."""
    readable = Path(__file__).parent / "htcondor" / "readable-checkout"
    checkout = subprocess.run([readable], check=True, capture_output=True, text=True).stdout.strip()
    environment = {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": str(folder),
        "SLURM_CONF": str(CONFIGURATION),
        "NBBATCH_POLL_INTERVAL": "0.5",
        "NBBATCH_GRACE": "2",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    user = ["setpriv", "--reuid", "nbtest", "--regid", "nbtest", "--init-groups"]
    done = subprocess.run(
        [*user, f"{checkout}/.venv/bin/python", "-m", "nbbatch", *words],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert not done.stderr, done.stderr
    return done.stdout


def test_root_cancels_a_users_job(user_folder: Path) -> None:
    hang = "print('half way', flush=True)\nimport time; time.sleep(600)"
    notebook = write_notebook(user_folder / "scan.ipynb", hang, parameters="x = 0")
    notebook.chmod(0o644)
    as_user(user_folder, "run", "scan.ipynb", "-p", "x=1", "--out", "sweep", "--backend", "slurm",
            "--detach")  # fmt: skip
    until(
        lambda: any("half way" in log.read_text() for log in user_folder.glob("*/*/*/output.log"))
    )
    events = (user_folder / "sweep" / "journal.jsonl").read_text().splitlines()
    (array,) = [e["array"] for e in map(json.loads, events) if e["event"] == "accepted"]

    slurm("scancel", f"{array}_0")  # root, as this test is

    words = "by root" if accounting() else "in Slurm"

    def point() -> dict[str, str]:
        found: dict[str, str] = json.loads(as_user(user_folder, "status", "sweep", "--json"))[
            "points"
        ][0]
        return found

    until(lambda: point()["state"] == "cancelled" and words in point()["reason"])
    assert "resume" in point()["reason"]
    assert {PointState.CANCELLED} <= RESUMED
