"""The page itself: what is readable without scripts, and the places for the rest."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote

from ..model import SUMMARY, Header, PointFiles, PointView, Record, Value
from ..results.failures import WORDS, FailureGroup
from ..results.summary_notebook import Told
from ..results.table import as_text, failed_collections, rows, shorten
from ..worker.units import memory_text
from .blame import Suspect
from .chunks import TEXT_LENGTH, group_key
from .template import template
from .usage import advice
from .verdict import Verdict, duration, moment

GROUPS_SHOWN = 50
"""Failure groups written into the page; each of 10,000 points may fail in its own way."""

OPEN_GROUPS = 5
"""Of these the largest, which stand open; a click shows the others."""

LINKS_SHOWN = 6
TRACEBACK_LENGTH = 20_000
FILES = ("results.csv", "results.json", "results.parquet", "grid.yaml", "notebook.ipynb")


PICTURES = {
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".jpg": "image/jpeg",
    ".webp": "image/webp",
    ".gif": "image/gif",
}


def picture_url(file: Path) -> str:
    """A picture as the address that has it inside. Raises OSError, and KeyError for no picture."""
    content = base64.b64encode(file.read_bytes()).decode()
    return f"data:{PICTURES[file.suffix]};base64,{content}"


@dataclass(frozen=True)
class Alone:
    """What a page that is one file has inside itself: its style, and all its scripts."""

    style: str
    scripts: Sequence[str]

    @property
    def policy(self) -> str:
        """The scripts' hashes: nothing else may run."""
        hashes = (hashlib.sha256(text.encode("utf-8")).digest() for text in self.scripts)
        return " ".join(f"'sha256-{base64.b64encode(value).decode()}'" for value in hashes)


@dataclass(frozen=True)
class Frame:
    """All that the page is made from. ``alone`` where it has no files beside it.

    ``blamed``: for each of the first ``GROUPS_SHOWN`` groups what its points have in common.
    ``outdated``: files of results that say less than the views do.
    """

    root: Path
    header: Header
    views: Sequence[PointView]
    groups: Sequence[FailureGroup]
    found: Verdict
    blamed: Sequence[Sequence[Suspect]]
    constants: Mapping[str, Any]
    scripts: Sequence[str]
    status: Mapping[str, Any]
    alone: Alone | None = None
    outdated: Collection[str] = ()
    summary: Told | None = None


@dataclass(frozen=True)
class Link:
    """A link's text and its address, percent-encoded and relative to the report."""

    text: str
    href: str


def link(text: str, path: str | None) -> Link:
    """A link to a path relative to the sweep folder; without a path, an empty address."""
    return Link(text, "" if path is None else "../" + quote(path, safe="/"))


def render(frame: Frame) -> str:
    """The text of ``index.html``."""
    shown = frame.groups[:GROUPS_SHOWN]
    pages = _pages(frame, shown)
    collections = [
        (view.point.id, name, shorten(why, TEXT_LENGTH))
        for view in frame.views
        if view.record is not None and view.record.metric_errors
        for name, why in failed_collections(view).items()
    ]
    from markupsafe import Markup  # jinja's own

    alone = frame.alone
    return template("nbbatch.report", "index.html").render(
        alone=alone,
        # A run of a name; what it is among the others is told one folder up.
        history=alone is None
        and frame.root.parent.name == frame.header.name
        and (frame.root.parent / "runs.jsonl").is_file(),
        policy=Markup("'self' file:") if alone is None else Markup(alone.policy),
        name=frame.header.name,
        verdict=frame.found,
        bar=_bar(frame.found),
        reused=frame.found.reused,
        facts=_facts(frame.header, frame.found),
        provenance=_provenance(frame.header),
        as_of=frame.status["asOf"],
        left=frame.status["left"],
        groups=[
            _group(group, pages, found) for group, found in zip(shown, frame.blamed, strict=True)
        ],
        open_groups=OPEN_GROUPS,
        more_groups=len(frame.groups) - len(shown),
        in_groups=sum(group.count for group in frame.groups),
        collections=collections[:LINKS_SHOWN],
        more_collections=max(len(collections) - LINKS_SHOWN, 0),
        constants=[(n, shorten(as_text(value), 80)) for n, value in frame.constants.items()],
        usage=advice(frame.header, frame.views),
        scripts=frame.scripts,
        files=[link(name, name) for name in _there(frame)],
        summary=_summary(frame),
    )


def _summary(frame: Frame) -> dict[str, Any] | None:
    """How the summary notebook ended, what it recorded and drew, and where its files are."""
    told = frame.summary
    if told is None:
        return None
    record = told.record
    place = frame.root / SUMMARY
    return {
        "error": told.error,
        "outdated": told.outdated,
        "metrics": [(name, _figure(v), as_text(v)) for name, v in record.metrics.items()],
        "page": None if frame.alone else _link_to(place / PointFiles.PAGE),
        "log": None if frame.alone else _link_to(place / PointFiles.LOG),
        "figures": _figures(record, place, frame.alone is not None),
    }


def _figure(value: Value) -> str:
    """A metric as the table shows it: floats to six significant digits."""
    return f"{value:.6g}" if isinstance(value, float) else shorten(as_text(value), 80)


def _link_to(file: Path) -> Link | None:
    """A link to a file of the summary, if it is there."""
    return link(file.name, f"{SUMMARY}/{file.name}") if file.is_file() else None


def _figures(record: Record, place: Path, alone: bool) -> list[Link]:
    """The figures of the summary, inside the page where it has no files beside it.

    The record names them: what else lies there is not the notebook's.
    """
    found = []
    for name in record.figures:
        file = place / PointFiles.FIGURES / name
        if ".thumb." in name or file.name != name or not file.is_file():
            continue
        if not alone:
            found.append(link(name, f"{SUMMARY}/{PointFiles.FIGURES}/{name}"))
        elif file.suffix in PICTURES:
            found.append(Link(name, picture_url(file)))
    return found


def _there(frame: Frame) -> list[str]:
    """The files that the page links to."""
    if frame.alone is not None:
        return []
    current = (name for name in FILES if name not in frame.outdated)
    return [name for name in current if (frame.root / name).is_file()]


def _pages(frame: Frame, groups: Sequence[FailureGroup]) -> dict[str, str | None]:
    """The page (or else the notebook) of each point that a group links to."""
    wanted = {name for group in groups for name in group.points[:LINKS_SHOWN]}
    if not wanted:
        return {}
    if frame.alone is not None:
        return dict.fromkeys(wanted)
    linked = [view for view in frame.views if view.point.id in wanted]
    return {row["id"]: row["page"] or row["notebook"] for row in rows(linked, frame.root)}


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
        ("Git commit", header.git_commit + changes if header.git_commit else ""),
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
        parts.append(f"{memory_text(memory)} memory")
    if gpus:
        parts.append(f"{gpus} GPU{'' if gpus == 1 else 's'}")
    if time is not None:
        parts.append(duration(time))
    return ", ".join(parts)


def _group(
    group: FailureGroup, pages: Mapping[str, str | None], blamed: Sequence[Suspect]
) -> dict[str, Any]:
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
        "suspects": [
            {
                "suspect": suspect,
                "value": shorten(as_text(suspect.value), 60),
                "given": shorten(as_text(suspect.given.value), 60) if suspect.given else "",
                "elsewhere": f"{100 * suspect.having / suspect.ended:.0f} %",
            }
            for suspect in blamed
        ],
    }
