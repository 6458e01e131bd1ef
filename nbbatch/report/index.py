"""Write ``report/``: a page, its style and script, and the data files that it loads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from importlib import resources
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote

from ..failures import WORDS, FailureGroup, group_failures
from ..model import Header, PointView
from ..results import Row, as_text, failed_collections, rows, shorten, varying
from ..worker.files import write_atomic
from .chunks import TEXT_LENGTH, data_files, group_key
from .verdict import Verdict, duration, moment, verdict

GROUPS_SHOWN = 50
"""Failure groups written into the page; each of 10,000 points may fail in its own way."""

LINKS_SHOWN = 6
TRACEBACK_LENGTH = 20_000


def write_report(root: Path, header: Header, views: Sequence[PointView]) -> Path:
    """Write or refresh the report of the sweep in ``root``; returns the index's path.

    Each file is replaced atomically, and only where its content changed, so a reader
    may have the report open while the sweep runs.
    """
    report = root / "report"
    table = rows(views, root)
    groups = group_failures(views)
    data = data_files(views, table, groups)
    found = verdict(views)
    beside = [name for name in ("results.csv", "grid.yaml", "notebook.ipynb") if _there(root, name)]
    page = _render(_context(header, views, table, groups, found, sorted(data), beside))
    for name, content in {**_assets(), **{f"data/{n}": text for n, text in data.items()}}.items():
        _refresh(report / name, content)
    for old in (report / "data").glob("points-*.js"):
        if old.name not in data:
            old.unlink(missing_ok=True)
    index = report / "index.html"
    _refresh(index, page)  # last: what it refers to is there
    return index


def _refresh(path: Path, content: str) -> None:
    """Write the file unless it has this content already."""
    new = content.encode("utf-8", "backslashreplace")
    try:
        if path.read_bytes() == new:
            return
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, new, durable=False)  # a report can be written again


def _there(root: Path, name: str) -> bool:
    return (root / name).is_file()


# ----------------------------------------------------------------------- static files


def _assets() -> dict[str, str]:
    """Style sheets as they are, and the scripts joined into one."""
    static = resources.files(__package__) / "static"
    assets = {
        f"assets/{file.name}": file.read_text("utf-8")
        for file in static.iterdir()
        if file.name.endswith(".css")
    }
    parts = sorted((static / "js").iterdir(), key=lambda file: file.name)
    scripts = [file.read_text("utf-8") for file in parts if file.name.endswith(".js")]
    # One classic script in a scope of its own. The parts only declare; the order is free.
    body = "\n".join(scripts)
    assets["assets/report.js"] = f'(function () {{\n"use strict";\n{body}\nstart();\n}})();\n'
    return assets


# --------------------------------------------------------------------------- the page


def _render(context: Mapping[str, Any]) -> str:
    from jinja2 import Environment, FunctionLoader, StrictUndefined  # heavy: only here

    templates = resources.files(__package__) / "templates"
    environment = Environment(
        loader=FunctionLoader(lambda name: (templates / name).read_text("utf-8")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("index.html").render(context)


@dataclass(frozen=True)
class Link:
    """A link's text and its address, percent-encoded and relative to the report."""

    text: str
    href: str


def link(text: str, path: str | None) -> Link:
    """A link to a path relative to the sweep folder; without a path, an empty address."""
    return Link(text, "" if path is None else "../" + quote(path, safe="/"))


