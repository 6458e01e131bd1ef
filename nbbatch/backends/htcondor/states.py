"""HTCondor's words in ours: job states, hold codes, events. Tables and pure functions.

The numbers are HTCondor's own and stable; what the attributes really hold was measured
on 23.9 (``tests/farm/htcondor/README.md``).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from ...model import Ending, Job, JobArray, JobPhase, JobStatus, Transfer

IDLE, RUNNING, REMOVED, COMPLETED, HELD = 1, 2, 3, 4, 5

# JobStatus → phase. A removed job is in the queue as long as its processes are ending.
PHASES: dict[int, JobPhase] = {
    IDLE: JobPhase.QUEUED,
    RUNNING: JobPhase.RUNNING,
    REMOVED: JobPhase.RUNNING,
    COMPLETED: JobPhase.GONE,
    HELD: JobPhase.HELD,
    6: JobPhase.RUNNING,  # transferring output
    7: JobPhase.RUNNING,  # suspended
}

SPOOLING = 16
BY_USER = 1

# HoldReasonCode → what it is, and what to do. {root} is the sweep folder.
RESUME = "`nbbatch cancel {root}`, then `nbbatch resume {root}`"
RELEASE = "`nbbatch release {root}` tries again"
HOLDS: dict[int, tuple[str, str]] = {
    1: ("held by its owner", "`nbbatch release {root}` lets it start"),
    2: ("held with its parent job", RELEASE),
    3: ("held by a policy", "Ask the site what the policy wants, then " + RELEASE),
    4: ("its credential was refused or is too old", "Renew it, then " + RELEASE),
    6: ("its program could not be started", "Check --python and --setup, then " + RELEASE),
    7: ("its output file could not be opened", "Is the sweep folder there on the node? " + RELEASE),
    8: ("its input file could not be opened", "Is the sweep folder there on the node? " + RELEASE),
    12: ("its results could not be brought back", RELEASE),
    13: ("its files could not be sent", "Check `inputs:` in the grid, then " + RELEASE),
    14: ("the sweep folder cannot be reached", "Is it on a mount that the pool sees? " + RELEASE),
    15: ("submitted on hold", RELEASE),
    16: ("its files are not with the schedd yet", "Wait; if it stays, " + RESUME),
    21: ("held by the node's policy", "Look at the reason, then " + RELEASE),
    22: ("its event log cannot be written", "Is the disk of the sweep folder full? " + RELEASE),
    26: ("held by the pool's policy", "Ask the site what the policy wants, then " + RELEASE),
    32: ("its input files are larger than the pool allows", "Ship less, then " + RESUME),
    33: ("its output files are larger than the pool allows", "Write less, then " + RESUME),
    35: ("its container image cannot be used", "Check --container, then " + RESUME),
    36: ("its checkpoint failed", RELEASE),
    45: ("the node cannot run containers", RELEASE),
    46: ("it ran longer than --time", "Cancel it, then run again with a longer --time"),
    47: ("it ran longer than --time", "Cancel it, then run again with a longer --time"),
}

MEMORY, DISK = "memory", "disk"

# The usual policies hold with the startd's code 21 (or 26) and a subcode, or 3.
POLICY_SUBCODES: dict[int, str] = {102: MEMORY, 104: DISK}

# Holds that another try can cure: a transfer cut off, a node that is broken. Errno 2, a file
# that is not there, stays what it is, except on the way back: an evicted job may not have
# made its folders yet.
CURABLE_CODES = (6, 7, 11, 12, 13, 18)
CURE = (
    "JobStatus == 5 && NumShadowStarts < 6 && time() - EnteredCurrentStatus > 30 && "
    f"member(HoldReasonCode, {{{', '.join(map(str, CURABLE_CODES))}}}) && "
    "(HoldReasonCode == 12 || HoldReasonSubCode =!= 2)"
)

# Held for its memory: by a cgroup (34) or by the usual policy; now, and when last held.
MEMORY_HOLD = "JobStatus == 5 && (HoldReasonCode =?= 34 || HoldReasonSubCode =?= 102)"
LAST_HOLD_MEMORY = "(LastHoldReasonCode =?= 34 || LastHoldReasonSubCode =?= 102)"


def hold_cause(ad: Mapping[str, Any]) -> str:
    """MEMORY or DISK when the job was held for using too much of it, else empty."""
    code, subcode = _number(ad, "HoldReasonCode"), _number(ad, "HoldReasonSubCode")
    if code == 34:
        return MEMORY
    if code in (3, 21, 26):
        return POLICY_SUBCODES.get(subcode or 0, "")
    return ""


MOVES = ("TransferInStarted", "TransferInFinished", "TransferOutStarted", "TransferOutFinished")
"""When a job's files were last on their way, in seconds since the epoch."""


def transfer_of(ad: Mapping[str, Any]) -> Transfer | None:
    """How long a job's files travelled; None where they did not, or for less than a second."""
    since_in, until_in, since_out, until_out = (_number(ad, name) or 0 for name in MOVES)
    inputs = until_in - since_in if since_in else 0
    outputs = until_out - since_out if since_out else 0
    # One that was cut off has its beginning after the end of the one before.
    found = Transfer(max(0, inputs), max(0, outputs))
    return None if found == Transfer() else found


