"""Text for terminals: states in their colours, foreign text made harmless."""

from __future__ import annotations

import io
import os
import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from ..model import PointState
from ..report.verdict import ORDER

STYLES: dict[PointState, str] = {
    PointState.OK: "green",
    PointState.FAILED: "red",
    PointState.DIED: "red",
    PointState.TIMEOUT: "yellow",
    PointState.LOST: "yellow",
    PointState.INTERRUPTED: "yellow",
    PointState.HELD: "yellow",
    PointState.RUNNING: "cyan",
    PointState.QUEUED: "dim",
    PointState.PENDING: "dim",
    PointState.CANCELLED: "dim",
    PointState.UNKNOWN: "dim",
}

_COLOURS = re.compile("(?:\x1b\\[|\x9b)[0-?]*[ -/]*[@-~]")

# Control characters (a message could move the cursor or set the window's title), and
# those that turn the reading direction of all that follows.
_HARMFUL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def foreign(text: str, style: str = "") -> Text:
    """Text from notebooks or schedulers: no markup, no control codes, tabs as spaces."""
    plain = _HARMFUL.sub("\ufffd", _COLOURS.sub("", text))
    return Text(plain.replace("\t", " "), style=style)


def counts_line(counts: Mapping[PointState, int]) -> Text:
    """``48 ok   10 failed``, each in its colour."""
    return Text("   ").join(
        Text(f"{counts[state]:,} {state.value}", style=STYLES[state])
        for state in ORDER
        if counts.get(state)
    )


def typed_path(path: Path) -> str:
    """A path as one would type it here: relative when that is shorter, quoted if needed."""
    absolute = str(path.absolute())
    try:
        relative = os.path.relpath(absolute)
    except ValueError:  # another drive
        relative = absolute
    return shlex.quote(min((absolute, relative), key=len))


def columns_grid(gap: int = 2) -> Table:
    """An invisible table that lines up labels and what belongs to them."""
    return Table.grid(padding=(0, gap, 0, 0))


def id_text(point_id: str, width: int = 22) -> Text:
    """A point's id with its middle left out: the hash at its end tells points apart."""
    if len(point_id) <= width:
        return foreign(point_id)
    return foreign(f"{point_id[: width - 11]}…{point_id[-10:]}")


def labelled(lines: Sequence[tuple[str, str]]) -> RenderableType:
    """Lines to copy from (paths, commands), each with a label before it."""
    return Group(
        *(Text(f"{label:9}", style="dim").append(line, style="not dim") for label, line in lines)
    )


def forgiving(console: Console) -> Console:
    """The console, made to write ? for what its encoding (Latin-1, say) does not have."""
    file = console.file
    if isinstance(file, io.TextIOWrapper) and not file.encoding.lower().startswith("utf"):
        file.reconfigure(errors="replace")
        console.file = file  # rich asks only a file that it was given for its encoding
    return console


def show(renderable: RenderableType, console: Console | None = None) -> None:
    """Print; lines that must be copied whole (commands, paths) are neither cut nor broken.

    The terminal wraps them itself, so that they can still be selected as one line.
    """
    forgiving(console or Console()).print(renderable, soft_wrap=True)
