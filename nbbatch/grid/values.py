"""Parameter values: what YAML's plain scalars mean, and how Python's objects become JSON values.

One rule for plain text everywhere (YAML file, CSV cell, ``-p``): the YAML 1.2 core schema.
``1e-3`` is a number; ``on``, ``2024-01-31`` and ``12:30:45`` are strings.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from pathlib import Path
from typing import Any, TypeGuard

from nbbatch.errors import GridError
from nbbatch.model import Value

Place = tuple["str | int", ...]
"""Where in a document: ("grid", "sigma", 2)."""

Where = Callable[[Place], str]
"""Turns a place into words for a message: "params.yaml:7", "<dict> grid.sigma[2]"."""

MAX_DEPTH = 40
"""Nesting that a document may have; far below Python's recursion limit."""

MAX_DIGITS = 300
"""Digits of an integer. Python itself refuses to print more than 4,300."""

_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_BOOL = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INT = re.compile(r"[-+]?[0-9]+")
_OCTAL = re.compile(r"0o[0-7]+")
_HEX = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_SURROGATE = re.compile("[\ud800-\udfff]")


class NotAValue(ValueError):
    """A text or object that no parameter can hold; the caller knows where and says so."""


def plain_scalar(text: str) -> Value:
    """Read an unquoted scalar by the YAML 1.2 core schema.

    Raises NotAValue for infinities, NaN and integers of absurd length.
    """
    if text in _NULL:
        return None
    if text in _BOOL:
        return _BOOL[text]
    if len(text) > MAX_DIGITS and (_INT.fullmatch(text) or _HEX.fullmatch(text)):
        raise NotAValue(f"an integer of more than {MAX_DIGITS} digits cannot be a parameter")
    if _INT.fullmatch(text):
        return int(text)
    if _OCTAL.fullmatch(text):
        return int(text[2:], 8)
    if _HEX.fullmatch(text):
        return int(text[2:], 16)
    if _FLOAT.fullmatch(text):
        return finite(float(text))
    if _NOT_FINITE.fullmatch(text):
        raise NotAValue(f"{text} cannot be a parameter: JSON has no NaN and no infinity")
    return text


def finite(number: float) -> float:
    """Return the number; NotAValue for NaN and infinities, which JSON cannot hold."""
    if not math.isfinite(number):
        raise NotAValue(f"{number} cannot be a parameter: JSON has no NaN and no infinity")
    return number


def convert(source: object, where: Where, folder: Path) -> object:
    """Turn Python's and numpy's objects into plain ones, at every depth.

    Arrays become lists, dates ISO strings, paths absolute strings (relative to ``folder``).
    A ``range`` stays one: as an axis it is never written out. What cannot be passed to a
    notebook is refused with its place.
    """
    return _convert(source, (), where, folder)


def _convert(item: object, place: Place, where: Where, folder: Path) -> object:
    if len(place) > MAX_DEPTH:
        raise GridError(f"more than {MAX_DEPTH} levels deep", where=where(place[:3]))
    if item is None or isinstance(item, bool):
        return item
    if _is_frame(item):
        item = _rows(item, place, where)
    elif type(item).__module__.partition(".")[0] in ("numpy", "pandas"):
        item = _from_array_library(item)
    try:
        if isinstance(item, str):
            return check_text(str.__str__(item))
        if isinstance(item, int) and not isinstance(item, bool):
            return check_int(int(item))
        if isinstance(item, float):
            return finite(float(item))
    except NotAValue as error:
        raise GridError(f"{error}{_of(place)}", where=where(place)) from None
    if isinstance(item, os.PathLike):
        return str(absolute(os.fsdecode(item), folder))
    if isinstance(item, (datetime, date, time)) and item == item:  # NaT is not equal to itself
        return item.isoformat()
    if isinstance(item, range):
        return item
    if isinstance(item, Mapping):
        return {
            _key(key, place, where): _convert(value, (*place, str(key)), where, folder)
            for key, value in item.items()
        }
    if isinstance(item, (list, tuple)):
        return [_convert(value, (*place, n), where, folder) for n, value in enumerate(item)]
    if item is None or isinstance(item, bool):
        return item
    raise GridError(
        f"an object of type {type(item).__name__} cannot be passed to a notebook{_of(place)}",
        where=where(place),
        hint="Use numbers, strings, booleans, null, lists, mappings, dates or paths.",
    )


