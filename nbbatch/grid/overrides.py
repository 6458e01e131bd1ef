"""``-p``, ``-g``, ``--where``, ``--sample``, ``--max-points`` applied to a specification.

What a pin (``-p name=value``) does, wherever the name is:

- an axis of ``grid``, ``sample`` or ``zip`` and a column of ``points`` go away, and the name
  becomes a constant; the other members of a zip keep their values;
- a name that is only in ``when`` stays conditional; one that is elsewhere too is pinned
  everywhere, and leaves the rules;
- in ``include`` it replaces the value.

An axis (``-g``) replaces the axis of that name in its place; in a zip, a sample or listed
points the name leaves, and the axis is added as a factor of its own. Points that become
equal by this are one point. A rule that mentions an overridden name may match nothing.
"""

from __future__ import annotations

import glob
import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from nbbatch.errors import GridError
from nbbatch.grid.expressions import parse_expression
from nbbatch.grid.generators import FORMS
from nbbatch.grid.model import Overrides
from nbbatch.grid.names import check_name
from nbbatch.grid.spec import (
    Axes,
    Block,
    Conditional,
    Entry,
    GridBlock,
    PointsBlock,
    SampleBlock,
    Spec,
    ZipBlock,
    check_axis_form,
)
from nbbatch.grid.values import NotAValue, absolute, check_text, plain_scalar
from nbbatch.grid.yaml_source import read_yaml

_CALL = re.compile(rf"({'|'.join(FORMS)})\s*\((.*)\)", re.DOTALL)
_OPTION = re.compile(r"([a-z]+)\s*=\s*(.*)", re.DOTALL)


def apply_overrides(spec: Spec, overrides: Overrides, here: Path) -> Spec:
    """The specification with the command line's changes. Raises GridError.

    Paths on the command line are relative to ``here``, those of the grid to its own folder.
    """
    pins = _unique(overrides.pins, "-p", lambda name, text: _pinned(text, name, spec))
    axes = _unique(
        overrides.axes, "-g", lambda name, text: _axis(text, spec.types.get(name) == "str")
    )
    for name in pins.keys() & axes.keys():
        raise GridError(f"{name!r} is given with -p and with -g", where=axes[name].where)
    for name, entry in axes.items():
        check_axis_form(name, entry)
    paths = {name for name, kind in spec.types.items() if kind == "path"}
    pins = {name: _from(here, entry, name in paths) for name, entry in pins.items()}
    axes = {name: _from(here, entry, name in paths) for name, entry in axes.items()}
    spec = _replaced(spec, pins, axes) if pins or axes else spec
    for text in overrides.where:
        parse_expression(text)
    filters = tuple(Entry(text, f"--where {text!r}") for text in overrides.where)
    return replace(
        spec,
        filters=spec.filters + filters,
        subset=_positive(overrides.sample, "--sample") or spec.subset,
        max_points=_positive(overrides.max_points, "--max-points") or spec.max_points,
    )


def _from(here: Path, entry: Entry, is_path: bool) -> Entry:
    """Paths and file patterns made absolute."""
    raw = entry.raw
    if isinstance(raw, dict) and "glob" in raw:
        patterns = raw["glob"] if isinstance(raw["glob"], list) else [raw["glob"]]
        return replace(entry, raw={**raw, "glob": [_pattern(here, each) for each in patterns]})
    if is_path and isinstance(raw, list):
        return replace(entry, raw=[_path(here, each) for each in raw])
    return replace(entry, raw=_path(here, raw)) if is_path else entry


def _path(here: Path, raw: object) -> object:
    return str(absolute(raw, here)) if isinstance(raw, str) and raw else raw


def _pattern(here: Path, raw: object) -> object:
    if not isinstance(raw, str) or not raw or raw.startswith("~"):
        return raw
    return str(Path(glob.escape(str(here))) / raw)  # the folder's own name may hold a bracket


def _positive(number: int | None, option: str) -> int | None:
    if number is not None and number < 1:
        raise GridError(f"{option} {number} is not a positive whole number", where=option)
    return number


# ----------------------------------------------------------------- reading the texts


