"""Points from a file: CSV, TSV, JSON lines or Parquet, one row a point."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from nbbatch.errors import GridError
from nbbatch.grid.names import check_name
from nbbatch.grid.typed import Types, read_json
from nbbatch.grid.values import NotAValue, plain_scalar, show
from nbbatch.model import Value

MAX_BYTES = 1_000_000_000

FORMATS = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".pq": "parquet",
}


@dataclass(frozen=True)
class Row:
    """One row, and where it stands: "points.csv:12"."""

    values: dict[str, Value]
    where: str


def read_points(path: Path, name: str, form: str | None, types: Types, limit: int) -> list[Row]:
    """All rows of a file, typed. ``name`` is for messages. Raises GridError.

    ``form`` overrides what the suffix says. Stops at ``limit`` rows.
    """
    form = form or FORMATS.get(path.suffix.lower())
    if form is None:
        raise GridError(
            f"the suffix {path.suffix!r} says nothing about the format of the points",
            where=name,
            hint="Name the file .csv, .tsv, .jsonl or .parquet, or add format: csv.",
        )
    if form == "parquet":
        return _bounded(_parquet(path, name, types, limit), name, limit)
    return parse_points(read_text(path, name, MAX_BYTES), name, form, types, limit)


def parse_points(
    text: str, name: str, form: str | None, types: Types, limit: int, first_line: int = 1
) -> list[Row]:
    """Rows of a text; without ``form`` a ``{`` at its beginning means JSON lines."""
    if form is None:
        form = "jsonl" if text.lstrip("\ufeff \t\r\n").startswith("{") else "csv"
    if form == "parquet":
        raise GridError("Parquet cannot be read from here", where=name, hint="Use a file.")
    text = text.removeprefix("\ufeff")
    if form == "jsonl":
        return _bounded(_json_lines(text, name, types, first_line), name, limit)
    return _bounded(_csv(text, name, form, types), name, limit)


def read_text(path: Path, name: str, limit: int) -> str:
    """A UTF-8 file of at most ``limit`` bytes; every failure is a GridError."""
    try:
        with path.open("rb") as file:
            raw = file.read(limit + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise GridError(
            f"cannot be read: {reason}", where=name, hint=f"Looked for {path}."
        ) from None
    return decode(raw, name, limit)


def read_stream(stream: TextIO, name: str, limit: int) -> str:
    """All of a text stream, at most ``limit`` characters."""
    try:
        text = stream.read(limit + 1)
    except UnicodeDecodeError:
        raise GridError("the text is not UTF-8", where=name) from None
    except (OSError, ValueError) as error:
        raise GridError(f"cannot be read: {error}", where=name) from None
    if len(text) > limit:
        raise GridError(f"larger than {limit // 1_000_000} MB", where=name)
    return text


def decode(raw: bytes, name: str, limit: int) -> str:
    if len(raw) > limit:
        raise GridError(f"larger than {limit // 1_000_000} MB", where=name)
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise GridError(
            "the text is not UTF-8", where=f"{name}:{line}", hint="Save the file as UTF-8."
        ) from None


def _bounded(rows: Iterator[Row], name: str, limit: int) -> list[Row]:
    kept: list[Row] = []
    for row in rows:
        if len(kept) >= limit:
            raise GridError(f"more than {limit:,} points", where=name)
        kept.append(row)
    if not kept:
        raise GridError("has no points", where=name)
    return kept


# ------------------------------------------------------------------------------ CSV


def _csv(text: str, name: str, form: str, types: Types) -> Iterator[Row]:
    first = text[: text.find("\n")] if "\n" in text else text
    delimiter = "\t" if form == "tsv" else ";" if ";" in first and "," not in first else ","
    reader = csv.reader(
        io.StringIO(text, newline=""), delimiter=delimiter, strict=True, skipinitialspace=True
    )
    header: list[str] | None = None
    line = 1
    try:
        for cells in reader:
            at = f"{name}:{line}"
            line = reader.line_num + 1
            if not any(cell.strip() for cell in cells) and len(cells) <= 1:
                continue  # an empty line
            if header is None:
                header = _header(cells, at)
            else:
                yield Row(_cells(header, cells, at, types), at)
    except csv.Error as error:
        raise GridError(f"not valid CSV: {error}", where=f"{name}:{line}") from None


def _header(cells: list[str], where: str) -> list[str]:
    names = [cell.strip() for cell in cells]
    for number, name in enumerate(names, 1):
        if not name:
            raise GridError(f"column {number} has no name", where=where)
        if names.count(name) > 1:
            raise GridError(f"two columns are called {name!r}", where=where)
        check_name(name, where)
    return names


def _cells(header: list[str], cells: list[str], where: str, types: Types) -> dict[str, Value]:
    if len(cells) > len(header):
        raise GridError(
            f"{len(cells)} cells, but the header names {len(header)} columns",
            where=where,
            hint="Quote a cell that holds the delimiter.",
        )
    row: dict[str, Value] = {}
    for name, cell in zip(header, [*cells, *[""] * len(header)], strict=False):
        text = cell.strip()
        if not text:
            raise GridError(
                f"the cell of column {name!r} is empty",
                where=where,
                hint="Write null for no value; JSON lines can leave a parameter out.",
            )
        row[name] = _cell(name, text, where, types)
    return row


def _cell(name: str, text: str, where: str, types: Types) -> Value:
    try:
        value = plain_scalar(text)
    except NotAValue as error:
        raise GridError(f"column {name!r}: {error}", where=where) from None
    # With a declared type the text decides: 007 as str keeps its zeros.
    return types.value(name, text if name in types.kinds and value is not None else value, where)


# ------------------------------------------------------------------- JSON, Parquet

_PANDAS_INDEX = re.compile(r"__index_level_[0-9]+__")
"""The rows' numbers, which pandas writes along with a frame that was cut out of another."""


def _json_lines(text: str, name: str, types: Types, first_line: int) -> Iterator[Row]:
    for number, line in enumerate(text.split("\n"), first_line):
        if not line.strip():
            continue
        where = f"{name}:{number}"
        try:
            row = read_json(line.strip())
        except NotAValue as error:
            raise GridError(str(error), where=where) from None
        if not isinstance(row, dict):
            raise GridError(f"{show(row)} is not a JSON object", where=where)
        yield Row({key: types.value(key, value, where) for key, value in row.items()}, where)


def _parquet(path: Path, name: str, types: Types, limit: int) -> Iterator[Row]:
    batches = _parquet_batches(path, name, limit)
    number = 0
    for batch in batches():
        for cells in batch:
            where = f"{name} row {number}"
            number += 1
            for column, cell in cells.items():
                if cell is None:
                    raise GridError(f"the cell of column {column!r} is empty", where=where)
            row = {
                key: _of_parquet(key, cells[key], where, types)
                for key in cells
                if not _PANDAS_INDEX.fullmatch(key)
            }
            yield Row(row, where)


def _of_parquet(name: str, cell: object, where: str, types: Types) -> Value:
    from nbbatch.grid.values import convert

    converted = convert({name: cell}, lambda _: where, types.folder)
    assert isinstance(converted, dict)
    return types.value(name, converted[name], where)


def _parquet_batches(
    path: Path, name: str, limit: int
) -> Callable[[], Iterator[list[dict[str, object]]]]:
    try:
        from pyarrow import ArrowException, parquet
    except ImportError:
        raise GridError(
            "reading Parquet needs pyarrow",
            where=name,
            hint="Run `pip install nbbatch[pandas]`, or save the points as CSV.",
        ) from None

    def batches() -> Iterator[list[dict[str, object]]]:
        try:
            with parquet.ParquetFile(path) as file:
                if file.metadata.num_rows > limit:
                    raise GridError(f"more than {limit:,} points", where=name)
                names = file.schema_arrow.names
                if twice := [each for each in names if names.count(each) > 1]:
                    raise GridError(f"two columns are called {twice[0]!r}", where=name)
                for batch in file.iter_batches(batch_size=4096):
                    yield batch.to_pylist()
        except (OSError, ValueError, ArrowException) as error:
            reason = " ".join(str(error).split())[:200]
            raise GridError(f"cannot be read as Parquet: {reason}", where=name) from None

    return batches
