"""YAML 1.2 text → plain Python values, with the line of every entry.

ruamel.yaml's parser gives events; the values are built here, because a grid needs what no
loader offers together: the core schema, lines of every entry, duplicate keys and tags
refused, and aliases counted *before* they are expanded (ten lines can mean 10⁹ values).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NoReturn

from nbbatch.errors import GridError
from nbbatch.grid.values import MAX_DEPTH, NotAValue, Place, check_text, plain_scalar

MAX_TEXT = 64_000_000
"""Characters of a document. Ten thousand inline points are about one million."""

MAX_NODES = 1_000_000
"""Values of a document with all aliases expanded."""


@dataclass
class Mark:
    """The line of a value, and of what is inside it. Slots: there is one for each value."""

    __slots__ = ("inside", "line")

    line: int
    inside: dict[str | int, Mark] | None


@dataclass(frozen=True)
class YamlText:
    """A parsed document: plain values, and ``line`` of any place in it."""

    value: object
    name: str
    mark: Mark

    def where(self, place: Place) -> str:
        """``file:line`` of the place, or of the nearest entry around it."""
        mark = self.mark
        for step in place:
            inner = mark.inside.get(step) if mark.inside else None
            if inner is None:
                break
            mark = inner
        return f"{self.name}:{mark.line}"


def read_yaml(text: str, name: str, *, as_text: bool = False) -> YamlText:
    """Parse one YAML document; every defect is a GridError with ``name:line``.

    Entries named in a top-level ``types: {x: str}`` keep their text: ``run: 007`` is "007".
    ``as_text`` does the same to a document that is one list or scalar.
    """
    if len(text) > MAX_TEXT:
        raise GridError(
            f"the document is larger than {MAX_TEXT // 1_000_000} MB",
            where=name,
            hint="Put the points into a file of their own: points: {from: points.csv}.",
        )
    parsed = _Builder(text, name, frozenset()).document(as_text)
    texts = _names_of_text(parsed.value)
    return _Builder(text, name, texts).document(as_text) if texts else parsed


def _names_of_text(value: object) -> frozenset[str]:
    types = value.get("types") if isinstance(value, dict) else None
    if not isinstance(types, dict):
        return frozenset()
    return frozenset(name for name, kind in types.items() if kind == "str")


@dataclass
class _Built:
    value: Any
    mark: Mark
    nodes: int = 1
    height: int = 1


class _Builder:
    """Builds values from parser events, counting as it goes."""

    def __init__(self, text: str, name: str, texts: frozenset[str]) -> None:
        self.name = name
        self.texts = texts
        self.events = _events(text, name)
        self.anchors: dict[str, _Built | None] = {}
        self.nodes = 0

    def document(self, as_text: bool) -> YamlText:
        kind, event = next(self.events)
        while kind in ("StreamStartEvent", "DocumentStartEvent"):
            kind, event = next(self.events)
        if kind == "StreamEndEvent":
            return YamlText(None, self.name, Mark(1, None))
        built = self.build(kind, event, 1, as_text)
        for kind, event in self.events:
            if kind == "DocumentStartEvent":
                self.refuse("a second document begins here", event, "Remove the line `---`.")
        return YamlText(built.value, self.name, built.mark)

    def build(self, kind: str, event: Any, depth: int, as_text: bool) -> _Built:
        if kind == "AliasEvent":
            return self.alias(event, depth)
        if event.tag is not None:
            self.refuse(
                f"the tag {event.tag!s:.60} is not allowed", event, "Remove it; quote strings."
            )
        if event.anchor is not None:
            self.anchors[event.anchor] = None
        if depth > MAX_DEPTH:
            self.refuse(f"more than {MAX_DEPTH} levels deep", event)
        self.count(1, event)
        built = self.content(kind, event, depth, as_text)
        if event.anchor is not None:
            self.anchors[event.anchor] = built
        return built

    def content(self, kind: str, event: Any, depth: int, as_text: bool) -> _Built:
        if kind == "ScalarEvent":
            return _Built(self.scalar(event, as_text), Mark(event.start_mark.line + 1, None))
        if kind == "SequenceStartEvent":
            return self.sequence(event, depth, as_text)
        return self.mapping(event, depth)

    def alias(self, event: Any, depth: int) -> _Built:
        if event.anchor not in self.anchors:
            self.refuse(f"nothing is called &{event.anchor}", event)
        built = self.anchors[event.anchor]
        if built is None:
            self.refuse(f"*{event.anchor} is inside itself", event)
        self.count(built.nodes, event)
        if depth + built.height > MAX_DEPTH:
            self.refuse(f"more than {MAX_DEPTH} levels deep", event)
        here = Mark(event.start_mark.line + 1, built.mark.inside)
        return _Built(built.value, here, built.nodes, built.height)

    def scalar(self, event: Any, as_text: bool) -> object:
        text: str = event.value
        try:
            check_text(text)
            if event.style is not None:
                return text
            value = plain_scalar(text)
        except NotAValue as error:
            self.refuse(str(error), event)
        return text if as_text and value is not None else value

    def sequence(self, event: Any, depth: int, as_text: bool) -> _Built:
        inside: dict[str | int, Mark] = {}
        built = _Built([], Mark(event.start_mark.line + 1, inside))
        for kind, inner in self.events:
            if kind == "SequenceEndEvent":
                break
            # Only one list deep: `run: [[1, 2]]` is a list as a value, not text.
            entry = self.build(kind, inner, depth + 1, as_text and kind == "ScalarEvent")
            inside[len(built.value)] = entry.mark
            self.add(built, entry)
            built.value.append(entry.value)
        return built

    def mapping(self, event: Any, depth: int) -> _Built:
        inside: dict[str | int, Mark] = {}
        built = _Built({}, Mark(event.start_mark.line + 1, inside))
        for kind, inner in self.events:
            if kind == "MappingEndEvent":
                break
            key = self.key(kind, inner)
            if key in built.value:
                first = inside[key].line
                self.refuse(
                    f"{key!r} is written twice; the first is in line {first}",
                    inner,
                    "Keep one of them.",
                )
            kind, value = next(self.events)
            entry = self.build(kind, value, depth + 1, key in self.texts)
            entry.mark.line = inner.start_mark.line + 1
            inside[key] = entry.mark
            self.add(built, entry)
            built.value[key] = entry.value
        return built

    def key(self, kind: str, event: Any) -> str:
        if kind != "ScalarEvent" or event.tag is not None or event.anchor is not None:
            self.refuse("a key must be a plain name", event)
        if event.style is None and event.value == "<<":
            self.refuse("YAML 1.2 has no merge key `<<`", event, "Write the entries out.")
        value = self.scalar(event, False)
        self.count(1, event)
        if not isinstance(value, str):
            self.refuse(f"the key {event.value!r} is not a string", event, "Quote the key.")
        return value

    def add(self, built: _Built, entry: _Built) -> None:
        built.nodes += entry.nodes + 1
        built.height = max(built.height, entry.height + 1)

    def count(self, nodes: int, event: Any) -> None:
        self.nodes += nodes
        if self.nodes > MAX_NODES:
            self.refuse(
                f"the document has more than {MAX_NODES:,} values, aliases expanded",
                event,
                "Use generators such as {range: [0, 1000]}, or points: {from: points.csv}.",
            )

    def refuse(self, message: str, event: Any, hint: str = "") -> NoReturn:
        raise GridError(message, where=f"{self.name}:{event.start_mark.line + 1}", hint=hint)


def _events(text: str, name: str) -> Iterator[tuple[str, Any]]:
    """Events of ruamel.yaml's parser by name, its errors translated."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError

    try:
        for event in YAML(typ="safe", pure=True).parse(text.removeprefix("\ufeff")):
            yield type(event).__name__, event
    except GeneratorExit:
        raise
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        what = error.problem or error.context or "not valid YAML"
        raise GridError(f"not valid YAML: {what}", where=f"{name}:{line}") from None
    except Exception as error:
        # ruamel's scanner also lets OverflowError, ValueError and others through
        # ("\UFFFFFFFF"): whatever bytes are in the file, the user gets one sentence.
        what = " ".join(str(error).split())[:200]
        position = getattr(error, "position", None)  # of a character that YAML does not allow
        where = f"{name}:{text.count(chr(10), 0, position) + 1}" if position is not None else name
        raise GridError(f"not valid YAML: {what}", where=where) from None
