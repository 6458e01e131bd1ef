"""What the grid takes and gives: the values that the rest of nbbatch sees."""

from __future__ import annotations

from dataclasses import dataclass

from nbbatch.model import Value

DEFAULT_MAX_POINTS = 10_000
"""More points than this need ``max_points:`` or ``--max-points``: a slip of a digit is cheap."""


@dataclass(frozen=True)
class GridPoint:
    """One set of parameter values, and where it comes from.

    ``origin`` is for messages: "params.yaml:7", "points.csv:12", "-g sigma=1,2".
    """

    params: dict[str, Value]
    origin: str


@dataclass(frozen=True)
class Axis:
    """One factor of the product. Of correlated parameters the name is "a, b".

    Conditional axes (``when``) are not listed: they are no factor of the whole product.
    """

    name: str
    size: int


@dataclass(frozen=True)
class Overrides:
    """The raw texts of ``-p``, ``-g``, ``--where``, ``--sample`` and ``--max-points``."""

    pins: tuple[str, ...] = ()
    axes: tuple[str, ...] = ()
    where: tuple[str, ...] = ()
    sample: int | None = None
    max_points: int | None = None


@dataclass(frozen=True)
class Grid:
    """A grid, expanded: the points in order, and what else its file says.

    ``resolved`` is YAML that gives the same points again on any day and from any folder:
    overrides, relative dates, globs, point files and random draws are written down in it.
    ``resources`` holds the checked raw values (``memory: "2GB"``); ``inputs`` are absolute
    paths, not checked for existence; ``collect`` maps a metric's name to its expression.
    ``homes`` tells where a name is given ("params.yaml:3"), where it is not a point's own.
    """

    points: list[GridPoint]
    axes: list[Axis]
    resolved: str
    homes: dict[str, str]
    source: str
    resources: dict[str, Value]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    collect: dict[str, str]
    id_template: str | None
