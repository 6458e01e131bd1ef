"""One scheduled run from beginning to end, with nobody there."""

from __future__ import annotations

import errno
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from ..collect.states import count, exit_code
from ..errors import NbbatchError
from ..folder import now
from ..history import Event, History, read_history
from ..history.page import write_page
from ..history.runs import append_event
from ..locks import Tenure
from ..model import PointView
from ..plan import Request, make_plan
from ..report.verdict import headline
from ..sweep import EVERYTHING, FAILED_TOO, Sweep
from .care import Care
from .cron_times import parse_cron
from .entry import Entry, check_ticket
from .missed import Missed, missed_runs
from .news import NOT_STARTED, message_of_no_run
from .notify import send_all
from .overlap import StillRunning
from .words import IfRunning, NotifyOn

FULL = (errno.ENOSPC, errno.EDQUOT)
CHECKED = 15.0
"""Seconds between two looks whether the name is still ours."""


class DiskFull(NbbatchError):
    """There is no room for what a run writes."""


@dataclass(frozen=True)
class Done:
    """How a scheduled run ended. ``folder`` is None when it was skipped."""

    code: int
    line: str
    folder: Path | None = None
    counts: dict[str, int] | None = None
    wrong: tuple[str, ...] = ()

    def to_json(self, name: str) -> dict[str, Any]:
        return {
            "name": name,
            "exit_code": self.code,
            "what": self.line,
            "folder": None if self.folder is None else str(self.folder),
            "report": None if self.folder is None else str(self.folder / "report" / "index.html"),
            "counts": self.counts or {},
            "warnings": list(self.wrong),
        }


def run_entry(entry: Entry, request: Request, care: Care) -> Done:
    """Run what is scheduled, now, in the present folder and environment.

    Raises NbbatchError when it could not start, after having noted it in the history and
    told whoever wants to know.
    """
    home = entry.home
    try:
        _note_missed(entry)
        check_ticket(entry)
        return _run(home, request, care)
    except StillRunning as still:
        if care.if_running is not IfRunning.fail:
            return Done(0, still.message)
        raise
    except OSError as error:
        if error.errno not in FULL:
            raise
        full = DiskFull(
            f"There is no room left on the disk of {home}: {error.strerror}.",
            hint=f"Make room (`nbbatch prune {entry.name} --keep-last 10` deletes old runs), "
            f"then `nbbatch schedule run {entry.name}`.",
        )
        _tell_no_run(home, care, full)
        raise full from None
    except NbbatchError as error:
        _tell_no_run(home, care, error)
        raise


def _run(home: Path, request: Request, care: Care) -> Done:
    planned = make_plan(request)
    with care.alone(home) as tenure:
        sweep = Sweep.create(planned)
        care.before(sweep)
        sweep.submit(EVERYTHING if request.force else FAILED_TOO, only=planned.only)
        views = sweep.wait(seen=_Fence(tenure))
        index = sweep.finish(views)
        wrong = care.after(sweep, views)
    code = exit_code(views)
    counts = count(views)
    line = f"{home.name}: {headline(counts)}: {index}" if code else ""
    numbers = {state.value: number for state, number in counts.items()}
    return Done(code, line, sweep.root, numbers, tuple(wrong))


class _Fence:
    """Stops a run whose name was taken by another, because this process seemed dead."""

    def __init__(self, tenure: Tenure | None) -> None:
        self.tenure = tenure
        self.next = time.monotonic() + CHECKED

    def __call__(self, views: Sequence[PointView]) -> None:
        if self.tenure is not None and time.monotonic() > self.next:
            self.tenure.check()
            self.next = time.monotonic() + CHECKED


def _tell_no_run(home: Path, care: Care, error: NbbatchError) -> None:
    """Note that a run could not start; told once, not every night."""
    before = read_history(home)
    with suppress(OSError):  # on a full disk nothing can be noted, but it can be told
        append_event(home, Event(now(), NOT_STARTED, error.message))
        write_page(home)
    stuck = before.events and before.events[-1].kind == NOT_STARTED
    again = stuck and not any(run.created > before.events[-1].at for run in before.runs)
    if care.notify and (not again or care.notify_on is not NotifyOn.change):
        send_all(care.notify, message_of_no_run(home.name, str(error), home))


def _note_missed(entry: Entry) -> None:
    missed = missed_since(entry, read_history(entry.home))
    if missed is not None:
        why = f"{missed}: this machine was off, or cron did not run"
        append_event(entry.home, Event(now(), "missed", why.removeprefix("missed ")))


def missed_since(entry: Entry, history: History) -> Missed | None:
    """The runs of a schedule that were due and did not come, since the last that did."""
    if entry.paused:
        return None
    seen = [*(run.created for run in history.runs), *(event.at for event in history.events)]
    began = [_moment(text) for text in seen]
    start = max([_moment(entry.since), *began])
    return missed_runs(parse_cron(entry.when), start, datetime.now(timezone.utc), began)


def _moment(iso: str) -> datetime:
    return datetime.fromisoformat(iso.replace("Z", "+00:00"))
