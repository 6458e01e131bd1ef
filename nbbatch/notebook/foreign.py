"""Assignments in the languages that papermill translates besides Python (pure).

No parsers: a small reader that respects strings, comments and brackets is enough to find
``name <- literal``. What it cannot read is kept as source.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ..model import Value


@dataclass(frozen=True)
class Declaration:
    """One assignment: the value if it is a literal, else None with an empty ``kind``."""

    name: str
    value: Value
    source: str
    annotation: str
    help: str
    kind: str


@dataclass(frozen=True)
class _Language:
    """How a language comments and assigns; ``name`` and ``value`` are groups of ``assign``."""

    comment: str
    assign: re.Pattern[str]
    quotes: str = "\"'"


def _language(comment: str, assign: str, quotes: str = "\"'") -> _Language:
    return _Language(comment, re.compile(assign + r"\s*(?P<value>.*)$", re.DOTALL), quotes)


_R = _language("#", r"^(?P<name>[^\W\d_][\w.]*|\.[\w.]*|`[^`]+`)\s*(?:<<?-|=(?!=))", "\"'`")
_LANGUAGES = {
    "r": _R,
    "sparkr": _R,
    "julia": _language(
        "#", r"^(?:const\s+|global\s+)?(?P<name>[^\W\d]\w*!?)(?:::(?P<type>\S+?))?\s*=(?![=>])", '"'
    ),
    "scala": _language("//", r"^(?:val|var)\s+(?P<name>\w+)(?:\s*:\s*(?P<type>[^=]+?))?\s*=", '"'),
    "matlab": _language("%", r"^(?P<name>[A-Za-z]\w*)\s*=(?!=)"),
    "bash": _language("#", r"^(?:export\s+|declare\s+)?(?P<name>[A-Za-z_]\w*)="),
    "c#": _language("//", r"^(?P<type>\w+(?:<.*?>|\[\])?)\s+(?P<name>\w+)\s*=(?!=)", '"'),
    "f#": _language(
        "//", r"^let\s+(?:mutable\s+)?(?P<name>\w+)(?:\s*:\s*(?P<type>[^=]+?))?\s*=", '"'
    ),
    "powershell": _language("#", r"^\$(?P<name>\w+)\s*="),
}


def declarations(source: str, language: str) -> Iterator[Declaration]:
    """Yield each assignment of a cell in order; nothing for a language that is not known."""
    known = _LANGUAGES.get(language.lower())
    if known is None:
        return
    above: list[str] = []
    for text, remark in _statements(source, known):
        if not text:
            is_marker = remark.rstrip(":").strip().lower() == "parameters"
            above = [] if not remark or is_marker else [*above, remark]
            continue
        if match := known.assign.match(text):
            value_text = match["value"].rstrip("; ")
            value, kind = _literal(value_text)
            yield Declaration(
                name=match["name"].strip("`"),
                value=value,
                source=value_text,
                annotation=(match.groupdict().get("type") or "").strip(),
                help=remark or " ".join(above),
                kind=kind,
            )
        above = []


def _statements(source: str, language: _Language) -> Iterator[tuple[str, str]]:
    """Split into statements, each with its trailing comment; ("", comment) for a comment line.

    A newline ends a statement outside of brackets and strings; ("", "") is an empty line.
    """
    text, remark, depth = "", "", 0
    position = 0
    while position < len(source):
        character = source[position]
        if character in language.quotes:
            end = _string_end(source, position)
            text += source[position:end]
            position = end
            continue
        if source.startswith(language.comment, position):
            line = _rest_of_line(source, position)
            remark = remark or line.lstrip(language.comment + "' ").strip()
            position += len(line)
            continue
        if character in "([{":
            depth += 1
        elif character in ")]}":
            depth -= 1
        if character == "\n" and depth <= 0 and not text.rstrip().endswith(("<-", "=", "+", ",")):
            yield text.strip(), remark
            text, remark, depth = "", "", 0
        elif character == ";" and depth <= 0:
            after = _rest_of_line(source, position + 1).strip()
            if after and not after.startswith(language.comment):
                yield text.strip(), ""
                text = ""
        else:
            text += character
        position += 1
    if text.strip() or remark:
        yield text.strip(), remark


def _rest_of_line(source: str, position: int) -> str:
    end = source.find("\n", position)
    return source[position:] if end < 0 else source[position:end]


def _string_end(text: str, start: int) -> int:
    """Position behind the string literal that begins at ``start``."""
    quote = text[start]
    mark = quote * 3 if text.startswith(quote * 3, start) and len(text) - start > 5 else quote
    position = start + len(mark)
    while position < len(text):
        if text[position] == "\\":
            position += 2
        elif text.startswith(mark, position):
            return position + len(mark)
        else:
            position += 1
    return len(text)


_WORDS: dict[str, Value] = {
    **dict.fromkeys(("true", "TRUE", "T", "$true"), True),
    **dict.fromkeys(("false", "FALSE", "F", "$false"), False),
    **dict.fromkeys(("NULL", "null", "NA", "nothing", "missing", "$null", "None"), None),
}
_INTEGER = re.compile(r"[+-]?\d[\d_]*[Ll]?$")
_NUMBER = re.compile(r"[+-]?(?:\d[\d_]*\.?\d*|\.\d+)(?:[eEf][+-]?\d+)?[fFdDmM]?$")
_VECTOR = re.compile(
    r"^(?:(?P<call>c|list|Dict|Seq|List|Map|Array)\s*\(|[\[{])(?P<items>.*)[\])}]$"
)


def _literal(text: str) -> tuple[Value, str]:
    """Value and kind of a literal of any of these languages; (None, "") for anything else."""
    if text in _WORDS:
        word = _WORDS[text]
        return word, "null" if word is None else "bool"
    if _INTEGER.match(text):
        return int(text.rstrip("Ll").replace("_", "")), "int"
    if _NUMBER.match(text):
        number = re.sub(r"(?<=\d)f(?=[+-]?\d)", "e", text.replace("_", ""))
        return float(number.rstrip("fFdDmM")), "float"
    if text[:1] in ('"', "'") and _string_end(text, 0) == len(text) > 1:
        mark = 3 if text.startswith(text[0] * 3) and len(text) > 5 else 1
        return _unescaped(text[mark:-mark]), "str"
    if match := _VECTOR.match(text.replace("\n", " ")):
        return _vector(match["items"])
    return None, ""


def _vector(text: str) -> tuple[Value, str]:
    """Read the items between brackets; (None, kind) when one of them is no literal."""
    parts = _split(text)
    named = [re.match(r"^(\"[^\"]*\"|[\w.]+)\s*(?:=>|->|=)\s*(.*)$", part) for part in parts]
    if parts and all(named):
        pairs = [(m[1].strip('"'), _literal(m[2].strip())) for m in named if m]
        known = all(kind for _, (_, kind) in pairs)
        return {name: value for name, (value, _) in pairs} if known else None, "dict"
    items = [_literal(part) for part in parts]
    return [value for value, _ in items] if all(kind for _, kind in items) else None, "list"


def _split(text: str) -> list[str]:
    """Split at the commas that are in no string and no bracket."""
    parts, depth, start, position = [], 0, 0, 0
    while position < len(text):
        character = text[position]
        if character in "\"'":
            position = _string_end(text, position)
            continue
        depth += (character in "([{") - (character in ")]}")
        if character == "," and depth == 0:
            parts.append(text[start:position].strip())
            start = position + 1
        position += 1
    parts.append(text[start:].strip())
    return [part for part in parts if part]


_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", lambda match: _ESCAPES.get(match[1], match[1]), text, flags=re.DOTALL)