def _unique(
    texts: Iterable[str], option: str, read: Callable[[str, str], object]
) -> dict[str, Entry]:
    entries: dict[str, Entry] = {}
    for text in texts:
        where = f"{option} {text[:60]}"
        name, equals, value = text.partition("=")
        name = name.strip()
        if not equals:
            raise GridError(
                "there is no = between name and value",
                where=where,
                hint=f"Write {option} sigma=10.",
            )
        check_name(name, where)
        if name in entries:
            raise GridError(f"{name!r} is given twice with {option}", where=where)
        try:
            check_text(value)
            entries[name] = Entry(read(name, value.strip()), where)
        except NotAValue as error:
            raise GridError(f"{name!r}: {error}", where=where) from None
        except GridError as error:
            raise GridError(error.message, where=where, hint=error.hint) from None
    return entries


def _pinned(text: str, name: str, spec: Spec) -> object:
    """Flow collections and quoted texts are YAML; all else is one plain scalar.

    So `-p title=a: b # c` is that text, not a mapping with a comment. Nothing after the =
    is the empty text; null is written as null.
    """
    if text[:1] in ("[", "{", '"', "'"):
        return _flow(text, text)
    if not text or spec.types.get(name) == "str":
        return text
    return plain_scalar(text)


def _axis(text: str, as_text: bool) -> object:
    if call := _CALL.fullmatch(text):
        return _called(call[1], call[2].strip(), text)
    if text[:1] in ("[", "{"):
        try:
            whole = read_yaml(text, "", as_text=as_text).value
        except GridError:
            whole = None  # `[1,2],[3,4]` is two lists; `[1,2]` alone is the axis itself
        if isinstance(whole, (list, dict)):
            return whole
    items = _items(f"[{text}]", text, as_text)
    quoted = '"' in text or "'" in text
    cut = [each for each in items if isinstance(each, str) and each.count("(") != each.count(")")]
    if cut and not quoted:
        # `arange(0,5)`, or `range(0,5` with its end forgotten: never two texts.
        raise GridError(
            f"a comma cuts the brackets of {cut[0]!r}",
            hint=f"Generators are {', '.join(FORMS)}, as in range(0,5); quote other texts.",
        )
    return items


def _called(kind: str, inside: str, text: str) -> object:
    if kind == "glob" and inside[:1] not in ("'", '"', "["):
        return {"glob": inside}  # a pattern may hold commas and brackets
    arguments: list[object] = []
    options: dict[str, object] = {}
    for item in _items(f"[{inside}]", text):
        option = _OPTION.fullmatch(item) if isinstance(item, str) else None
        if option:
            options[option[1]] = plain_scalar(option[2])
        else:
            arguments.append(item)
    only = arguments[0] if kind == "glob" and len(arguments) == 1 else arguments
    return {kind: only, **options}


def _items(flow: str, text: str, as_text: bool = False) -> list[object]:
    items = _flow(flow, text, as_text)
    return items if isinstance(items, list) else [items]


def _flow(flow: str, text: str, as_text: bool = False) -> object:
    try:
        return read_yaml(flow, "", as_text=as_text).value
    except GridError as error:
        raise GridError(
            f"cannot be read: {error.message.partition(': ')[2]}",
            hint="Quote texts that hold commas or brackets, inside the quotes of the shell.",
        ) from None


# --------------------------------------------------------------------------- applying


def _replaced(spec: Spec, pins: dict[str, Entry], axes: dict[str, Entry]) -> Spec:
    gone = pins.keys() | axes.keys()
    placed: set[str] = set()
    merging = False
    blocks: list[Block] = []
    for block in spec.blocks:
        left, merges = _block(block, pins, axes, placed)
        merging |= merges
        if left is not None:
            blocks.append(left)
    conditional = {n for each in spec.conditionals for n in (*each.sets, *each.axes)}
    only_conditional = conditional - _names(spec)
    conditionals = tuple(
        changed
        for each in spec.conditionals
        if (changed := _conditional(each, pins, axes, only_conditional))
    )
    includes = tuple(_included(row, pins) for row in spec.includes)
    merging |= bool(includes)
    new = {n: e for n, e in axes.items() if n not in placed | only_conditional}
    if new:
        blocks = _with_axes(blocks, new)
    constants = {name: entry for name, entry in spec.constants.items() if name not in gone}
    constants |= {name: e for name, e in pins.items() if name not in only_conditional}
    return replace(
        spec,
        blocks=tuple(blocks),
        conditionals=conditionals,
        includes=includes,
        constants=constants,
        drop_duplicates=spec.drop_duplicates or merging,
        overridden=spec.overridden | gone,
    )


