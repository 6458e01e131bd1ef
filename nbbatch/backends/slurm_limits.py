"""How much a Slurm takes: its own limits, and those of the user's account. Pure parsing."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ..model import JobArray
from .slurm_script import Chunk
from .slurm_states import ENDINGS

MAX_ARRAY_SIZE = 1001
MAX_JOB_COUNT = 10_000
"""Slurm's defaults, for a site that does not say."""

NO_ROOM = re.compile(
    r"SubmitJob\w*Limit|job submit limit|temporarily unable to accept|temporarily unavailable"
)
"""What sbatch prints when a limit on the number of submitted jobs is reached.

"Job violates accounting/QOS policy" is the sentence for *all* policies: only together with one of
these words it is a matter of waiting.
"""

OVER = frozenset(ENDINGS)


@dataclass(frozen=True)
class Cluster:
    """``scontrol show config``: sizes, and whether accounting is kept."""

    max_array_size: int = MAX_ARRAY_SIZE
    max_job_count: int = MAX_JOB_COUNT
    accounting: bool = False


def parse_config(text: str) -> Cluster:
    """The output of ``scontrol show config``."""
    pairs = (line.partition("=") for line in text.splitlines())
    found = {name.strip(): value.strip() for name, _, value in pairs}
    storage = found.get("AccountingStorageType", "")
    return Cluster(
        max_array_size=_count(found.get("MaxArraySize"), MAX_ARRAY_SIZE),
        max_job_count=_count(found.get("MaxJobCount"), MAX_JOB_COUNT),
        accounting=bool(storage) and not storage.endswith(("/none", "(null)")),
    )


def _count(text: str | None, default: int) -> int:
    return int(text) if text and text.isdigit() else default


ASSOC_FORMAT = "account,user,maxjobs,maxsubmit,grpjobs,grpsubmit,defaultqos,qos"
QOS_FORMAT = "name,maxsubmitpu,maxjobspu,grpsubmit"


@dataclass(frozen=True)
class Allowance:
    """What accounting allows: jobs of the user, of the account, of the user in the QOS."""

    account: str = ""
    submit_user: int | None = None
    submit_account: int | None = None
    submit_qos: int | None = None
    running: Mapping[str, int] = field(default_factory=dict)
    """squeue's reason → the number of running jobs at which it appears."""


def parse_allowance(assoc: str, qos: str, *, user: str, account: str, chosen: str) -> Allowance:
    """From ``sacctmgr -n -P show assoc`` and ``show qos`` in the formats above.

    ``account`` and ``chosen`` are the account and QOS that the user asked for, or empty.
    """
    rows = [_row(ASSOC_FORMAT, line) for line in assoc.splitlines() if line.count("|") >= 7]
    mine = [
        row
        for row in rows
        if row["user"] == user and row["account"] in (account or row["account"],)
    ]
    if not mine:
        return Allowance(account)
    row = mine[0]
    whole = next((r for r in rows if r["account"] == row["account"] and not r["user"]), {})
    name = chosen or row["defaultqos"] or (row["qos"] if "," not in row["qos"] else "")
    rules = next(
        (r for r in (_row(QOS_FORMAT, line) for line in qos.splitlines()) if r["name"] == name), {}
    )
    running = {
        "AssocMaxJobsLimit": row["maxjobs"],
        "AssocGrpJobsLimit": whole.get("grpjobs", ""),
    }
    return Allowance(
        account=row["account"],
        submit_user=_limit(row["maxsubmit"]),
        submit_account=_limit(whole.get("grpsubmit", "")),
        submit_qos=_limit(rules.get("maxsubmitpu", "")),
        running={reason: int(text) for reason, text in running.items() if text.isdigit()},
    )


def _row(names: str, line: str) -> dict[str, str]:
    return dict(zip(names.split(","), line.strip().split("|"), strict=False))


def _limit(text: str) -> int | None:
    return int(text) if text.isdigit() else None


@dataclass(frozen=True)
class Queued:
    """A line of ``squeue -h -r -t all`` in LISTING_FORMAT; ``array`` is the array's own id."""

    state: str
    user: str
    account: str
    array: str
    name: str

    @property
    def over(self) -> bool:
        """True for a job that has ended, which squeue still knows."""
        return self.state in OVER


LISTING_FORMAT = "%T|%u|%a|%F|%j"


def parse_listing(text: str) -> list[Queued]:
    """The lines of squeue in LISTING_FORMAT; a name may hold anything."""
    rows = (line.strip().split("|", 4) for line in text.splitlines())
    return [Queued(*row) for row in rows if len(row) == 5]


def arrays_of(jobs: Iterable[Queued]) -> list[JobArray]:
    """The arrays that these jobs are of, each once; sizes and places are in their names."""
    found = {}
    for job in jobs:
        first, size = map(int, job.name.rsplit(".", 2)[1:])
        found[job.array] = JobArray(job.array, first, size)
    return list(found.values())


def room(
    cluster: Cluster, allowance: Allowance, queue: Sequence[Queued], *, user: str, reserve: int = 1
) -> int:
    """How many more jobs fit now; ``reserve`` is kept for the finishing job.

    Jobs that have ended count for MaxJobCount until squeue forgets them, and for nothing else.
    """
    users = Counter(job.user for job in queue if not job.over)
    accounts = Counter(job.account for job in queue if not job.over)
    free = [cluster.max_job_count - 1 - len(queue)]
    if allowance.submit_user is not None:
        free.append(allowance.submit_user - users[user])
    if allowance.submit_account is not None:
        free.append(allowance.submit_account - accounts[allowance.account])
    if allowance.submit_qos is not None:
        free.append(allowance.submit_qos - users[user])
    return max(0, min(free) - reserve)


def chunks(first: int, count: int, *, max_array_size: int, max_running: int | None) -> list[Chunk]:
    """Arrays for ``count`` bundles from ``first`` on; the largest index is max_array_size - 1.

    ``max_running`` is split over the arrays; what is more than that many arrays waits for
    the one that has its place (``after`` then holds that array's position, as text).
    """
    size = max(1, max_array_size)
    starts = list(range(0, count, size))
    made = []
    for position, start in enumerate(starts):
        throttle: int | None = None
        after: tuple[str, ...] = ()
        if max_running is not None:
            lanes = min(max_running, len(starts))
            lane = position % lanes
            throttle = max_running // lanes + (lane < max_running % lanes)
            after = (str(position - lanes),) if position >= lanes else ()
        made.append(Chunk(first + start, min(size, count - start), throttle, after))
    return made
