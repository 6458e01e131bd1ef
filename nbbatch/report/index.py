"""Write ``report/``: a page, its style and script, and the data files that it loads."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib import resources
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ..collect.stamps import CHUNK, Stamps, joint
from ..folder import SweepFolder, now
from ..model import Header, Point, PointView
from ..results.failures import FailureGroup, group_failures
from ..results.files import ResultFiles
from ..results.summary_notebook import SummaryNotebook
from ..results.table import rows
from ..worker.files import write_atomic
from .blame import Axis, Suspect, axes_of, suspects
from .chunks import FIXED, MOVED, REUSED, chunk_content, group_key, literal, script
from .page import GROUPS_SHOWN, Frame, render
from .parts import (
    Part,
    constants_of,
    names_of,
    part_of,
    parts_text,
    read_parts,
)
from .verdict import Verdict, epoch, left_in_words, remaining, verdict

PLOTLY = "plotly.min.js"


def write_report(root: Path, header: Header, views: Sequence[PointView]) -> Path:
    """Write or refresh the report of the sweep in ``root``; returns the index's path.

    Each file is replaced atomically, and only where its content changed, so a reader
    may have the report open while the sweep runs.
    """
    return Report(root).write(header, views)


class Report:
    """The report of one sweep. Kept while the sweep runs, it looks only at what changed."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder = root / "report"
        self._stamps = Stamps()
        self._parts: list[Part] | None = None
        self._data: dict[str, str] = {}
        self._points: list[Point] = []
        self._axes: list[Axis] = []
        self._compared: object = None
        self._blamed: list[list[Suspect]] = []

    def write(
        self, header: Header, views: Sequence[PointView], stamps: Sequence[str] | None = None
    ) -> Path:
        """As ``write_report``; ``stamps`` are those of the views, if they are known."""
        data = self.folder / "data"
        data.mkdir(parents=True, exist_ok=True)
        for name, content in assets().items():
            self._refresh(f"assets/{name}", content)
        plots = self._copy_plotly()
        if header.settings.allow_scripts:
            self._refresh("assets/live.js", live_script())
        base = epoch(header.created) or 0.0
        marks = self._stamps.of(views) if stamps is None else stamps
        parts, names = self._write_points(views, base, marks)
        groups = group_failures(views)
        found = verdict(views)
        columns = script(columns_content(header, views, parts, base, plots, self.root))
        self._refresh("data/columns.js", columns)
        failures = script(failures_content(views, groups))
        self._refresh("data/failures.js", failures)
        versions = {"columns.js": short_hash(columns), "failures.js": short_hash(failures)}
        versions.update({name: short_hash(content) for name, content in names.items()})
        status = now_content(found, versions)
        self._refresh("data/now.js", script(status))
        for old in data.glob("points-*.js"):
            if old.name not in names:
                old.unlink(missing_ok=True)
        frame = Frame(
            root=self.root,
            header=header,
            views=views,
            groups=groups,
            found=found,
            blamed=self._suspects(groups[:GROUPS_SHOWN], views),
            constants=constants_of(parts),
            scripts=[*(f"{name}?v={stamp}" for name, stamp in versions.items()), "now.js"],
            status=status,
            outdated=ResultFiles(self.root).outdated(joint(marks)),
            summary=SummaryNotebook(SweepFolder(self.root), header).told(joint(marks)),
        )
        self._refresh("index.html", render(frame))  # last: what it refers to is there
        return self.folder / "index.html"

    def _write_points(
        self, views: Sequence[PointView], base: float, stamps: Sequence[str]
    ) -> tuple[list[Part], dict[str, str]]:
        """Write the data files of the parts that changed; the parts, and stamps by name."""
        built = self.folder / "data" / "built.json"
        known = read_parts(built) if self._parts is None else self._parts
        parts: list[Part] = []
        names: dict[str, str] = {}
        for number, stamp in enumerate(stamps):
            start = number * CHUNK
            name = f"points-{number:04d}.js"
            before = known[number] if number < len(known) else None
            there = (self.folder / "data" / name).is_file()
            if before is not None and stamp and stamp == before.stamp and there:
                parts.append(before)
                names[name] = stamp
                continue
            chunk = views[start : start + CHUNK]
            table = rows(chunk, self.root)
            part = part_of(stamp, table)
            content = script(chunk_content(start, chunk, table, base))
            self._refresh(f"data/{name}", content)
            parts.append(part)
            names[name] = part.stamp or short_hash(content)
        if parts != known:
            self._refresh("data/built.json", parts_text(parts))
        self._parts = parts
        return parts, names

    def _suspects(
        self, groups: Sequence[FailureGroup], views: Sequence[PointView]
    ) -> list[list[Suspect]]:
        """As ``suspects``; looked for again when other points failed or ended."""
        if not groups:
            return []
        axes = self._axes_of(views)
        compared = ([group.points for group in groups], [view.state.over for view in views], axes)
        if compared != self._compared:
            self._compared, self._blamed = compared, suspects(groups, views, axes)
        return self._blamed

    def _axes_of(self, views: Sequence[PointView]) -> Sequence[Axis]:
        points = [view.point for view in views]
        if points != self._points:
            self._points, self._axes = points, axes_of(points)
        return self._axes

    def _copy_plotly(self) -> bool:
        """Have plotly.js beside the page, once; False where plotly is not installed."""
        target = self.folder / "assets" / PLOTLY
        source = plotly_file()
        if source is None:
            return target.is_file()
        try:
            if target.stat().st_size == source.stat().st_size:
                return True
        except FileNotFoundError:
            pass
        part = target.with_name(f".{PLOTLY}.tmp")
        shutil.copyfile(source, part)
        part.replace(target)
        return True

    def _refresh(self, name: str, content: str) -> None:
        """Write the file unless it has this content already."""
        if self._data.get(name) == content:
            return
        path = self.folder / name
        new = content.encode("utf-8", "backslashreplace")
        try:
            same = path.read_bytes() == new
        except FileNotFoundError:
            path.parent.mkdir(parents=True, exist_ok=True)
            same = False
        if not same:
            write_atomic(path, new, durable=False)  # a report can be written again
        if not name.startswith("data/points-"):
            self._data[name] = content


