"""The runs of a name as ``runs.jsonl`` tells them: one line for each thing that happened.

Lines are only appended. The last line about a run is the one that counts, so that two
processes which see the same end may both note it. How each point was is in a file of the
run's own, in ``.points/``, so that years of runs are read quickly; only those of the newest
runs are.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from ..model import Header, PointState
from ..worker.files import append_line, write_atomic

FILE = "runs.jsonl"
POINTS = ".points"
POINTS_READ = 60
"""Runs whose points are read: the newest."""

PIN = "pinned"
"""A run whose folder has a file of this name is never pruned."""

_OVER = {state.value for state in PointState if state.over}
_RESULTS = {PointState.OK.value, PointState.FAILED.value, PointState.TIMEOUT.value}
_RESULTS.add(PointState.DIED.value)


@dataclass(frozen=True)
class PointRun:
    """How one point was in one run. ``metrics`` are the numeric ones."""

    state: str
    seconds: float | None = None
    metrics: dict[str, float] = field(default_factory=dict)
    reused: bool = False

    @property
    def ok(self) -> bool:
        return self.state == PointState.OK.value


@dataclass(frozen=True)
class Run:
    """One run of a name. Times are ISO 8601 UTC, ``wall`` is in seconds.

    ``points`` is empty for old runs, and for sweeps too large to be kept point by point;
    ``metrics`` has the median of each numeric metric over the points that are ok.
    """

    folder: str
    id: str
    created: str
    ended: str = ""
    wall: float | None = None
    counts: dict[str, int] = field(default_factory=dict)
    points: dict[str, PointRun] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)
    reused: int = 0
    commit: str = ""
    host: str = ""
    removed: bool = False

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    @property
    def state(self) -> str:
        """``ok``, ``failed`` (notebooks did), ``incomplete`` or ``running``."""
        words = {state for state, number in self.counts.items() if number}
        if words == {PointState.OK.value}:
            return "ok"
        waiting = words - _OVER - {PointState.PENDING.value}
        if waiting or not words or (not self.ended and PointState.PENDING.value in words):
            return "incomplete" if self.removed else "running"
        return "failed" if words <= _RESULTS else "incomplete"

    @property
    def ok(self) -> bool:
        return self.state == "ok"

    @classmethod
    def from_json(cls, line: Mapping[str, Any]) -> Run:
        """All but the points."""
        known = cls.__dataclass_fields__.keys() - {"points"}
        return cls(**{name: line[name] for name in known if name in line})

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Event:
    """Something that is no run: it was skipped, missed, could not start, a lock was broken."""

    at: str
    kind: str
    why: str


@dataclass(frozen=True)
class History:
    """All that is known of a name, oldest first."""

    home: Path
    runs: tuple[Run, ...] = ()
    events: tuple[Event, ...] = ()

    @property
    def name(self) -> str:
        return self.home.name

    def ended(self) -> list[Run]:
        return [run for run in self.runs if run.state != "running"]

    def before(self, run: Run) -> list[Run]:
        """Runs that ended, and began before this one."""
        return [r for r in self.ended() if (r.created, r.folder) < (run.created, run.folder)]


def home_of(root: Path, header: Header) -> Path | None:
    """``sweeps/<name>`` of a sweep folder that is one of a name's runs; None for others."""
    named = root.parent.name == header.name and root.name.endswith(f"-{header.id}")
    return root.parent if named else None


def read_history(home: Path) -> History:
    """What ``runs.jsonl`` says; lines that a crash tore are left out."""
    runs: dict[str, Run] = {}
    events = []
    removed = set()
    for line in _lines(home / FILE):
        try:
            if line["event"] == "run":
                run = Run.from_json(line)
                runs[run.folder] = run
            elif line["event"] == "removed":
                removed.add(line["folder"])
            else:
                events.append(Event(line["at"], line["event"], line["why"]))
        except (KeyError, TypeError):
            continue
    found = (replace(run, removed=True) if run.folder in removed else run for run in runs.values())
    ordered = sorted(found, key=lambda run: (run.created, run.folder))
    old, new = ordered[:-POINTS_READ], ordered[-POINTS_READ:]
    return History(home, (*old, *(_with_points(home, run) for run in new)), tuple(events))


def _with_points(home: Path, run: Run) -> Run:
    try:
        points = json.loads((home / POINTS / f"{run.folder}.json").read_bytes())
        return replace(run, points={name: PointRun(**point) for name, point in points.items()})
    except (OSError, ValueError, TypeError, AttributeError):
        return run  # a run that has not ended, or whose file was damaged: the rest is known


def append_run(home: Path, run: Run) -> None:
    """Note a run as it is now: its points first, as the line makes it count."""
    line = run.to_json()
    points = line.pop("points")
    if points:
        (home / POINTS).mkdir(parents=True, exist_ok=True)
        content = json.dumps(points, ensure_ascii=False, allow_nan=False)
        write_atomic(home / POINTS / f"{run.folder}.json", content)
    _append(home, {"event": "run", **line})


def append_event(home: Path, event: Event) -> None:
    """Note what is no run."""
    _append(home, {"event": event.kind, "at": event.at, "why": event.why})


def append_removed(home: Path, folders: Iterable[str], at: str) -> None:
    """Note that runs were pruned."""
    for folder in folders:
        _append(home, {"event": "removed", "at": at, "folder": folder})


def _append(home: Path, line: Mapping[str, Any]) -> None:
    home.mkdir(parents=True, exist_ok=True)
    append_line(home / FILE, json.dumps(line, ensure_ascii=False, allow_nan=False))


def _lines(file: Path) -> Iterable[dict[str, Any]]:
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        return
    for line in content.splitlines():
        try:
            value = json.loads(line)
        except ValueError:
            continue
        if isinstance(value, dict):
            yield value
