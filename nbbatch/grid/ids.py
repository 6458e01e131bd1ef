"""Ids of points: a readable slug and a hash of the typed values.

An id depends on the point's own parameters only, so it survives reordering and extending
the grid.
"""

from __future__ import annotations

import hashlib
import json
import re
import string
from collections.abc import Iterable, Mapping

from nbbatch.errors import GridError
from nbbatch.grid.model import GridPoint
from nbbatch.model import Value

MAX_ID = 60
"""Characters: a folder's name, with room left in a path of 255 for what is inside."""

HASH_DIGITS = 10
_SLUG_ROOM = MAX_ID - HASH_DIGITS - 1
_WORD_ROOM = 16
_UNSAFE = re.compile(r"[^A-Za-z0-9.]+")
_UNSAFE_IN_TEMPLATE = re.compile(r"[^A-Za-z0-9._-]+")
# No nested fields, and widths of two digits: "{x:>1000000000}" would fill the memory.
_FORMAT = re.compile(r"(?:.?[<>=^])?[-+ ]?#?0?[0-9]{0,2}[,_]?(?:\.[0-9]{1,2})?[a-zA-Z%]?")

_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False).encode


def canonical(params: Mapping[str, Value]) -> str:
    """Canonical JSON of typed parameters: 1, 1.0, true and "1" differ, key order does not."""
    return _encode(dict(params))


def point_id(params: Mapping[str, Value], template: str | None = None) -> str:
    """Return ``<slug>-<10 hex digits>``, at most 60 characters of ``[A-Za-z0-9._-]``.

    ``template`` ("{det}-{sigma:.2f}") replaces the slug: plain names and format
    specifications only. Raises GridError for a bad template or an unknown name.
    """
    slug = _slug(params) if template is None else _fill(template, params)
    digest = hashlib.sha256(canonical(params).encode()).hexdigest()[:HASH_DIGITS]
    return f"{slug}-{digest}"


def point_ids(points: Iterable[GridPoint], template: str | None = None) -> list[str]:
    """Ids of all points, in order; GridError when two are the same on any file system."""
    ids: list[str] = []
    seen: dict[str, GridPoint] = {}
    for point in points:
        name = point_id(point.params, template)
        other = seen.setdefault(name.lower(), point)
        if other is not point:
            raise GridError(
                f"two points have the id {name!r}: {canonical(other.params)} ({other.origin}) "
                f"and {canonical(point.params)} ({point.origin})",
                hint="Change the id template, or one value in its last digits.",
            )
        ids.append(name)
    return ids


def _slug(params: Mapping[str, Value]) -> str:
    pairs = (f"{_short(name)}-{_short(_text(params[name]))}" for name in sorted(params))
    return _trim("_".join(pairs))


def _text(value: Value) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        # Of a path the end tells more than the beginning.
        return value.rstrip("/").rpartition("/")[2] or value
    if isinstance(value, (list, dict)):
        return _encode(value)
    return repr(value)


def _short(text: str) -> str:
    negative = "-" if text[:1] == "-" and text[1:2].isdigit() else ""
    return negative + _UNSAFE.sub("-", text)[:_WORD_ROOM].strip("-.")


def _trim(slug: str) -> str:
    return slug[:_SLUG_ROOM].strip("-._") or "point"


def _fill(template: str, params: Mapping[str, Value]) -> str:
    written = []
    for literal, name, spec in _fields(template):
        written.append(literal)
        if name is None:
            continue
        if name not in params:
            raise GridError(
                f"the id template {template!r} names {name!r}, which the point "
                f"{_encode(dict(params))[:200]} does not have",
                hint="Use names that every point has.",
            )
        written.append(_formatted(params[name], spec, template))
    return _trim(_UNSAFE_IN_TEMPLATE.sub("-", "".join(written)))


def _fields(template: str) -> Iterable[tuple[str, str | None, str]]:
    try:
        fields = list(string.Formatter().parse(template))
    except ValueError as error:
        raise GridError(f"the id template {template!r} is not valid: {error}") from None
    for literal, name, spec, conversion in fields:
        spec = spec or ""
        if conversion or not _FORMAT.fullmatch(spec) or (name is not None and not name):
            raise GridError(
                f"the id template {template!r} is not valid: only {{name}} and "
                "{name:format} can be used",
                hint='For example "{det}-{sigma:.2f}".',
            )
        yield literal, name, spec


def _formatted(value: Value, spec: str, template: str) -> str:
    if not spec:
        return _text(value)
    if value is None or isinstance(value, (bool, list, dict)):
        value = _text(value)
    try:
        return format(value, spec)
    except (ValueError, TypeError, OverflowError) as error:
        raise GridError(
            f"the id template {template!r} cannot show {str(value)[:60]!r}: {error}"
        ) from None
