"""``types: {run: str, start: date}``: the values of a parameter made one type."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path

from nbbatch.errors import GridError
from nbbatch.grid.generators import BadGenerator, parse_date
from nbbatch.grid.values import (
    MAX_DEPTH,
    NotAValue,
    absolute,
    check_int,
    check_text,
    finite,
    is_number,
    plain_scalar,
    show,
)
from nbbatch.model import Value

MAX_LISTED = 100_000
"""Values of a Python ``range`` that is written out, because it is no axis."""


@dataclass(frozen=True)
class Types:
    """The declared types, and what relative paths and dates are relative to."""

    kinds: Mapping[str, str] = field(default_factory=dict)
    folder: Path = Path()
    today: date = date.min

    def value(self, name: str, item: object, where: str) -> Value:
        """The parameter's value in its declared type. Null stays null. GridError."""
        try:
            plain = as_value(item)
            kind = self.kinds.get(name)
            if kind is None or plain is None:
                return plain
            return _MAKERS[kind](plain, self)
        except (NotAValue, BadGenerator) as error:
            raise GridError(f"{name!r}: {error}", where=where) from None


def as_value(item: object, depth: int = 0) -> Value:
    """Check that an object from a document is a JSON value; a range becomes a list."""
    if depth > MAX_DEPTH:
        raise NotAValue(f"more than {MAX_DEPTH} levels deep")
    if item is None or isinstance(item, (bool, float, str)):
        return finite(item) if isinstance(item, float) else item
    if isinstance(item, int):
        return check_int(item)
    if isinstance(item, range):
        if len(item) > MAX_LISTED:
            raise NotAValue(f"a range of {len(item):,} values is too long for one value")
        return list(item)
    if isinstance(item, list):
        return [as_value(each, depth + 1) for each in item]
    if isinstance(item, dict):
        return {key: as_value(each, depth + 1) for key, each in item.items()}
    raise NotAValue(f"an object of type {type(item).__name__} cannot be passed to a notebook")


def _int(value: Value, types: Types) -> Value:
    number = plain_scalar(value.strip()) if isinstance(value, str) else value
    if is_number(number) and number == int(number):
        return int(number)
    raise NotAValue(f"{show(value)} is not a whole number")


def _float(value: Value, types: Types) -> Value:
    number = plain_scalar(value.strip()) if isinstance(value, str) else value
    if not is_number(number):
        raise NotAValue(f"{show(value)} is not a number")
    try:
        return float(number)
    except OverflowError:
        raise NotAValue(f"{show(value)} is too large for a float") from None


def _bool(value: Value, types: Types) -> Value:
    known: Value = plain_scalar(value.strip()) if isinstance(value, str) else value
    if isinstance(known, bool):
        return known
    if isinstance(known, int) and known in (0, 1):
        return known == 1
    raise NotAValue(f"{show(value)} is not true or false")


def _str(value: Value, types: Types) -> Value:
    if isinstance(value, (list, dict)):
        raise NotAValue(f"{show(value)} is not a text")
    if isinstance(value, bool):
        return str(value).lower()
    return value if isinstance(value, str) else str(value)


def _date(value: Value, types: Types) -> Value:
    if isinstance(value, str) and "T" in value:
        try:
            return datetime.fromisoformat(value).isoformat()
        except ValueError:
            raise NotAValue(f"{show(value)} is no date") from None
    return parse_date(value, types.today).isoformat()


def _path(value: Value, types: Types) -> Value:
    if not isinstance(value, str) or not value or "\0" in value:
        raise NotAValue(f"{show(value)} is no path")
    return str(absolute(value, types.folder))


def _json(value: Value, types: Types) -> Value:
    return read_json(value) if isinstance(value, str) else value


def read_json(text: str) -> Value:
    """Strict JSON: no NaN, no equal keys. NotAValue says what is wrong."""
    try:
        return _checked(_DECODER.decode(text))
    except NotAValue:
        raise
    except RecursionError:
        raise NotAValue("the JSON is nested too deeply") from None
    except ValueError as error:
        raise NotAValue(f"not valid JSON: {error}") from None


def _checked(item: object) -> Value:
    value = as_value(item)
    _check_texts(value)
    return value


def _check_texts(value: Value) -> None:
    if isinstance(value, str):
        check_text(value)
    elif isinstance(value, list):
        for each in value:
            _check_texts(each)
    elif isinstance(value, dict):
        for key, each in value.items():
            check_text(key)
            _check_texts(each)


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    made = dict(pairs)
    if len(made) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise NotAValue(f"the key {twice!r} is written twice")
    return made


def _no_constant(word: str) -> object:
    raise NotAValue(f"{word} cannot be a parameter: JSON has no NaN and no infinity")


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant)

_MAKERS: dict[str, Callable[[Value, Types], Value]] = {
    "int": _int,
    "float": _float,
    "bool": _bool,
    "str": _str,
    "date": _date,
    "path": _path,
    "json": _json,
}
KINDS = tuple(_MAKERS)
