"""What a sweep looks like in a cell: HTML without scripts, and text for terminals. Pure.

Styles are inline, and colours the front end's own where it has some: so the block looks the
same in JupyterLab, VS Code and an exported page, in the light and in the dark, and can still
be read where a notebook is not trusted and its styles are taken away.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from urllib.parse import quote

from ..collect.states import count
from ..model import PointFiles, PointState, PointView
from ..report.verdict import (
    ORDER,
    duration,
    epoch,
    left_in_words,
    moment,
    remaining,
    verdict,
)
from ..results.failures import FailureGroup, group_failures, message_of, title_of
from ..results.table import shorten

FAILURES_SHOWN = 3
TEXT_LENGTH = 160
"""Characters of a message in the block; the point's page has all of it."""

# A colour that can be read on white and on black, and the variable of JupyterLab's own.
_GREEN = "#2f9e44 --jp-success-color1"
_RED = "#e03131 --jp-error-color1"
_ORANGE = "#e8790c --jp-warn-color1"
_BLUE = "#1c7ed6 --jp-info-color1"
_GREY = "#868e96 --jp-inverse-layout-color4"
COLOURS: dict[PointState, str] = {
    PointState.OK: _GREEN,
    PointState.FAILED: _RED,
    PointState.DIED: _RED,
    PointState.TIMEOUT: _ORANGE,
    PointState.LOST: _ORANGE,
    PointState.INTERRUPTED: _ORANGE,
    PointState.HELD: _ORANGE,
    PointState.RUNNING: _BLUE,
    PointState.CANCELLED: _GREY,
    PointState.QUEUED: "",
    PointState.PENDING: "",
    PointState.UNKNOWN: "",
}
"""Of a state's part of the bar and its dot; empty: what is still to come, the bar's ground."""

_GROUND = "rgba(128, 128, 128, .35)"
_COMING = "#808080"
_DIM = "opacity: .7"
_FONT = (
    "font-family: var(--jp-ui-font-family, system-ui, sans-serif); "
    "font-size: var(--jp-ui-font-size1, 13px); line-height: 1.5"
)
_MONO = "font-family: var(--jp-code-font-family, monospace); font-size: .95em"


@dataclass(frozen=True)
class Shown:
    """What a block is made of.

    ``at`` is when this was known (ISO 8601 UTC), ``here`` the folder that links are
    relative to: the notebook's. ``report`` is a page, None while there is none; ``notes``
    are remarks of the plan, ``problem`` says why nothing newer is known.
    """

    name: str
    backend: str
    root: Path
    views: Sequence[PointView]
    at: str
    here: Path
    report: Path | None = None
    notes: Sequence[str] = ()
    problem: str = ""

    @property
    def final(self) -> bool:
        return all(view.state.over for view in self.views)


def one_file(root: Path) -> Path:
    """Where the report of a sweep is as one file, for notebook servers."""
    return root / "report.html"


def bundle(shown: Shown) -> dict[str, str]:
    """The block for every front end: ``text/html`` and ``text/plain``."""
    return {"text/html": html(shown), "text/plain": text(shown)}


# ------------------------------------------------------------------------------ text


def line(shown: Shown) -> str:
    """The sweep in one line."""
    counts = count(shown.views)
    states = ", ".join(f"{counts[s]:,} {s.value}" for s in ORDER if s in counts)
    return f"Sweep {shown.name}: {verdict(shown.views).headline} ({states}), {shown.root}"


def text(shown: Shown) -> str:
    """The block for a terminal."""
    lines = [line(shown)]
    for group in group_failures(shown.views)[:FAILURES_SHOWN]:
        lines.append(f"  {group.count:,} {group.state.value}  {_headline(group)}")
        lines.append(f"    {_where(group)}")
    lines += [f"  note: {note}" for note in shown.notes]
    if shown.problem:
        lines.append(f"  no news since {moment(shown.at)}: {shown.problem}")
    if shown.report is not None:
        lines.append(f"  Report {shown.report}")
    return "\n".join(lines)


def _headline(group: FailureGroup) -> str:
    return shorten(group.headline, TEXT_LENGTH)


def _where(group: FailureGroup) -> str:
    place = f"{group.place}  {shorten(group.source, TEXT_LENGTH)}" if group.place else ""
    example = f"{'e.g.' if group.count > 1 else 'at'} {group.points[0]}"
    return "  ".join(filter(None, [place, example]))


# ------------------------------------------------------------------------------ HTML


def html(shown: Shown) -> str:
    """The block as HTML; every text of the user's is escaped."""
    found = verdict(shown.views)
    share = f"{100 * found.over // found.total} %" if found.open and found.total else ""
    facts = [shown.name, shown.backend, _spent(shown)]
    rows = [
        f'<div style="display: flex; gap: 1em; align-items: baseline; flex-wrap: wrap">'
        f"<strong>{escape(found.headline)}</strong>"
        f'<span style="{_DIM}">{escape("  ·  ".join(filter(None, facts)))}</span>'
        f'<span style="margin-left: auto; {_DIM}">{share}</span></div>',
        _bar(shown.views),
        _legend(shown.views),
        *_failures(shown),
        *(f'<div style="{_DIM}">note: {escape(note)}</div>' for note in shown.notes),
    ]
    if shown.problem:
        said = f"No news: {shorten(shown.problem, TEXT_LENGTH)} It is asked again."
        rows.append(f'<div style="{paint("color", _ORANGE)}">{escape(said)}</div>')
    rows.append(_foot(shown))
    return (
        f'<div class="nbbatch-sweep" style="{_FONT}; max-width: 60em; padding: .3em 0">'
        + "\n".join(rows)
        + "</div>"
    )


