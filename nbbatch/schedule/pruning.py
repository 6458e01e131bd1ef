"""Delete runs that no rule keeps."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path

from .. import catalogue
from ..errors import NbbatchError, SweepLocked
from ..folder import SweepFolder, now
from ..history import Keep, Kept, choose, read_history, write_page
from ..history.runs import PIN, append_removed
from ..sweep import Sweep
from .refresh import refresh

DELETED = ".pruned-"
"""A run is renamed before it is deleted: what a crash leaves is no half run."""


def plan_pruning(home: Path, rules: Keep) -> list[Kept]:
    """What ``prune`` would do with each run that is still there, the newest first."""
    refresh(home)
    there = [run for run in read_history(home).runs if (home / run.folder).is_dir()]
    pinned = {run.folder for run in there if (home / run.folder / PIN).exists()}
    good = (home / "latest-ok").resolve().name
    return choose(there, rules, protected=pinned, latest_ok=good)


def prune(home: Path, rules: Keep) -> list[Kept]:
    """Delete the runs that no rule keeps; returns these."""
    _sweep_up(home)
    doomed = [each for each in plan_pruning(home, rules) if not each.why]
    gone = [each for each in doomed if _delete(home / each.run.folder)]
    append_removed(home, [each.run.folder for each in gone], now())
    if gone:
        _repair_latest(home)
        write_page(home)
    return gone


def pin(root: Path, pinned: bool) -> None:
    """Keep a run for good, or no longer."""
    if pinned:
        (root / PIN).touch()
    else:
        (root / PIN).unlink(missing_ok=True)


def _delete(root: Path) -> bool:
    """Delete a run, unless somebody has begun to use it; True when it is gone."""
    doomed = root.with_name(DELETED + root.name)
    try:
        with SweepFolder(root).lock("delete it", wait=0.0):
            if (root / PIN).exists() or Sweep(root).backend.driver():
                return False
            root.rename(doomed)
    except (SweepLocked, NbbatchError):
        return False
    shutil.rmtree(doomed, ignore_errors=True)
    return True


def _sweep_up(home: Path) -> None:
    """Go on with what a crash has left."""
    for doomed in home.glob(f"{DELETED}*"):
        shutil.rmtree(doomed, ignore_errors=True)


def _repair_latest(home: Path) -> None:
    link = home / "latest"
    if link.exists():
        return
    there = [run for run in read_history(home).runs if (home / run.folder).is_dir()]
    if there:
        catalogue.point_latest(home / there[-1].folder)
    else:
        with suppress(FileNotFoundError):
            link.unlink()
