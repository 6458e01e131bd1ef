"""The report's data files: rows as columns of JavaScript literals. Pure.

Each file calls ``nbbatchData.push({...})``: pages opened from ``file://`` may load
classic scripts, but neither JSON nor modules. Kinds of content::

    {kind: "columns", total, base, columns: [{name, section, constant}, …], …}
    {kind: "points", start, columns: [[section, name], …], values: [column, …]}
    {kind: "failures", groups: {key: [position, …]}}
    {kind: "now", …}       what changes while the sweep runs, see ``index``

A column is a list, or ``{of: [distinct…], at: [place, …]}`` where values repeat. In it,
null means that the point has no such value; ``{text}`` stands for what has no own
JavaScript type (a null, list, mapping, NaN, an integer past 2⁵³).
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from ..model import PointView, Transfer
from ..results.failures import FailureGroup
from ..results.table import Row, as_text, settled, shorten
from ..worker.texts import literal, script
from .verdict import epoch

__all__ = ["FIXED", "chunk_content", "group_key", "literal", "packed", "script"]

TEXT_LENGTH = 300
"""Characters of a text shown in the table; the point's page has all of it."""

FIXED = (
    "id",
    "index",
    "state",
    "seconds",
    "host",
    "attempts",
    "dir",
    "files",
    "error",
    "started",
    "cpu",
    "memory",
    "figures",
)
"""Columns that every point has. ``started`` in seconds after the sweep's creation,
``cpu`` in seconds, ``memory`` in MB, ``figures`` file names joined by "/"."""

MOVED = ("sent", "fetched")
"""Columns of sweeps whose files travel: for how many seconds a point's job got its files before
the point began, and how long they travelled back after it."""

REUSED = "reused"
"""A column of sweeps that took results from an earlier one: true where a point's are."""

_SAFE_INTEGER = 2**53
_FIGURE = re.compile(r"\w[\w.-]{0,80}")


def chunk_content(
    start: int, views: Sequence[PointView], rows: Sequence[Row], base: float
) -> dict[str, Any]:
    """The content of one file of points; ``rows`` are those of the ``views``.

    ``base`` is the sweep's creation in seconds since the epoch. The file names its own
    columns, so that it stays as it is when a new metric appears elsewhere.
    """
    columns: list[tuple[str, str]] = [("", name) for name in FIXED]
    travelled = any(view.transfer for view in views)
    if travelled:
        columns += [("", name) for name in MOVED]
    taken = any(is_reused(view) for view in views)
    if taken:
        columns.append(("", REUSED))
    for section in ("params", "metrics"):
        names = dict.fromkeys(name for row in rows for name in row[section])
        columns += [(section, name) for name in names]
    fixed = list(
        zip(*(_fixed(view, row, base) for view, row in zip(views, rows, strict=True)), strict=True)
    )
    values = [packed(list(column)) for column in fixed]
    if travelled:
        transfers = [view.transfer or Transfer() for view in views]
        values.append(packed([moved.inputs or None for moved in transfers]))
        values.append(packed([moved.outputs or None for moved in transfers]))
    if taken:
        values.append([is_reused(view) or None for view in views])
    values += [
        packed([value_of(row[section], name) for row in rows])
        for section, name in columns[len(values) :]
    ]
    return {"kind": "points", "start": start, "columns": columns, "values": values}


def is_reused(view: PointView) -> bool:
    """Whether the point's result was made by an earlier sweep."""
    record = settled(view)
    return record is not None and bool(record.reused)


def group_key(group: FailureGroup) -> str:
    """A short name of a failure group that stays while the sweep goes on."""
    said = f"{group.state.value} {group.title} {group.example.point.id} {group.place}"
    return hashlib.sha256(said.encode("utf-8", "backslashreplace")).hexdigest()[:8]


def _fixed(view: PointView, row: Row, base: float) -> tuple[Any, ...]:
    record = settled(view)
    files = sum(bit for bit, name in ((1, "page"), (2, "notebook"), (4, "log")) if row[name])
    started = epoch(record.started if record is not None else view.started)
    used: tuple[Any, ...] = (None, None, None)
    if record is not None:
        used = (
            value_of({"": record.cpu_seconds}, "") if record.cpu_seconds else None,
            round(record.peak_memory / 2**20, 1) if record.peak_memory else None,
            "/".join(filter(_FIGURE.fullmatch, record.figures)) or None,
        )
    return (
        row["id"],
        row["index"],
        row["state"],
        row["seconds"],
        row["host"],
        row["attempts"],
        None if view.point.dir == f"points/{view.point.id}" else view.point.dir,
        files,
        row["error"],
        None if started is None else round(started - base, 2),
        *used,
    )


def value_of(values: Mapping[str, Any], name: str) -> Any:
    """One parameter or metric in the form of the data files."""
    if name not in values:
        return None
    value = values[name]
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        return shorten(value, TEXT_LENGTH) if len(value) > TEXT_LENGTH else value
    if isinstance(value, float) and math.isfinite(value):
        return value
    if isinstance(value, int) and abs(value) < _SAFE_INTEGER:
        return value
    return {"text": shorten(as_text(value), TEXT_LENGTH)}


def packed(values: list[Any]) -> Any:
    """A column, with repeated values written once."""
    # True == 1 in Python: a column that mixes them stays as it is.
    if any(isinstance(value, (bool, dict)) for value in values):
        return values
    distinct = {value: place for place, value in enumerate(dict.fromkeys(values))}
    if 4 * len(distinct) > len(values) or len(values) < 8:
        return values
    return {"of": list(distinct), "at": [distinct[value] for value in values]}
