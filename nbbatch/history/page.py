"""``sweeps/<name>/index.html``: one row a run, a strip for each point, a line for each metric.

One file, without scripts: nothing is loaded, nothing can run. Every text is escaped.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ..folder import now
from ..model import PointState
from ..report.verdict import ORDER, duration, headline, moment
from ..worker.files import write_atomic
from .compare import REMEMBERED, changes, drifts, slower, wandering
from .runs import POINTS_READ, History, PointRun, Run, read_history

if TYPE_CHECKING:
    pass

RUNS_SHOWN = 400
STRIP = POINTS_READ
"""Runs in a strip: the newest."""
POINTS_SHOWN = 200
NAMES_SHOWN = 12
METRICS_SHOWN = 40


@dataclass(frozen=True)
class Entry:
    """A row of the table of runs: a run, or (with ``note``) something that was none."""

    at: str
    when: str
    state: str
    words: str = ""
    href: str = ""
    parts: tuple[tuple[str, float, float], ...] = ()
    took: str = ""
    longer: str = ""
    new: int = 0
    recovered: int = 0
    reused: int = 0
    note: str = ""


def write_page(home: Path) -> Path:
    """Write the history page of a name, in one step; returns its path."""
    index = home / "index.html"
    write_atomic(index, render(read_history(home)), durable=False)
    return index


def render(history: History) -> str:
    """The page's text."""
    ended = history.ended()
    last = ended[-1] if ended else None
    good = [run for run in ended if run.ok]
    strip = history.runs[-STRIP:]
    from ..report.template import template

    return template("nbbatch.history", "history.html").render(
        name=history.name,
        style=_style(),
        headline=_headline(history, last),
        tone=_tone(history, last),
        facts=_facts(history, ended, good),
        links=_links(history, good),
        since=_since(last, history),
        entries=_entries(history)[:RUNS_SHOWN],
        more_entries=max(len(history.runs) + len(history.events) - RUNS_SHOWN, 0),
        strips=_strips(strip),
        more_strips=max(len({name for run in strip for name in run.points}) - POINTS_SHOWN, 0),
        strip_runs=len(strip),
        first=moment(strip[0].created) if strip else "",
        newest=moment(strip[-1].created) if strip else "",
        metrics=_metrics(ended)[:METRICS_SHOWN],
        as_of=moment(now()),
    )


# ------------------------------------------------------------------------ the head


def _headline(history: History, last: Run | None) -> str:
    if last is None:
        return "No run has ended yet"
    words = _words(last)
    return f"Last run: {words[0].lower()}{words[1:]}"


def _words(run: Run) -> str:
    counts = {state: run.counts[state.value] for state in ORDER if run.counts.get(state.value)}
    return headline(counts)


def _tone(history: History, last: Run | None) -> str:
    if last is None:
        return "open"
    return "ok" if last.ok else "bad"


