"""The resolved specification as YAML text, readable and exact: what is kept as grid.yaml.

An own writer of thirty lines, because ruamel's takes minutes for large grids and knows
nothing of the stricter scalar rules that we read by.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from nbbatch.grid.factors import Written
from nbbatch.grid.resolve import Resolved
from nbbatch.grid.spec import Spec
from nbbatch.grid.values import NotAValue, plain_scalar
from nbbatch.model import Value

_WIDTH = 100
_PLAIN = re.compile(r"[A-Za-z_/][A-Za-z0-9_./+*%-]*")
# Printable in YAML, and no line break in any reading of it.
_ESCAPED = re.compile(
    '[^\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufdff\ufe00-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]|["\\\\]'
)


def write_yaml(document: dict[str, object]) -> str:
    """YAML 1.2 that ``read_yaml`` turns into the same document."""
    return "".join(f"{line}\n" for line in _mapping(document, 0))


def _mapping(mapping: dict[str, object], indent: int) -> Iterator[str]:
    pad = " " * indent
    for key, value in mapping.items():
        head = f"{pad}{_text(key)}:"
        if isinstance(value, Written):
            yield f"{head} |"
            # JSON lines hold no line break and begin with a brace: a block needs no escapes.
            yield from (f"{pad}  {line}" for line in value.splitlines())
        elif indent < 4 and isinstance(value, dict) and value:
            yield head
            yield from _mapping(value, indent + 2)
        elif indent == 0 and isinstance(value, list) and value and isinstance(value[0], dict):
            yield head
            yield from (line for item in value for line in _wrapped("  - ", item))
        else:
            yield from _wrapped(f"{head} ", value)


def _wrapped(head: str, value: object) -> Iterator[str]:
    """A flow value on one line, or a long list on several."""
    whole = head + _flow(value)
    if len(whole) <= _WIDTH or not isinstance(value, list):
        yield whole
        return
    line, pad = f"{head}[", " " * (len(head) - len(head.lstrip()) + 2)
    for number, item in enumerate(value):
        piece = _flow(item) + ("]" if number == len(value) - 1 else ",")
        if len(line) + len(piece) >= _WIDTH and line.strip():
            yield line.rstrip()
            line = pad
        line += piece + " "
    yield line.rstrip()


def _flow(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_text(k)}: {_flow(v)}" for k, v in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_flow(each) for each in value) + "]"
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, range):
        return f"{{range: [{value.start}, {value.stop}, {value.step}]}}"
    return _text(value) if isinstance(value, str) else repr(value)


def _text(text: str) -> str:
    if _PLAIN.fullmatch(text) and _means_itself(text):
        return text
    return '"' + _ESCAPED.sub(_escape, text) + '"'


def _means_itself(text: str) -> bool:
    try:
        return plain_scalar(text) == text
    except NotAValue:
        return False


def _escape(match: re.Match[str]) -> str:
    sign = match[0]
    if sign in '"\\':
        return "\\" + sign
    code = ord(sign)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def resolved_text(spec: Spec, resolved: Resolved) -> str:
    """The whole resolved specification, rules that were of no use left out."""
    document = dict(resolved.written)
    if resolved.branches:
        document["when"] = [
            {"if": _one(each.matcher.written), "set": each.sets,
             "grid": {name: _listed(values) for name, values in each.axes.items()}}
            for each in resolved.branches
        ]  # fmt: skip
    if resolved.excludes:
        document["exclude"] = [each.written[0] for each in resolved.excludes]
    if resolved.includes:
        document["include"] = [row.values for row in resolved.includes]
    if resolved.filters:
        document["where"] = [each.written[0] for each in resolved.filters]
    document |= {
        word: value
        for word, value in (
            ("subset", spec.subset),
            ("duplicates", "drop" if spec.drop_duplicates else None),
            ("id", spec.id_template),
            ("max_points", spec.max_points),
            ("resources", spec.resources),
            ("inputs", list(resolved.inputs)),
            ("outputs", list(spec.outputs)),
            ("collect", spec.collect),
        )
        if value
    }
    return write_yaml(document)


def _one(conditions: tuple[object, ...]) -> object:
    return conditions[0] if len(conditions) == 1 else list(conditions)


def _listed(values: Sequence[Value]) -> object:
    return values if isinstance(values, range) else list(values)
