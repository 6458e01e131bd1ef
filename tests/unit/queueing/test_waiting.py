"""``wait`` and what other processes do meanwhile."""

from __future__ import annotations

from pathlib import Path

import pytest

from nbbatch.model import PointState
from nbbatch.plan import Request, make_plan
from nbbatch.sweep import Sweep
from tests.notebooks import write_notebook
from tests.views import a_view


@pytest.mark.parametrize(
    "first", [pytest.param(None, id="it has the lock"), pytest.param(0, id="it has just done it")]
)
def test_a_point_that_another_process_tries_again_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first: int | None
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    notebook = write_notebook(tmp_path / "scan.ipynb", "y = x", parameters="x = 0")
    asked = {"memory": "1GB", "retry_memory": "2x", "out": tmp_path / "sweep"}
    sweep = Sweep.create(make_plan(Request(notebook=notebook, grid={"x": [1]}, **asked)))
    looks = iter([PointState.DIED, PointState.QUEUED, PointState.OK, PointState.OK])
    monkeypatch.setattr(sweep, "views", lambda: [a_view(0, {"x": 1}, next(looks))])
    tries = iter([first, 0])
    monkeypatch.setattr(sweep, "_retry_with_more", lambda: next(tries))

    (view,) = sweep.wait(30, interval=0.01)

    assert view.state is PointState.OK
