"""Factors of the product: sizes first, rows when they are asked for."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from nbbatch.errors import GridError
from nbbatch.grid.model import Axis
from nbbatch.grid.points_file import Row
from nbbatch.model import Value

Params = dict[str, Value]


@dataclass(frozen=True)
class Factor:
    """One factor of the product: ``rows()`` gives (params, origin), ``size`` of them."""

    names: tuple[str, ...]
    size: int
    rows: Callable[[], Iterator[tuple[Params, str]]]

    @property
    def axis(self) -> Axis:
        return Axis(", ".join(self.names), self.size)


def combine(factors: Sequence[Factor]) -> Iterator[tuple[Params, str]]:
    """The product, last factor fastest; the origin is the last one that a row tells."""
    pools = [list(factor.rows()) for factor in factors]
    for rows in itertools.product(*pools):
        params: Params = {}
        origin = ""
        for part, where in rows:
            params.update(part)
            origin = where or origin
        yield params, origin


def column(names: tuple[str, ...], columns: tuple[Sequence[Value], ...], where: str) -> Factor:
    def rows() -> Iterator[tuple[Params, str]]:
        for values in zip(*columns, strict=True):
            yield dict(zip(names, values, strict=True)), where

    return Factor(names, len(columns[0]), rows)


def listed(rows: Sequence[Row], names: tuple[str, ...]) -> Factor:
    return Factor(names, len(rows), lambda: ((row.values, row.where) for row in rows))


class Written(str):
    """JSON lines, written as a block of text."""


def json_rows(rows: Sequence[Params]) -> Written:
    return Written("".join(json.dumps(row) + "\n" for row in rows))


def too_many(size: str, most: int, what: str) -> GridError:
    return GridError(
        f"{size} points, but only {most:,} are allowed ({what})",
        hint="If that is meant, say so with --max-points or max_points:.",
    )
