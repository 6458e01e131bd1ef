"""Blocks of the specification → factors: axes generated, files read, samples drawn, typed."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TextIO

from nbbatch.errors import GridError
from nbbatch.grid.factors import Factor, Params, column, combine, json_rows, listed, too_many
from nbbatch.grid.generators import BadGenerator, Context, generate
from nbbatch.grid.ids import canonical
from nbbatch.grid.model import DEFAULT_MAX_POINTS
from nbbatch.grid.names import check_name
from nbbatch.grid.points_file import MAX_BYTES, Row, parse_points, read_points, read_stream
from nbbatch.grid.samplers import draw
from nbbatch.grid.spec import (
    Axes,
    Block,
    Entry,
    GridBlock,
    PointsBlock,
    SampleBlock,
    Spec,
    ZipBlock,
)
from nbbatch.grid.typed import Types, as_value
from nbbatch.grid.values import absolute, show
from nbbatch.model import Value

CANDIDATES = 1_000_000
"""Points that may be looked at when rules or ``--sample`` leave few of them."""

MAX_DRAWN = 10_000_000
"""Numbers that a sampler may draw."""


@dataclass(frozen=True)
class Surroundings:
    """What the specification does not say itself."""

    context: Context
    types: Types
    stdin: TextIO | None
    name: str


def surroundings(spec: Spec, context: Context, stdin: TextIO | None, name: str) -> Surroundings:
    """Bind a specification's types to the folder and the day."""
    return Surroundings(context, Types(spec.types, context.folder, context.today), stdin, name)


def most_points(spec: Spec) -> int:
    return spec.max_points or DEFAULT_MAX_POINTS


def most_candidates(spec: Spec) -> int:
    """How large the product may be: with rules that thin it out, larger than the result."""
    thinned = spec.excludes or spec.filters or spec.subset
    return max(most_points(spec), CANDIDATES) if thinned else most_points(spec)


