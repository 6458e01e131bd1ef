"""Which schedd has the jobs, who may speak to it for how long, and what stays there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from nbbatch.sweep import Sweep
from tests.contract.conftest import LONG, Bench, states, until

from .htcondor_pool import FILES, jobs, order, schedd, wait_for_go


def nbbatch(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command as in another shell."""
    command = [sys.executable, "-m", "nbbatch", *words]
    surroundings = {**os.environ, **environment}
    return subprocess.run(command, env=surroundings, capture_output=True, text=True, check=True)


def started(bench: Bench, *options: str, **environment: str) -> str:
    """Run a detached sweep of one point from another shell; return what it said on stderr."""
    notebook = bench.notebook(wait_for_go(bench))
    words = ["run", str(notebook), "-g", "x=1", "--out", str(bench.out), "--detach"]
    words += ["--python", os.environ["NBBATCH_FARM_NODE_PYTHON"]]
    done = nbbatch(*words, "--backend", bench.backend, *options, **environment)
    bench.sweeps.append(Sweep.open(bench.out))
    return done.stderr


@pytest.fixture
def elsewhere(tmp_path: Path) -> dict[str, str]:
    """The environment of a machine of the pool that has no schedd, and names none."""
    ours = Path(os.environ["CONDOR_CONFIG"]).read_text().splitlines()
    config = tmp_path / "condor_config"
    kept = [line for line in ours if not line.startswith(("SCHEDD_", "SPOOL"))]
    config.write_text("\n".join(kept) + "\n")
    return {"CONDOR_CONFIG": str(config)}


def test_another_machine_finds_the_schedd_of_the_sweep(
    bench: Bench, elsewhere: dict[str, str]
) -> None:
    started(bench)
    until(lambda: bench.ran() == ["1"])
    told = json.loads(nbbatch("status", str(bench.out), "--json", **elsewhere).stdout)
    assert told["counts"] == {"running": 1}
    (bench.channel / "go").touch()
    nbbatch("wait", str(bench.out), **elsewhere)
    assert states(Sweep.open(bench.out)) == {1: "ok"}


def test_a_schedd_is_named_by_an_option(bench: Bench, elsewhere: dict[str, str]) -> None:
    """From a machine without one; how files travel is seen from there."""
    name = str(schedd_ad()["Name"])
    started(bench, "--option", f"schedd={name}", **elsewhere)
    (bench.channel / "go").touch()
    sweep = Sweep.open(bench.out)
    sweep.wait(LONG)
    assert states(sweep) == {1: "ok"}
    site = json.loads((sweep.root / "submit/htcondor.json").read_text())
    assert (site["files"], site["schedd"]) == ("spool", name)


def schedd_ad() -> dict[str, object]:
    import htcondor2

    return dict(htcondor2.Collector().locate(htcondor2.DaemonType.Schedd))


def test_a_token_that_expires_before_the_sweep_can_end(bench: Bench, tmp_path: Path) -> None:
    """Said before the submission, which goes on: perhaps somebody renews it."""
    folder = tmp_path / "tokens.d"
    folder.mkdir()
    order("token", "3600", str(folder / "short"))
    (bench.channel / "go").touch()
    with_token = {"_CONDOR_SEC_TOKEN_DIRECTORY": str(folder)}

    assert "expires" not in started(bench, "--time", "5m", **with_token)
    Sweep.open(bench.out).wait(LONG)
    said = started(bench, "--time", "2h", "--force", **with_token)

    assert "nbbatch: warning: Your HTCondor token expires at 20" in said
    assert "before the sweep can end: `condor_token_fetch` gets a new one." in said
    Sweep.open(bench.out).wait(LONG)
    secret = (folder / "short").read_bytes().strip()
    files = [file for file in bench.out.rglob("*") if file.is_file()]
    assert not [file for file in files if secret in file.read_bytes()]


def test_nothing_stays_with_the_schedd(bench: Bench) -> None:
    sweep = bench.run(bench.notebook(wait_for_go(bench)), {"x": [1, 2]})
    until(lambda: len(bench.ran()) == 2)
    (array,) = [event for event in sweep.folder.events() if event["event"] == "accepted"]
    kept = Path(os.environ["NBBATCH_FARM_CHANNEL"]).parent / "submit/spool" / array["array"]
    spooled = FILES == "spool"  # of a local cluster HTCondor keeps the description, for itself
    assert kept.is_dir() or not spooled

    (bench.channel / "go").touch()
    sweep.wait(LONG)

    until(lambda: not schedd().query(jobs(sweep), ["ClusterId"]))
    until(lambda: not (spooled and kept.exists()))


def test_two_who_wait_fetch_each_result_once(bench: Bench) -> None:
    """However many look, what a job left comes home once, and the next run's is not touched."""
    sweep = bench.run(bench.notebook("y = 1"), {"x": [1, 2, 3]}, jobs=None)
    words = [sys.executable, "-m", "nbbatch", "wait", str(sweep.root)]
    others = [subprocess.Popen(words) for _ in range(2)]
    sweep.wait(LONG)
    assert [other.wait(LONG) for other in others] == [0, 0]
    again = bench.run(bench.notebook("y = 2"), {"x": [1, 2, 3]}, collect=["y"], jobs=None)
    views = again.wait(LONG)
    assert [view.record.metrics for view in views if view.record] == [{"y": 2}] * 3
    assert not list((sweep.root / "logs").glob("*.lock"))
