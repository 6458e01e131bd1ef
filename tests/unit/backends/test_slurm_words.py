"""What Slurm prints, read: states, reasons, endings."""

from __future__ import annotations

import pytest

from nbbatch.backends.slurm.states import (
    Told,
    expressions,
    parse_queue,
    parse_tasks,
    pending_words,
    state_in_log,
    status_of,
)
from nbbatch.model import (
    Ending,
    Job,
    JobPhase,
    Resources,
)
from tests.unit.backends.slurm_sweep import HEADER


def test_the_queue_as_printed() -> None:
    text = (
        "Welcome to the cluster!\n"
        "48_[5-6,8-9,31-33%5]|PENDING||JobArrayTaskLimit,JobHeldUser\n"
        "48_0|RUNNING|node01|None\n"
        "48_1|CANCELLED by 1001|node02|None\n"
        "49_2|PENDING||Nodes required for job are DOWN, DRAINED or reserved for jobs|x\n"
        "77|RUNNING|node01|None\n"
    )
    found = parse_queue(text)
    assert sorted(job.index for job in found if job.array == "48") == [0, 1, 5, 6, 8, 9, 31, 32, 33]
    assert found[Job("48", 1)].state == "CANCELLED"
    assert found[Job("48", 0)].host == "node01"
    assert found[Job("49", 2)].reason.startswith("Nodes required")
    assert not [job for job in found if job.array == "77"]


@pytest.mark.parametrize(
    ("name", "indices"),
    [
        ("48_7", [7]),
        ("48_[5-6,9]", [5, 6, 9]),
        ("48_[0-10:5%3]", [0, 5, 10]),
        ("48", []),
        ("48.batch", []),
        ("48_7.batch", []),
        ("", []),
    ],
)
def test_names_of_tasks(name: str, indices: list[int]) -> None:
    assert [job.index for job in parse_tasks(name)] == indices


def test_tasks_as_slurm_takes_them() -> None:
    jobs = {Job("48", index) for index in (1, 3, 4, 5)} | {Job("51", 0)}
    assert expressions(jobs) == ["48_[1,3-5]", "51_[0]"]


# Each line as tests/farm/slurm/README.md has it, and what it means.
@pytest.mark.parametrize(
    ("state", "reason", "phase", "ending"),
    [
        ("PENDING", "Resources", JobPhase.QUEUED, Ending.UNTOLD),
        ("PENDING", "BeginTime", JobPhase.QUEUED, Ending.UNTOLD),
        ("PENDING", "JobHeldUser", JobPhase.HELD, Ending.UNTOLD),
        ("PENDING", "JobHeldAdmin", JobPhase.HELD, Ending.UNTOLD),
        ("PENDING", "JobArrayTaskLimit,JobHeldUser", JobPhase.HELD, Ending.UNTOLD),
        ("PENDING", "job requeued in held state", JobPhase.HELD, Ending.UNTOLD),
        ("CONFIGURING", "None", JobPhase.QUEUED, Ending.UNTOLD),
        ("RUNNING", "None", JobPhase.RUNNING, Ending.UNTOLD),
        ("RUNNING", "JobHeldUser", JobPhase.RUNNING, Ending.UNTOLD),
        ("COMPLETING", "TimeLimit", JobPhase.RUNNING, Ending.UNTOLD),
        ("SUSPENDED", "None", JobPhase.RUNNING, Ending.UNTOLD),
        ("COMPLETED", "None", JobPhase.GONE, Ending.EXITED),
        ("FAILED", "NonZeroExitCode", JobPhase.GONE, Ending.EXITED),
        ("TIMEOUT", "TimeLimit", JobPhase.GONE, Ending.TIMEOUT),
        ("DEADLINE", "DeadLine", JobPhase.GONE, Ending.TIMEOUT),
        ("OUT_OF_MEMORY", "OutOfMemory", JobPhase.GONE, Ending.OUT_OF_MEMORY),
        ("CANCELLED", "None", JobPhase.GONE, Ending.CANCELLED),
        ("PREEMPTED", "None", JobPhase.GONE, Ending.INFRASTRUCTURE),
        ("NODE_FAIL", "NodeDown", JobPhase.GONE, Ending.INFRASTRUCTURE),
        ("BOOT_FAIL", "None", JobPhase.GONE, Ending.INFRASTRUCTURE),
        ("SOMETHING_NEW", "None", JobPhase.UNKNOWN, Ending.UNTOLD),
    ],
)
def test_states(state: str, reason: str, phase: JobPhase, ending: Ending) -> None:
    told = parse_queue(f"48_0|{state}|node01|{reason}")[Job("48", 0)]
    status = status_of(told, HEADER.resources, {})
    assert (status.phase, status.ending) == (phase, ending)


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("Priority", "waiting: jobs of higher priority come first"),
        ("AssocGrpJobsLimit", "waiting for your account's limit: 200 running jobs"),
        ("AssocMaxJobsLimit", "waiting for your limit of running jobs"),
        ("AssocGrpCpuLimit", "waiting for your account's limit of CPUs"),
        ("QOSGrpNodeLimit", "waiting for a limit that all users of this QOS share"),
        (
            "Nodes required for job are DOWN, DRAINED or reserved for jobs in higher",
            "waiting: nodes are down, drained or kept for others",
        ),
        ("Moonphase", "waiting: Moonphase"),
    ],
)
def test_why_a_job_waits(reason: str, words: str) -> None:
    assert pending_words(reason, {"AssocGrpJobsLimit": 200}) == words