class Blocks:
    """Evaluates axes and blocks, and keeps what is written down of them."""

    def __init__(self, spec: Spec, around: Surroundings) -> None:
        self.spec = spec
        self.around = around
        self.types = around.types
        self.limit = most_candidates(spec)
        self.written: dict[str, object] = {}
        self.homes: dict[str, str] = {}
        """Where each name that every point may have is defined, to tell a second time."""

    def claim(self, name: str, where: str) -> None:
        if name in self.homes:
            raise GridError(
                f"{name!r} is given twice; the other is {self.homes[name]}",
                where=where,
                hint="Keep one of them.",
            )
        self.homes[name] = where

    def axis(self, name: str, entry: Entry, repeats: bool = False) -> Sequence[Value]:
        raw = entry.raw
        if isinstance(raw, dict):
            try:
                values = generate(raw, self.around.context)
            except BadGenerator as error:
                raise GridError(
                    f"the axis {name!r}: {error}", where=entry.where, hint=error.hint
                ) from None
        elif isinstance(raw, range):
            values = raw
        else:
            assert isinstance(raw, list)
            values = raw
        if not len(values):
            raise GridError(
                f"the axis {name!r} has no values",
                where=entry.where,
                hint="Give it at least one.",
            )
        if isinstance(values, range) and name not in self.types.kinds:
            return values
        if len(values) > self.limit:
            raise too_many(f"{len(values):,}", self.limit, name)
        typed = [self.types.value(name, each, entry.where) for each in values]
        if not (repeats or self.spec.drop_duplicates):
            _refuse_repeats(name, typed, entry.where)
        return typed

    def axes(self, group: Axes) -> dict[str, Sequence[Value]]:
        return {name: self.axis(name, entry) for name, entry in group.entries.items()}

    def values(self, entries: Mapping[str, Entry]) -> Params:
        return {n: self.types.value(n, entry.raw, entry.where) for n, entry in entries.items()}

    def block(self, block: Block) -> list[Factor]:
        if isinstance(block, GridBlock):
            return self.grid(block)
        if isinstance(block, ZipBlock):
            return self.zip(block)
        if isinstance(block, SampleBlock):
            return [self.sample(block)]
        return [self.points(block)]

    def grid(self, block: GridBlock) -> list[Factor]:
        resolved = [self.axes(group) for group in block.alternatives]
        written = [{name: _short(values) for name, values in axes.items()} for axes in resolved]
        self.written["grid"] = written if len(written) > 1 else written[0]
        homes: dict[str, str] = {}
        for group in block.alternatives:
            homes |= {name: entry.where for name, entry in group.entries.items()}
        for name, where in homes.items():
            self.claim(name, where)
        products = [
            [column((name,), (values,), "") for name, values in axes.items()] for axes in resolved
        ]
        if len(products) == 1:
            return products[0]
        sizes = [math.prod(factor.size for factor in product) for product in products]
        wheres = [group.where for group in block.alternatives]

        def rows() -> Iterator[tuple[Params, str]]:
            for product, where in zip(products, wheres, strict=True):
                for params, _ in combine(product):
                    yield params, where

        return [Factor(tuple(homes), sum(sizes), rows)]

    def zip(self, block: ZipBlock) -> list[Factor]:
        factors = []
        written = []
        for group in block.entries:
            # Correlated values may repeat; only whole rows may not, and that is seen later.
            columns = {
                name: self.axis(name, entry, repeats=True) for name, entry in group.entries.items()
            }
            lengths = {name: len(values) for name, values in columns.items()}
            if len(set(lengths.values())) > 1:
                told = ", ".join(f"{name} has {length}" for name, length in lengths.items())
                raise GridError(
                    f"the axes of a zip have different lengths: {told}", where=group.where
                )
            if not columns:
                raise GridError("an entry of 'zip' is empty", where=group.where)
            for name, entry in group.entries.items():
                self.claim(name, entry.where)
            factors.append(column(tuple(columns), tuple(columns.values()), ""))
            written.append({name: _short(values) for name, values in columns.items()})
        self.written["zip"] = written
        return factors

    def sample(self, block: SampleBlock) -> Factor:
        if block.n > self.limit:
            raise too_many(f"{block.n:,}", self.limit, "sample")
        if block.n * len(block.space) > MAX_DRAWN:
            raise GridError(f"more than {MAX_DRAWN:,} numbers to draw", where=block.where)
        space = {name: entry.raw for name, entry in block.space.items()}
        if block.rows is None:
            drawn = draw(block.method, block.n, block.seed, space, self.types, block.where)
        else:
            before = parse_points(block.rows, block.where, "jsonl", self.types, self.limit)
            drawn = [{n: v for n, v in row.values.items() if n in space} for row in before]
        for name, entry in block.space.items():
            self.claim(name, entry.where)
        self.written["sample"] = {
            "method": block.method,
            "n": block.n,
            "seed": block.seed,
            "space": {name: as_value(raw) for name, raw in space.items()},
            "rows": json_rows(drawn),
        }
        return listed([Row(params, "") for params in drawn], tuple(space))

    def points(self, block: PointsBlock) -> Factor:
        rows = self.rows(block)
        if block.dropped:
            rows = [
                replace(row, values={n: v for n, v in row.values.items() if n not in block.dropped})
                for row in rows
            ]
        # A dict and not a set: the columns keep their order.
        names = tuple({name: None for row in rows for name in row.values})
        for name in names:
            self.claim(check_name(name, rows[0].where), block.where)
        if block.entries is not None and len(rows) <= 1000:
            self.written["points"] = [row.values for row in rows]
        else:
            origin = {"from": self.named_source(block)} if block.source else {}
            self.written["points"] = {**origin, "rows": json_rows([row.values for row in rows])}
        return listed(rows, names)

    def rows(self, block: PointsBlock) -> list[Row]:
        limit = self.limit
        if block.entries is not None:
            if len(block.entries) > limit:
                raise too_many(f"{len(block.entries):,}", limit, "points")
            return [Row(self.values(row.entries), row.where) for row in block.entries]
        if block.rows is not None:
            return parse_points(block.rows, f"{block.where} rows", "jsonl", self.types, limit)
        assert block.source is not None
        if block.source == "-":
            if self.around.stdin is None:
                raise GridError(
                    "standard input cannot give both the grid and its points",
                    where=block.where,
                    hint="Put one of them into a file.",
                )
            text = read_stream(self.around.stdin, "standard input", MAX_BYTES)
            return parse_points(text, "standard input", block.form, self.types, limit)
        path = Path(self.named_source(block))
        return read_points(path, block.source, block.form, self.types, limit)

    def named_source(self, block: PointsBlock) -> str:
        assert block.source is not None
        if block.source == "-":
            return "-"
        if "\0" in block.source or not block.source:
            raise GridError(f"{show(block.source)} is no file", where=block.where)
        return str(absolute(block.source, self.around.context.folder))


def _refuse_repeats(name: str, values: Sequence[Value], where: str) -> None:
    seen: set[str] = set()
    for value in values:
        key = canonical({"": value})
        if key in seen:
            raise GridError(
                f"the axis {name!r} has the value {show(value)} twice",
                where=where,
                hint="Remove one of them.",
            )
        seen.add(key)


def _short(values: Sequence[Value]) -> object:
    """A range of integers as such; all else as its values."""
    if isinstance(values, range):
        return {"range": [values.start, values.stop, values.step]}
    return list(values)
