"""Results as files: CSV, JSON, Parquet; those of a sweep are rewritten only when they changed."""

from __future__ import annotations

import csv
import json
import math
import os
import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any, TextIO

from ..errors import UsageError
from ..model import PointView
from ..worker.files import write_atomic
from .table import Row, Rows, as_text, columns


class ResultFiles:
    """``results.csv``, ``.json`` and ``.parquet`` of one sweep folder.

    ``state/results.json`` notes from which stamp each file was made, and how the file was
    when it was made: a file that somebody changed is written again.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.note = root / "state" / "results.json"

    def write(self, views: Sequence[PointView], stamp: str, *, every: bool) -> None:
        """Have the CSV file, and with ``every`` the others, say what the views say.

        ``stamp`` is the views' (``stamps.joint``); where it is empty all is written anew.
        """
        writers: dict[str, Callable[[Sequence[Row], Path], None]] = {"results.csv": write_csv}
        if every:
            writers["results.json"] = write_json
            if find_spec("pyarrow") is not None:
                writers["results.parquet"] = write_parquet
        known = self._noted()
        noted = dict(known)
        for name, write in writers.items():
            file = self.root / name
            if not stamp or known.get(name) != [stamp, *_facts(file)]:
                write(Rows(views, self.root), file)
                noted[name] = [stamp, *_facts(file)]
        if noted != known:
            self.note.parent.mkdir(exist_ok=True)
            write_atomic(self.note, json.dumps(noted), durable=False)

    def outdated(self, stamp: str) -> list[str]:
        """The files that were made from views of another stamp."""
        return [name for name, facts in self._noted().items() if facts[:1] != [stamp]]

    def _noted(self) -> dict[str, list[Any]]:
        try:
            noted: dict[str, list[Any]] = json.loads(self.note.read_bytes())
        except (OSError, ValueError):
            return {}
        return noted


def _facts(file: Path) -> list[int]:
    with suppress(OSError):
        facts = file.stat()
        return [facts.st_size, facts.st_mtime_ns]
    return []


# --------------------------------------------------------------------------- writing


def write_json(rows: Sequence[Row], target: Path | TextIO) -> None:
    """A JSON list with one row a line. NaN and infinities become null."""
    _write(_json_lines(rows), target)


def _json_lines(rows: Iterable[Row]) -> Iterator[str]:
    before = "[\n"
    for row in rows:
        try:
            text = json.dumps(row, ensure_ascii=False, allow_nan=False)
        except ValueError:
            text = json.dumps(_finite(row), ensure_ascii=False, allow_nan=False)
        yield before + text
        before = ",\n"
    yield "[]\n" if before == "[\n" else "\n]\n"


def write_csv(rows: Sequence[Row], target: Path | TextIO) -> None:
    """The flat table as UTF-8 CSV: lists and mappings as JSON, missing and null as empty.

    A string that a spreadsheet would run as a formula gets a leading apostrophe.
    """
    _write(_csv_lines(rows), target)


def _csv_lines(rows: Sequence[Row]) -> Iterator[str]:
    header = columns(rows)
    line = _Line()
    # Before Python 3.13 a lone \r is quoted only where it is part of the line's end.
    writer = csv.writer(line, lineterminator="\r\n")
    writer.writerow([_harmless(column.name) for column in header])
    yield line.text
    for row in rows:
        writer.writerow([_cell(column.of(row)) for column in header])
        yield line.text


class _Line:
    """Takes one line of the CSV writer, and ends it as on Unix."""

    text = ""

    def write(self, line: str) -> None:
        self.text = line.removesuffix("\r\n") + "\n"


def write_parquet(rows: Sequence[Row], target: Path) -> None:
    """The flat table as Parquet, with the values' types; lists and mappings as JSON text.

    A column of mixed types becomes text. Raises UsageError without pyarrow.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise UsageError(
            "Parquet needs pyarrow, which is not installed.",
            hint='Install it with: pip install "nbbatch[pandas]", or ask for csv or json.',
        ) from None
    header = columns(rows)
    values: list[list[Any]] = [[] for _ in header]
    for row in rows:
        for column, cells in zip(header, values, strict=True):
            cells.append(column.of(row))
    arrays = {}
    for column, cells in zip(header, values, strict=True):
        arrays[column.name] = pyarrow.array(*_typed(cells))
        cells.clear()
    with _replacing(target) as stream:
        pyarrow.parquet.write_table(pyarrow.table(arrays), stream)


def _write(lines: Iterable[str], target: Path | TextIO) -> None:
    # A lone surrogate (a file name that is not UTF-8) is the one thing UTF-8 cannot say.
    if isinstance(target, Path):
        with _replacing(target) as stream:
            stream.writelines(line.encode("utf-8", "backslashreplace") for line in lines)
    else:
        target.writelines(line.encode("utf-8", "backslashreplace").decode() for line in lines)


@contextmanager
def _replacing(target: Path) -> Iterator[IO[bytes]]:
    """A file that takes the target's place when all is written. Raises OSError."""
    fresh = target.with_name(f".{target.name[:80]}.{secrets.token_hex(4)}.tmp")
    try:
        with fresh.open("xb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        fresh.replace(target)
    finally:
        fresh.unlink(missing_ok=True)


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return value


# The characters with which a spreadsheet takes text for a formula, and their full-width
# forms, which some locales read as the same (OWASP, "CSV Injection").
_FORMULA = tuple("=+-@\t\r\n＝＋－＠")  # noqa: RUF001  (meant to look alike)


def _harmless(text: str) -> str:
    return "'" + text if text.startswith(_FORMULA) else text


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if type(value) is int or (type(value) is float and math.isfinite(value)):
        return repr(value)  # as JSON writes it, in a fifth of the time
    return _harmless(value) if isinstance(value, str) else as_text(value)


def _typed(values: list[Any]) -> tuple[list[Any], str]:
    """The values of one column, and the Arrow type that holds them all."""
    kinds = {type(value) for value in values if value is not None}
    big = any(isinstance(value, int) and not -(2**63) <= value < 2**63 for value in values)
    if kinds == {bool}:
        return values, "bool"
    if kinds == {int} and not big:
        return values, "int64"
    if kinds and kinds <= {int, float} and not big:
        return [None if value is None else float(value) for value in values], "float64"
    texts = [
        None if value is None else as_text(value).encode("utf-8", "backslashreplace").decode()
        for value in values
    ]
    return texts, "string"