def _names(spec: Spec) -> set[str]:
    """Names outside ``when``; those of a points file are not known yet."""
    names = set(spec.constants)
    for block in spec.blocks:
        if isinstance(block, SampleBlock):
            names |= set(block.space)
        elif isinstance(block, PointsBlock):
            names |= {n for row in block.entries or () for n in row.entries}
        else:
            groups = block.alternatives if isinstance(block, GridBlock) else block.entries
            names |= {n for group in groups for n in group.entries}
    return names


def _block(
    block: Block, pins: dict[str, Entry], axes: dict[str, Entry], placed: set[str]
) -> tuple[Block | None, bool]:
    """The block without the pinned names; whether points may have become equal."""
    gone = pins.keys() | axes.keys()
    if isinstance(block, GridBlock):
        alternatives = tuple(_swapped(each, pins, axes, placed) for each in block.alternatives)
        return GridBlock(alternatives), len(alternatives) > 1 and alternatives != block.alternatives
    if isinstance(block, ZipBlock):
        entries = tuple(_without(each, gone) for each in block.entries)
        left = tuple(each for each in entries if each.entries)
        return (ZipBlock(left) if left else None), entries != block.entries
    if isinstance(block, SampleBlock):
        space = {name: entry for name, entry in block.space.items() if name not in gone}
        same = len(space) == len(block.space)
        # Rows drawn before belong to the whole space: leave the names out of them instead.
        return (replace(block, space=space) if space else None), not same
    columns = None if block.entries is None else {n for row in block.entries for n in row.entries}
    merges = columns is None or bool(columns & gone)  # of a file the columns are not known yet
    return replace(block, dropped=block.dropped | gone), merges


def _swapped(group: Axes, pins: dict[str, Entry], axes: dict[str, Entry], placed: set[str]) -> Axes:
    placed |= axes.keys() & group.entries.keys()
    entries = {
        name: axes.get(name, entry) for name, entry in group.entries.items() if name not in pins
    }
    return replace(group, entries=entries)


def _without(group: Axes, gone: Iterable[str]) -> Axes:
    out = set(gone)
    return replace(group, entries={n: e for n, e in group.entries.items() if n not in out})


def _conditional(
    each: Conditional, pins: dict[str, Entry], axes: dict[str, Entry], inside: set[str]
) -> Conditional | None:
    """The rule with the names that live only ``inside`` of rules replaced, others removed."""
    gone = pins.keys() | axes.keys()
    names = [n for n in (*each.axes, *each.sets) if n in inside]
    kept_axes = {n: e for n, e in each.axes.items() if n not in gone}
    kept_sets = {n: e for n, e in each.sets.items() if n not in gone}
    kept_axes |= {n: axes[n] for n in names if n in axes}
    kept_sets |= {n: pins[n] for n in names if n in pins}
    return replace(each, axes=kept_axes, sets=kept_sets) if kept_axes or kept_sets else None


def _included(row: Axes, pins: dict[str, Entry]) -> Axes:
    return replace(row, entries={n: pins.get(n, e) for n, e in row.entries.items()})


def _with_axes(blocks: list[Block], new: dict[str, Entry]) -> list[Block]:
    """The first grid gets the new axes, at its end; without one they are a grid."""
    for number, block in enumerate(blocks):
        if isinstance(block, GridBlock):
            first = next(iter(new.values())).where
            wider = tuple(
                Axes(a.entries | new, a.where if a.entries else first) for a in block.alternatives
            )
            return [*blocks[:number], GridBlock(wider), *blocks[number + 1 :]]
    return [*blocks, GridBlock((Axes(new, next(iter(new.values())).where),))]