def _spent(shown: Shown) -> str:
    """How long it has taken, or takes yet."""
    found = verdict(shown.views)
    if not found.open:
        return duration(found.wall)
    began = epoch(min((v.started for v in shown.views if v.started), default=found.started))
    now = epoch(shown.at)
    words = [] if began is None or now is None else [duration(now - began)]
    left = remaining(found, shown.at)
    if left is not None:
        words.append(left_in_words(left))
    return ", ".join(words)


def _bar(views: Sequence[PointView]) -> str:
    counts = count(views)
    parts = "".join(
        f'<div title="{counts[state]:,} {state.value}" style="width: '
        f'{100 * counts[state] / len(views):.2f}%; {paint("background-color", COLOURS[state])}">'
        "</div>"
        for state in ORDER
        if state in counts and COLOURS[state]
    )
    return (
        f'<div style="display: flex; height: 8px; margin: .3em 0; border-radius: 4px; '
        f'overflow: hidden; background-color: {_GROUND}">{parts}</div>'
    )


def _legend(views: Sequence[PointView]) -> str:
    counts = count(views)
    items = [
        f'<span style="margin-right: 1.2em; white-space: nowrap">{_dot(state)} '
        f"{counts[state]:,} {state.value}</span>"
        for state in ORDER
        if state in counts
    ]
    return f"<div>{' '.join(items)}</div>"


def _failures(shown: Shown) -> list[str]:
    groups = group_failures(shown.views)
    rows = [_failure(shown, group) for group in groups[:FAILURES_SHOWN]]
    rest = groups[FAILURES_SHOWN:]
    if rest:
        number = sum(group.count for group in rest)
        rows.append(
            f'<div style="{_DIM}">and {len(rest):,} more kind{"s" * (len(rest) > 1)} of failure '
            f"({number:,} points): see the report</div>"
        )
    return rows


def _failure(shown: Shown, group: FailureGroup) -> str:
    colour = COLOURS[group.state] or _ORANGE
    link = page_link(shown.root, group.example, shown.here)
    place = ""
    if group.place:
        source = escape(shorten(group.source, TEXT_LENGTH))
        place = f'{escape(group.place)} <code style="{_MONO}">{source}</code> '
    return (
        f'<div style="margin: .3em 0; padding-left: .7em; border-left: 3px solid #808080; '
        f'{paint("border-left-color", colour)}">'
        f"<div><strong>{group.count:,} {group.state.value}</strong> "
        f"{escape(_headline(group))}</div>"
        f'<div style="{_DIM}">{place}{"e.g." if group.count > 1 else "at"} {link}</div></div>'
    )


def _foot(shown: Shown) -> str:
    if shown.report is not None:
        report = link_to(shown.report, "Report", shown.here)
    else:
        report = "Report: not written yet"
    beside = shown.root.is_relative_to(shown.here)
    folder = str(shown.root.relative_to(shown.here) if beside else shown.root)
    at = (shown.final and verdict(shown.views).finished) or shown.at
    state = "ended" if shown.final else "as of"
    return (
        f'<div style="{_DIM}; margin-top: .3em">{report} &nbsp; '
        f'<code style="{_MONO}" title="{escape(str(shown.root))}">{escape(folder)}</code> &nbsp; '
        f"{state} {escape(seconds(at))}</div>"
    )


def paint(name: str, colour: str) -> str:
    """A style that gives the property ``name`` a colour, the front end's own where it has one.

    Twice: JupyterLab takes variables out of notebooks that are not trusted.
    """
    plain, _, variable = (colour or _COMING).partition(" ")
    own = f"; {name}: var({variable}, {plain})" if variable else ""
    return f"{name}: {plain}{own}"


def _dot(state: PointState) -> str:
    fade = "" if COLOURS[state] else "; opacity: .4"
    return f'<span style="{paint("color", COLOURS[state])}{fade}">&#9679;</span>'


def seconds(iso: str) -> str:
    """An ISO 8601 time as ``2024-05-01 12:30:59 UTC``."""
    return f"{iso[:10]} {iso[11:19]} UTC" if len(iso) >= 19 else iso


def link_to(file: Path, words: str, here: Path) -> str:
    """A link to a file, relative to the folder ``here``, as notebook servers can serve it."""
    address = quote(os.path.relpath(file, here), safe="/")
    return f'<a href="{escape(address)}" target="_blank">{escape(words)}</a>'


def page_link(root: Path, view: PointView, here: Path) -> str:
    """A point's id, linked to its page where it has one."""
    if view.record is None:
        return escape(view.point.id)
    return link_to(root / view.point.dir / PointFiles.PAGE, view.point.id, here)


# ---------------------------------------------------------------------------- tables


def table(head: Sequence[str], rows: Sequence[Sequence[str]], more: int = 0) -> str:
    """A table of cells that are HTML already; ``more`` rows are not in it."""
    cell = "text-align: left; padding: .15em .8em .15em 0"
    top = "".join(f'<th style="{cell}">{escape(name)}</th>' for name in head)
    body = "".join(
        "<tr>" + "".join(f'<td style="{cell}">{each}</td>' for each in row) + "</tr>"
        for row in rows
    )
    rest = f'<div style="{_DIM}">and {more:,} more</div>' if more > 0 else ""
    return f'<div style="{_FONT}"><table>{top and f"<tr>{top}</tr>"}{body}</table>{rest}</div>'


def state_html(state: PointState) -> str:
    """A state with its dot."""
    return f'<span style="white-space: nowrap">{_dot(state)} {state.value}</span>'


def failure_line(view: PointView) -> str:
    """What happened to a point, in one line: ``ValueError: …``."""
    title, said = title_of(view), message_of(view)
    return shorten(f"{title}: {said}" if said else title, TEXT_LENGTH)


Block = Callable[[], dict[str, str]]