def status_of(ad: Mapping[str, Any], root: str) -> JobStatus:
    """Where a job of the queue is. ``ad`` holds plain values."""
    number = _number(ad, "JobStatus")
    phase = PHASES.get(number or 0, JobPhase.UNKNOWN)
    host = str(ad.get("RemoteHost") or "").rpartition("@")[2]
    # Hold attributes stay in the ad after a release: they count only while it is held.
    if phase is JobPhase.HELD:
        if _number(ad, "HoldReasonCode") == SPOOLING:
            return JobStatus(JobPhase.QUEUED, "its files are on their way to the schedd")
        return JobStatus(phase, hold_words(ad, root))
    if number == 7:
        return JobStatus(phase, "suspended", host)
    if phase is JobPhase.GONE:
        return JobStatus(phase, transfer=transfer_of(ad))
    return JobStatus(phase, host=host if phase is JobPhase.RUNNING else "")


FETCHED_REASON = "its results were fetched by nbbatch"
"""Why a job was removed that had ended by itself before."""

HELD_BACK = "held by its owner: `nbbatch release` lets it start"


def statuses_of(
    ads: Iterable[Mapping[str, Any]],
    arrays: Iterable[JobArray],
    dropped: Collection[str],
    root: str,
) -> dict[Job, JobStatus]:
    """Where the jobs are that the queue has, or will have.

    ``ads`` are those of procs and of clusters. ``dropped`` (``cluster.proc``) are jobs that
    were taken back: if the schedd had not made them yet, it still will, and they do nothing,
    waiting or running. Only those that were at work then are seen on, as they are ending.
    """
    sizes = {array.id: array.size for array in arrays}
    statuses: dict[Job, JobStatus] = {}
    for ad in ads:
        cluster = str(ad["ClusterId"])
        if "ProcId" in ad:
            over = ad.get("JobStatus") in (REMOVED, COMPLETED)
            if not over and f"{cluster}.{ad['ProcId']}" in dropped:
                continue
            statuses[Job(cluster, ad["ProcId"])] = status_of(ad, root)
        elif "JobMaterializeNextProcId" in ad:
            # Procs that the schedd has not made yet: absent from the queue, not gone.
            held = JobStatus(JobPhase.HELD, HELD_BACK)
            status = held if ad.get("JobMaterializePaused") else JobStatus(JobPhase.QUEUED)
            for index in range(ad["JobMaterializeNextProcId"], sizes.get(cluster, 0)):
                if f"{cluster}.{index}" not in dropped:
                    statuses.setdefault(Job(cluster, index), status)
    return statuses


def hold_words(ad: Mapping[str, Any], root: str) -> str:
    """Why a job is held and what to do: HTCondor's own words, ours, the next command."""
    code = _number(ad, "HoldReasonCode") or 0
    said = str(ad.get("HoldReason") or "").strip()
    cause = hold_cause(ad)
    if cause == MEMORY:
        asked, used = _number(ad, "MemoryProvisioned"), _number(ad, "ResidentSetSize")
        asked = asked or _number(ad, "RequestMemory")
        words = "it used more memory than it asked for"
        # After a cgroup's kill the recorded size is that of the shell, not of the job.
        over = used / 1024 if used and asked and used / 1024 > asked * 0.5 else 0.0
        if asked:
            words = f"asked {_megabytes(asked)} of memory"
            words += f", used {_megabytes(over)}" if over else " and used more"
        enough = _megabytes(_enough(asked, over)) if asked else "SIZE"
        advice = f"`nbbatch resume {root} --memory {enough}`"
    elif cause == DISK:
        asked, used = _number(ad, "RequestDisk"), _number(ad, "DiskUsage")
        words = "it used more disk than it asked for"
        if asked and used:
            words = f"asked {_megabytes(asked / 1024)} of disk, used {_megabytes(used / 1024)}"
        advice = "cancel it, then run again with a larger --disk"
    else:
        words, advice = HOLDS.get(code, ("held", RELEASE))
        advice = advice.format(root=root)
        if code in (BY_USER, 46, 47):
            said = ""  # it says nothing that our words do not
    shown = f"{words} ({said})" if said and cause == "" else words
    return f"{shown}: {advice[0].lower()}{advice[1:]}"


def _enough(asked: int, used: float) -> int:
    """What to ask for next, in MB: twice as much until a quarter is left over."""
    enough = 2 * asked
    while enough < 1.25 * used:
        enough *= 2
    return enough


def ending_of(ad: Mapping[str, Any]) -> tuple[Ending, str]:
    """How a job of the history ended, and why, in words."""
    why = str(ad.get("RemoveReason") or "removed")
    if _number(ad, "JobStatus") == REMOVED and not why.startswith(FETCHED_REASON):
        return Ending.CANCELLED, why
    if ad.get("ExitBySignal") is True:
        return Ending.EXITED, f"its job was killed by signal {_number(ad, 'ExitSignal')}"
    code = _number(ad, "ExitCode")
    return Ending.EXITED, "" if not code else f"its job ended with exit code {code}"


def _number(ad: Mapping[str, Any], name: str) -> int | None:
    value = ad.get(name)
    return int(value) if isinstance(value, (int, float)) else None


def _megabytes(size: float) -> str:
    return f"{size / 1024:.3g}GB" if size >= 1000 else f"{size:.0f}MB"
