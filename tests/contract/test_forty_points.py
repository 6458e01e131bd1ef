"""Forty points that end in every way a notebook can end: nothing is lost, nothing is wrong."""

from __future__ import annotations

import json

import pytest

from nbbatch.collect.states import exit_code
from nbbatch.model import Cause, PointFiles, PointState, PointView
from nbbatch.sweep import Sweep

from .conftest import Bench

LINES = 50_000
MINUTES = 60.0
TIMEOUT = 150
"""Seconds; long for 50,000 lines even on a slow machine that does much else."""

BEHAVIOUR = """
import os, signal, time
print(f"point {x} begins", flush=True)
if how == "fails":
    raise RuntimeError(f"no convergence for {x}")
elif how == "hangs":
    time.sleep(600)
elif how == "kills":
    os.kill(os.getpid(), signal.SIGKILL)
elif how == "prints":
    for number in range(50_000):
        print(f"line {number}", flush=True)
elif how == "eats memory":
    pieces = []
    while True:
        pieces.append(bytearray(os.urandom(1 << 20)) * 16)
        time.sleep(0.01)
"""

# What hangs comes first: all others run meanwhile.
KINDS = ["hangs"] * 2 + ["fails", "kills", "eats memory", "prints"] * 4 + ["fine"] * 22

EXPECTED = {
    "fine": (PointState.OK, Cause.NONE),
    "prints": (PointState.OK, Cause.NONE),
    "fails": (PointState.FAILED, Cause.CELL_ERROR),
    "hangs": (PointState.TIMEOUT, Cause.NOTEBOOK_TIMEOUT),
    "kills": (PointState.DIED, Cause.KERNEL_DIED),
    "eats memory": (PointState.DIED, Cause.OUT_OF_MEMORY),
}


@pytest.mark.slow
@pytest.mark.waits
@pytest.mark.parametrize("backend", ["local"], indirect=True)
def test_forty_points(bench: Bench) -> None:
    notebook = bench.notebook(BEHAVIOUR, "print('the end')")
    points = [{"x": x, "how": kind} for x, kind in enumerate(KINDS)]
    words = {"timeout": TIMEOUT, "memory": "700MB", "jobs": 4}
    sweep = bench.run(notebook, {"points": points}, allow_unknown=True, **words)

    views = sweep.wait(15 * MINUTES)

    assert exit_code(views) == 1
    told = {v.point.id: (v.state, v.record.cause if v.record else None) for v in views}
    assert told == {v.point.id: EXPECTED[str(v.point.params["how"])] for v in views}
    for view in views:
        _check_files(sweep, view)
    assert len(views) == 40
    # Each ran once: a notebook's failure is a result.
    assert bench.ran() == sorted(str(x) for x in range(40))


def _check_files(sweep: Sweep, view: PointView) -> None:
    home = sweep.root / view.point.dir
    how, x = view.point.params["how"], view.point.params["x"]
    log = (home / PointFiles.LOG).read_text().splitlines()
    assert f"point {x} begins" in log
    if how == "prints":
        assert [line for line in log if line.startswith("line ")] == [
            f"line {number}" for number in range(LINES)
        ]
    notebook = json.loads((home / PointFiles.EXECUTED).read_text())
    behaviour, last = notebook["cells"][-3], notebook["cells"][-2]
    assert f"point {x} begins" in json.dumps(behaviour["outputs"])
    ran_through = view.state is PointState.OK
    assert (last["execution_count"] is not None) is ran_through
    assert (last["metadata"]["papermill"]["status"] == "completed") is ran_through
    assert (home / PointFiles.PAGE).stat().st_size > 0
