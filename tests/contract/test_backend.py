"""The contract: what a user may rely on, whatever the backend."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from nbbatch.model import PointFiles, PointState
from nbbatch.sweep import FAILED_TOO, RESUMED, Sweep
from tests.notebooks import write_notebook

from .conftest import LONG, Bench, running, states, until

WAIT_FOR_GO = "import os, time\nwhile not os.path.exists({go!r}): time.sleep(0.05)"


def test_every_point_runs_once_and_leaves_everything(bench: Bench) -> None:
    notebook = bench.notebook("print('x is', x)", "y = x * 2")
    sweep = bench.run(notebook, {"x": [1, 2, 3]}, collect=["y"])

    views = sweep.wait(LONG)

    assert [view.state for view in views] == [PointState.OK] * 3
    assert bench.ran() == bench.ended() == ["1", "2", "3"]
    for view in views:
        x = view.point.params["x"]
        assert view.record is not None
        assert view.record.metrics == {"y": x * 2}  # type: ignore[operator]
        home = sweep.root / view.point.dir
        assert f"x is {x}" in (home / PointFiles.LOG).read_text()
        assert f"x is {x}" in (home / PointFiles.PAGE).read_text()
        executed = json.loads((home / PointFiles.EXECUTED).read_text())
        assert executed["metadata"]["papermill"]["parameters"] == {"x": x}


@pytest.mark.slow
def test_the_summary_notebook_runs_on_all_results(bench: Bench) -> None:
    """With nobody there, where the last job sees the sweep."""
    count = "print(len(open(results).read().splitlines()) - 1, 'rows')"
    summary = write_notebook(bench.folder / "summary.ipynb", count, parameters="results = ''")
    sweep = bench.run(bench.notebook(), {"x": [1, 2, 3]}, summary=summary)

    views = sweep.wait(LONG)
    if bench.node_python:  # jobs do not see it: whoever looks ends it
        sweep.settle(views)
    until(sweep.is_finished)

    assert "3 rows" in (sweep.root / "summary" / PointFiles.LOG).read_text()
    told = sweep.output.summary_told(sweep.views())
    assert told is not None
    assert (told.error, told.outdated) == ("", False)


def test_a_failing_point_is_a_result_and_is_not_tried_again(bench: Bench) -> None:
    notebook = bench.notebook("if x == 2:\n    raise ValueError(f'no fit for {x}')")
    sweep = bench.run(notebook, {"x": [1, 2, 3]})

    views = sweep.wait(LONG)

    assert states(sweep) == {1: "ok", 2: "failed", 3: "ok"}
    failed = views[1].record
    assert failed is not None and failed.failure is not None
    assert (failed.failure.name, failed.failure.value) == ("ValueError", "no fit for 2")
    assert bench.ran() == ["1", "2", "3"]


@pytest.mark.slow
def test_the_same_run_again_runs_only_what_is_missing_or_not_ok(bench: Bench) -> None:
    cure = bench.channel / "cure"
    notebook = bench.notebook(f"import os\nassert x != 2 or os.path.exists({str(cure)!r})")
    bench.run(notebook, {"x": [1, 2]}).wait(LONG)
    cure.touch()

    sweep = bench.run(notebook, {"x": [1, 2, 3]})  # the grid was extended, too
    sweep.wait(LONG)

    assert states(sweep) == {1: "ok", 2: "ok", 3: "ok"}
    assert bench.ran() == ["1", "2", "2", "3"]


@pytest.mark.slow
def test_an_edited_notebook_makes_results_stale(bench: Bench) -> None:
    bench.run(bench.notebook("y = 1"), {"x": [1, 2]}).wait(LONG)
    sweep = bench.run(bench.notebook("y = 2"), {"x": [1, 2]}, collect=["y"])
    views = sweep.wait(LONG)
    assert [view.record.metrics for view in views if view.record] == [{"y": 2}] * 2
    assert bench.ran() == ["1", "1", "2", "2"]


@pytest.mark.slow
def test_cancel_then_resume(bench: Bench) -> None:
    go = bench.channel / "go"
    notebook = bench.notebook(WAIT_FOR_GO.format(go=str(go)))
    sweep = bench.run(notebook, {"x": [1, 2, 3, 4]})
    until(lambda: len(bench.ran()) == 2)

    sweep.cancel()
    sweep.wait(LONG)

    assert set(states(sweep).values()) == {"cancelled"}
    assert bench.ended() == []
    go.touch()
    again = Sweep.open(sweep.root)
    assert len(again.submit(RESUMED)) == 4
    again.wait(LONG)
    assert set(states(again).values()) == {"ok"}
    assert bench.ended() == ["1", "2", "3", "4"]


@pytest.mark.slow
def test_cancel_some_points(bench: Bench) -> None:
    go = bench.channel / "go"
    sweep = bench.run(bench.notebook(WAIT_FOR_GO.format(go=str(go))), {"x": [1, 2, 3, 4]})
    until(lambda: len(bench.ran()) == 2)
    one_running, last = running(sweep)[0].point, sweep.points[3]

    sweep.cancel([one_running.id, last.id])
    until(lambda: list(states(sweep).values()).count("cancelled") == 2)
    go.touch()
    sweep.wait(LONG)

    expected = dict.fromkeys((1, 2, 3, 4), "ok")
    expected |= {one_running.params["x"]: "cancelled", 4: "cancelled"}  # type: ignore[dict-item]
    assert states(sweep) == expected


@pytest.mark.slow
def test_hold_and_release(bench: Bench) -> None:
    go = bench.channel / "go"
    notebook = bench.notebook(WAIT_FOR_GO.format(go=str(go)))
    sweep = bench.run(notebook, {"x": [1, 2, 3, 4]})
    until(lambda: len(bench.ran()) == 2)

    sweep.hold()
    until(lambda: list(states(sweep).values()).count("held") == 2)
    go.touch()
    until(lambda: len(bench.ended()) == 2)
    assert list(states(sweep).values()).count("held") == 2

    sweep.release()
    sweep.wait(LONG)
    assert bench.ended() == ["1", "2", "3", "4"]


@pytest.mark.slow
def test_detached_needs_nobody(bench: Bench) -> None:
    notebook = bench.notebook("import time; time.sleep(1)")
    command = [sys.executable, "-m", "nbbatch", "run", str(notebook), "-g", "x=1,2,3"]
    options = ["--out", str(bench.out), "--backend", bench.backend, "--detach"]
    if bench.node_python:
        options += ["--python", bench.node_python]

    done = subprocess.run([*command, *options], capture_output=True, text=True, check=True)

    assert str(bench.out) in done.stdout
    report = bench.out / "report" / "index.html"

    def finished() -> bool:
        if bench.node_python:  # jobs that do not see the folder leave the report to who asks
            subprocess.run([sys.executable, "-m", "nbbatch", "status", str(bench.out)], check=True)
        return "finished" in (bench.out / "journal.jsonl").read_text()

    until(finished)
    assert report.exists() and (bench.out / "results.csv").exists()
    assert set(states(Sweep.open(bench.out)).values()) == {"ok"}


@pytest.mark.slow
def test_killed_between_submission_and_its_note(bench: Bench) -> None:
    go = bench.channel / "go"
    notebook = bench.notebook(WAIT_FOR_GO.format(go=str(go)))
    bench.create(notebook, {"x": [1, 2, 3]})
    script = (
        "import os, signal, sys; from pathlib import Path; from nbbatch.sweep import Sweep\n"
        "sweep = Sweep.open(Path(sys.argv[1]))\n"
        "sweep._queue._accepted = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        "sweep.submit()"
    )
    subprocess.run([sys.executable, "-c", script, str(bench.out)], check=False)

    sweep = Sweep.open(bench.out)
    until(lambda: "pending" not in states(sweep).values())  # a remote schedd puts files away
    go.touch()
    sweep.wait(LONG)

    assert set(states(sweep).values()) == {"ok"}
    assert bench.ran() == ["1", "2", "3"]


@pytest.mark.slow
def test_worker_killed_is_tried_again(bench: Bench) -> None:
    """kill -9 of the worker is no fault of the notebook: the point runs again by itself."""
    first = bench.channel / "first"
    kill_the_worker = (
        f"import os, signal\nif not os.path.exists({str(first)!r}):\n"
        f"    open({str(first)!r}, 'w')\n    os.kill(os.getppid(), signal.SIGKILL)\n"
        "    import time; time.sleep(60)"
    )
    sweep = bench.run(bench.notebook(kill_the_worker), {"x": [1]})
    (view,) = sweep.wait(LONG)
    assert view.state is PointState.OK
    assert view.attempts == 2
    assert (bench.ran(), bench.ended()) == (["1", "1"], ["1"])


def test_a_stranger_can_open_the_folder(bench: Bench) -> None:
    """Another process sees the same states, from the folder alone."""
    go = bench.channel / "go"
    sweep = bench.run(bench.notebook(WAIT_FOR_GO.format(go=str(go))), {"x": [1, 2, 3]})
    until(lambda: len(bench.ran()) == 2)
    command = [sys.executable, "-m", "nbbatch", "status", "--json", str(sweep.root)]

    def told() -> dict[str, Any]:
        said: dict[str, Any] = json.loads(subprocess.run(command, capture_output=True).stdout)
        return said

    until(lambda: told()["counts"] == {"queued": 1, "running": 2})
    assert os.fspath(Path(told()["folder"])) == str(sweep.root)
    go.touch()
    sweep.wait(LONG)
    assert sweep.submit(FAILED_TOO) == []