def _from_array_library(item: Any) -> object:
    """A numpy scalar or array, a pandas series or index, in plain Python."""
    if isinstance(item, (date, Mapping)):
        return item  # pandas.Timestamp is a datetime
    if getattr(getattr(item, "dtype", None), "kind", "") == "M" and hasattr(item, "astype"):
        # Of nanoseconds tolist() makes integers; of microseconds it makes datetimes.
        # Not-a-time becomes None there, so it is looked for before.
        if (item != item).any():
            return math.nan
        if item.dtype.name == "datetime64[ns]":
            item = item.astype("datetime64[us]")
    tolist = getattr(item, "tolist", None)
    return tolist() if callable(tolist) else item


def _is_frame(item: object) -> bool:
    return hasattr(item, "to_dict") and hasattr(item, "columns")


def _rows(frame: Any, place: Place, where: Where) -> list[object]:
    """A data frame as a list of rows; a missing cell becomes NaN, which is refused later."""
    columns = [str(column) for column in frame.columns]
    if len(set(columns)) != len(columns):
        raise GridError("the data frame has two columns of one name", where=where(place))
    try:
        # Not frame.where(…): of a column of nullable integers the holes would become None.
        rows, holes = frame.to_dict("records"), frame.isna().to_dict("records")
        return [
            {name: math.nan if hole[name] else cell for name, cell in row.items()}
            for row, hole in zip(rows, holes, strict=True)
        ]
    except Exception as error:  # duck typing: whatever a foreign object does, one sentence
        raise GridError(f"the data frame cannot be read: {error}", where=where(place)) from None


def check_text(text: str) -> str:
    """Return the text; NotAValue for lone surrogates, which UTF-8 cannot write."""
    if _SURROGATE.search(text):
        raise NotAValue(f"the text {text!r} has half a character (a lone surrogate)")
    return text


def check_int(number: int) -> int:
    """Return the number; NotAValue when it is absurdly long."""
    if number.bit_length() > MAX_DIGITS * 3.33:
        raise NotAValue(f"an integer of more than {MAX_DIGITS} digits cannot be a parameter")
    return number


def _key(key: object, place: Place, where: Where) -> str:
    if not isinstance(key, str):
        raise GridError(
            f"the key {key!r} is not a string", where=where(place), hint="Quote the key."
        )
    return str.__str__(key)


def absolute(path: str, folder: Path) -> Path:
    """The path, ``~`` expanded, relative to the folder; ``..`` removed, links kept."""
    try:
        expanded = Path(path).expanduser()
    except RuntimeError:  # no such user
        expanded = Path(path)
    return Path(os.path.normpath(folder / expanded))


def same(one: Value, two: Value) -> bool:
    """Equality as users mean it: 1 is 1.0, but true is not 1, at every depth."""
    if isinstance(one, list) and isinstance(two, list):
        return len(one) == len(two) and all(map(same, one, two))
    if isinstance(one, dict) and isinstance(two, dict):
        return one.keys() == two.keys() and all(same(one[key], two[key]) for key in one)
    if isinstance(one, bool) or isinstance(two, bool):
        return one is two
    return one == two


def is_number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def show(value: object, limit: int = 60) -> str:
    """A value in a message: short, one line."""
    text = repr(value)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _of(place: Place) -> str:
    names = [part for part in place if isinstance(part, str)]
    return f" (parameter {names[-1]!r})" if names else ""
