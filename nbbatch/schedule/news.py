"""What there is to tell after a run: a change of state, in one message. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from ..history import History, Run, changes
from ..report.verdict import ORDER, headline
from ..results.failures import FailureGroup
from .words import NotifyOn

GROUPS_TOLD = 10
NAMES_TOLD = 10
NOT_STARTED = "not started"


class Kind(str, Enum):
    """What an end of a run is, seen from the end before."""

    FINISHED = "finished"
    FIRST_FAILURE = "failed"
    NEW_FAILURES = "more failures"
    STILL_FAILING = "still failing"
    RECOVERED = "recovered"
    NOT_STARTED = "could not start"


_TOLD: dict[NotifyOn, set[Kind]] = {
    NotifyOn.change: {Kind.FIRST_FAILURE, Kind.NEW_FAILURES, Kind.RECOVERED, Kind.NOT_STARTED},
    NotifyOn.failure: set(Kind) - {Kind.FINISHED},
    NotifyOn.end: set(Kind),
}


@dataclass(frozen=True)
class Message:
    """One message about one run. ``facts`` is the same for programs (webhook, command)."""

    kind: Kind
    subject: str
    body: str
    facts: dict[str, Any]


def kind_of(run: Run, history: History) -> Kind:
    """What the end of a run is, seen from what was before it."""
    earlier = history.before(run)
    before = earlier[-1] if earlier else None
    # A run that could not start, after the last that did, was a failure, too.
    since = before.created if before else ""
    stuck = any(e.kind == NOT_STARTED and since < e.at < run.created for e in history.events)
    was_ok = (before is None or before.ok) and not stuck
    if run.ok:
        return Kind.FINISHED if was_ok else Kind.RECOVERED
    if was_ok:
        return Kind.FIRST_FAILURE
    return Kind.NEW_FAILURES if changes(run, before).new_failures else Kind.STILL_FAILING


def is_told(kind: Kind, on: NotifyOn, *, first: bool) -> bool:
    """Whether this end is told. ``first``: the first run of a name, whose end is a change."""
    return kind in _TOLD[on] or (first and kind is Kind.FINISHED and on is NotifyOn.change)


def message_of_run(
    run: Run, history: History, groups: Sequence[FailureGroup], report: Path
) -> Message:
    """The message about a run that ended."""
    kind = kind_of(run, history)
    earlier = history.before(run)
    found = changes(run, earlier[-1] if earlier else None)
    counts = {state: run.counts[state.value] for state in ORDER if run.counts.get(state.value)}
    words = headline(counts)
    page = report.parents[2] / "index.html"
    lines = [f"{words}.", ""]
    for group in groups[:GROUPS_TOLD]:
        place = f" ({group.place})" if group.place else ""
        lines += [f"{group.count} {group.state.value}: {group.headline}{place}"]
        lines += [f"    e.g. {group.points[0]}"]
    if len(groups) > GROUPS_TOLD:
        lines.append(f"and {len(groups) - GROUPS_TOLD} more kinds of failure")
    lines += [""] if groups else []
    for title, names in (("New failures", found.new_failures), ("Recovered", found.recovered)):
        if names:
            more = f" and {len(names) - NAMES_TOLD} more" if len(names) > NAMES_TOLD else ""
            lines.append(f"{title}: {', '.join(names[:NAMES_TOLD])}{more}")
    lines += ["", f"Report   {report}", f"History  {page}"]
    facts = {
        "event": kind.value,
        "sweep": history.name,
        "run": run.folder,
        "ok": run.ok,
        "headline": words,
        "counts": run.counts,
        "new_failures": list(found.new_failures),
        "recovered": list(found.recovered),
        "failures": [_group_facts(group) for group in groups[:GROUPS_TOLD]],
        "report": str(report),
        "history": str(page),
        "seconds": run.wall,
    }
    return Message(kind, f"{history.name} {kind.value}: {words}", _tidy(lines), facts)


def message_of_no_run(name: str, why: str, home: Path) -> Message:
    """The message about a run that could not start."""
    facts = {"event": Kind.NOT_STARTED.value, "sweep": name, "ok": False, "why": why}
    facts["history"] = str(home / "index.html")
    first = why.splitlines()[0]
    body = _tidy([why, "", f"History  {home / 'index.html'}"])
    return Message(Kind.NOT_STARTED, f"{name} could not start: {first}"[:200], body, facts)


def _group_facts(group: FailureGroup) -> dict[str, Any]:
    return {
        "state": group.state.value,
        "what": group.headline,
        "place": group.place,
        "count": group.count,
        "example": group.points[0],
    }


def _tidy(lines: Sequence[str]) -> str:
    text: list[str] = []
    for line in lines:
        if line or (text and text[-1]):
            text.append(line)
    return "\n".join(text).strip() + "\n"
