"""A grid document → the specification: short form spread out, names checked, lines noted.

Nothing is generated, read or counted here; axes stay as they were written, so that
``-p`` and ``-g`` can replace them first.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nbbatch.errors import GridError
from nbbatch.grid.collecting import check_metric, parse_collect
from nbbatch.grid.generators import FORMS, is_generator
from nbbatch.grid.names import check_name
from nbbatch.grid.units import parse_duration, parse_memory
from nbbatch.grid.values import Place, Where, show
from nbbatch.model import Value

if TYPE_CHECKING:
    from nbbatch.grid.document import Document

_CALL = re.compile(rf"({'|'.join(FORMS)})\s*\((.*)\)")
_NUMBER = r"\s*[-+]?[0-9.]+(?:[eE][-+]?[0-9]+)?\s*"
_NUMBERS = re.compile(rf"{_NUMBER}(?:,{_NUMBER})+,?")

BLOCK_WORDS = ("grid", "zip", "sample", "points")


@dataclass(frozen=True)
class Entry:
    """An axis or a constant as it is written, and where."""

    raw: object
    where: str


@dataclass(frozen=True)
class Axes:
    """Axes that belong together: one mapping of ``grid``, one entry of ``zip``."""

    entries: dict[str, Entry]
    where: str


@dataclass(frozen=True)
class GridBlock:
    """Products; more than one alternative is a union."""

    alternatives: tuple[Axes, ...]


@dataclass(frozen=True)
class ZipBlock:
    """Correlated axes: each entry is one factor."""

    entries: tuple[Axes, ...]


@dataclass(frozen=True)
class SampleBlock:
    """Drawn points; ``rows`` are JSON lines that were drawn before."""

    method: str
    n: int
    seed: int
    space: dict[str, Entry]
    rows: str | None
    where: str


@dataclass(frozen=True)
class PointsBlock:
    """Listed points: inline (``entries``), JSON lines (``rows``) or a file (``source``).

    ``dropped`` columns were replaced by ``-p`` or ``-g``.
    """

    where: str
    entries: tuple[Axes, ...] | None = None
    rows: str | None = None
    rows_line: int = 1
    source: str | None = None
    form: str | None = None
    dropped: frozenset[str] = frozenset()


Block = GridBlock | ZipBlock | SampleBlock | PointsBlock


@dataclass(frozen=True)
class Rule:
    """An alternative of mappings and expression texts: what a point must match."""

    conditions: tuple[Entry, ...]
    where: str


@dataclass(frozen=True)
class Conditional:
    """``when``: where the rule matches, constants are set and axes added."""

    rule: Rule
    sets: dict[str, Entry]
    axes: dict[str, Entry]
    where: str


@dataclass(frozen=True)
class Spec:
    """The whole specification, in the order of the document."""

    blocks: tuple[Block, ...] = ()
    constants: dict[str, Entry] = field(default_factory=dict)
    conditionals: tuple[Conditional, ...] = ()
    excludes: tuple[Rule, ...] = ()
    includes: tuple[Axes, ...] = ()
    filters: tuple[Entry, ...] = ()
    subset: int | None = None
    drop_duplicates: bool = False
    types: dict[str, str] = field(default_factory=dict)
    id_template: str | None = None
    max_points: int | None = None
    resources: dict[str, Value] = field(default_factory=dict)
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    collect: dict[str, str] = field(default_factory=dict)
    overridden: frozenset[str] = frozenset()
    where: str = ""
    types_where: str = ""
    inputs_where: str = ""


def read_spec(document: object, where: Where) -> Spec:
    """Check a document (a mapping, or a list of points) and spread it out. GridError."""
    if isinstance(document, list):
        return Spec(blocks=(_inline_points(document, (), where),), where=where(()))
    if not isinstance(document, dict):
        found = "empty" if document is None else f"only {show(document)}"
        raise GridError(
            f"the grid is {found}",
            where=where(()),
            hint="Write a mapping of axes: sigma: [8, 10, 12].",
        )
    from nbbatch.grid.document import WORDS, check_document

    if not any(word in document for word in BLOCK_WORDS):
        words = [key for key in document if key in WORDS]
        if not words:
            return _short_form(document, where)
        # `set: {sigma: 10}` alone can only be the full form; `id: [1, 2]` could be an axis.
        if set(words) != set(document) or not {"set", "include"} & set(words):
            raise _ambiguous(words[0], where)
    return _full_form(document, check_document(document, where), where)


def _ambiguous(word: str, where: Where) -> GridError:
    return GridError(
        f"{word!r} is a word of the full form, but there is no grid:, points:, sample: or zip:",
        where=where((word,)),
        hint=f"Put the axes under grid:; if {word} is a parameter, it goes there too.",
    )


# ----------------------------------------------------------------------- short form


def _short_form(document: dict[str, object], where: Where) -> Spec:
    axes: dict[str, Entry] = {}
    constants: dict[str, Entry] = {}
    for name, raw in document.items():
        place = where((name,))
        check_name(name, place)
        if isinstance(raw, (list, range)) or is_generator(raw):
            axes[name] = Entry(raw, place)
        elif isinstance(raw, dict):
            raise _no_generator(name, raw, place)
        elif hint := _meant_as_axis(name, raw):
            raise GridError(
                f"{name!r} is the text {show(raw)}, not an axis", where=place, hint=hint
            )
        else:
            constants[name] = Entry(raw, place)
    block = GridBlock((Axes(axes, where(())),))
    return Spec(blocks=(block,), constants=constants, where=where(()))


def _meant_as_axis(name: str, raw: object) -> str:
    """What to write instead of `8, 10, 12` or `range(0, 5)`; empty for an ordinary text."""
    if not isinstance(raw, str):
        return ""
    if call := _CALL.fullmatch(raw.strip()):
        return f"Write {name}: {{{call[1]}: [{call[2]}]}}, or put the text under set:."
    if _NUMBERS.fullmatch(raw):
        return f"Write {name}: [{raw}], or put the text under set:."
    return ""


def _no_generator(name: str, raw: object, place: str) -> GridError:
    return GridError(
        f"{name!r} is the mapping {show(raw)}, which is no generator",
        where=place,
        hint=f"Generators: {', '.join(FORMS.values())}. "
        f"A mapping as a value goes into a list ({name}: [{{…}}]) or under set:.",
    )


# ------------------------------------------------------------------------ full form


def _full_form(raw: dict[str, object], document: Document, where: Where) -> Spec:
    blocks = tuple(_block(word, raw, document, where) for word in raw if word in BLOCK_WORDS)
    includes = _listed_axes(raw, "include", where)
    if not blocks and includes:
        # Nothing but extra points: they are the points.
        blocks, includes = (PointsBlock(where(("include",)), entries=includes),), ()
    return Spec(
        blocks=blocks,
        constants=_entries(document.set, ("set",), where),
        conditionals=_conditionals(raw, document, where),
        excludes=tuple(
            _rule([condition], (*place,), where) for condition, place in _each(raw, "exclude")
        ),
        includes=includes,
        filters=tuple(Entry(text, where(place)) for text, place in _each(raw, "where")),
        subset=document.subset,
        drop_duplicates=document.duplicates == "drop",
        types={check_name(n, where(("types", n))): k for n, k in document.types.items()},
        id_template=document.id,
        max_points=document.max_points,
        resources=_resources(document, where),
        inputs=tuple(document.inputs),
        outputs=tuple(document.outputs),
        collect=_collect(document, where),
        where=where(()),
        types_where=where(("types",)),
        inputs_where=where(("inputs",)),
    )


def _each(raw: dict[str, object], word: str) -> Iterable[tuple[object, Place]]:
    """The entries under a word that may hold one or a list, each with its place."""
    value = raw.get(word, [])
    if isinstance(value, list):
        for number, item in enumerate(value):
            yield item, (word, number)
    else:
        yield value, (word,)


def _block(word: str, raw: dict[str, object], document: Document, where: Where) -> Block:
    place = where((word,))
    if raw[word] is None:
        raise GridError(f"{word!r} is empty", where=place, hint="Fill it, or remove it.")
    if word == "grid":
        alternatives = _listed_axes(raw, "grid", where)
        if not alternatives:
            raise GridError("'grid' is an empty list", where=place, hint="Write grid: {}.")
        return GridBlock(tuple(_only_axes(axes) for axes in alternatives))
    if word == "zip":
        groups = _listed_axes(raw, "zip", where)
        if not groups:
            raise GridError("'zip' is an empty list", where=place, hint="Remove it.")
        return ZipBlock(tuple(_only_axes(axes) for axes in groups))
    if word == "sample":
        sample = document.sample
        assert sample is not None
        space = _entries(sample.space, ("sample", "space"), where)
        return SampleBlock(sample.method, sample.n, sample.seed, space, sample.rows, place)
    points = document.points
    if isinstance(points, list):
        return _inline_points(points, ("points",), where)
    assert points is not None
    if points.from_ is None and points.rows is None:
        raise GridError("'points' has no from:", where=place, hint="Write from: points.csv.")
    return PointsBlock(place, rows=points.rows, source=points.from_, form=points.format)


def _inline_points(points: Sequence[object], place: Place, where: Where) -> PointsBlock:
    if not points:
        raise GridError("the list of points is empty", where=where(place))
    rows = []
    for number, row in enumerate(points):
        if not isinstance(row, dict):
            raise GridError(
                f"a point must be a mapping of names to values, not {show(row)}",
                where=where((*place, number)),
                hint="Write - {sigma: 10, rho: 28}; axes go into a mapping.",
            )
        rows.append(Axes(_entries(row, (*place, number), where), where((*place, number))))
    return PointsBlock(where(place), entries=tuple(rows))


def _listed_axes(raw: dict[str, object], word: str, where: Where) -> tuple[Axes, ...]:
    return tuple(
        Axes(_entries(item, place, where), where(place))
        for item, place in _each(raw, word)
        if isinstance(item, dict)
    )


def _entries(raw: dict[str, object], place: Place, where: Where) -> dict[str, Entry]:
    return {
        check_name(name, where((*place, name))): Entry(value, where((*place, name)))
        for name, value in raw.items()
    }


def _only_axes(axes: Axes) -> Axes:
    for name, entry in axes.entries.items():
        check_axis_form(name, entry)
    return axes


def check_axis_form(name: str, entry: Entry) -> None:
    """Refuse what is no axis: a scalar, or a mapping that is no generator."""
    raw = entry.raw
    if isinstance(raw, (list, range)) or is_generator(raw):
        return
    if isinstance(raw, dict):
        raise _no_generator(name, raw, entry.where)
    kind = "text" if isinstance(raw, str) else "value"
    instead = f"Write {name}: [{raw}] for an axis of one value, or put it under set:."
    raise GridError(
        f"the axis {name!r} is the single {kind} {show(raw)}, not a list",
        where=entry.where,
        hint=_meant_as_axis(name, raw) or instead,
    )


def _conditionals(
    raw: dict[str, object], document: Document, where: Where
) -> tuple[Conditional, ...]:
    made = []
    for (item, place), when in zip(_each(raw, "when"), document.when, strict=True):
        assert isinstance(item, dict)
        axes = Axes(_entries(when.grid, (*place, "grid"), where), where(place))
        sets = _entries(when.set, (*place, "set"), where)
        if not axes.entries and not sets:
            raise GridError("a rule of 'when' has neither set: nor grid:", where=where(place))
        condition = item["if"]
        conditions = condition if isinstance(condition, list) else [condition]
        rule = _rule(conditions, (*place, "if"), where)
        _only_axes(axes)
        both = sorted(set(axes.entries) & set(sets))
        if both:
            raise GridError(
                f"{both[0]!r} is in set: and in grid: of one rule",
                where=axes.entries[both[0]].where,
            )
        made.append(Conditional(rule, sets, axes.entries, where(place)))
    return tuple(made)


def _rule(conditions: list[object], place: Place, where: Where) -> Rule:
    if not conditions:
        raise GridError("the condition is an empty list", where=where(place))
    for condition in conditions:
        if condition == {}:
            raise GridError("an empty mapping would match every point", where=where(place))
    return Rule(tuple(Entry(each, where(place)) for each in conditions), where(place))


def _resources(document: Document, where: Where) -> dict[str, Value]:
    asked = document.resources
    for word, size in (("memory", asked.memory), ("disk", asked.disk)):
        if size is not None:
            parse_memory(size, where=where(("resources", word)))
    if asked.time is not None:
        parse_duration(asked.time, where=where(("resources", "time")))
    given: dict[str, Value] = asked.model_dump(exclude_none=True)
    return given


def _collect(document: Document, where: Where) -> dict[str, str]:
    given = document.collect
    if isinstance(given, list):
        return parse_collect(given, where=where(("collect",)))
    return {
        name: check_metric(name, text, where(("collect", name))) for name, text in given.items()
    }
