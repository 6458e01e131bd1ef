"""Nightly runs that never were: lines of ``runs.jsonl``, and folders to go with them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from nbbatch.history import PointRun, Run
from nbbatch.history.runs import append_run

FIRST = datetime(2026, 10, 1, 6, 0, tzinfo=timezone.utc)


def a_point(state: str = "ok", seconds: float | None = 60.0, **metrics: float) -> PointRun:
    return PointRun(state, seconds, metrics)


def a_run(night: int, points: Mapping[str, PointRun], **facts: Any) -> Run:
    """The run of the ``night``-th night, 24 hours after the one before."""
    when = FIRST + timedelta(days=night)
    counts: dict[str, int] = {}
    for point in points.values():
        counts[point.state] = counts.get(point.state, 0) + 1
    metrics: dict[str, list[float]] = {}
    for point in points.values():
        for name, value in point.metrics.items() if point.ok else ():
            metrics.setdefault(name, []).append(value)
    return Run(
        **{
            "folder": f"{when:%Y%m%dT%H%M%SZ}-{night:08x}",
            "id": f"{night:08x}",
            "created": when.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "ended": (when + timedelta(minutes=5)).isoformat(timespec="seconds"),
            "wall": 300.0,
            "counts": counts,
            "points": dict(points),
            "metrics": {name: sorted(v)[len(v) // 2] for name, v in metrics.items()},
            **facts,
        }
    )


def thirty_nights() -> list[Run]:
    """Three points. Point b fails in nights 10, 11 and 29; c is slow in the last one; the
    metric of a is noisy until night 24, and elsewhere from then on.
    """
    runs = []
    for night in range(30):
        noise = 0.01 * ((night * 7) % 5 - 2)
        chi2 = 1.0 + noise + (0.5 if night >= 25 else 0.0)
        failed = night in (10, 11, 29)
        points = {
            "a-1": a_point(chi2=chi2),
            "b-2": a_point("failed", 3.0) if failed else a_point(chi2=1.0),
            "c-3": a_point(seconds=200.0 if night == 29 else 60.0 + night % 3, chi2=1.0),
        }
        runs.append(a_run(night, points))
    return runs


def write_nights(home: Path, runs: list[Run]) -> None:
    """The history and the folders of these runs."""
    for run in runs:
        (home / run.folder / "report").mkdir(parents=True)
        (home / run.folder / "report" / "index.html").write_text("<!doctype html><title>r</title>")
        append_run(home, run)
