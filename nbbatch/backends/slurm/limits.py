"""How much a Slurm takes: its own limits, its partitions', those of accounting. Pure parsing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ...model import JobArray
from .script import Chunk
from .states import ENDINGS

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
    """``scontrol show config``: sizes, and whether accounting is kept, and enforces its limits."""

    max_array_size: int = MAX_ARRAY_SIZE
    max_job_count: int = MAX_JOB_COUNT
    accounting: bool = False
    name: str = ""
    enforced: bool = True


def parse_config(text: str) -> Cluster:
    """The output of ``scontrol show config``."""
    pairs = (line.partition("=") for line in text.splitlines())
    found = {name.strip(): value.strip() for name, _, value in pairs}
    storage = found.get("AccountingStorageType", "")
    enforce = found.get("AccountingStorageEnforce")
    return Cluster(
        max_array_size=_count(found.get("MaxArraySize"), MAX_ARRAY_SIZE),
        max_job_count=_count(found.get("MaxJobCount"), MAX_JOB_COUNT),
        accounting=bool(storage) and not storage.endswith(("/none", "(null)")),
        name=found.get("ClusterName", ""),
        enforced=enforce is None or bool(re.search(r"limits|safe|all", enforce)),
    )


def _count(text: str | None, default: int) -> int:
    return int(text) if text and text.isdigit() else default


# ------------------------------------------------------------------------------- partitions


@dataclass(frozen=True)
class Partition:
    """A line of ``scontrol -o show partition``. ``max_time`` in seconds; None: no limit."""

    name: str
    max_time: int | None = None
    qos: str = ""


def parse_partitions(text: str, wanted: str) -> list[Partition]:
    """The partitions ``wanted`` (``a,b``), or the default one."""
    rows = [dict(re.findall(r"(\w+)=(\S*)", line)) for line in text.splitlines()]
    names = wanted.split(",") if wanted else []
    return [
        Partition(
            row["PartitionName"],
            seconds_of(row.get("MaxTime", "")),
            "" if row.get("QoS", "N/A") == "N/A" else row["QoS"],
        )
        for row in rows
        if "PartitionName" in row
        and (row["PartitionName"] in names or (not names and row.get("Default") == "YES"))
    ]


def seconds_of(text: str) -> int | None:
    """Slurm's ``2-00:00:00``, ``10:00`` or ``30`` (minutes); None for UNLIMITED and the like."""
    days, dash, clock = text.strip().rpartition("-")
    if not re.fullmatch(r"\d+(:\d+){0,2}", clock) or (dash and not days.isdigit()):
        return None
    parts = [int(part) for part in clock.split(":")]
    if dash:  # days-hours[:minutes[:seconds]]
        hours, minutes, seconds = (*parts, 0, 0)[:3]
    elif len(parts) == 3:
        hours, minutes, seconds = parts
    else:  # minutes[:seconds]
        hours, minutes, seconds = 0, *(*parts, 0)[:2]
    return int(days or 0) * 86400 + hours * 3600 + minutes * 60 + seconds


# -------------------------------------------------------------------------------- the queue


@dataclass(frozen=True)
class Queued:
    """A line of ``squeue -h -r -t all`` in LISTING_FORMAT; ``array`` is the array's own id."""

    state: str
    user: str
    account: str
    qos: str
    partition: str
    array: str
    name: str

    @property
    def over(self) -> bool:
        """True for a job that has ended, which squeue still knows."""
        return self.state in OVER


LISTING_FORMAT = "%T|%u|%a|%q|%P|%F|%j"


def parse_listing(text: str) -> list[Queued]:
    """The lines of squeue in LISTING_FORMAT; a name may hold anything."""
    rows = (line.strip().split("|", 6) for line in text.splitlines())
    return [Queued(*row) for row in rows if len(row) == 7]


def arrays_of(jobs: Iterable[Queued]) -> list[JobArray]:
    """The arrays that these jobs are of, each once; sizes and places are in their names."""
    found = {}
    for job in jobs:
        first, size = map(int, job.name.rsplit(".", 2)[1:])
        found[job.array] = JobArray(job.array, first, size)
    return list(found.values())


@dataclass(frozen=True)
class Cap:
    """At most ``limit`` submitted jobs of those that match; an empty field matches all."""

    limit: int
    user: str = ""
    accounts: frozenset[str] = frozenset()
    qos: str = ""
    partitions: frozenset[str] = frozenset()

    def counts(self, job: Queued) -> bool:
        return (
            self.user in ("", job.user)
            and (not self.accounts or job.account in self.accounts)
            and self.qos in ("", job.qos)
            and (not self.partitions or job.partition in self.partitions)
        )


@dataclass(frozen=True)
class Allowance:
    """What accounting allows: how many jobs, and for how long (seconds; None: no limit)."""

    caps: tuple[Cap, ...] = ()
    max_time: int | None = None
    running: Mapping[str, int] = field(default_factory=dict)
    """squeue's reason → the number of running jobs at which it appears."""


def room(
    cluster: Cluster, allowance: Allowance, queue: Sequence[Queued], *, reserve: int = 1
) -> int:
    """How many more jobs fit now; ``reserve`` is kept for the finishing job.

    Jobs that have ended count for MaxJobCount until squeue forgets them, and for nothing else.
    """
    alive = [job for job in queue if not job.over]
    free = [cluster.max_job_count - 1 - len(queue)]
    free.extend(cap.limit - sum(map(cap.counts, alive)) for cap in allowance.caps)
    return max(0, min(free) - reserve)


def chunks(
    first: int, count: int, *, max_array_size: int, shares: Sequence[int] | None
) -> list[Chunk]:
    """Arrays for ``count`` bundles from ``first`` on; the largest index is max_array_size - 1.

    ``shares`` bounds the running tasks of each array; what is more than that many arrays waits
    for the one that has its place (``after`` then holds that array's position, as text).
    """
    size = max(1, max_array_size)
    starts = list(range(0, count, size))
    made = []
    for position, start in enumerate(starts):
        throttle: int | None = None
        after: tuple[str, ...] = ()
        if shares is not None:
            throttle = shares[position % len(shares)]
            after = (str(position - len(shares)),) if position >= len(shares) else ()
        made.append(Chunk(first + start, min(size, count - start), throttle, after))
    return made
