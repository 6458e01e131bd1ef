"""What goes wrong on a real pool, and what becomes of the points.

Run with ``tests/farm/htcondor/pytest-as-user [--files MODE]``.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from typing import Any

import pytest

from nbbatch.errors import NbbatchError
from nbbatch.model import Job, PointFiles, PointState
from nbbatch.sweep import RESUMED, Sweep
from tests.contract.conftest import LONG, Bench, states, until

from .htcondor_pool import (
    FILES,
    SEEING,
    jobs,
    order,
    reason,
    remove,
    schedd,
    wait_for_go,
)


def test_held_by_a_policy_then_released(bench: Bench) -> None:
    policy = [
        "periodic_hold=JobStatus == 2 && (NumHolds ?: 0) == 0",
        'periodic_hold_reason="not on a Sunday"',
    ]
    notebook = bench.notebook(wait_for_go(bench))
    sweep = bench.run(notebook, {"x": [1]}, options=policy)
    until(lambda: states(sweep) == {1: "held"})
    assert reason(sweep) == (
        "held by a policy (not on a Sunday): ask the site what the policy wants, then "
        f"`nbbatch release {sweep.root}` tries again"
    )

    (bench.channel / "go").touch()
    sweep.release()
    sweep.wait(LONG)
    assert states(sweep) == {1: "ok"}


def test_removed_behind_our_back(bench: Bench) -> None:
    notebook = bench.notebook(wait_for_go(bench))
    sweep = bench.run(notebook, {"x": [1, 2]}, jobs=None, options=["requirements=ProcId == 0"])
    until(lambda: bench.ran() == ["1"])
    remove(jobs(sweep))
    sweep.wait(LONG)

    assert states(sweep) == {1: "cancelled", 2: "cancelled"}
    ran, waited = sweep.views()
    assert "by another hand" in ran.reason and "by another hand" in waited.reason
    # The one that ran saved what it had; where nodes see nothing a removal loses that.
    assert (ran.record is not None) is SEEING


def test_vacated(bench: Bench) -> None:
    sweep = bench.run(bench.notebook(wait_for_go(bench)), {"x": [1]})
    until(lambda: bench.ran() == ["1"])
    (ad,) = schedd().query(jobs(sweep), ["ClusterId", "ProcId"])
    order("vacate", f"{ad['ClusterId']}.{ad['ProcId']}")
    until(lambda: bench.ran() == ["1", "1"])
    (bench.channel / "go").touch()
    (view,) = sweep.wait(LONG)

    assert (view.state, view.attempts) == (PointState.OK, 2)
    assert bench.ended() == ["1"]


def test_starter_killed(bench: Bench) -> None:
    sweep = bench.run(bench.notebook(wait_for_go(bench)), {"x": [1]})
    until(lambda: bench.ran() == ["1"])
    order("kill", "starter")
    until(lambda: bench.ran() == ["1", "1"])
    (bench.channel / "go").touch()
    (view,) = sweep.wait(LONG)

    assert view.state is PointState.OK
    assert bench.ended() == ["1"]


def test_schedd_restarted(bench: Bench) -> None:
    """While it is away its jobs are unknown, not gone; nothing runs twice."""
    sweep = bench.run(bench.notebook(wait_for_go(bench)), {"x": [1, 2, 3]})
    until(lambda: len(bench.ran()) == 2)
    order("pause", "master")  # else it has a new one there before we have looked
    try:
        order("kill", "schedd")
        assert set(states(sweep).values()) == {"unknown"}
    finally:
        order("unpause", "master")
    until(lambda: "unknown" not in states(sweep).values())
    (bench.channel / "go").touch()
    sweep.wait(LONG)

    assert states(sweep) == {1: "ok", 2: "ok", 3: "ok"}
    assert bench.ran() == bench.ended() == ["1", "2", "3"]


# A slot that an earlier job left is used again, with the memory and disk of that job. Each test
# of what is too much asks for more CPUs than any before it, so that it gets a slot of its own.


def eat(bench: Bench) -> str:
    """Takes 500 MB. The first run keeps them until it is stopped, a later one ends."""
    ran = str(bench.channel / "ran")
    again = f"while len(open({ran!r}).readlines()) < 2: time.sleep(0.05)"
    return f"import time\nload = b'x' * 500_000_000\n{again}"


def test_more_memory_than_asked_for(bench: Bench) -> None:
    sweep = bench.run(bench.notebook(eat(bench)), {"x": [1]}, memory="300MB", cpus=2)
    until(lambda: states(sweep) == {1: "held"})
    assert reason(sweep).startswith("asked 384MB of memory")  # the pool rounds up
    advice = reason(sweep).split("`")[1]
    assert advice.startswith(f"nbbatch resume {sweep.root} --memory ")

    command = [sys.executable, "-m", *advice.split()]
    said = subprocess.run(command, capture_output=True, text=True, check=False).stdout

    assert "1 job that was held for memory may start again" in said
    if states(sweep) != {1: "ok"}:  # a cgroup (`pytest-as-user --cgroups`) does not tell how much
        subprocess.run([*command[:-1], "2GB"], check=True)
    assert states(sweep) == {1: "ok"}
    assert bench.ended() == ["1"]


def test_more_memory_at_the_next_try(bench: Bench) -> None:
    notebook = bench.notebook(eat(bench))
    sweep = bench.run(notebook, {"x": [1]}, memory="300MB", retry_memory="4x", cpus=3)
    (view,) = sweep.wait(LONG)
    assert view.state is PointState.OK
    assert bench.ended() == ["1"]


def test_less_disk_than_needed(bench: Bench) -> None:
    where = "import os; os.chdir(os.environ['_CONDOR_SCRATCH_DIR'])"
    write = "open('big', 'wb').write(b'x' * 300_000_000)"
    notebook = bench.notebook(where, write, wait_for_go(bench))
    sweep = bench.run(notebook, {"x": [1]}, disk="100MB", cpus=4)
    if SEEING:  # a job whose files stay where they are has no disk of its own to watch
        (bench.channel / "go").touch()
        sweep.wait(LONG)
        assert states(sweep) == {1: "ok"}
        return
    until(lambda: states(sweep) == {1: "held"})
    assert reason(sweep).startswith("asked ") and "of disk, used" in reason(sweep)


def test_an_input_that_is_missing(bench: Bench) -> None:
    """Before submission it is an error, whatever the mode; later it holds what needs it."""
    calibration = bench.folder / "calibration.csv"
    grid = {"grid": {"x": [1]}, "inputs": [str(calibration)]}
    with pytest.raises(NbbatchError, match="calibration"):
        bench.create(bench.notebook(), grid)
    calibration.write_text("1.5")
    if FILES == "transfer":
        sweep = bench.run(bench.notebook(), grid, options=["hold=true"])
        calibration.unlink()
        sweep.release()
        until(lambda: "calibration.csv" in reason(sweep))
        assert states(sweep) == {1: "held"}
        assert "check `inputs:`" in reason(sweep)


@pytest.mark.parametrize("damage", ["deleted", "cut", "twice"])
def test_event_log_damaged_halfway(bench: Bench, damage: str) -> None:
    sweep = bench.run(bench.notebook(wait_for_go(bench)), {"x": [1, 2, 3]})
    until(lambda: len(bench.ran()) == 2)
    sweep.views()
    log = sweep.root / "logs" / "htcondor.log"
    if log.exists():  # with spooling there is none here
        content = log.read_bytes()
        if damage == "deleted":
            log.unlink()
        else:
            log.write_bytes(content[: len(content) // 2] if damage == "cut" else content * 2)
    second = f"{jobs(sweep)} && NbbatchBundle == 2"
    remove(second)
    until(lambda: not schedd().query(second, ["ClusterId"]))
    (bench.channel / "go").touch()
    sweep.wait(LONG)

    told = states(Sweep.open(sweep.root))
    assert (told[1], told[3]) == ("ok", "ok")
    assert told[2] in ("cancelled", "interrupted")
    Sweep.open(sweep.root).submit(RESUMED)
    sweep.wait(LONG)
    assert set(states(sweep).values()) == {"ok"}


def test_detached_for_good_and_queued_twice_by_nobody(bench: Bench) -> None:
    """A second ``run`` of what is in the queue adds nothing to it."""
    notebook = bench.notebook(wait_for_go(bench))
    sweep = bench.run(notebook, {"x": [1, 2]})
    assert Sweep.open(sweep.root).submit() == []
    (bench.channel / "go").touch()
    sweep.wait(LONG)
    assert bench.ran() == ["1", "2"]


# ------------------------------------------------------------------- files that travel


def test_everything_comes_home(bench: Bench) -> None:
    """Inputs beside the notebook and elsewhere, a file per point, outputs, all artefacts."""
    (bench.folder / "near").mkdir()
    (bench.folder / "near" / "a.csv").write_text("near")
    (bench.folder / "far").mkdir()
    for x in (1, 2):
        (bench.folder / "far" / f"{x}.txt").write_text(f"far {x}")
    notebook = bench.notebook(
        "import os\nfound = [open('near/a.csv').read(), open(f).read()]",
        f"sees = os.path.exists({str(bench.folder)!r})",
        "os.makedirs('plots', exist_ok=True)\nopen(f'plots/{x}.txt', 'w').write(str(found))",
    )
    grid = {
        "points": [{"x": x, "f": str(bench.folder / "far" / f"{x}.txt")} for x in (1, 2)],
        "inputs": [str(bench.folder / "near/a.csv")],
        "outputs": ["plots/*.txt"],
    }
    sweep = bench.run(notebook, grid, collect=["sees"], allow_unknown=True)
    views = sweep.wait(LONG)

    assert states(sweep) == {1: "ok", 2: "ok"}
    for view in views:
        assert view.record is not None
        assert view.record.metrics == {"sees": SEEING}
        home = sweep.root / view.point.dir
        for name in (PointFiles.EXECUTED, PointFiles.PAGE, PointFiles.LOG, PointFiles.RECORD):
            assert (home / name).exists(), name
        x = view.point.params["x"]
        assert (bench.folder / "plots" / f"{x}.txt").read_text() == str(["near", f"far {x}"])
    assert sorted(p.name for p in (sweep.root / "logs").glob("*.out")) == ["0001.out", "0002.out"]


def test_a_kernel_that_is_a_shell_script(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """``kernel.json`` runs a ``setup.sh``; the node starts the kernel that the hub has."""
    folder = bench.folder / "jupyter" / "kernels" / "site"
    folder.mkdir(parents=True)
    script = folder / "setup.sh"
    python = os.environ["NBBATCH_FARM_NODE_PYTHON"]
    start = f'exec {python} -m ipykernel_launcher "$@"'
    script.write_text(f"#!/bin/bash\nexport SITE_RELEASE=42\n{start}\n")
    script.chmod(0o755)
    argv = [str(script), "-f", "{connection_file}"]
    spec = {"argv": argv, "display_name": "Site", "language": "python"}
    (folder / "kernel.json").write_text(json.dumps(spec))
    monkeypatch.setenv("JUPYTER_PATH", str(bench.folder / "jupyter"))
    notebook = bench.notebook("import os\nrelease = os.environ['SITE_RELEASE']")
    sweep = bench.run(notebook, {"x": [1]}, kernel="site", collect=["release"])
    (view,) = sweep.wait(LONG)
    assert view.record is not None
    assert view.record.metrics == {"release": "42"}


# --------------------------------------------------------------------------- at scale


def test_ten_thousand_points_are_one_cluster_and_few_questions(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counted, not timed: one submission, one query a look."""
    import htcondor2

    asked: dict[str, int] = {}
    for name in ("submit", "query", "history", "act"):
        real = getattr(htcondor2.Schedd, name)

        def counting(*words: Any, _name: str = name, _real: Any = real, **more: Any) -> Any:
            asked[_name] = asked.get(_name, 0) + 1
            return _real(*words, **more)

        monkeypatch.setattr(htcondor2.Schedd, name, counting)

    def questions(points: int) -> tuple[dict[str, int], dict[str, int]]:
        out = bench.folder / f"sweep-{points}"
        sweep = bench.create(
            bench.notebook(),
            {"x": list(range(points))},
            out=out,
            options=["requirements=false"],
            jobs=None,
        )
        asked.clear()
        sweep.submit()
        sent = dict(asked)
        (array,) = [event for event in sweep.folder.events() if event["event"] == "accepted"]
        assert array["size"] == points
        asked.clear()
        assert set(states(sweep).values()) == {"queued"}
        looked = dict(asked)
        sweep.cancel()
        sweep.wait(LONG)
        return sent, looked

    few = questions(10)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    many = questions(10_000)
    assert few[1] == many[1] == {"query": 1}
    assert few[0]["submit"] == many[0]["submit"] == 1
    # What the limits leave is asked, too: a question less where the user has no job at all.
    assert max(few[0]["query"], many[0]["query"]) <= 4
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300_000  # kB


