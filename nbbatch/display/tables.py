"""Tables for terminals: results, the plan, a notebook's parameters."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich import box
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from ..model import Header, Point, PointState
from ..report.verdict import duration, moment, points
from ..results.table import Row, as_text, shorten, varying
from .text import STYLES, foreign, id_text, typed_path

if TYPE_CHECKING:
    from ..grid.model import Axis
    from ..notebook import Notebook

VALUE_WIDTH = 24
ERROR_WIDTH = 16
"""The least that an error needs to be worth a column."""

GAP = 2

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
        return max(
            [cell_len(self.name), *(cell.cell_len for cell in self.cells if cell is not None)]
        )


def results_table(rows: Sequence[Row]) -> RenderableType:
    """Results for a terminal: the columns that vary and fit, the constants above.

    What does not fit is named below the table, never squeezed until it is unreadable.
    """
    return _ResultsTable(rows)


class _ResultsTable:
    """An object, because which columns fit is known only when it is printed."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self.rows = rows

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        params, constants = varying(self.rows, "params")
        metrics, same = varying(self.rows, "metrics")
        line = ", ".join(f"{name} = {value_text(v)}" for name, v in {**constants, **same}.items())
        if line:
            yield Text("the same for all: ", style="dim").append_text(foreign(line))
        columns = [
            _Column("#", [Text(str(row["index"])) for row in self.rows], numeric=True),
            _Column("point", [id_text(row["id"]) for row in self.rows]),
            _Column("state", [_state(row["state"]) for row in self.rows]),
            *(self._values("params", name) for name in params),
            *(self._values("metrics", name) for name in metrics),
            _Column("time", [_time(row["seconds"]) for row in self.rows], numeric=True),
        ]
        if any(row["error"] for row in self.rows):
            columns.append(_Column("error", [foreign(row["error"] or "") for row in self.rows]))
        yield from _table(columns, len(self.rows), options.max_width)

    def _values(self, section: str, name: str) -> _Column:
        values = [row[section].get(name) for row in self.rows]
        given = [name in row[section] for row in self.rows]
        numeric = all(isinstance(v, (int, float)) or v is None for v in values)
        cells = [
            foreign(value_text(value)) if has else None
            for value, has in zip(values, given, strict=True)
        ]
        return _Column(name, cells, numeric)


def _table(columns: Sequence[_Column], rows: int, width: int) -> Iterator[RenderableType]:
    """The columns that fit, and a line that names the others.

    The point, its state and the time come first; then the others in their order; an
    error takes what is left, when that is enough to read. Where not all fit, the point is
    told by its number alone, which every command takes as well as its id.
    """
    if sum(column.width + GAP for column in columns) > width:
        columns = [column for column in columns if column.name != "point"]
    first = {"#", "point", "state", "time", ""}
    room = width - sum(column.width + GAP for column in columns if column.name in first)
    widths: dict[int, int] = {}
    for place, column in enumerate(columns):
        least = min(column.width, ERROR_WIDTH) if column.name == "error" else column.width
        if column.name in first:
            widths[place] = column.width
        elif least + GAP <= room:
            widths[place] = min(column.width, room - GAP)
            room -= widths[place] + GAP
    # Two spaces between columns: one is the padding, one the (blank) rule of the box.
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    for place, fits in widths.items():
        table.add_column(
            foreign(columns[place].name),
            justify="right" if columns[place].numeric else "left",
            width=fits,
            no_wrap=True,
            overflow="ellipsis",
        )
    for row in range(rows):
        cells = [columns[place].cells[row] for place in widths]
        table.add_row(*(Text("–", style="dim") if cell is None else cell for cell in cells))
    yield table
    names = ", ".join(column.name for place, column in enumerate(columns) if place not in widths)
    if names:
        line = Text("too narrow for: ", style="dim").append_text(foreign(names))
        yield line.append(" (--format csv has all)", style="dim")


def _state(state: str) -> Text:
    return Text(state, style=STYLES[PointState(state)])


def _time(seconds: float | None) -> Text | None:
    return None if seconds is None else Text(duration(seconds))


def sweeps_table(sweeps: Sequence[tuple[Path, Header]]) -> RenderableType:
    """The sweeps that are known: when, what and where. The folders are never cut."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    for name in ("created", "name", "backend", "folder"):
        table.add_column(name, overflow="fold", no_wrap=name == "created")
    for root, header in sweeps:
        table.add_row(
            moment(header.created),
            foreign(header.name, "bold"),
            foreign(header.backend),
            foreign(typed_path(root)),
        )
    return table


def plan_table(
    found: Sequence[Point],
    axes: Sequence[Axis] = (),
    done: Collection[str] = (),
    notes: Sequence[str] = (),
) -> RenderableType:
    """What would run: how many points and why so many, what is done, the first points.

    ``done`` are the ids of points whose results can be kept.
    """
    sizes = " × ".join(f"{axis.name} ({axis.size:,})" for axis in axes)
    head = Text(points(len(found)), style="bold")
    if sizes and len(axes) > 1:
        head.append_text(foreign(f" from {sizes}", "not bold"))
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
            _Column("point", [id_text(point.id) for point in self.shown]),
            *self._parameters(),
            _Column("", [Text("done" if p.id in self.done else "", "dim") for p in self.shown]),
        ]
        yield from _table(columns, len(self.shown), options.max_width)

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
    head = foreign(f"{notebook.language or 'unknown language'}, kernel ", "dim")
    head.append_text(foreign(notebook.kernel or "not named"))
    parts: list[RenderableType] = [head]
    if notebook.parameters:
        table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
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