def test_advice_has_the_figures() -> None:
    asked = Resources(memory=1024**3, time=5400)
    told = parse_queue("48_0|OUT_OF_MEMORY|n|OutOfMemory\n48_1|TIMEOUT|n|TimeLimit")
    assert status_of(told[Job("48", 0)], asked, {}).reason == (
        "out of memory: asked 1GB: resume with --memory 2GB"
    )
    assert status_of(told[Job("48", 1)], asked, {}).reason == (
        "out of time: asked 1h30m: resume --failed with a longer --time"
    )
    assert "site's default" in status_of(told[Job("48", 0)], Resources(), {}).reason


@pytest.mark.parametrize(
    ("asked", "peak", "words"),
    [
        (1024**3, 1020 * 1024**2, "asked 1GB, used 1020MB: resume with --memory 2GB"),
        # Measured before the job's memory grew: that would tell something wrong.
        (1024**3, 90 * 1024**2, "asked 1GB: resume with --memory 2GB"),
        # Where Slurm looks every half minute a job can use more than twice of what it asked for.
        (1024**3, 3 * 1024**3, "asked 1GB, used 3GB: resume with --memory 4GB"),
        (
            None,
            2 * 1024**3,
            "the site's default was not enough (2GB were used): resume with --memory",
        ),
    ],
)
def test_memory_that_was_used(asked: int | None, peak: int, words: str) -> None:
    told = Told("OUT_OF_MEMORY")
    assert status_of(told, Resources(memory=asked), {}, peak).reason == f"out of memory: {words}"


def test_by_whom_a_job_was_cancelled() -> None:
    """squeue has another reason, or none, for what was cancelled: that is not told."""
    for reason, who in (("by root", " by root"), ("JobHeldUser", ""), ("None", "")):
        told = parse_queue(f"48_0|CANCELLED|n|{reason}")[Job("48", 0)]
        assert status_of(told, HEADER.resources, {}).reason == (
            f"its job was cancelled in Slurm{who}: `nbbatch resume` runs it again"
        )


@pytest.mark.parametrize(
    ("end", "state"),
    [
        ("", ""),
        ("slurmstepd-vm: error: *** JOB 7 ON vm CANCELLED AT 2026-11-21T13:00:00 ***", "CANCELLED"),
        (
            "slurmstepd: error: *** JOB 7 ON vm CANCELLED AT 2026-11-21T13:00:00 DUE TO TIME "
            "LIMIT ***",
            "TIMEOUT",
        ),
        (
            "*** STEP 7.batch ON vm CANCELLED AT 2026-11-21T13:00:00 DUE TO PREEMPTION ***",
            "PREEMPTED",
        ),
        ("*** JOB 7 ON vm CANCELLED AT x DUE TO NODE FAILURE, SEE SLURMCTLD LOG ***", "NODE_FAIL"),
        ("slurmstepd-vm: error: Detected 1 oom-kill event(s) in StepId=13.batch.", "OUT_OF_MEMORY"),
        (
            "slurmstepd-vm: error: StepId=139.batch exceeded memory limit (3 > 1), being killed",
            "OUT_OF_MEMORY",
        ),
        ("*** JOB 7 ON vm CANCELLED AT x ***\nnbbatch: 7_0, bundles/0001.json, on vm", ""),
    ],
)
def test_what_the_end_of_a_log_tells(end: str, state: str) -> None:
    assert state_in_log(f"nbbatch: 7_0, bundles/0001.json, on vm\n{end}\n") == state