def test_the_submitter_needs_nothing_but_the_folder(bench: Bench) -> None:
    """``--dry-run`` prints what would be sent, and nothing is."""
    notebook = bench.notebook()
    command = ["python", "-m", "nbbatch", "run", str(notebook), "-g", "x=1,2", "--dry-run"]
    options = ["--backend", "htcondor", "--out", str(bench.out)]
    said = subprocess.run([*command, *options], capture_output=True, text=True, check=True).stdout
    assert "queue bundle from seq 1 2 |" in said
    assert not bench.out.exists()


def test_submitter_killed_as_soon_as_the_schedd_had_it(bench: Bench) -> None:
    """``resume`` finds the cluster, or, if its files never came, replaces it."""
    bench.create(bench.notebook(wait_for_go(bench)), {"x": [1, 2, 3]})
    script = (
        "import os, signal, sys, htcondor2; from pathlib import Path\n"
        "from nbbatch.sweep import Sweep\n"
        "real = htcondor2.Schedd.submit\n"
        "def submit(*words, **more):\n"
        "    real(*words, **more)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "htcondor2.Schedd.submit = submit\n"
        "Sweep.open(Path(sys.argv[1])).submit()\n"
    )
    subprocess.run([sys.executable, "-c", script, str(bench.out)], check=False)

    sweep = Sweep.open(bench.out)
    sweep.submit(RESUMED)
    (bench.channel / "go").touch()
    sweep.wait(LONG)

    assert set(states(sweep).values()) == {"ok"}
    assert bench.ran() == bench.ended() == ["1", "2", "3"]
    assert len([e for e in sweep.folder.events() if e["event"] == "accepted"]) == 1
    until(lambda: not schedd().query(jobs(sweep), ["ClusterId"]))


