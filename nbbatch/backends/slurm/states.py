"""Slurm's words and what they mean here. Tables and parsing; no program is run.

The words are squeue's and sacct's of Slurm 22.05 to 24.05 (``man squeue``, JOB STATE CODES
and JOB REASON CODES); what each looks like for real is in tests/farm/slurm/README.md.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ...model import Ending, Job, JobPhase, JobStatus, Resources

QUEUE_FORMAT = "%i|%T|%N|%r"
"""The reason last: it may be a sentence with any character in it."""

PHASES: dict[str, JobPhase] = {
    "PENDING": JobPhase.QUEUED,
    "REQUEUED": JobPhase.QUEUED,
    "REQUEUE_FED": JobPhase.QUEUED,
    "CONFIGURING": JobPhase.QUEUED,
    "REQUEUE_HOLD": JobPhase.HELD,
    "SPECIAL_EXIT": JobPhase.HELD,
    "RESV_DEL_HOLD": JobPhase.HELD,
    "RUNNING": JobPhase.RUNNING,
    "COMPLETING": JobPhase.RUNNING,  # its processes are being ended: the worker may still write
    "SIGNALING": JobPhase.RUNNING,
    "STAGE_OUT": JobPhase.RUNNING,
    "STOPPED": JobPhase.RUNNING,
    "SUSPENDED": JobPhase.RUNNING,
    "RESIZING": JobPhase.RUNNING,
}

ENDINGS: dict[str, Ending] = {
    "COMPLETED": Ending.EXITED,
    "FAILED": Ending.EXITED,
    "TIMEOUT": Ending.TIMEOUT,
    "DEADLINE": Ending.TIMEOUT,
    "OUT_OF_MEMORY": Ending.OUT_OF_MEMORY,
    "CANCELLED": Ending.CANCELLED,
    "PREEMPTED": Ending.INFRASTRUCTURE,
    "NODE_FAIL": Ending.INFRASTRUCTURE,
    "BOOT_FAIL": Ending.INFRASTRUCTURE,
    "REVOKED": Ending.INFRASTRUCTURE,
}

# What is told of a job that ended so. {memory}, {time}: what was asked for; {used}: what was used.
ADVICE: dict[str, str] = {
    "FAILED": "its job failed before it wrote a record: see its log",
    "TIMEOUT": "out of time: asked {time}: resume --failed with a longer --time",
    "DEADLINE": "its --deadline passed: run it again with a later one",
    "OUT_OF_MEMORY": "out of memory: asked {memory}{used}: resume with --memory {more_memory}",
    "CANCELLED": "its job was cancelled in Slurm{by}: `nbbatch resume` runs it again",
    "PREEMPTED": "preempted by another job: `nbbatch resume` runs it again",
    "NODE_FAIL": "its node failed: `nbbatch resume` runs it again",
    "BOOT_FAIL": "its node did not boot: `nbbatch resume` runs it again",
    "REVOKED": "another cluster took the job: `nbbatch resume` runs it again",
}

HELD_REASONS: dict[str, str] = {
    "JobHeldUser": "held: `nbbatch release` lets it start",
    "JobHeldAdmin": "held by an administrator",
    "job requeued in held state": "queued again and held: `nbbatch release` lets it start",
    "JobHoldMaxRequeue": "held: it was queued again too often; `nbbatch release` lets it start",
    "launch failed requeued held": "held: its launch failed; `nbbatch release` lets it start",
}

# Reasons of waiting; those that begin with a word and go on with a number or a name are
# found by their longest beginning.
REASONS: dict[str, str] = {
    "None": "",
    "Resources": "waiting for free resources",
    "Priority": "waiting: jobs of higher priority come first",
    "Dependency": "waiting for an earlier job of this sweep",
    "DependencyNeverSatisfied": "never starts: a job it depends on did not end as it had to",
    "BeginTime": "about to start again",
    "Cleaning": "about to start again: its earlier run is being cleaned up",
    "JobArrayTaskLimit": "waiting: as many points as --jobs allows run already",
    "Licenses": "waiting for a licence",
    "PartitionDown": "waiting: the partition is down",
    "PartitionInactive": "waiting: the partition takes no jobs now",
    "PartitionConfig": "never starts here: it asks for more than any node of the partition has",
    "PartitionNodeLimit": "never starts here: it asks for more nodes than the partition allows",
    "PartitionTimeLimit": "never starts here: --time is longer than the partition allows",
    "BadConstraints": "never starts: no node has what --option constraint asks for",
    "InvalidAccount": "never starts: the account is not valid",
    "InvalidQOS": "never starts: the QOS is not valid",
    "AccountNotAllowed": "never starts here: the partition does not take this account",
    "QOSNotAllowed": "never starts here: the partition does not take this QOS",
    "NodeDown": "waiting: a node that it needs is down",
    "NodesDown": "waiting: a node that it needs is down",
    "Nodes required for job are DOWN": "waiting: nodes are down, drained or kept for others",
    "ReqNodeNotAvail": "waiting: a node that it asks for is not available",
    "Reservation": "waiting for its reservation to begin",
    "ReservationDeleted": "never starts: its reservation was deleted",
    "JobLaunchFailure": "its launch failed",
    "NonZeroExitCode": "",
    "SystemFailure": "Slurm itself failed",
    "FrontEndDown": "waiting: the front end is down",
    "DeadLine": "its deadline passed",
    "AssocMaxJobsLimit": "waiting for your limit of running jobs{limit}",
    "MaxJobsPerAccount": "waiting for your account's limit of running jobs{limit}",
    "AssocGrpJobsLimit": "waiting for your account's limit: {limit_jobs}running jobs",
    "AssocGrpCpuLimit": "waiting for your account's limit of CPUs",
    "AssocGrpCPUMinutesLimit": "waiting: your account's CPU minutes are used up",
    "AssocGrpCPURunMinutesLimit": "waiting for your account's limit of running CPU minutes",
    "AssocGrpMemLimit": "waiting for your account's limit of memory",
    "AssocGrpGRES": "waiting for your account's limit of GPUs",
    "AssocGrpNodeLimit": "waiting for your account's limit of nodes",
    "AssocGrpWallLimit": "waiting: your account's time is used up",
    "AssocGrpBilling": "waiting for your account's limit",
    "AssocGrp": "waiting for your account's limit",
    "AssocMaxWallDurationPerJobLimit": "never starts: --time is longer than your limit",
    "AssocMax": "waiting: it asks for more than your limit for one job",
    "QOSMaxJobsPerUserLimit": "waiting for your limit of running jobs in this QOS",
    "QOSMaxCpuPerUserLimit": "waiting for your limit of CPUs in this QOS",
    "QOSMaxMemoryPerUser": "waiting for your limit of memory in this QOS",
    "QOSMaxGRESPerUser": "waiting for your limit of GPUs in this QOS",
    "QOSMaxWallDurationPerJobLimit": "never starts: --time is longer than this QOS allows",
    "QOSGrp": "waiting for a limit that all users of this QOS share",
    "QOSMax": "waiting for a limit of this QOS",
    "QOSResourceLimit": "waiting for a limit of this QOS",
    "QOSUsageThreshold": "waiting: too much was used in this QOS",
}

MOST = 0.8
"""A peak below this share of what was asked for was measured before the job ran out of it."""


@dataclass(frozen=True)
class Told:
    """What Slurm tells of one job: its state's first word, its reason, its node."""

    state: str
    reason: str = ""
    host: str = ""


