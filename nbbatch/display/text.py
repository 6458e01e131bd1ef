"""Text for terminals: states in their colours, foreign text made harmless."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Mapping
from pathlib import Path

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

# Control characters (a message could move the cursor or set the window's title), and
# those that turn the reading direction of all that follows.
_HARMFUL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def foreign(text: str, style: str = "") -> Text:
    """Text from notebooks or schedulers: no markup, no control codes, tabs as spaces."""
    return Text(_HARMFUL.sub("\ufffd", text).replace("\t", " "), style=style)


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


def commands(lines: list[tuple[str, str]]) -> Table:
    """Commands to type next, each with what it does."""
    grid = columns_grid()
    for place, (command, purpose) in enumerate(lines):
        # A command is for copying: it is never cut, its purpose may wrap.
        grid.add_row(
            Text("Next" if place == 0 else "", style="dim"),
            Text(command, style="bold", no_wrap=True, overflow="ignore"),
            Text(purpose, style="dim"),
        )
    return grid