def _facts(history: History, ended: Sequence[Run], good: Sequence[Run]) -> list[tuple[str, str]]:
    running = [run for run in history.runs if run.state == "running"]
    usual = sorted(run.wall for run in good if run.wall is not None)
    facts = [
        ("Runs", f"{len(history.runs):,}"),
        ("All ok", f"{len(good):,}"),
        ("Last all ok", moment(good[-1].created) if good else "never"),
        ("In a row", _row(ended)),
        ("Usually takes", duration(usual[len(usual) // 2]) if usual else ""),
        ("Going on since", moment(running[-1].created) if running else ""),
    ]
    return [(label, value) for label, value in facts if value]


def _row(ended: Sequence[Run]) -> str:
    """How often the last outcome came in a row."""
    if not ended:
        return ""
    number = 0
    for run in reversed(ended):
        if run.ok is not ended[-1].ok:
            break
        number += 1
    return f"{number:,} {'ok' if ended[-1].ok else 'not ok'}"


def _links(history: History, good: Sequence[Run]) -> list[tuple[str, str]]:
    there = [run for run in history.runs if not run.removed]
    links = [("Newest report", report_href(there[-1]))] if there else []
    still = [run for run in good if not run.removed]
    if still and still[-1] != there[-1]:
        links.append(("Newest report of a run that is all ok", report_href(still[-1])))
    return links


def report_href(run: Run) -> str:
    """The address of a run's report, relative to the history page; empty when it is gone."""
    return "" if run.removed else f"{quote(run.folder)}/report/index.html"


# --------------------------------------------------------------------- since last time


def _since(last: Run | None, history: History) -> dict[str, Any]:
    if last is None:
        return {}
    earlier = history.before(last)
    found = changes(last, earlier[-1] if earlier else None)
    drifted = drifts(last, earlier)
    by_metric: dict[str, list[Any]] = {}
    for drift in drifted:
        by_metric.setdefault(drift.metric, []).append(drift)
    return {
        "before": moment(earlier[-1].created) if earlier else "",
        "groups": [
            (title, len(names), [(n, _point_href(last, n)) for n in names[:NAMES_SHOWN]], tone)
            for title, names, tone in (
                ("New failures", found.new_failures, "bad"),
                ("Recovered", found.recovered, "ok"),
                ("Still not ok", found.still, "bad"),
            )
            if names
        ],
        "slower": [
            (each.point, duration(each.seconds), duration(each.usual), each.seconds / each.usual)
            for each in slower(last, earlier)[:NAMES_SHOWN]
            if each.usual > 0
        ],
        "drifts": [
            (metric, len(found), [(d.point, _number(d.value), _number(d.usual)) for d in found[:4]])
            for metric, found in by_metric.items()
        ],
        "remembered": REMEMBERED,
    }


def _point_href(run: Run, point: str) -> str:
    return "" if run.removed else f"{report_href(run)}#point={quote(point, safe='')}"


# --------------------------------------------------------------------------- the runs


def _entries(history: History) -> list[Entry]:
    found = [
        Entry(event.at, moment(event.at), event.kind, note=event.why) for event in history.events
    ]
    for run in history.runs[-RUNS_SHOWN:]:
        over = run.state != "running"
        earlier = history.before(run) if over else []
        change = changes(run, earlier[-1] if earlier else None) if over else None
        usual = sorted(r.wall for r in earlier[-REMEMBERED:] if r.wall is not None and r.ok)
        longer = ""
        if run.ok and run.wall and len(usual) >= 3:
            middle = usual[len(usual) // 2]
            if run.wall > max(1.5 * middle, middle + 5):
                longer = f"{run.wall / middle:.1f} times the usual {duration(middle)}"
        found.append(
            Entry(
                run.created,
                moment(run.created),
                run.state,
                _words(run) if run.counts else "Nothing is known of its end",
                report_href(run),
                _parts(run),
                duration(run.wall) if run.wall is not None else "",
                longer,
                len(change.new_failures) if change else 0,
                len(change.recovered) if change else 0,
                run.reused,
                "removed by retention" if run.removed else "",
            )
        )
    return sorted(found, key=lambda entry: entry.at, reverse=True)


def _parts(run: Run) -> tuple[tuple[str, float, float], ...]:
    """State, start and width (percent) of each part of a run's bar."""
    parts, start = [], 0.0
    for state in ORDER:
        number = run.counts.get(state.value, 0)
        if number:
            width = 100 * number / run.total
            parts.append((state.value, round(start, 3), round(width, 3)))
            start += width
    return tuple(parts)


# ------------------------------------------------------------------ points over time


def _strips(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """One strip a point; those that are not ok, or were not lately, come first."""
    bad: dict[str, int] = {}
    last: dict[str, PointRun] = {}
    for run in runs:
        for name, point in run.points.items():
            last[name] = point
            bad[name] = bad.get(name, 0) + (not point.ok and PointState(point.state).over)
    names = sorted(last, key=lambda name: (last[name].ok, -bad[name]))
    moments = [moment(run.created) for run in runs]
    return [
        _strip(name, runs, moments, bad[name], last[name].state) for name in names[:POINTS_SHOWN]
    ]


def _strip(
    name: str, runs: Sequence[Run], moments: Sequence[str], bad: int, now: str
) -> dict[str, Any]:
    cells, seconds = [], []
    for place, run in enumerate(runs):
        point = run.points.get(name)
        if point is None:
            continue
        told = f"{moments[place]}: {point.state}"
        if point.reused:
            told += ", reused"
        elif point.seconds is not None:
            told += f", {duration(point.seconds)}"
            if point.ok:
                seconds.append(point.seconds)
        cells.append((place, point.state, point.reused, told))
    usual = duration(sorted(seconds)[len(seconds) // 2]) if seconds else ""
    return {
        "name": name,
        "cells": cells,
        "bad": bad,
        "times": len(cells),
        "now": now,
        "usual": usual,
    }


# ----------------------------------------------------------------- metrics over time


def _metrics(ended: Sequence[Run]) -> list[dict[str, Any]]:
    """A line for each metric: its median over the points, from run to run."""
    shown = ended[-STRIP:]
    names = dict.fromkeys(name for run in reversed(shown) for name in run.metrics)
    found = []
    for name in names:
        runs = [run for run in shown if name in run.metrics]
        values = [run.metrics[name] for run in runs]
        low, high = min(values), max(values)
        # Without any spread the line is in the middle.
        span = (high - low) or 1.0
        base = low if high > low else low - 0.5
        step = 100 / max(len(values) - 1, 1)
        line = [
            (round(n * step, 2), round(22 - 20 * (v - base) / span, 2))
            for n, v in enumerate(values)
        ]
        found.append(
            {
                "name": name,
                "line": " ".join(f"{x},{y}" for x, y in line),
                "end": line[-1],
                "last": _number(values[-1]),
                "low": _number(low),
                "high": _number(high),
                "wandering": wandering(values),
                "runs": len(values),
            }
        )
    return sorted(found, key=lambda metric: not metric["wandering"])


def _number(value: float) -> str:
    return f"{value:.6g}"


# ----------------------------------------------------------------------- the template


def _style() -> str:
    """The report's style and this page's own: both look alike."""
    from ..report.index import assets

    own = (resources.files(__package__) / "static" / "history.css").read_text("utf-8")
    return assets()["report.css"] + own