def parse_queue(text: str) -> dict[Job, Told]:
    """The lines of squeue in QUEUE_FORMAT. Lines of jobs that are in no array are left out."""
    found: dict[Job, Told] = {}
    for line in text.splitlines():
        parts = line.split("|", 3)
        if len(parts) < 4:
            continue  # a site's chatter
        name, state, host, reason = parts
        told = Told(first_word(state), reason.strip().strip("()"), host)
        for job in parse_tasks(name):
            found[job] = told
    return found


def parse_tasks(name: str) -> Iterator[Job]:
    """The jobs that ``48_7`` or ``48_[5-6,9,20-30:5%3]`` names; none for ``48`` or ``48.batch``."""
    parts = re.fullmatch(r"(\d+)_(?:(\d+)|\[([\d,:-]+)(?:%\d+)?\])", name.strip())
    if parts is None:
        return
    array, single, ranges = parts.groups()
    for piece in (single or ranges).split(","):
        span, _, step = piece.partition(":")
        first, _, last = span.partition("-")
        for index in range(int(first), int(last or first) + 1, int(step or 1)):
            yield Job(array, index)


def expressions(jobs: Collection[Job]) -> list[str]:
    """``48_[1,3-5]`` for each array of these jobs."""
    by_array: dict[str, list[int]] = {}
    for job in sorted(jobs):
        by_array.setdefault(job.array, []).append(job.index)
    return [f"{array}_[{_ranges(indices)}]" for array, indices in by_array.items()]


def _ranges(indices: Sequence[int]) -> str:
    spans: list[list[int]] = []
    for index in indices:
        if spans and spans[-1][1] == index - 1:
            spans[-1][1] = index
        else:
            spans.append([index, index])
    return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in spans)