def live_script() -> str:
    """What the points' pages with scripts are handed in: ``nbbatchLive = {css, plotly}``."""
    plotly = plotly_file()
    content = {
        "css": assets()["notebook.css"],
        "plotly": plotly.read_text("utf-8") if plotly is not None else "",
    }
    return f"var nbbatchLive={literal(content)};\n"


def short_hash(content: str) -> str:
    """Tells one content of a file from the next."""
    return hashlib.blake2b(content.encode("utf-8", "replace"), digest_size=8).hexdigest()


def plotly_file() -> Path | None:
    """plotly.js as the ``plotly`` package brings it. Does not import the package."""
    spec = find_spec("plotly")
    for place in (spec.submodule_search_locations or ()) if spec is not None else ():
        file = Path(place) / "package_data" / PLOTLY
        if file.is_file():
            return file
    return None


# ------------------------------------------------------------------------- data files


def columns_content(
    header: Header,
    views: Sequence[PointView],
    parts: Sequence[Part],
    base: float,
    plots: bool,
    root: Path,
) -> dict[str, Any]:
    spec: list[dict[str, Any]] = [
        {"name": name, "section": "", "constant": False} for name in FIXED
    ]
    if any(view.transfer for view in views):
        spec += [{"name": name, "section": "", "constant": False} for name in MOVED]
    if any(view.record is not None and view.record.reused for view in views):
        spec.append({"name": REUSED, "section": "", "constant": False})
    # A constant parameter goes without saying, a constant metric is a result.
    constants = constants_of(parts)
    for section in ("params", "metrics"):
        spec += [
            {
                "name": name,
                "section": section,
                "constant": section == "params" and name in constants,
            }
            for name in names_of(parts, section)
        ]
    return {
        "kind": "columns",
        "total": len(views),
        "base": base,
        "columns": spec,
        "plots": plots,
        "submitted": _submitted(root, base),
        "sweep": str(root),
        "notebook": header.notebook,
        "asked": {"memory": header.resources.memory, "time": header.resources.time},
    }


def _submitted(root: Path, base: float) -> list[float]:
    """When points were submitted, in seconds after the sweep's creation."""
    moments = [
        epoch(str(event.get("at", "")))
        for event in SweepFolder(root).events()
        if event.get("event") == "submitted"
    ]
    return [round(moment - base, 2) for moment in moments if moment is not None]


def failures_content(views: Sequence[PointView], groups: Sequence[FailureGroup]) -> dict[str, Any]:
    wanted = {name for group in groups for name in group.points}
    places = {v.point.id: place for place, v in enumerate(views) if v.point.id in wanted}
    members = {group_key(group): [places[point] for point in group.points] for group in groups}
    return {"kind": "failures", "groups": members}


def now_content(found: Verdict, stamps: Mapping[str, str]) -> dict[str, Any]:
    """What a page that is open while the sweep runs asks for, again and again."""
    moment = now()
    left = remaining(found, moment) if found.open else None
    return {
        "kind": "now",
        "open": found.open,
        "headline": found.headline,
        "tone": found.tone,
        "total": found.total,
        "counts": {state.value: number for state, number in found.counts.items()},
        "reused": found.reused,
        "at": epoch(moment) if found.open else None,
        "asOf": f"{moment[:10]} {moment[11:19]} UTC" if found.open else "",
        "left": left_in_words(left).capitalize() if left is not None else "",
        "stamps": stamps,
    }


# ----------------------------------------------------------------------- static files


@lru_cache(maxsize=1)
def assets() -> dict[str, str]:
    """Style sheets as they are, and the scripts joined into one."""
    static = resources.files(__package__) / "static"
    assets = {
        file.name: file.read_text("utf-8")
        for file in static.iterdir()
        if file.name.endswith(".css")
    }
    parts = sorted((static / "js").iterdir(), key=lambda file: file.name)
    scripts = [file.read_text("utf-8") for file in parts if file.name.endswith(".js")]
    # One classic script in a scope of its own. The parts only declare; the order is free.
    body = "\n".join(scripts)
    assets["report.js"] = f'(function () {{\n"use strict";\n{body}\nstart();\n}})();\n'
    return assets
