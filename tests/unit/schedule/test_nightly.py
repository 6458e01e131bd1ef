"""A scheduled run when something is wrong: each has one outcome, one exit code, one message."""

from __future__ import annotations

import errno
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from nbbatch.errors import NbbatchError, SweepLocked
from nbbatch.folder import SweepFolder, now
from nbbatch.history import Keep, read_history
from nbbatch.history.runs import Event, append_event
from nbbatch.locks import Lock
from nbbatch.plan import Request
from nbbatch.schedule import nightly
from nbbatch.schedule.care import Care
from nbbatch.schedule.entry import Entry
from nbbatch.schedule.nightly import missed_since, run_entry
from nbbatch.schedule.overlap import StillRunning, hold_name
from nbbatch.schedule.refresh import going, refresh
from nbbatch.schedule.words import IfRunning
from nbbatch.sweep import Sweep
from nbbatch.worker.files import write_atomic
from tests.notebooks import write_notebook
from tests.unit.schedule.light import a_sweep, work


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """``sweeps/nightly``, with the present folder above it, and a notebook."""
    monkeypatch.chdir(tmp_path)
    write_notebook(tmp_path / "scan.ipynb", "y = x * 2", parameters="x = 1")
    return tmp_path / "sweeps" / "nightly"


@pytest.fixture
def light_workers(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """What is submitted is done at once, without kernels. ``bad`` says which x fails, and why."""
    bad: dict[Any, str] = {}

    def submit(self: Sweep, *_: object, **__: object) -> list:
        work(self, bad)
        return self.points

    monkeypatch.setattr(Sweep, "submit", submit)
    return bad.update


def an_entry(home: Path, **facts: Any) -> Entry:
    return Entry(
        **{
            "name": home.name,
            "when": "0 6 * * *",
            "words": (),
            "cwd": str(home.parents[1]),
            "since": now(),
            **facts,
        }
    )


def run(home: Path, care: Care = Care(), **facts: Any) -> nightly.Done:  # noqa: B008 (frozen)
    request = Request("scan.ipynb", grid={"x": [1, 2, 3]}, name=home.name)
    return run_entry(an_entry(home, **facts), request, care)


def told(folder: Path) -> list[dict[str, Any]]:
    file = folder / "told"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def events(home: Path) -> list[tuple[str, str]]:
    return [(event.kind, event.why) for event in read_history(home).events]


# ----------------------------------------------------------- well, and not so well


def test_silent_when_well_and_a_line_when_not(
    home: Path, tmp_path: Path, light_workers: Callable[..., None]
) -> None:
    care = Care(
        if_running=IfRunning.skip,
        keep=Keep(last=2),
        notify=(f"tee -a {tmp_path}/told",),
        metrics_file=tmp_path / "metrics.prom",
    )
    well = run(home, care)
    assert (well.code, well.line, well.counts) == (0, "", {"ok": 3})
    light_workers({2: "diverged"})
    for _ in range(3):
        bad = run(home, care)
    assert bad.code == 1
    assert bad.line.startswith("nightly: 2 of 3 points are ok, 1 not: ")
    assert Path(bad.line.rpartition(": ")[2]).is_file()
    light_workers({2: ""})
    assert run(home, care).code == 0
    # One message for each change of state, none for each night, none for each point.
    assert [message["event"] for message in told(tmp_path)] == ["finished", "failed", "recovered"]
    assert told(tmp_path)[1]["failures"][0]["what"] == "ValueError: diverged"
    assert 'nbbatch_sweep_ok{sweep="nightly"} 1' in (tmp_path / "metrics.prom").read_text()
    # Retention: the last two, and the newest of these is the last that is all ok.
    assert len(list(home.glob("2*/sweep.json"))) == 2
    assert len(read_history(home).runs) == 5
    assert (home / "latest").resolve() == (home / "latest-ok").resolve()


def test_no_secret_is_in_the_sweeps(
    home: Path, tmp_path: Path, light_workers: Callable[..., None]
) -> None:
    run(home, Care(notify=("https://127.0.0.1:9/hush", "false --token hush")))
    for file in home.rglob("*"):
        assert not file.is_file() or b"hush" not in file.read_bytes(), file


def test_messages_that_cannot_be_sent_change_nothing(
    home: Path, light_workers: Callable[..., None]
) -> None:
    done = run(home, Care(notify=("false",), metrics_file=home / "no" / "x.prom"))
    assert done.code == 0 and len(done.wrong) == 2


# ------------------------------------------------------------------------- overlap


def test_old_runs_that_cannot_be_deleted_change_nothing(
    home: Path, light_workers: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(*_: object) -> list:
        raise PermissionError(errno.EACCES, "Permission denied", "somebody's run")

    monkeypatch.setattr("nbbatch.schedule.care.prune", denied)
    done = run(home, Care(keep=Keep(last=1)))
    assert done.code == 0
    assert "could not be deleted" in done.wrong[0] and "somebody's run" in done.wrong[0]


def test_a_run_that_finds_another_one(home: Path, light_workers: Callable[..., None]) -> None:
    with Lock(home / ".lock").acquire("run it"):
        done = run(home, Care(if_running=IfRunning.skip))
        assert done.code == 0 and done.folder is None
        assert "still goes on: process" in done.line
        with pytest.raises(StillRunning) as still:
            run(home, Care(if_running=IfRunning.fail))
        assert still.value.exit_code == 11
        assert isinstance(still.value, SweepLocked)
    kinds = [kind for kind, _ in events(home)]
    assert kinds == ["skipped", "refused"]
    assert f"host {socket.gethostname()}" in events(home)[0][1]
    assert ">skipped<" in (home / "index.html").read_text()
    assert read_history(home).runs == ()


def going_on(home: Path, tmp_path: Path, pid: int, start: float) -> Sweep:
    """A run whose submitting process is gone, driven by a supervisor of this process id."""
    return submitted(a_sweep(tmp_path, {"x": [1, 2]}), pid, start)


def submitted(sweep: Sweep, pid: int, start: float) -> Sweep:
    """All of a sweep's points are in the queue of a supervisor of this process id."""
    folder, size = SweepFolder(sweep.root), len(sweep.points)
    folder.write_batch(1, {"first": 1, "bundles": [[point.id] for point in sweep.points]})
    folder.journal("submitting", batch=1, first=1)
    folder.journal("accepted", batch=1, array="local-1", first=1, size=size)
    folder.journal("submitted", batch=1)
    state = {"pid": pid, "start": start, "host": socket.gethostname(), "beat": 0.0}
    state |= {"array": "local-1", "size": size, "next": 0, "workers": [], "over": False}
    state |= {"requeued": [], "held": [], "dropped": []}
    write_atomic(folder.logs / "supervisor.json", json.dumps(state))
    return sweep


def test_a_sweep_goes_on_without_who_began_it(
    home: Path, tmp_path: Path, light_workers: Callable[..., None]
) -> None:
    """Its supervisor lives: the lock is free, and yet the name is taken."""
    import psutil

    sweep = going_on(home, tmp_path, os.getpid(), psutil.Process().create_time())
    assert sweep.header.created in (going(home) or "")
    assert "supervisor" in run(home, Care(if_running=IfRunning.skip)).line
    assert len(read_history(home).runs) == 1


def test_after_a_reboot_the_run_before_is_lost_and_the_next_one_comes(
    home: Path, tmp_path: Path, light_workers: Callable[..., None]
) -> None:
    """Lock and supervisor are of processes that are gone."""
    program = (
        "import os, pathlib, sys; from nbbatch.locks import Lock\n"
        "Lock(pathlib.Path(sys.argv[1])).acquire('run it'); os.kill(os.getpid(), 9)\n"
    )
    dead = subprocess.Popen([sys.executable, "-c", program, str(home / ".lock")])
    dead.wait()
    lost = going_on(home, tmp_path, dead.pid, 1.0)
    done = run(home, Care(if_running=IfRunning.skip))
    assert done.code == 0 and done.folder is not None
    first, second = read_history(home).runs
    assert (first.folder, first.state) == (lost.root.name, "incomplete")
    assert second.ok
    ((kind, why),) = events(home)
    assert kind == "lock broken"
    assert f"process {dead.pid}" in why and "has ended without giving it back" in why
    page = (home / "index.html").read_text()
    assert "lock broken" in page and ">incomplete<" in page
    # And it can be resumed: every point of it is told as lost.
    assert {view.state.value for view in Sweep(lost.root).views()} == {"lost"}


def test_a_run_of_which_nothing_was_submitted_is_not_waited_for(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep = a_sweep(tmp_path, {"x": [1]})
    refresh(home)
    assert read_history(home).runs[0].state == "running"  # it may be about to
    monkeypatch.setattr("nbbatch.schedule.refresh.BEGINNING", timedelta(0))
    with hold_name(home, IfRunning.fail):
        assert read_history(home).runs[0].state == "incomplete"
    assert sweep.root.is_dir()


# -------------------------------------------------------------------- cannot start


def test_a_full_disk_is_one_sentence(
    home: Path, monkeypatch: pytest.MonkeyPatch, light_workers: Callable[..., None]
) -> None:
    """tests/contract/test_full_disk.py does it with a real one."""

    def full_disk(path: Path, line: str) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr("nbbatch.history.runs.append_line", full_disk)
    with pytest.raises(NbbatchError) as full:
        run(home, Care(if_running=IfRunning.skip))
    assert full.value.exit_code == 3
    assert "There is no room left on the disk" in full.value.message
    assert "nbbatch prune nightly" in full.value.hint
    assert not Lock(home / ".lock").held()


def test_other_errors_of_the_system_are_not_taken_for_a_full_disk(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(Sweep, "create", broken)
    with pytest.raises(OSError, match="Input/output"):
        run(home)


def test_an_expired_ticket_is_told_before_anything_runs(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, light_workers: Callable[..., None]
) -> None:
    (tmp_path / "klist").write_text("#!/bin/sh\ntest -e ticket\n")
    (tmp_path / "klist").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("KRB5CCNAME", "FILE:/tmp/krb5cc_7")
    care = Care(notify=(f"tee -a {tmp_path}/told",))
    for _ in range(2):
        with pytest.raises(NbbatchError) as expired:
            run(home, care, ticket=True)
    assert expired.value.exit_code == 3
    assert "The Kerberos ticket in FILE:/tmp/krb5cc_7 has expired" in expired.value.message
    assert [kind for kind, _ in events(home)] == ["not started", "not started"]
    assert [message["event"] for message in told(tmp_path)] == ["could not start"]  # once
    assert "not started" in (home / "index.html").read_text()

    (tmp_path / "ticket").touch()
    assert run(home, care, ticket=True).code == 0
    assert [message["event"] for message in told(tmp_path)] == ["could not start", "recovered"]


def test_a_notebook_that_is_gone_is_told(home: Path, tmp_path: Path) -> None:
    (tmp_path / "scan.ipynb").unlink()
    with pytest.raises(NbbatchError) as gone:
        run(home)
    assert gone.value.exit_code == 2
    assert "scan.ipynb" in events(home)[0][1]


# --------------------------------------------------------------------------- missed


def test_missed_runs_are_told(home: Path, light_workers: Callable[..., None]) -> None:
    """The machine was off for some days."""
    days_ago = datetime.now(timezone.utc) - timedelta(days=4)
    since = days_ago.isoformat(timespec="seconds").replace("+00:00", "Z")
    entry = an_entry(home, when="*/30 * * * *", since=since)
    missed = missed_since(entry, read_history(home))
    assert missed is not None and missed.number in (191, 192)
    assert missed_since(an_entry(home, since=since, paused=True), read_history(home)) is None
    run(home, when="*/30 * * * *", since=since)
    ((kind, why),) = events(home)
    assert kind == "missed" and why.startswith("19") and "this machine was off" in why
    assert missed_since(entry, read_history(home)) is None  # told once


def test_a_skipped_run_is_not_missed(home: Path) -> None:
    moment = datetime.now(timezone.utc).replace(microsecond=0)
    append_event(home, Event(moment.isoformat(), "skipped", "still going"))
    assert missed_since(an_entry(home, when="* * * * *"), read_history(home)) is None


def test_a_run_that_is_resumed_counts_as_going_on(
    home: Path, tmp_path: Path, light_workers: Callable[..., None]
) -> None:
    """It had ended, not ok; then somebody resumed it, and its supervisor is at work."""
    import psutil

    light_workers({2: "diverged"})
    ended = run(home)
    assert ended.folder is not None and read_history(home).runs[0].state == "failed"
    again = Sweep(ended.folder)
    again.folder.archive_record(again.points[1])
    submitted(again, os.getpid(), psutil.Process().create_time())
    assert run(home, Care(if_running=IfRunning.skip)).folder is None
    (resumed,) = read_history(home).runs
    assert resumed.state == "running"