def first_word(state: str) -> str:
    """``CANCELLED by 1001`` and ``CANCELLED+`` are CANCELLED."""
    return (state.split() or [""])[0].rstrip("+")


def status_of(told: Told, asked: Resources, limits: Mapping[str, int], peak: int = 0) -> JobStatus:
    """A job's status in our words; a state that is new to us is UNKNOWN, never an end.

    ``peak``: the most memory that the job was seen to use, in bytes; 0: not known.
    """
    state = told.state
    if state in ENDINGS:
        reason = advice(state, asked, told.reason if state == "CANCELLED" else "", peak)
        return JobStatus(JobPhase.GONE, reason, told.host, ENDINGS[state])
    phase = PHASES.get(state, JobPhase.UNKNOWN)
    if phase is JobPhase.UNKNOWN:
        return JobStatus(phase, f"Slurm says {state}, which is new to nbbatch", told.host)
    if phase is JobPhase.QUEUED:
        # With -r a task may still carry what holds its neighbours: "JobArrayTaskLimit,JobHeldUser".
        for word, text in HELD_REASONS.items():
            if word in told.reason:
                return JobStatus(JobPhase.HELD, text)
        return JobStatus(phase, pending_words(told.reason, limits))
    if state == "SUSPENDED":
        return JobStatus(phase, "suspended", told.host)
    return JobStatus(phase, "", told.host)


def pending_words(reason: str, limits: Mapping[str, int]) -> str:
    """Why a job waits, in words; the scheduler's own where we have none."""
    known = [word for word in REASONS if reason.startswith(word)]
    if not known:
        return f"waiting: {reason}"
    limit = limits.get(reason)
    return REASONS[max(known, key=len)].format(
        limit="" if limit is None else f" ({limit})",
        limit_jobs="" if limit is None else f"{limit} ",
    )


def advice(state: str, asked: Resources, by: str = "", peak: int = 0) -> str:
    """What to tell of a job that ended in ``state``, and what to do next.

    ``by`` says who cancelled it, as ``by root``; other reasons of Slurm's are left out.
    ``peak`` as in ``status_of``.
    """
    memory, time = asked.memory, asked.time
    if state == "OUT_OF_MEMORY" and memory is None:
        seen = f" ({_size(peak)} were used)" if peak else ""
        return f"out of memory: the site's default was not enough{seen}: resume with --memory"
    more = 2 * (memory or 0)
    while 0 < more < peak:  # where memory is looked at now and then, a job can use far more
        more *= 2
    if state == "TIMEOUT" and time is None:
        return "out of time: the site's default was not enough: resume --failed with --time"
    return ADVICE.get(state, "").format(
        memory=_size(memory or 0),
        used=f", used {_size(peak)}" if peak > MOST * (memory or 0) else "",
        more_memory=_size(more),
        time=_duration(time or 0),
        by=f" {by}" if by.startswith("by ") else "",
    )


def _size(size: int) -> str:
    # As --memory reads it: 1GB is 1024 MB.
    unit, factor = ("GB", 1024**3) if size >= 1024**3 else ("MB", 1024**2)
    return f"{size / factor:.4g}{unit}"


def _duration(seconds: int) -> str:
    hours, rest = divmod(seconds, 3600)
    minutes, seconds = divmod(rest, 60)
    parts = [f"{n}{unit}" for n, unit in ((hours, "h"), (minutes, "m"), (seconds, "s")) if n]
    return "".join(parts) or "0s"


# What slurmstepd writes at the end of a job's log: the only trace where squeue has forgotten
# the job and no accounting is kept, and for OverMemoryKill the only trace at all.
_LOG_WORDS = (
    (r"oom-kill event|exceeded (job )?memory limit|Exceeded job memory limit", "OUT_OF_MEMORY"),
    (r"\*\*\* (?:JOB|STEP) .*DUE TO TIME LIMIT", "TIMEOUT"),
    (r"\*\*\* (?:JOB|STEP) .*DUE TO PREEMPTION", "PREEMPTED"),
    (r"\*\*\* (?:JOB|STEP) .*DUE TO NODE FAILURE", "NODE_FAIL"),
    (r"\*\*\* (?:JOB|STEP) .*CANCELLED AT", "CANCELLED"),
)


def state_in_log(text: str) -> str:
    """The state that the end of a job's log tells of; empty when it tells nothing.

    Only what follows the last start counts: the log has one attempt after another.
    """
    last = text[max(0, text.rfind("\nnbbatch: ")) :]
    for pattern, state in _LOG_WORDS:
        if re.search(pattern, last):
            return state
    return ""
