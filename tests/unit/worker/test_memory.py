"""Processes and their memory, on this machine's own processes."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from nbbatch.worker import memory
from nbbatch.worker.memory import (
    MemoryWatch,
    OutOfMemoryCount,
    death_name,
    descendants,
    high_water,
    proportional,
    resident,
)

FAMILY = """
import subprocess, sys
child = subprocess.Popen(["sleep", "60"])
print(child.pid, flush=True)
sys.stdin.read()
child.kill()
"""


def test_descendants_are_found_through_generations() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", FAMILY], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        grandchild = int(parent.stdout.readline())

        assert descendants(parent.pid) == {grandchild}
        assert {parent.pid, grandchild} <= descendants(os.getpid())
        parent.communicate("")


def test_memory_of_this_process() -> None:
    here = [os.getpid()]

    assert 10_000_000 < resident(here) < 10**11
    assert 0 < proportional(here) <= resident(here) * 1.1
    assert high_water(os.getpid()) >= resident(here) * 0.5


def test_processes_that_are_gone_use_nothing() -> None:
    with subprocess.Popen(["true"]) as gone:
        gone.wait()

    assert resident([gone.pid]) == 0
    assert high_water(gone.pid) == 0
    assert descendants(gone.pid) == set()


def test_the_watch_kills_above_the_limit_and_says_how_much_it_was() -> None:
    killed = threading.Event()
    watch = MemoryWatch(lambda: {os.getpid()}, limit=1_000_000, kill=killed.set)
    watch.start()

    assert killed.wait(30)
    watch.stop()
    assert watch.exceeded is not None
    assert watch.exceeded > 1_000_000


def test_the_watch_without_a_limit_only_measures() -> None:
    seen = threading.Event()

    def processes() -> set[int]:
        seen.set()
        return {os.getpid()}

    watch = MemoryWatch(processes, limit=None, kill=lambda: pytest.fail("killed"))
    watch.start()
    assert seen.wait(30)
    watch.stop()

    assert watch.exceeded is None
    assert watch.peak > 0


@pytest.mark.parametrize(
    ("controllers", "name", "content"),
    [
        ("", "memory.events", "low 0\nhigh 0\nmax 4\noom 1\noom_kill {}\noom_group_kill 0\n"),
        ("memory", "memory/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill {}\n"),
    ],
)
def test_the_system_counts_its_kills(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, controllers: str, name: str, content: str
) -> None:
    """Version 2 and version 1 of control groups."""
    monkeypatch.setattr(memory, "_PROC", tmp_path / "proc")
    monkeypatch.setattr(memory, "_CGROUPS", tmp_path / "cgroup")
    (tmp_path / "proc" / "42").mkdir(parents=True)
    (tmp_path / "proc" / "42" / "cgroup").write_text(f"9:cpu:/x\n4:{controllers}:/job/1\n")
    head, _, tail = name.rpartition("/")
    folder = tmp_path / "cgroup" / head / "job" / "1"
    folder.mkdir(parents=True)
    (folder / tail).write_text(content.format(3))

    count = OutOfMemoryCount(42)
    assert not count.grew()
    (folder / tail).write_text(content.format(4))
    assert count.grew()


def test_a_machine_without_control_groups_counts_none() -> None:
    assert not OutOfMemoryCount(-1).grew()


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (0, "exited with code 0"),
        (3, "exited with code 3"),
        (-9, "was killed by SIGKILL"),
        (-11, "was killed by SIGSEGV"),
        (-250, "was killed by signal 250"),
        (None, "is gone"),
    ],
)
def test_deaths_have_names(code: int | None, words: str) -> None:
    assert death_name(code) == words
