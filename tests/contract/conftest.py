"""What every backend must do. The same tests run on each, on the real scheduler."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from nbbatch.model import PointState, PointView
from nbbatch.plan import Request, make_plan
from nbbatch.sweep import FAILED_TOO, Sweep
from tests.farm.slurm_pool import use_slurm
from tests.notebooks import write_notebook

LONG = 240.0
"""Seconds that a test waits for what must happen, on a slow and busy machine; no claim of speed."""


@pytest.fixture(
    params=[
        "local",
        pytest.param("htcondor", marks=pytest.mark.farm),
        pytest.param("slurm", marks=pytest.mark.farm),
    ]
)
def backend(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    name: str = request.param
    if name == "slurm":
        use_slurm(monkeypatch)
    if name == "htcondor" and "NBBATCH_FARM_FILES" not in os.environ:
        pytest.skip("not in a pool: tests/farm/htcondor/pytest-as-user runs this")
    return name


class Bench:
    """A notebook, a grid and a backend in a folder of their own.

    The notebook writes one line to ``ran`` at the start of each execution, and one to
    ``ended`` at its end; so a test counts executions, not records.
    """

    def __init__(self, folder: Path, backend: str) -> None:
        self.folder = folder
        self.backend = backend
        self.channel = folder
        """What the test and its notebooks see, even where jobs do not see the sweep."""
        if backend == "htcondor":
            self.channel = Path(os.environ["NBBATCH_FARM_CHANNEL"]) / secrets.token_hex(4)
            self.channel.mkdir(mode=0o777)
        self.node_python = ""
        """The interpreter of nodes that do not see ours."""
        if backend == "htcondor" and os.environ["NBBATCH_FARM_FILES"] != "shared":
            self.node_python = os.environ["NBBATCH_FARM_NODE_PYTHON"]
        self.out = folder / "sweep"
        self.sweeps: list[Sweep] = []

    def notebook(self, *cells: str) -> Path:
        note = "open({!r}, 'a').write(f'{{x}}\\n')"
        return write_notebook(
            self.folder / "scan.ipynb",
            note.format(str(self.channel / "ran")),
            *cells,
            note.format(str(self.channel / "ended")),
            parameters="x = 0",
        )

    def create(self, notebook: Path, grid: dict[str, Any], **words: Any) -> Sweep:
        asked = {"out": self.out, "backend": self.backend, "jobs": 2, **words}
        if self.node_python:
            asked.setdefault("python", self.node_python)
        sweep = Sweep.create(make_plan(Request(notebook=notebook, grid=grid, **asked)))
        self.sweeps.append(sweep)
        return sweep

    def run(self, notebook: Path, grid: dict[str, Any], **words: Any) -> Sweep:
        sweep = self.create(notebook, grid, **words)
        sweep.submit(FAILED_TOO)
        return sweep

    def ran(self) -> list[str]:
        return self._lines("ran")

    def ended(self) -> list[str]:
        return self._lines("ended")

    def _lines(self, name: str) -> list[str]:
        file = self.channel / name
        return sorted(file.read_text().split()) if file.exists() else []


@pytest.fixture
def bench(tmp_path: Path, backend: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    made = Bench(tmp_path, backend)
    yield made
    for sweep in made.sweeps:
        sweep.cancel()
        sweep.wait(LONG)


def states(sweep: Sweep) -> dict[Any, str]:
    """Parameter x → state."""
    return {view.point.params["x"]: view.state.value for view in sweep.views()}


def until(condition: Callable[[], object], timeout: float = LONG) -> None:
    """Return when ``condition`` holds; fail when it does not within ``timeout`` seconds."""
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def running(sweep: Sweep) -> list[PointView]:
    return [view for view in sweep.views() if view.state is PointState.RUNNING]
