"""Tables for terminals: results, the plan, a notebook's parameters."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from ..model import Point, PointState
from ..report.verdict import duration, points
from ..results import Row, as_text, shorten, varying
from .text import STYLES, foreign

if TYPE_CHECKING:
    from ..grid import Axis
    from ..notebook import Notebook

VALUE_WIDTH = 24
ID_WIDTH = 32
ERROR_WIDTH = 24
"""The least that an error needs to be worth a column."""

POINTS_SHOWN = 20


def value_text(value: Any) -> str:
    """A value in a cell: floats to six significant digits, the rest as typed, shortened."""
    if isinstance(value, float):
        return f"{value:.6g}"
    return shorten(as_text(value), VALUE_WIDTH)


@dataclass(frozen=True)
class _Column:
    name: str
    cells: list[Text | None]
    numeric: bool = False

    @property
    def width(self) -> int:
        return max([len(self.name), *(cell.cell_len for cell in self.cells if cell is not None)])


class results_table:  # noqa: N801 (used as a function: it needs the width to decide)
    """Results for a terminal: the columns that vary and fit, the constants above.

    What does not fit is named below the table, never squeezed until it is unreadable.
    """

    def __init__(self, rows: Sequence[Row]) -> None:
        self.rows = rows

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        params, constants = varying(self.rows, "params")
        metrics, same = varying(self.rows, "metrics")
        line = ", ".join(f"{name} = {value_text(v)}" for name, v in {**constants, **same}.items())
        if line:
            yield Text("the same for all: ", style="dim").append_text(foreign(line))
        columns = [
            _Column("point", [foreign(shorten(row["id"], ID_WIDTH)) for row in self.rows]),
            _Column("state", [_state(row["state"]) for row in self.rows]),
            *(self._values("params", name) for name in params),
            *(self._values("metrics", name) for name in metrics),
            _Column("time", [_time(row["seconds"]) for row in self.rows], numeric=True),
        ]
        errors = any(row["error"] for row in self.rows)
        fitting, left_out, room = _fit(columns, options.max_width, ERROR_WIDTH if errors else 0)
        table = _plain_table()
        for column in fitting:
            table.add_column(
                foreign(column.name),
                justify="right" if column.numeric else "left",
                no_wrap=True,
                width=column.width,
            )
        if errors:
            table.add_column("error", no_wrap=True, overflow="ellipsis", max_width=room)
        for place, row in enumerate(self.rows):
            cells = [column.cells[place] or Text("–", style="dim") for column in fitting]
            table.add_row(*cells, *([foreign(row["error"] or "")] if errors else []))
        yield table
        if left_out:
            names = ", ".join(column.name for column in left_out)
            yield Text("too narrow for: ", style="dim").append_text(foreign(names)).append(
                " (--format csv has all)", style="dim"
            )

    def _values(self, section: str, name: str) -> _Column:
        values = [row[section].get(name) for row in self.rows]
        given = [name in row[section] for row in self.rows]
        numeric = all(isinstance(v, (int, float)) or v is None for v in values)
        cells = [
            foreign(value_text(value)) if has else None
            for value, has in zip(values, given, strict=True)
        ]
        return _Column(name, cells, numeric)


def _fit(
    columns: Sequence[_Column], width: int, error: int
) -> tuple[list[_Column], list[_Column], int]:
    """The columns that fit beside an error of at least ``error``; the others; the room left."""
    room = width - (error + 2 if error else 0)
    # Point, state and time come first; then parameters and metrics in their order.
    kept = {id(columns[0]), id(columns[1]), id(columns[-1])}
    room -= sum(column.width + 2 for column in columns if id(column) in kept)
    for column in columns[2:-1]:
        if column.width + 2 <= room:
            kept.add(id(column))
            room -= column.width + 2
    fitting = [column for column in columns if id(column) in kept]
    return fitting, [column for column in columns if id(column) not in kept], error + max(room, 0)


def _plain_table() -> Table:
    return Table(box=box.SIMPLE_HEAD, padding=(0, 2, 0, 0), pad_edge=False, show_edge=False)


def _state(state: str) -> Text:
    return Text(state, style=STYLES[PointState(state)])


def _time(seconds: float | None) -> Text | None:
    return None if seconds is None else Text(duration(seconds))


def plan_table(
    found: Sequence[Point],
    axes: Sequence[Axis] = (),
    done: Collection[str] = (),
    notes: Sequence[str] = (),
) -> RenderableType:
    """What would run: how many points and why so many, what is done, the first points.

    ``done`` are the ids of points whose results can be kept.
    """
    sizes = " × ".join(f"{axis.size:,} {axis.name}" for axis in axes)
    head = Text(points(len(found)), style="bold")
    if sizes and len(axes) > 1:
        head.append_text(foreign(f" = {sizes}", "not bold"))
    already = sum(point.id in done for point in found) if done else 0
    if already:
        head.append(f", {already:,} already done, {len(found) - already:,} to run", "not bold")
    parts: list[RenderableType] = [head, _points(found[:POINTS_SHOWN], found, done)]
    if len(found) > POINTS_SHOWN:
        rest = len(found) - POINTS_SHOWN
        parts.append(Text(f"and {rest:,} more (--format csv has all)", style="dim"))
    parts += [Text("note: ", style="yellow").append_text(foreign(note)) for note in notes]
    return Group(*parts)


def _points(
    shown: Sequence[Point], found: Sequence[Point], done: Collection[str]
) -> RenderableType:
    rows = [
        {
            "id": point.id,
            "params": point.params,
            "metrics": {},
            "state": "ok" if point.id in done else "pending",
            "seconds": None,
            "error": None,
        }
        for point in found
    ]
    varies, constants = varying(rows, "params")
    return _PointsTable(list(shown), varies, constants, done)


class _PointsTable:
    """The first points of a plan: id, and the parameters that vary."""

    def __init__(
        self,
        shown: list[Point],
        varies: list[str],
        constants: dict[str, Any],
        done: Collection[str],
    ) -> None:
        self.shown, self.varies, self.constants, self.done = shown, varies, constants, done

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        line = ", ".join(f"{name} = {value_text(v)}" for name, v in self.constants.items())
        if line:
            yield Text("the same for all: ", style="dim").append_text(foreign(line))
        columns = [
            _Column("#", [Text(str(point.index)) for point in self.shown], numeric=True),
            _Column("point", [foreign(shorten(point.id, ID_WIDTH)) for point in self.shown]),
            *self._parameters(),
            _Column("", [Text("done" if p.id in self.done else "", "dim") for p in self.shown]),
        ]
        fitting, left_out, _ = _fit(columns, options.max_width, 0)
        table = _plain_table()
        for column in fitting:
            table.add_column(
                foreign(column.name), justify="right" if column.numeric else "left", no_wrap=True
            )
        for place in range(len(self.shown)):
            table.add_row(*(column.cells[place] or Text("–", "dim") for column in fitting))
        yield table
        if left_out:
            names = ", ".join(column.name for column in left_out)
            yield Text("too narrow for: ", style="dim").append_text(foreign(names))

    def _parameters(self) -> Iterator[_Column]:
        for name in self.varies:
            values = [point.params.get(name) for point in self.shown]
            numeric = all(isinstance(value, (int, float)) for value in values)
            cells = [
                foreign(value_text(value)) if name in point.params else None
                for value, point in zip(values, self.shown, strict=True)
            ]
            yield _Column(name, cells, numeric)


def parameters_table(notebook: Notebook) -> RenderableType:
    """What a notebook declares: its parameters with defaults, types and help."""
    head = Text(f"{notebook.language or 'unknown language'}, kernel ", style="dim")
    head.append(notebook.kernel or "not named")
    parts: list[RenderableType] = [head]
    if notebook.parameters:
        table = _plain_table()
        for name in ("parameter", "default", "type", "help"):
            table.add_column(name, overflow="fold")
        for parameter in notebook.parameters:
            table.add_row(
                foreign(parameter.name, "bold"),
                foreign(shorten(parameter.default_source, 60)),
                foreign(parameter.annotation or parameter.kind or "", "cyan"),
                foreign(parameter.help or ""),
            )
        parts.append(table)
    elif notebook.has_parameters_cell:
        parts.append(Text("Its parameters cell assigns nothing."))
    else:
        parts.append(
            Text(
                "It has no parameters: tag the cell that assigns them `parameters`, or start "
                "that cell with the comment `# parameters`."
            )
        )
    if notebook.imports:
        parts.append(
            Text("imports  ", style="dim").append_text(foreign(", ".join(notebook.imports)))
        )
    return Group(*parts)
