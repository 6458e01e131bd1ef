"""From a sweep's points to its line in the history of its name."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import median

from .. import catalogue
from ..collect.states import count
from ..folder import now
from ..model import Header, PointState, PointView
from ..report.verdict import verdict
from ..results.table import settled
from .page import write_page
from .runs import PointRun, Run, append_run, home_of, read_history

POINTS_KEPT = 2_000
"""Sweeps with more points are kept as counts and medians only."""


def note_created(root: Path, header: Header, total: int) -> None:
    """A run begins: it is in the history from now on, whatever becomes of it."""
    home = home_of(root, header)
    if home is None:
        return
    waiting = {PointState.PENDING.value: total} if total else {}
    append_run(home, Run(root.name, header.id, header.created, counts=waiting, host=header.host))
    write_page(home)


def note_ended(root: Path, header: Header, views: Sequence[PointView]) -> None:
    """A run ended, or somebody looked at it: note it, point ``latest-ok``, write the page."""
    home = home_of(root, header)
    if home is None:
        return
    history = read_history(home)
    run = summarise(root, header, views)
    known = next((r for r in history.runs if r.folder == run.folder), None)
    if known is None or (known.counts, known.wall, known.points) != (
        run.counts,
        run.wall,
        run.points,
    ):
        append_run(home, run)
    point_latest_ok(home)
    write_page(home)


def point_latest_ok(home: Path) -> None:
    """Make ``latest-ok`` point to the newest run that is all ok, and is still there."""
    good = [run for run in read_history(home).runs if run.ok and (home / run.folder).is_dir()]
    if good:
        catalogue.point_latest(home / good[-1].folder, "latest-ok")


def summarise(root: Path, header: Header, views: Sequence[PointView]) -> Run:
    """What a run came to. What was reused took no time and says nothing of the end."""
    found = verdict(views)
    points = {view.point.id: _point(view) for view in views}
    over = all(view.state.over for view in views)
    return Run(
        folder=root.name,
        id=header.id,
        created=header.created,
        ended=(found.finished or now()) if over else "",
        wall=found.wall,
        counts={state.value: number for state, number in count(views).items()},
        points=points if len(points) <= POINTS_KEPT else {},
        metrics=_medians(points.values()),
        reused=sum(point.reused for point in points.values()),
        commit=header.git_commit,
        host=header.host,
    )


def _point(view: PointView) -> PointRun:
    record = settled(view)
    if record is None:
        return PointRun(view.state.value)
    numbers = {
        name: float(value)
        for name, value in record.metrics.items()
        if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    }
    return PointRun(view.state.value, record.seconds, numbers, bool(record.reused))


def _medians(points: Iterable[PointRun]) -> dict[str, float]:
    values: dict[str, list[float]] = {}
    for point in points:
        if point.ok:
            for name, value in point.metrics.items():
                values.setdefault(name, []).append(value)
    return {name: median(found) for name, found in values.items()}
