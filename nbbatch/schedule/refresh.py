"""Look at runs of which no end was noted, and note what became of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

from ..errors import NbbatchError
from ..folder import SweepFolder, now
from ..history import Run, note_ended, read_history, summarise, write_page
from ..history.runs import append_run
from ..model import PointState
from ..sweep import Sweep

BEGINNING = timedelta(minutes=10)
"""A run of which nothing was submitted for so long has been left by who began it."""

RESUMED = 5
"""The newest runs, which are looked at although they ended: somebody may resume one."""


def refresh(home: Path) -> None:
    """Bring the history up to date: runs that ended unseen, were lost or resumed, say so."""
    history = read_history(home)
    newest = {run.folder for run in history.runs[-RESUMED:]}
    for run in history.runs:
        if run.removed:
            continue
        again = run.folder in newest and not run.ok and _begun_again(home / run.folder)
        if run.state == "running" or again:
            _look(home, run)
    if history.runs or history.events:
        write_page(home)


def going(home: Path) -> str | None:
    """What still goes on of a name, in words; None when nothing does. ``refresh`` first."""
    for run in reversed(read_history(home).runs):
        if run.state != "running" or run.removed or not (home / run.folder).is_dir():
            continue
        driver = Sweep(home / run.folder).backend.driver()
        return f"the run of {run.created}" + (f", by {driver}" if driver else "")
    return None


def _begun_again(root: Path) -> bool:
    """Whether points were submitted since the run's end was noted."""
    events = [event["event"] for event in SweepFolder(root).events()]
    last = {name: place for place, name in enumerate(events)}
    return last.get("submitting", -1) > last.get("finished", -1)


def _look(home: Path, run: Run) -> None:
    root = home / run.folder
    try:
        sweep = Sweep(root)
        sweep.top_up()
        views = sweep.views()
    except (OSError, NbbatchError):
        if not root.is_dir():  # deleted by hand
            append_run(home, replace(run, ended=now(), counts={}, removed=True))
        return
    if all(view.state.over for view in views):
        sweep.settle(views)
    elif _left(sweep, run, {view.state for view in views}):
        append_run(home, replace(summarise(root, sweep.header, views), ended=now()))
        return
    note_ended(root, sweep.header, views)


def _left(sweep: Sweep, run: Run, states: set[PointState]) -> bool:
    """Whether who began the run is gone before it submitted all of it."""
    created = datetime.fromisoformat(run.created.replace("Z", "+00:00"))
    waiting = {state for state in states if not state.over}
    old = datetime.now(timezone.utc) - created > BEGINNING
    return old and waiting == {PointState.PENDING} and not sweep.backend.driver()
