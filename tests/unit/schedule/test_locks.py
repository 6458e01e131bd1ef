"""One holder at a time, on any filesystem; a dead holder's lock is broken, once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import pytest

from nbbatch.errors import SweepLocked
from nbbatch.locks import KEPT, Lock, process_start

CHECKOUT = Path(__file__).parents[3]


def test_the_second_is_told_who_holds_it(tmp_path: Path) -> None:
    with Lock(tmp_path / "lock").acquire("run it") as tenure:
        with pytest.raises(SweepLocked) as told:
            Lock(tmp_path / "lock").acquire("prune it")
        assert f"process {os.getpid()} on this host" in str(told.value)
        assert "to run it" in str(told.value)
        assert tenure.broken is None
    assert not Lock(tmp_path / "lock").held()
    with Lock(tmp_path / "lock").acquire("prune it") as after:
        assert after.number == tenure.number + 1


def test_who_waits_gets_it_when_it_is_given_back(tmp_path: Path) -> None:
    first = Lock(tmp_path / "lock").acquire("run it")
    threading.Timer(0.1, first.release).start()
    with Lock(tmp_path / "lock").acquire("run it", wait=60) as second:
        assert second.number == first.number + 1


def killed_holder(folder: Path) -> int:
    """A process takes the lock and is killed; returns its process id."""
    program = (
        "import os, sys, pathlib, nbbatch.locks as locks\n"
        "t = locks.Lock(pathlib.Path(sys.argv[1])).acquire('run it')\n"
        "os.kill(os.getpid(), 9)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", program, str(folder)], cwd=CHECKOUT)
    assert process.wait() == -signal.SIGKILL
    return process.pid


def test_the_lock_of_a_killed_process_of_this_host_is_broken_at_once(tmp_path: Path) -> None:
    pid = killed_holder(tmp_path / "lock")
    with Lock(tmp_path / "lock").acquire("run it") as tenure:
        assert str(pid) in str(tenure.broken) and "has ended" in str(tenure.broken)
    with Lock(tmp_path / "lock").acquire("run it") as again:
        assert again.broken is None  # once and only once


def test_a_later_process_with_the_same_number_is_not_the_holder(tmp_path: Path) -> None:
    lock = Lock(tmp_path / "lock")
    lock.acquire("run it")
    file = tmp_path / "lock" / "1"
    said = json.loads(file.read_text())
    file.write_text(json.dumps({**said, "start": "1"}))
    with Lock(tmp_path / "lock").acquire("run it") as tenure:
        assert "has ended" in str(tenure.broken)


def test_a_holder_on_another_host_lives_while_it_beats(tmp_path: Path) -> None:
    with Lock(tmp_path / "lock", host="far", beat=0.05).acquire("run it"):
        near = Lock(tmp_path / "lock", host="near", stale=60)
        with pytest.raises(SweepLocked, match="host far"):
            near.acquire("run it", watch=True)  # until it was seen to beat


def test_a_silent_holder_on_another_host_is_broken_after_a_while(tmp_path: Path) -> None:
    silent = Lock(tmp_path / "lock", host="far", beat=3600).acquire("run it")
    near = Lock(tmp_path / "lock", host="near", stale=0.3)
    with pytest.raises(SweepLocked):  # nobody is judged at first sight
        near.acquire("run it")
    with near.acquire("run it", watch=True) as tenure:
        assert "no sign of life" in str(tenure.broken) and "host far" in str(tenure.broken)
        with pytest.raises(SweepLocked, match="while this process gave no sign of life"):
            silent.check()  # its fencing token is of the past
        tenure.check()
        silent.release()  # and takes nothing from who holds it now
        tenure.check()


def test_another_machine_of_the_same_name_is_not_judged_by_its_processes(tmp_path: Path) -> None:
    Lock(tmp_path / "lock").acquire("run it")
    file = tmp_path / "lock" / "1"
    said = json.loads(file.read_text())
    file.write_text(json.dumps({**said, "boot": "another", "pid": 1, "start": "1"}))
    with pytest.raises(SweepLocked):
        Lock(tmp_path / "lock").acquire("run it")
    with Lock(tmp_path / "lock", stale=0.2).acquire("run it", watch=True) as tenure:
        assert "a machine of its name was restarted since" in str(tenure.broken)


def test_a_holder_that_found_the_disk_full_holds_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "lock").mkdir()
    (tmp_path / "lock" / "7").touch()  # created, and no room for what it says
    with pytest.raises(SweepLocked, match="another process"):
        Lock(tmp_path / "lock").acquire("run it")
    with Lock(tmp_path / "lock", stale=0.1).acquire("run it", watch=True) as tenure:
        assert tenure.number == 8


def test_a_slow_process_cannot_take_a_number_of_the_past(tmp_path: Path) -> None:
    """It judged 1 dead, slept, and meanwhile others came and went."""
    slow = Lock(tmp_path / "lock")
    numbers = slow._numbers
    for _ in range(KEPT + 4):
        Lock(tmp_path / "lock").acquire("run it").release()
    answers = iter([(set[int](), set[int]())])
    slow._numbers = lambda: next(answers, None) or numbers()  # type: ignore[method-assign]
    assert slow._attempt("run it") is None
    assert not Lock(tmp_path / "lock").held()
    assert len(list((tmp_path / "lock").iterdir())) == KEPT


def test_a_process_that_is_gone_has_no_start() -> None:
    child = subprocess.Popen(["true"])
    time.sleep(0.05)  # a zombie now: nobody asked for its exit code
    while process_start(child.pid):
        time.sleep(0.01)
    child.wait()
    assert process_start(child.pid) == ""
    assert process_start(os.getpid())


# ------------------------------------------------------------------- two hosts fight


def fight(folder: Path, rounds: int, deaths: float, kind: str) -> list[list[str]]:
    """Two processes on each of two hosts, until they had it ``rounds`` times; their log."""
    hosts = ["alpha", "beta"] * 2

    def start(host: str) -> subprocess.Popen[bytes]:
        words = [str(folder), host, str(rounds), str(deaths), kind]
        command = [sys.executable, "-m", "tests.unit.schedule.fighter", *words]
        return subprocess.Popen(command, cwd=CHECKOUT)

    running = {start(host): host for host in hosts}
    while running:
        for process, host in list(running.items()):
            if process.poll() is not None:
                del running[process]
                if process.returncode == -signal.SIGKILL:
                    running[start(host)] = host
                else:
                    assert process.returncode == 0
        time.sleep(0.02)
    return [line.split() for line in (folder / "log").read_text().splitlines()]


def judge(log: list[list[str]], rounds: int) -> None:
    had = [int(number) for kind, number, *_ in log if kind == "had"]
    assert len(had) >= rounds
    assert [line for line in log if line[0] == "TWO"] == []
    assert had == sorted(set(had))  # one holder for each number, one after the other
    died = Counter(words[2] for kind, *words in log if kind == "dies")
    broken = Counter(words[3] for kind, *words in log if kind == "broke")
    assert all(count == 1 for count in broken.values())
    # Whoever died last, when all rounds were had, may find nobody to break its lock.
    assert set(broken) <= set(died) and len(died) - len(broken) <= 1


@pytest.mark.parametrize("kind", ["local", "lockless"])
def test_two_hosts_fight_for_a_name(tmp_path: Path, kind: str) -> None:
    judge(fight(tmp_path, 15, 0.0, kind), 15)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["local", "lockless"])
def test_two_hosts_fight_for_a_thousand_rounds_and_some_are_killed(
    tmp_path: Path, kind: str
) -> None:
    log = fight(tmp_path, 1_000, 0.04, kind)
    judge(log, 1_000)
    assert any(kind == "broke" for kind, *_ in log)
