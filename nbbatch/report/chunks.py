"""The report's data files: rows as columns of JavaScript literals. Pure.

Each file calls ``nbbatchData.push({...})``: pages opened from ``file://`` may load
classic scripts, but neither JSON nor modules. Three kinds of content::

    {kind: "columns", total, columns: [{name, section, constant}, …]}
    {kind: "points", start, values: [column, …]}      CHUNK points, one column each
    {kind: "failures", groups: {key: [position, …]}}

A column is a list, or ``{of: [distinct…], at: [place, …]}`` where texts repeat. In it,
null means that the point has no such value; ``{text}`` stands for what has no own
JavaScript type (a null, list, mapping, NaN, an integer past 2⁵³).
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from ..failures import FailureGroup
from ..model import PointView
from ..results import Row, as_text, shorten, varying

CHUNK = 1000
"""Points a file: one changed point rewrites one file of some hundred kB."""

TEXT_LENGTH = 300
"""Characters of a text shown in the table; the point's page has all of it."""

FIXED = ("id", "index", "state", "seconds", "host", "attempts", "dir", "files", "error")

_SAFE_INTEGER = 2**53
_ESCAPES = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"})


def literal(value: Any) -> str:
    """A JavaScript literal that is harmless inside HTML: ASCII, without ``<``, ``>``, ``&``."""
    text = json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.translate(_ESCAPES)


def script(content: Mapping[str, Any]) -> str:
    """The text of one data file."""
    return f"(window.nbbatchData=window.nbbatchData||[]).push({literal(content)});\n"


def data_files(
    views: Sequence[PointView], rows: Sequence[Row], groups: Sequence[FailureGroup]
) -> dict[str, str]:
    """All data files of a report: name → content. ``rows`` are those of the ``views``."""
    spec: list[dict[str, Any]] = [
        {"name": name, "section": "", "constant": False} for name in FIXED
    ]
    for section in ("params", "metrics"):
        # A constant parameter goes without saying, a constant metric is a result.
        constants = varying(rows, section)[1] if section == "params" else {}
        names = dict.fromkeys(name for row in rows for name in row[section])
        spec += [
            {"name": name, "section": section, "constant": name in constants} for name in names
        ]
    files = {"columns.js": script({"kind": "columns", "total": len(rows), "columns": spec})}
    fixed = [_fixed(view, row) for view, row in zip(views, rows, strict=True)]
    for start in range(0, len(rows), CHUNK):
        part = rows[start : start + CHUNK]
        values = [
            packed([values[place] for values in fixed[start : start + CHUNK]])
            for place in range(len(FIXED))
        ]
        values += [
            packed([value_of(row[column["section"]], column["name"]) for row in part])
            for column in spec[len(FIXED) :]
        ]
        content = {"kind": "points", "start": start, "values": values}
        files[f"points-{start // CHUNK:04d}.js"] = script(content)
    places = {view.point.id: place for place, view in enumerate(views)}
    members = {group_key(group): [places[point] for point in group.points] for group in groups}
    files["failures.js"] = script({"kind": "failures", "groups": members})
    return files


def group_key(group: FailureGroup) -> str:
    """A short name of a failure group that stays while the sweep goes on."""
    said = f"{group.state.value} {group.title} {group.example.point.id} {group.place}"
    return hashlib.sha256(said.encode("utf-8", "backslashreplace")).hexdigest()[:8]


def _fixed(view: PointView, row: Row) -> tuple[Any, ...]:
    usual = f"points/{view.point.id}"
    files = sum(bit for bit, name in ((1, "page"), (2, "notebook"), (4, "log")) if row[name])
    return (
        row["id"],
        row["index"],
        row["state"],
        row["seconds"],
        row["host"],
        row["attempts"],
        None if view.point.dir == usual else view.point.dir,
        files,
        row["error"],
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
    """A column, with repeated texts written once."""
    if not all(value is None or isinstance(value, str) for value in values):
        return values
    distinct = {value: place for place, value in enumerate(dict.fromkeys(values))}
    if 2 * len(distinct) > len(values):
        return values
    return {"of": list(distinct), "at": [distinct[value] for value in values]}
