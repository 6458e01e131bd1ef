"""What processes that look at the same sweep share: squeue's answer, and how jobs ended."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from nbbatch.backends.slurm.queue import Answer, Ended, Memory, Queue, cancelled_by
from nbbatch.model import Job, Usage


@pytest.fixture
def squeue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program named squeue; the file that gets a line for each of its starts."""
    program, calls = tmp_path / "bin" / "squeue", tmp_path / "calls"
    program.parent.mkdir()
    program.write_text(
        f'#!/bin/sh\necho "$*" >>{calls}\n[ ! -e {tmp_path}/down ] || exit 1\n'
        "echo '48_0|RUNNING|node01|None'\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    calls.touch()
    return calls


def test_all_who_look_cost_one_query(tmp_path: Path, squeue: Path) -> None:
    for _ in range(10):
        queue = Queue(tmp_path)
        assert queue.parse(queue.ask(["48"]))[Job("48", 0)].state == "RUNNING"
    (call,) = squeue.read_text().splitlines()
    assert call == "-h -r -t all -j 1,48 -o %i|%T|%N|%r"


def test_a_new_array_or_a_change_of_ours_asks_anew(tmp_path: Path, squeue: Path) -> None:
    queue = Queue(tmp_path)
    queue.ask(["48"])
    queue.ask(["48", "49"])
    queue.ask(["49"])  # in the last answer, too
    assert len(squeue.read_text().splitlines()) == 2
    queue.forget()
    queue.ask(["48"])
    assert len(squeue.read_text().splitlines()) == 3


def test_questions_get_rarer_while_nothing_changes(
    tmp_path: Path, squeue: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = Queue(tmp_path)
    intervals = []
    for _ in range(8):
        intervals.append(queue.ask(["48"]).interval)
        now = time.time() + 100 * (len(intervals))
        monkeypatch.setattr("nbbatch.backends.slurm.queue.time.time", lambda now=now: now)
    assert intervals[:3] == [10.0, 15.0, 22.5]
    assert intervals[-1] == 60.0


def test_no_answer_is_an_answer_and_is_shared(tmp_path: Path, squeue: Path) -> None:
    (tmp_path / "down").touch()
    assert "squeue failed" in Queue(tmp_path).ask(["48"]).failed
    assert "squeue failed" in Queue(tmp_path).ask(["48"]).failed
    assert len(squeue.read_text().splitlines()) == 1


@pytest.mark.parametrize(
    ("age", "arrays", "covered"),
    [(5, ["48"], True), (15, ["48"], False), (5, ["50"], False), (-5, ["48"], False)],
)
def test_how_long_an_answer_is_good(age: float, arrays: list[str], covered: bool) -> None:
    answer = Answer(1000.0, 10.0, frozenset({"48", "49"}))
    assert answer.covers(arrays, 1000.0 + age) is covered


def test_how_jobs_ended_outlives_the_process(tmp_path: Path) -> None:
    memory = Memory(tmp_path)
    memory.note(Job("48", 0), Ended("OUT_OF_MEMORY|OutOfMemory", "OUT_OF_MEMORY", "", "node01"))
    memory.write()

    another = Memory(tmp_path)
    another.read()
    assert another.jobs[Job("48", 0)].state == "OUT_OF_MEMORY"
    # It may still be queued again, so it is not final yet.
    assert not another.is_final([Job("48", 0)])
    os.utime(another.file, (0, 0))
    another.read()
    assert another.is_final([Job("48", 0)])
    assert not another.is_final([Job("48", 0), Job("48", 1)])


@pytest.mark.parametrize(
    ("state", "who"),
    [
        ("CANCELLED by 0", "by root"),
        ("CANCELLED by 3999999999", "by user 3999999999"),
        ("CANCELLED", ""),
        ("COMPLETED", ""),
    ],
)
def test_who_cancelled(state: str, who: str) -> None:
    assert cancelled_by(state) == who


def test_accounting_is_asked_once_how_much_memory_was_used(tmp_path: Path) -> None:
    memory = Memory(tmp_path)
    dead, alive, other = (Job("48", index) for index in range(3))
    memory.note(dead, Ended("OUT_OF_MEMORY|OutOfMemory", "OUT_OF_MEMORY", "", "node01"))
    memory.note(other, Ended("OUT_OF_MEMORY|OutOfMemory", "OUT_OF_MEMORY", "", "node01"))
    assert memory.without_peak([dead, alive, other]) == [dead, other]
    assert memory.peaks_are_due() and not memory.peaks_are_due()  # a look soon after does not

    memory.note_peaks({dead: Usage(ended="RUNNING")})  # slurmctld has not told it yet
    assert memory.without_peak([dead]) == [dead]
    memory.note_peaks({dead: Usage(2**30, ended="OUT_OF_MEMORY"), other: Usage(ended="FAILED")})
    memory.write()

    another = Memory(tmp_path)
    another.read()
    assert another.jobs[dead].peak == 2**30
    assert another.jobs[other].peak == 0  # shorter than what accounting measures
    assert another.without_peak([dead, other]) == []


def test_accounting_adds_who_cancelled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sacct = tmp_path / "bin" / "sacct"
    sacct.parent.mkdir()
    sacct.write_text("#!/bin/sh\necho '48_0|CANCELLED by 0|node01'\n")
    sacct.chmod(0o755)
    monkeypatch.setenv("PATH", f"{sacct.parent}:{os.environ['PATH']}")
    memory, job = Memory(tmp_path), Job("48", 0)
    memory.note(job, Ended("CANCELLED|None", "CANCELLED", "", "node01"))
    assert memory.cancelled_by_somebody([job, Job("48", 1)]) == [job]
    memory.ask_sacct([job])
    assert memory.jobs[job] == Ended("CANCELLED|None", "CANCELLED", "by root", "node01")
    assert memory.cancelled_by_somebody([job]) == []
