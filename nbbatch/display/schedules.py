"""What is scheduled, as a table for terminals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from .text import foreign, labelled, typed_path


def schedules_table(schedules: Sequence[Mapping[str, Any]]) -> RenderableType:
    """Name, time, next run and last outcome of each; what is wrong with one below it."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    for name in ("name", "when", "next run", "last run"):
        table.add_column(name, overflow="fold", no_wrap=name != "last run")
    for each in schedules:
        last = str(each["last"])
        style = "green" if last.startswith("ok") else "red" if last.startswith("f") else ""
        table.add_row(
            foreign(each["name"], "bold"),
            foreign(each["when"]),
            Text("paused", style="yellow") if each["paused"] else Text(each["next"]),
            foreign(last, style),
        )
        if each["missed"]:
            table.add_row("", "", "", Text(each["missed"], style="yellow"))
        if each["in_table"] is False:
            gone = "its line is gone from the crontab: `schedule add` puts it back"
            table.add_row("", "", "", Text(gone, style="yellow"))
    pages = [(str(each["name"]), typed_path(Path(each["history"]))) for each in schedules]
    return Group(table, "", labelled(pages))
