"""A sweep larger than the cluster takes at once, and one of ten thousand points."""

from __future__ import annotations

import os
import secrets
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from nbbatch.model import PointState
from nbbatch.sweep import Sweep
from tests.contract.conftest import LONG, until

from .light_sweep import finished, light_sweep, ran
from .slurm_pool import MAIL, accounting, configured, farm, slurm, use_slurm

PROGRAMS = ("sbatch", "squeue", "scancel", "scontrol", "sacct", "sacctmgr")


@pytest.fixture(autouse=True)
def _slurm(monkeypatch: pytest.MonkeyPatch) -> None:
    use_slurm(monkeypatch)


@pytest.fixture
def counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that gets a line for each of Slurm's programs that is started."""
    log, shims = tmp_path / "started", tmp_path / "bin"
    shims.mkdir()
    path = os.environ["PATH"]
    for name in PROGRAMS:
        shim = shims / name
        shim.write_text(f'#!/bin/sh\necho "{name} $*" >>{log}\nPATH="{path}" exec {name} "$@"\n')
        shim.chmod(0o755)
    monkeypatch.setenv("PATH", f"{shims}:{path}")
    return log


def test_more_points_than_the_cluster_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """300 points where an array has at most 101 tasks, and the cluster at most 200 jobs."""
    monkeypatch.setattr("nbbatch.sweep.TOP_UP_SECONDS", 3.0)
    # MinJobAge: jobs that have ended count until squeue forgets them.
    with configured("MaxArraySize=101", "MaxJobCount=200", "MinJobAge=2"):
        sweep = light_sweep(tmp_path, 300)
        sweep.submit()
        accepted = [e for e in sweep.folder.events() if e["event"] == "accepted"]
        assert [(e["first"], e["size"]) for e in accepted] == [(1, 101), (102, 97)]
        assert Counter(v.state for v in sweep.views())[PointState.PENDING] == 102

        views = sweep.wait(2 * LONG)

    assert Counter(v.state for v in views) == {PointState.OK: 300}
    assert ran(sweep) == sorted(point.id for point in sweep.points)


def test_ten_thousand_points_cost_a_bounded_number_of_commands(
    tmp_path: Path, counted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with configured("MaxJobCount=20000"):
        # Longer than the test, however slow the machine: what is counted depends on no clock.
        monkeypatch.setenv("NBBATCH_POLL_INTERVAL", "3600")
        sweep = light_sweep(tmp_path, 10_000)
        counted.write_text("")
        sweep.submit()
        lines = counted.read_text().splitlines()
        submitting = Counter(line.split()[0] for line in lines)
        # Ten arrays of at most 1001 tasks and the job that builds the report.
        assert submitting["sbatch"] == 11
        assert submitting["squeue"] == 1
        # …, and scontrol for the cluster and its partitions, sacctmgr for three tables.
        assert submitting.total() <= 11 + 1 + 2 + 3, lines

        counted.write_text("")
        for _ in range(20):
            assert len(Sweep.open(sweep.root).views()) == 10_000
        looking = Counter(line.split()[0] for line in counted.read_text().splitlines())
        assert looking["squeue"] == 1  # one in each interval
        sweep.cancel()


@contextmanager
def limited() -> Iterator[None]:
    """Limits of each kind: of the user, of an account above the user's own, of the QOS."""
    admin = ("sacctmgr", "-i")
    qos = ("MaxSubmitJobsPerUser", "MaxSubmitJobsPerAccount", "GrpSubmitJobs")
    slurm(*admin, "add", "account", "dept", "GrpSubmitJobs=5")
    slurm(*admin, "add", "account", "group", "parent=dept")
    slurm(*admin, "add", "user", "root", "account=group", "MaxSubmitJobs=6")
    slurm(*admin, "modify", "qos", "normal", "set", *(f"{n}={7 + i}" for i, n in enumerate(qos)))
    try:
        yield
    finally:
        slurm(*admin, "modify", "qos", "normal", "set", *(f"{name}=-1" for name in qos))
        farm("clean")
        slurm(*admin, "delete", "user", "root", "where", "account=group")
        slurm(*admin, "delete", "account", "group", "dept")


def test_the_limits_of_accounting_are_kept_with_nobody_there(tmp_path: Path) -> None:
    if not accounting():
        return  # without it there are no such limits
    address = f"{secrets.token_hex(4)}@example.org"
    with limited():
        sweep = light_sweep(tmp_path, 9, options=("account=group",), mail=address)
        sweep.submit()
        caps = sweep.backend.site.allowance.caps  # type: ignore[attr-defined]
        assert sorted(cap.limit for cap in caps) == [5, 6, 7, 8, 9]
        (array,) = [e for e in sweep.folder.events() if e["event"] == "accepted"]
        assert array["size"] == 4  # one is kept for the job that builds the report
        # Nobody looks: the job at the end sends the rest, as much as there is room for.
        until(lambda: finished(sweep), 2 * LONG)
        assert ran(sweep) == sorted(point.id for point in sweep.points)
        assert Counter(v.state for v in sweep.views()) == {PointState.OK: 9}
        # The jobs at the end that sent more were not the end: one mail.
        until(lambda: MAIL.exists() and address in MAIL.read_text())
        assert MAIL.read_text().count(address) == 1


def test_an_impossible_request_is_refused_with_slurms_words(tmp_path: Path) -> None:
    from nbbatch.errors import CommandFailed

    sweep = light_sweep(tmp_path, 2, options=("partition=nowhere",))
    with pytest.raises(CommandFailed, match="Invalid partition name"):
        sweep.submit()
    assert [view.state for view in sweep.views()] == [PointState.PENDING] * 2
    assert farm("status")