def _context(
    header: Header,
    views: Sequence[PointView],
    table: Sequence[Row],
    groups: Sequence[FailureGroup],
    found: Verdict,
    scripts: Sequence[str],
    beside: Sequence[str],
) -> dict[str, Any]:
    pages = {row["id"]: row["page"] or row["notebook"] for row in table} if groups else {}
    collections = [
        (view.point.id, name, shorten(why, TEXT_LENGTH))
        for view in views
        for name, why in failed_collections(view).items()
    ]
    return {
        "name": header.name,
        "verdict": found,
        "bar": _bar(found),
        "facts": _facts(header, found),
        "provenance": _provenance(header),
        "as_of": f"{datetime.now(timezone.utc):%Y-%m-%d %H:%M} UTC" if found.open else "",
        "groups": [_group(group, pages) for group in groups[:GROUPS_SHOWN]],
        "more_groups": max(len(groups) - GROUPS_SHOWN, 0),
        "in_groups": sum(group.count for group in groups),
        "collections": collections[:LINKS_SHOWN],
        "more_collections": max(len(collections) - LINKS_SHOWN, 0),
        "constants": _constants(table),
        "scripts": scripts,
        "files": [link(name, name) for name in beside],
    }


def _bar(found: Verdict) -> list[tuple[str, float, float]]:
    """State, start and width (percent) of each part of the bar."""
    parts, start = [], 0.0
    for state, number in found.counts.items():
        width = 100 * number / found.total
        parts.append((state.value, round(start, 3), round(width, 3)))
        start += width
    return parts


def _facts(header: Header, found: Verdict) -> list[tuple[str, str]]:
    notebook = PurePosixPath(header.notebook).name
    facts = [
        ("Started", moment(found.started) if found.started else ""),
        ("Took", duration(found.wall)),
        ("Notebook time", duration(found.busy)),
        ("CPU time", duration(found.cpu)),
        ("By", f"{header.user} on {header.host}"),
        ("Backend", header.backend),
        ("Notebook", notebook),
        ("Git commit", header.git_commit[:10] + (" + changes" if header.git_dirty else "")),
    ]
    return [(label, value) for label, value in facts if value]


def _provenance(header: Header) -> list[tuple[str, str]]:
    options = " ".join(f"{name}={value}" for name, value in header.launch.options.items())
    asked = header.resources
    changes = " with uncommitted changes" if header.git_dirty else ""
    facts = [
        ("Sweep", f"{header.name} ({header.id})"),
        ("Created", moment(header.created)),
        ("Notebook", header.notebook),
        ("SHA-256", header.notebook_sha256),
        (
            "Git commit",
            header.git_commit + changes,
        ),
        ("Kernel", f"{header.kernel} ({header.language})" if header.language else header.kernel),
        ("Resources", _resources(asked.cpus, asked.memory, asked.gpus, asked.time)),
        ("Container", header.launch.container),
        ("Options", options),
        ("Revision", str(header.revision) if header.revision > 1 else ""),
        ("Made with", f"nbbatch {header.nbbatch}, Python {header.python}"),
    ]
    return [(label, value) for label, value in facts if value]


def _resources(cpus: int, memory: int | None, gpus: int, time: int | None) -> str:
    parts = [f"{cpus} CPU{'' if cpus == 1 else 's'}"]
    if memory is not None:
        parts.append(f"{memory / 2**30:.3g} GiB memory")
    if gpus:
        parts.append(f"{gpus} GPU{'' if gpus == 1 else 's'}")
    if time is not None:
        parts.append(duration(time))
    return ", ".join(parts)


def _constants(table: Sequence[Row]) -> list[tuple[str, str]]:
    _, constants = varying(table, "params")
    return [(name, shorten(as_text(value), 80)) for name, value in constants.items()]


def _group(group: FailureGroup, pages: Mapping[str, str | None]) -> dict[str, Any]:
    traceback = group.traceback
    if len(traceback) > TRACEBACK_LENGTH:
        half = TRACEBACK_LENGTH // 2
        traceback = f"{traceback[:half]}\n\n[… shortened …]\n\n{traceback[-half:]}"
    return {
        "key": group_key(group),
        "state": group.state.value,
        "words": WORDS[group.state],
        "title": group.title,
        "message": group.message,
        "place": group.place,
        "source": group.source,
        "count": group.count,
        "traceback": traceback,
        "example": link(group.points[0], pages[group.points[0]]),
        "links": [link(point, pages[point]) for point in group.points[:LINKS_SHOWN]],
        "more": max(group.count - LINKS_SHOWN, 0),
    }
