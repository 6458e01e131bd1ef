"""The specification → everything that expansion needs: factors, constants, compiled rules.

A factor knows its size before its rows are made: the product is counted first.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from nbbatch.errors import GridError
from nbbatch.grid.blocks import Blocks, Surroundings, most_candidates, most_points
from nbbatch.grid.factors import Factor, Params, too_many
from nbbatch.grid.generators import BadGenerator, find_files
from nbbatch.grid.points_file import Row
from nbbatch.grid.rules import Matcher, compile_rule
from nbbatch.grid.spec import (
    Axes,
    Conditional,
    GridBlock,
    PointsBlock,
    Rule,
    SampleBlock,
    Spec,
    ZipBlock,
)
from nbbatch.grid.values import absolute, show
from nbbatch.model import Value


@dataclass(frozen=True)
class Branch:
    """A resolved ``when``: where ``matcher`` says so, constants and products are added."""

    matcher: Matcher
    sets: Params
    axes: dict[str, Sequence[Value]]
    where: str


@dataclass(frozen=True)
class Resolved:
    """Everything that expansion needs; ``written`` goes into the resolved grid.yaml."""

    factors: tuple[Factor, ...]
    constants: Params
    branches: tuple[Branch, ...]
    excludes: tuple[Matcher, ...]
    includes: tuple[Row, ...]
    filters: tuple[Matcher, ...]
    names: frozenset[str]
    homes: dict[str, str]
    origin: str
    max_points: int
    max_candidates: int
    inputs: tuple[str, ...]
    written: dict[str, object] = field(default_factory=dict)


def resolve(spec: Spec, around: Surroundings) -> Resolved:
    """Evaluate every axis, file, sample and rule of the specification. Raises GridError."""
    return _Resolver(spec, around).resolve()


class _Resolver:
    def __init__(self, spec: Spec, around: Surroundings) -> None:
        self.spec = spec
        self.around = around
        self.types = around.types
        self.blocks = Blocks(spec, around)

    def resolve(self) -> Resolved:
        spec = self.spec
        factors: list[Factor] = []
        for block in spec.blocks:
            factors += self.blocks.block(block)
        self.check_size(factors)
        constants = self.blocks.values(spec.constants)
        for name, entry in spec.constants.items():
            self.blocks.claim(name, entry.where)
        written: dict[str, object] = {} if spec.blocks else {"grid": {}}
        written |= self.blocks.written
        if constants:
            written["set"] = constants
        branches = tuple(self.branch(each) for each in spec.conditionals)
        includes = tuple(Row(self.blocks.values(row.entries), row.where) for row in spec.includes)
        homes = {n: each.where for each in branches for n in (*each.sets, *each.axes)}
        homes |= self.blocks.homes
        names = frozenset(homes)
        names |= {n for row in includes for n in row.values}
        self.check_types(names)
        matchers = [self.matcher(rule) for rule in spec.excludes]
        filters = [self.matcher(Rule((entry,), entry.where)) for entry in spec.filters]
        for each in (*(b.matcher for b in branches), *matchers, *filters):
            each.check_names(names)
        return Resolved(
            factors=tuple(factors),
            constants=constants,
            branches=branches,
            excludes=tuple(matchers),
            includes=includes,
            filters=tuple(filters),
            names=names,
            homes=homes,
            origin=_origin(spec),
            max_points=most_points(spec),
            max_candidates=most_candidates(spec),
            inputs=self.inputs(),
            written=written,
        )

    def check_types(self, names: frozenset[str]) -> None:
        for name in self.spec.types:
            if name not in names:
                raise GridError(
                    f"'types' names {name!r}, which no point has",
                    where=self.spec.types_where,
                    hint=f"Known: {', '.join(sorted(names)[:20])}.",
                )

    def check_size(self, factors: Sequence[Factor]) -> None:
        size = math.prod(factor.size for factor in factors)
        most = most_candidates(self.spec)
        if size > most:
            product = " × ".join(f"{f.axis.name} {f.size:,}" for f in factors[:10])
            number = f"{size:,}" if size < 10**15 else f"10^{math.log10(size):.0f}"
            raise too_many(number, most, product)

    # ----------------------------------------------------------------------- rules

    def branch(self, each: Conditional) -> Branch:
        axes = self.blocks.axes(Axes(each.axes, each.where))
        for name in axes:
            home = self.blocks.homes.get(name)
            if home is not None and name not in self.spec.constants:
                raise GridError(
                    f"{name!r} is an axis already ({home})",
                    where=each.axes[name].where,
                    hint="Remove it there, or limit it with exclude:.",
                )
        if (size := math.prod(map(len, axes.values()))) > most_points(self.spec):
            raise too_many(f"{size:,}", most_points(self.spec), "when")
        for name, entry in each.sets.items():
            if name in self.blocks.homes and name not in self.spec.constants:
                raise GridError(
                    f"{name!r} is an axis ({self.blocks.homes[name]}); a rule cannot set it",
                    where=entry.where,
                )
        return Branch(self.matcher(each.rule), self.blocks.values(each.sets), axes, each.where)

    def matcher(self, rule: Rule) -> Matcher:
        return compile_rule(rule, self.types, self.spec.overridden)

    def inputs(self) -> tuple[str, ...]:
        """Absolute paths; patterns are looked up now."""
        files: list[str] = []
        for given in self.spec.inputs:
            where = self.spec.inputs_where
            if not given or "\0" in given:
                raise GridError(f"{show(given)} is no file", where=where)
            if not any(sign in given for sign in "*?["):
                files.append(str(absolute(given, self.around.context.folder)))
                continue
            try:
                found = find_files([given], self.around.context)
            except BadGenerator as error:
                raise GridError(str(error), where=where) from None
            if not found:
                raise GridError(f"no file matches {given!r}", where=where)
            files += found
        return tuple(dict.fromkeys(files))


def _origin(spec: Spec) -> str:
    """What made the points, when no row says it."""
    for block in spec.blocks:
        if isinstance(block, GridBlock) and block.alternatives[0].entries:
            return block.alternatives[0].where
        if isinstance(block, ZipBlock) and block.entries:
            return block.entries[0].where
        if isinstance(block, (SampleBlock, PointsBlock)):
            return block.where
    for entry in spec.constants.values():
        return entry.where
    return spec.where
