"""The end of a run, and its status: what came out, what went wrong, what to type next."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from ..model import SUMMARY, Header, PointFiles, PointState, PointView
from ..report.verdict import Verdict, duration, moment, verdict
from ..results.failures import FailureGroup, group_failures, message_of
from ..results.summary_notebook import Told
from .text import STYLES, columns_grid, counts_line, foreign, id_text, labelled, typed_path

GROUPS_SHOWN = 6
RUNNING_SHOWN = 5

_TONES = {"ok": "bold green", "bad": "bold red", "open": "bold", "empty": "bold"}
_AGAIN = frozenset(
    {PointState.LOST, PointState.INTERRUPTED, PointState.CANCELLED, PointState.PENDING}
)
_NOTEBOOK = frozenset({PointState.FAILED, PointState.TIMEOUT, PointState.DIED})


def summary(
    header: Header,
    views: Sequence[PointView],
    folder: Path,
    report_path: Path | None,
    told: Told | None = None,
) -> RenderableType:
    """What to print when a run has ended (or was left). ``told`` of the summary notebook."""
    found = verdict(views)
    groups = group_failures(views)
    parts: list[RenderableType] = [_head(header, found), *_failures(groups)]
    ending = next_commands(found, groups, folder)
    if told is not None:
        _add_summary(told, folder, parts, ending)
    if report_path is not None:
        ending.insert(0, ("Report", typed_path(report_path)))
    return Group(*_spaced([*parts, labelled(ending)]))


def status_block(
    header: Header,
    views: Sequence[PointView],
    folder: Path,
    driver: str = "",
    told: Told | None = None,
) -> RenderableType:
    """Where a sweep is now. ``driver`` says in words who drives it; empty: nobody.

    ``told`` of the summary notebook.
    """
    found = verdict(views)
    groups = group_failures(views)
    facts = columns_grid()
    for label, value in (
        ("Folder", typed_path(folder)),
        ("Notebook", header.notebook),
        ("Backend", header.backend),
        ("Created", f"{moment(header.created)} by {header.user} on {header.host}"),
        ("Driven by", driver),
    ):
        if value:
            facts.add_row(Text(label, style="dim"), foreign(value))
    parts: list[RenderableType] = [_head(header, found), facts]
    running = [view for view in views if view.state is PointState.RUNNING]
    if running:
        parts.append(_running(running))
    ending = next_commands(found, groups, folder)
    parts += _failures(groups)
    if told is not None:
        _add_summary(told, folder, parts, ending)
    return Group(*_spaced([*parts, labelled(ending)]))


def next_commands(
    found: Verdict, groups: Sequence[FailureGroup], folder: Path
) -> list[tuple[str, str]]:
    """What to type next, each with a word for what it is about."""
    sweep = typed_path(folder)
    states = set(found.counts)
    lines = []
    if groups:
        lines.append(("Log", f"nbbatch logs {sweep} {groups[0].example.point.index}"))
    if states & {PointState.RUNNING, PointState.QUEUED, PointState.HELD}:
        lines.append(("Follow", f"nbbatch watch {sweep}"))
        lines.append(("Stop", f"nbbatch cancel {sweep}"))
    elif states & _AGAIN:
        lines.append(("Go on", f"nbbatch resume {sweep}"))
    if found.over == found.total:
        if states & _NOTEBOOK:
            lines.append(("Retry", f"nbbatch resume {sweep} --failed"))
        if PointState.OK in states:
            lines.append(("Results", f"nbbatch results {sweep}"))
    return lines


def _spaced(parts: list[RenderableType]) -> list[RenderableType]:
    spaced: list[RenderableType] = []
    for part in parts:
        spaced += [part, Text()]
    return spaced[:-1]


def _head(header: Header, found: Verdict) -> RenderableType:
    line = Text(found.headline, style=_TONES[found.tone])
    facts = [header.name, duration(found.wall)]
    line.append("  " + "  ".join(fact for fact in facts if fact), style="not bold dim default")
    # One state alone: the headline has said it.
    return line if len(found.counts) < 2 else Group(line, counts_line(found.counts))


def _running(views: Sequence[PointView]) -> RenderableType:
    grid = columns_grid()
    for view in views[:RUNNING_SHOWN]:
        since = f"since {moment(view.started)}" if view.started else ""
        grid.add_row(
            Text("running", style=STYLES[PointState.RUNNING]),
            id_text(view.point.id, 30),
            foreign(view.host),
            Text(since, style="dim"),
        )
    if len(views) > RUNNING_SHOWN:
        grid.add_row("", Text(f"and {len(views) - RUNNING_SHOWN:,} more", style="dim"))
    return grid


def _failures(groups: Sequence[FailureGroup]) -> list[RenderableType]:
    blocks: list[RenderableType] = [_failure(group) for group in groups[:GROUPS_SHOWN]]
    rest = groups[GROUPS_SHOWN:]
    if rest:
        number = sum(group.count for group in rest)
        kinds = f"{len(rest):,} more kind{'' if len(rest) == 1 else 's'}"
        blocks.append(Text(f"and {kinds} of failure ({number:,} points): see the report.", "dim"))
    return blocks


def _failure(group: FailureGroup) -> RenderableType:
    title = Text(f"{group.count:,} {group.state.value}  ", style=STYLES[group.state])
    title.append_text(foreign(group.headline, "bold default"))
    lines: list[Text] = []
    if group.place:
        place = Text(f"{group.place}  ", style="dim")
        lines.append(place.append_text(foreign(group.source, "not dim")))
    example = Text("e.g. " if group.count > 1 else "at ", style="dim")
    lines.append(example.append_text(foreign(group.points[0], "not dim")))
    said = _said(group)
    if said:
        lines.append(Text("     ").append_text(foreign(said)))
    for line in lines:
        line.no_wrap, line.overflow = True, "ellipsis"
    return Group(title, Padding(Group(*lines), (0, 0, 0, 4), expand=False))


def _add_summary(
    told: Told, folder: Path, parts: list[RenderableType], ending: list[tuple[str, str]]
) -> None:
    ending.insert(0, ("Summary", typed_path(folder / SUMMARY / PointFiles.PAGE)))
    if told.error:
        line = Text("The summary notebook failed  ", style="red", no_wrap=True, overflow="ellipsis")
        parts.append(line.append_text(foreign(told.error, "bold default")))
        ending.append(("Again", f"nbbatch report --summary {typed_path(folder)}"))


def _said(group: FailureGroup) -> str:
    """The example's own message, where the group's has gaps."""
    said = message_of(group.example)
    return said if said != group.message else ""
