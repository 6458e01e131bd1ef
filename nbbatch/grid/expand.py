"""Factors → points: the product, conditional axes, exclusions, additions, filters."""

from __future__ import annotations

import hashlib
import heapq
import itertools
from collections.abc import Iterator
from dataclasses import dataclass

from nbbatch.errors import GridError, NoPoints
from nbbatch.grid.factors import Params, combine, too_many
from nbbatch.grid.ids import canonical
from nbbatch.grid.model import GridPoint
from nbbatch.grid.resolve import Branch, Resolved
from nbbatch.grid.values import show


@dataclass(frozen=True)
class Expansion:
    """The points in order, and which rules (by position) matched none."""

    points: list[GridPoint]
    idle_branches: frozenset[int]
    idle_excludes: frozenset[int]


def expand(resolved: Resolved, subset: int | None, drop_duplicates: bool) -> Expansion:
    """Make the points. Raises GridError, and NoPoints when nothing is left."""
    run = _Run(resolved)
    points = _unique(run.points(), drop_duplicates)
    kept = _subset(points, subset) if subset else _limited(points, resolved.max_points)
    for number, branch in enumerate(resolved.branches):
        if number not in run.used_branches and not branch.matcher.excused:
            raise branch.matcher.unmatched()
    for number, matcher in enumerate(resolved.excludes):
        if number not in run.used_excludes and not matcher.excused:
            raise matcher.unmatched()
    if not kept:
        raise NoPoints(
            f"{resolved.origin}: no point is left after exclude and where",
            hint="Loosen a rule; `nbbatch plan` shows the axes.",
        )
    return Expansion(
        kept,
        frozenset(range(len(resolved.branches))) - run.used_branches,
        frozenset(range(len(resolved.excludes))) - run.used_excludes,
    )


class _Run:
    """One pass over the product; notes which rules were of use."""

    def __init__(self, resolved: Resolved) -> None:
        self.resolved = resolved
        self.used_branches: set[int] = set()
        self.used_excludes: set[int] = set()

    def points(self) -> Iterator[GridPoint]:
        resolved = self.resolved
        for params, origin in self.candidates():
            if not self.excluded(params) and self.wanted(params):
                yield GridPoint(params, origin or resolved.origin)
        for row in resolved.includes:
            params = {**row.values, **{
                name: value for name, value in resolved.constants.items()
                if name not in row.values
            }}  # fmt: skip
            if self.wanted(params):
                yield GridPoint(params, row.where)

    def candidates(self) -> Iterator[tuple[Params, str]]:
        constants = self.resolved.constants
        made = 0
        for params, origin in combine(self.resolved.factors):
            whole = {**params, **constants}
            if not self.resolved.branches:
                yield whole, origin
                continue
            for branched in self.branched(whole):
                made += 1
                if made > self.resolved.max_candidates:
                    most = self.resolved.max_candidates
                    raise too_many(f"{most + 1:,} or more", most, "with the axes of when")
                yield branched, origin

    def branched(self, params: Params) -> Iterator[Params]:
        """All points of one candidate: conditional axes multiply it.

        Each rule sees what earlier rules set, and the first value of their axes decides
        nothing: conditions are looked at for every combination.
        """
        level = [(params, frozenset[str]())]
        for number, branch in enumerate(self.resolved.branches):
            following: list[tuple[Params, frozenset[str]]] = []
            for each, added in level:
                if not branch.matcher.matches(each):
                    following.append((each, added))
                    continue
                self.used_branches.add(number)
                following += _applied(branch, each, added)
                if len(following) > self.resolved.max_points:
                    most = self.resolved.max_points
                    raise too_many(f"{len(following):,}", most, "with the axes of when")
            level = following
        for each, _ in level:
            yield each

    def excluded(self, params: Params) -> bool:
        # Every rule is looked at, also after one has matched: each must be of use.
        hits = [n for n, rule in enumerate(self.resolved.excludes) if rule.matches(params)]
        self.used_excludes.update(hits)
        return bool(hits)

    def wanted(self, params: Params) -> bool:
        return all(each.matches(params) for each in self.resolved.filters)


def _applied(
    branch: Branch, params: Params, added: frozenset[str]
) -> list[tuple[Params, frozenset[str]]]:
    if twice := sorted(added & branch.axes.keys()):
        raise GridError(
            f"two rules of 'when' add the axis {twice[0]!r} to the point {show(params, 200)}",
            where=branch.where,
            hint="Make their conditions exclude each other.",
        )
    names = added | branch.axes.keys()
    return [
        ({**params, **branch.sets, **dict(zip(branch.axes, values, strict=True))}, names)
        for values in itertools.product(*branch.axes.values())
    ]


def _unique(points: Iterator[GridPoint], drop: bool) -> Iterator[tuple[bytes, GridPoint]]:
    """The points with the hashes of their parameters. GridError for the second of two equal."""
    origins: dict[bytes, str] = {}
    for point in points:
        key = hashlib.blake2b(canonical(point.params).encode(), digest_size=16).digest()
        if key not in origins:
            origins[key] = point.origin
            yield key, point
        elif not drop:
            raise GridError(
                f"the point {show(point.params, 200)} is there twice: "
                f"from {origins[key]} and from {point.origin}",
                hint="Remove one, or write `duplicates: drop`.",
            )


def _limited(points: Iterator[tuple[bytes, GridPoint]], most: int) -> list[GridPoint]:
    kept: list[GridPoint] = []
    for _, point in points:
        if len(kept) >= most:
            raise too_many(f"{most + 1:,} or more", most, "after exclude and where")
        kept.append(point)
    return kept


def _subset(points: Iterator[tuple[bytes, GridPoint]], n: int) -> list[GridPoint]:
    """``n`` points, the same ones every day, in their order.

    Chosen by the hash of their parameters: extending the grid replaces few of them.
    """
    numbered = ((key, number, point) for number, (key, point) in enumerate(points))
    chosen = heapq.nsmallest(n, numbered, key=lambda each: each[0])
    return [point for _, _, point in sorted(chosen, key=lambda each: each[1])]
