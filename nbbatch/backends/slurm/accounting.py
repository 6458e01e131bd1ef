"""What sacctmgr tells of a user's limits. Pure parsing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from .limits import Allowance, Cap, Partition, seconds_of

ASSOC_FORMAT = (
    "account,user,partition,parentname,maxjobs,maxsubmit,grpjobs,grpsubmit,defaultqos,qos,maxwall"
)
QOS_FORMAT = "name,maxsubmitpu,maxsubmitpa,grpsubmit,maxwall"
USER_FORMAT = "user,defaultaccount"


@dataclass(frozen=True)
class Asked:
    """Who submits, and with what; empty where the site's default holds."""

    user: str
    account: str = ""
    qos: str = ""
    partitions: tuple[Partition, ...] = ()


def parse_allowance(assoc: str, qos: str, users: str, asked: Asked) -> Allowance:
    """From ``sacctmgr -n -P show assoc``, ``show qos`` and ``show user`` in the formats above.

    Group limits of an account count the jobs of all accounts below it, so they are looked up
    from the user's account to the root; MaxJobs and MaxSubmit are inherited, and sacctmgr
    shows them so.
    """
    rows = [_row(ASSOC_FORMAT, line) for line in assoc.splitlines() if line.count("|") >= 10]
    defaults = dict(line.strip().split("|", 1) for line in users.splitlines() if "|" in line)
    account = asked.account or defaults.get(asked.user, "")
    mine = [
        r for r in rows if r["user"] == asked.user and r["account"] in (account or r["account"],)
    ]
    names = {partition.name for partition in asked.partitions}
    # An association for the partition is used in place of that for all partitions.
    mine.sort(key=lambda row: row["partition"] not in names)
    mine = [row for row in mine if row["partition"] in {"", *names}]
    if not mine:
        return Allowance()
    row = mine[0]
    caps = list(
        _caps((row["maxsubmit"], Cap(0, user=asked.user, accounts=frozenset({row["account"]}))))
    )
    running = {"AssocMaxJobsLimit": row["maxjobs"]}
    times = [seconds_of(row["maxwall"])]
    for above in _lineage(rows, row["account"]):
        caps.extend(_caps((above["grpsubmit"], Cap(0, accounts=_below(rows, above["account"])))))
        if above["grpjobs"].isdigit():
            running.setdefault("AssocGrpJobsLimit", above["grpjobs"])
    rules = {r["name"]: r for r in (_row(QOS_FORMAT, line) for line in qos.splitlines())}
    chosen = asked.qos or row["defaultqos"] or (row["qos"] if "," not in row["qos"] else "")
    own = rules.get(chosen)
    if own is not None:
        caps.extend(_qos_caps(own, asked.user, row["account"], Cap(0, qos=chosen)))
        times.append(seconds_of(own["maxwall"]))
    for partition in asked.partitions:
        rule = rules.get(partition.qos)
        if rule is not None and partition.qos != chosen:
            where = Cap(0, partitions=frozenset({partition.name}))
            caps.extend(_qos_caps(rule, asked.user, row["account"], where))
            times.append(seconds_of(rule["maxwall"]))
    return Allowance(
        caps=tuple(caps),
        max_time=min((time for time in times if time is not None), default=None),
        running={reason: int(text) for reason, text in running.items() if text.isdigit()},
    )


def _qos_caps(rule: Mapping[str, str], user: str, account: str, where: Cap) -> Iterator[Cap]:
    of_user = Cap(0, user, frozenset(), where.qos, where.partitions)
    of_account = Cap(0, "", frozenset({account}), where.qos, where.partitions)
    yield from _caps(
        (rule["maxsubmitpu"], of_user),
        (rule["maxsubmitpa"], of_account),
        (rule["grpsubmit"], where),
    )


def _caps(*found: tuple[str, Cap]) -> Iterator[Cap]:
    for text, cap in found:
        if text.isdigit():
            yield replace(cap, limit=int(text))


def _lineage(rows: Sequence[Mapping[str, str]], account: str) -> Iterator[Mapping[str, str]]:
    """The rows of an account and of those above it."""
    accounts = {row["account"]: row for row in rows if not row["user"]}
    seen: set[str] = set()
    while account in accounts and account not in seen:
        seen.add(account)
        yield accounts[account]
        account = accounts[account]["parentname"]


def _below(rows: Sequence[Mapping[str, str]], account: str) -> frozenset[str]:
    """An account and those below it."""
    names = {row["account"] for row in rows if not row["user"]}
    return frozenset(n for n in names if any(r["account"] == account for r in _lineage(rows, n)))


def _row(names: str, line: str) -> dict[str, str]:
    fields = names.split(",")
    return dict(zip(fields, (*line.strip().split("|"), *[""] * len(fields)), strict=False))
