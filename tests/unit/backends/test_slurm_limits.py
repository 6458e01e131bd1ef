"""What a site's Slurm allows: sizes, limits of partitions and accounts, room for jobs."""

from __future__ import annotations

import pytest

from nbbatch.backends.slurm.accounting import Asked, parse_allowance
from nbbatch.backends.slurm.limits import (
    Allowance,
    Cap,
    Cluster,
    Partition,
    arrays_of,
    chunks,
    parse_config,
    parse_listing,
    parse_partitions,
    room,
    seconds_of,
)
from nbbatch.backends.slurm.script import (
    Chunk,
)
from nbbatch.backends.slurm.usage import parse_usage
from nbbatch.model import (
    Job,
    JobArray,
    Usage,
)


def test_the_clusters_sizes() -> None:
    text = (
        "Configuration data as of 2026-11-21T13:00:00\n"
        "AccountingStorageType   = accounting_storage/slurmdbd\n"
        "MaxArraySize            = 101\nMaxJobCount             = 200\n"
    )
    assert parse_config(text) == Cluster(101, 200, accounting=True)
    text += "ClusterName = one\nAccountingStorageEnforce = associations,limits,qos\n"
    assert parse_config(text) == Cluster(101, 200, accounting=True, name="one", enforced=True)
    assert not parse_config("AccountingStorageEnforce = none\n").enforced
    assert not parse_config("AccountingStorageType = accounting_storage/none\n").accounting
    assert parse_config("") == Cluster(1001, 10_000, accounting=False)


def test_the_partitions_limits() -> None:
    text = (
        "PartitionName=main Default=YES QoS=N/A MaxTime=2-00:00:00 State=UP\n"
        "PartitionName=short Default=NO QoS=quick MaxTime=30:00 State=UP\n"
        "PartitionName=long Default=NO QoS=N/A MaxTime=UNLIMITED State=UP\n"
    )
    assert parse_partitions(text, "") == [Partition("main", 2 * 86400)]
    assert parse_partitions(text, "short,long") == [
        Partition("short", 1800, "quick"),
        Partition("long"),
    ]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2-00:00:00", 172_800),
        ("1-12", 129_600),
        ("01:30:00", 5400),
        ("10:00", 600),
        ("30", 1800),
        ("UNLIMITED", None),
        ("", None),
    ],
)
def test_how_long_a_limit_is(text: str, seconds: int | None) -> None:
    assert seconds_of(text) == seconds


# account, user, partition, parent, maxjobs, maxsubmit, grpjobs, grpsubmit, defaultqos, qos, maxwall
ASSOC = """root||||||||normal||
science|||root|||40|30||normal|
farm|||science|||4|6||normal|
farm|ada|||2|5|||small|normal,small|01:00:00
farm|ada|gpu||1|2|||small|normal,small|
other|||root|||||||
other|ada|||||||normal||
"""
# name, MaxSubmitPU, MaxSubmitPA, GrpSubmit, MaxWall
QOS = "normal||||\nsmall|3|7|9|00:30:00\nquick|4|||\n"
USERS = "ada|farm\nbob|other\n"


def test_the_accounts_limits() -> None:
    found = parse_allowance(ASSOC, QOS, USERS, Asked("ada"))
    farm = frozenset({"farm"})
    assert found.caps == (
        Cap(5, user="ada", accounts=farm),
        Cap(6, accounts=farm),
        Cap(30, accounts=frozenset({"science", "farm"})),  # the parent's, for all below it
        Cap(3, user="ada", qos="small"),
        Cap(7, accounts=farm, qos="small"),
        Cap(9, qos="small"),
    )
    assert found.max_time == 1800  # the QOS is stricter than the association
    assert found.running == {"AssocMaxJobsLimit": 2, "AssocGrpJobsLimit": 4}
    other = parse_allowance(ASSOC, QOS, USERS, Asked("ada", account="other"))
    assert (other.caps, other.max_time) == ((), None)
    assert parse_allowance(ASSOC, QOS, USERS, Asked("bob")) == Allowance()


def test_the_limits_of_a_partition() -> None:
    """Its own association comes first, and its QOS counts all jobs in it."""
    asked = Asked("ada", qos="normal", partitions=(Partition("gpu", None, "quick"),))
    found = parse_allowance(ASSOC, QOS, USERS, asked)
    assert found.caps[0].limit == 2
    assert found.caps[-1] == Cap(4, user="ada", partitions=frozenset({"gpu"}))


def test_room() -> None:
    queue = parse_listing(
        "RUNNING|ada|farm|normal|main|48|scan.1a2b3c4d.1.2\nPENDING|bob|farm|small|main|50|x\n"
        "COMPLETED|ada|farm|normal|main|48|scan.1a2b3c4d.1.2\nnonsense\n"
    )

    def left(*caps: Cap, most: int = 10_000) -> int:
        return room(Cluster(max_job_count=most), Allowance(caps), queue)

    farm = frozenset({"farm"})
    assert left(most=10) == 10 - 1 - 3 - 1
    assert left(Cap(4, user="ada")) == 4 - 1 - 1
    assert left(Cap(4, accounts=farm)) == 4 - 2 - 1
    assert left(Cap(4, accounts=farm, qos="small")) == 4 - 1 - 1
    assert left(Cap(9, user="ada"), Cap(4, partitions=frozenset({"main"}))) == 4 - 2 - 1
    assert left(Cap(4, partitions=frozenset({"gpu"}))) == 4 - 0 - 1
    assert left(most=3) == 0
    assert arrays_of(queue[:1]) == [JobArray("48", 1, 2)]


def test_chunks() -> None:
    assert chunks(1, 300, max_array_size=101, shares=None) == [
        Chunk(1, 101),
        Chunk(102, 101),
        Chunk(203, 98),
    ]
    shared = chunks(1, 300, max_array_size=101, shares=[4, 3, 3])
    assert [chunk.throttle for chunk in shared] == [4, 3, 3]
    # More arrays than may run: the third begins when the first, whose place it takes, has ended.
    few = chunks(1, 300, max_array_size=101, shares=[1, 1])
    assert [(chunk.throttle, chunk.after) for chunk in few] == [(1, ()), (1, ()), (1, ("0",))]
    assert chunks(1, 0, max_array_size=101, shares=[]) == []


def test_usage() -> None:
    text = (
        "48_0|COMPLETED|61|00:30.500||node01\n48_0.batch|COMPLETED|61|00:30.500|180M|node01\n"
        "48_1|OUT_OF_MEMORY|5|1-01:00:01||node02\n48_[2-3]|PENDING|0|00:00:00||None assigned\n"
    )
    found = parse_usage(text)
    assert found[Job("48", 0)] == Usage(180 * 1024**2, 30.5, 61.0, "node01", "COMPLETED")
    assert found[Job("48", 1)].cpu_seconds == 86400 + 3600 + 1
    assert found[Job("48", 3)] == Usage(None, 0.0, 0.0, "", "PENDING")
