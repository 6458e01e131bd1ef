"""One row a point: what came out, as rows and as columns.

A row is ``{id, index, params, metrics, state, error, seconds, host, attempts, notebook,
page, log}``; the paths are relative to the sweep folder.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, overload

from ..model import Cause, Outcome, PointFiles, PointState, PointView, Record

Row = dict[str, Any]
"""One point's result, in the JSON form described above."""

BEFORE = ("id", "index")
AFTER = ("state", "error", "seconds", "host", "attempts", "notebook", "page", "log")
FIXED = frozenset(BEFORE + AFTER)

ERROR_LENGTH = 300
"""Characters of an error's one line in a row; the record has all of it."""

_FILES = {
    "notebook": PointFiles.EXECUTED,
    "page": PointFiles.PAGE,
    "log": PointFiles.LOG,
}

# After these, what the worker could still write is not certain: the folder is asked.
_UNCERTAIN = frozenset(
    {Cause.KERNEL_START, Cause.NOTEBOOK_INVALID, Cause.SIGNALLED, Cause.WORKER_ERROR}
)
# In these states no attempt has begun unless the view counts one.
_NOT_BEGUN = frozenset({PointState.PENDING, PointState.QUEUED, PointState.HELD})

_WRONG = frozenset({PointState.FAILED, PointState.TIMEOUT, PointState.DIED})


# ------------------------------------------------------------------------------ rows


def rows(views: Iterable[PointView], root: Path) -> list[Row]:
    """The results of a sweep whose folder is ``root``, in the order of the views."""
    return [_row(view, root) for view in views]


class Rows(Sequence[Row]):
    """The same, each row made when it is asked for: 100,000 of them take no memory."""

    def __init__(self, views: Sequence[PointView], root: Path) -> None:
        self._views = views
        self._root = root

    def __len__(self) -> int:
        return len(self._views)

    def __iter__(self) -> Iterator[Row]:
        return (_row(view, self._root) for view in self._views)

    @overload
    def __getitem__(self, place: int) -> Row: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Row]: ...
    def __getitem__(self, place: int | slice) -> Row | Sequence[Row]:
        if isinstance(place, slice):
            return Rows(self._views[place], self._root)
        return _row(self._views[place], self._root)


def settled(view: PointView) -> Record | None:
    """The record that tells the point's result; None while the point may still change."""
    return view.record if view.state.over else None


def one_line_error(view: PointView) -> str | None:
    """Why the point is not ok, as one line: ``ValueError: …``, or the reason; None if ok."""
    record = settled(view)
    if view.state is PointState.OK:
        return None
    if record is not None and record.failure is not None:
        failure = record.failure
        text = f"{failure.name}: {failure.value}" if failure.value else failure.name
    else:
        text = view.reason
    return shorten(text, ERROR_LENGTH) or None


def shorten(text: str, length: int) -> str:
    """The text on one line, cut to ``length`` characters with an ellipsis."""
    # Cut before the split as well: a message can have megabytes.
    line = " ".join(text[: 8 * length].split())
    return line if len(line) <= length else line[: length - 1] + "…"


def _row(view: PointView, root: Path) -> Row:
    record = settled(view)
    return {
        "id": view.point.id,
        "index": view.point.index,
        "params": dict(view.point.params),
        "metrics": dict(record.metrics) if record is not None else {},
        "state": view.state.value,
        "error": one_line_error(view),
        "seconds": record.seconds if record is not None else None,
        "host": (record.host if record is not None else view.host) or None,
        "attempts": view.attempts,
        **_files(view, root),
    }


def _files(view: PointView, root: Path) -> dict[str, str | None]:
    record = settled(view)
    if record is not None and record.cause not in _UNCERTAIN:
        there = set(_FILES.values())  # the record is written last: it need not be checked
    elif record is None and view.state in _NOT_BEGUN and not view.attempts:
        there = set()
    else:
        try:
            there = set(os.listdir(root / view.point.dir))  # noqa: PTH208 (names are enough)
        except OSError:
            there = set()
    return {
        kind: f"{view.point.dir}/{name}" if name in there else None for kind, name in _FILES.items()
    }


# --------------------------------------------------------------------------- columns


@dataclass(frozen=True)
class Column:
    """A column of the flat table: its unique name, and where in a row its value is.

    ``section`` is "params", "metrics", or "" for a fixed column.
    """

    name: str
    section: str
    key: str

    def of(self, row: Row) -> Any:
        """The row's value; None where the row has none."""
        return row[self.section].get(self.key) if self.section else row[self.key]


def columns(rows: Iterable[Row]) -> list[Column]:
    """The columns of the flat table: id, index, parameters, metrics (first seen first), rest.

    Names are unique: a metric that shares a parameter's or a fixed column's name gets
    the prefix ``metric.``, a parameter that shares a fixed column's name ``param.``.
    """
    params: dict[str, None] = {}
    metrics: dict[str, None] = {}
    for row in rows:
        params.update(dict.fromkeys(row["params"]))
        metrics.update(dict.fromkeys(row["metrics"]))
    taken = set(FIXED) | params.keys()
    found = []
    for section, prefix, names in (("params", "param.", params), ("metrics", "metric.", metrics)):
        for key in names:
            name = key
            clashes = FIXED if section == "params" else taken
            while name in clashes:
                name = prefix + name
                clashes = taken
            taken.add(name)
            found.append(Column(name, section, key))
    return [
        *(Column(name, "", name) for name in BEFORE),
        *found,
        *(Column(name, "", name) for name in AFTER),
    ]


def flatten(row: Row, columns_: Sequence[Column] | None = None) -> dict[str, Any]:
    """A row as one flat mapping, in the order of the columns (by default its own)."""
    return {column.name: column.of(row) for column in columns_ or columns([row])}


def varying(rows: Sequence[Row], section: str) -> tuple[list[str], dict[str, Any]]:
    """Which names of a section differ between the rows, and the constants of all rows.

    With a single row everything varies: there is nothing to tell it from.
    """
    names = dict.fromkeys(name for row in rows for name in row[section])
    if len(rows) < 2:
        return list(names), {}
    first = rows[0][section]
    constants = {}
    for name in names:
        if name in first and all(
            name in row[section] and same(row[section][name], first[name]) for row in rows
        ):
            constants[name] = first[name]
    return [name for name in names if name not in constants], constants


def same(one: Any, other: Any) -> bool:
    """Equality that tells 1, 1.0 and True apart, as they are different parameters."""
    return type(one) is type(other) and bool(one == other)


# -------------------------------------------------------------------------- in words


def as_text(value: Any) -> str:
    """A value as people type it: strings as they are, everything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def last_failure(views: Iterable[PointView]) -> str | None:
    """The point that went wrong last, and how, in one line; None while nothing did."""
    wrong = [
        (view.record.finished, view)
        for view in views
        if view.state in _WRONG and view.record is not None
    ]
    if not wrong:
        return None
    _, view = max(wrong, key=lambda pair: pair[0])
    return f"{view.point.id}: {one_line_error(view) or view.state.value}"


def failed_collections(view: PointView) -> dict[str, str]:
    """Metrics that an otherwise ok point could not deliver, and why."""
    record = settled(view)
    return dict(record.metric_errors) if record and record.outcome is Outcome.OK else {}
