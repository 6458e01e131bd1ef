"""Shared by the grid's tests: load YAML text, and what comes out of it."""

from __future__ import annotations

import io
from datetime import date
from pathlib import Path
from typing import Any

from nbbatch.grid import Grid, Overrides, load_grid

TODAY = date(2024, 3, 10)


def grid_of(text: str, *, folder: Path | None = None, **overrides: Any) -> Grid:
    """The grid of a YAML text; keywords are those of Overrides."""
    return load_grid(
        "-",
        stdin=io.StringIO(text),
        folder=folder,
        today=TODAY,
        overrides=Overrides(**overrides),
    )


def points_of(text: str, *, folder: Path | None = None, **overrides: Any) -> list[dict[str, Any]]:
    return [point.params for point in grid_of(text, folder=folder, **overrides).points]


def column(text: str, name: str, *, folder: Path | None = None, **overrides: Any) -> list[Any]:
    return [point[name] for point in points_of(text, folder=folder, **overrides)]