def test_an_evicted_bundle_goes_on_where_it_was(bench: Bench) -> None:
    """Its finished points are not run again, also where the node keeps nothing."""
    go = str(bench.channel / "go")
    wait = f"import os, time\nwhile x == 2 and not os.path.exists({go!r}): time.sleep(0.05)"
    sweep = bench.run(bench.notebook(wait), {"x": [1, 2, 3]}, points_per_job=3)
    until(lambda: bench.ran() == ["1", "2"])
    (ad,) = schedd().query(jobs(sweep), ["ClusterId", "ProcId"])
    order("vacate", f"{ad['ClusterId']}.{ad['ProcId']}")
    until(lambda: bench.ran() == ["1", "2", "2"])
    (bench.channel / "go").touch()
    sweep.wait(LONG)

    assert states(sweep) == {1: "ok", 2: "ok", 3: "ok"}
    assert (bench.ran(), bench.ended()) == (["1", "2", "2", "3"], ["1", "2", "3"])


def test_longer_than_its_time(bench: Bench) -> None:
    notebook = bench.notebook("print('half way', flush=True)", "import time; time.sleep(600)")
    sweep = bench.run(notebook, {"x": [1]}, time="8s")
    until(lambda: states(sweep) == {1: "held"})
    assert (
        reason(sweep) == "it ran longer than --time: cancel it, then run again with a longer --time"
    )
    (array,) = [event for event in sweep.folder.events() if event["event"] == "accepted"]

    sweep.cancel()
    sweep.wait(LONG)

    job = Job(array["array"], 0)
    until(lambda: sweep.backend.usage([job]))  # the history is written a moment later
    used = sweep.backend.usage([job])[job]
    assert used.wall_seconds and used.wall_seconds >= 8
    assert "cancelled with nbbatch" in used.ended
