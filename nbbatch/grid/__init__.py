"""Grids: a specification (``params.yaml``, a dict, a table) → checked, typed points."""

from nbbatch.grid.collecting import parse_collect
from nbbatch.grid.expressions import Expression, parse_expression
from nbbatch.grid.ids import canonical, point_id, point_ids
from nbbatch.grid.load import load_grid
from nbbatch.grid.model import DEFAULT_MAX_POINTS, Axis, Grid, GridPoint, Overrides
from nbbatch.grid.units import parse_duration, parse_memory

__all__ = [
    "DEFAULT_MAX_POINTS",
    "Axis",
    "Expression",
    "Grid",
    "GridPoint",
    "Overrides",
    "canonical",
    "load_grid",
    "parse_collect",
    "parse_duration",
    "parse_expression",
    "parse_memory",
    "point_id",
    "point_ids",
]
