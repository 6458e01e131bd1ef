"""From a request to a checked plan: everything that can be known before anything runs."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import NotebookError, UsageError
from ..folder import SweepFolder
from ..model import Launch, Point, Resources, Settings, Summary
from .checks import refuse_unknown, type_notes
from .fingerprint import fingerprint
from .options import launch_of, resources_of, settings_of
from .request import Request

if TYPE_CHECKING:
    from ..grid import Grid
    from ..notebook import Notebook


@dataclass(frozen=True)
class Plan:
    """A checked request: what will run, and how. ``notes`` are remarks, not errors."""

    request: Request
    notebook: Notebook
    kernel: str
    grid: Grid
    points: tuple[Point, ...]
    resources: Resources
    settings: Settings
    launch: Launch = field(default_factory=Launch)
    summary: Summary | None = None
    notes: tuple[str, ...] = ()

    @property
    def only(self) -> tuple[str, ...]:
        """Ids of the points that ``--point`` chose; empty when it was not given."""
        return tuple(choose_point(words, self.points).id for words in self.request.only)


def make_plan(request: Request) -> Plan:
    """Expand the grid and check it against the notebook.

    Raises SpecificationError (NotebookError, GridError, UsageError) or NoPoints with one
    sentence that says what, where and what to do. Writes nothing.
    """
    from ..grid import Overrides, load_grid, parse_collect
    from ..notebook import read_notebook, resolve_kernel

    notebook = read_notebook(Path(request.notebook))
    grid = load_grid(
        request.grid,
        overrides=Overrides(
            pins=tuple(request.pins),
            axes=tuple(request.axes),
            where=tuple(request.where),
            sample=request.sample,
            max_points=request.max_points,
        ),
    )
    kernel = resolve_kernel(notebook, request.kernel)
    collect = {**grid.collect, **parse_collect(list(request.collect))}
    resources = resources_of(request, grid.resources)
    settings = settings_of(request, notebook, kernel, collect, resources)
    notes: list[str] = []
    if not request.allow_unknown:
        refuse_unknown(notebook, grid)
    notes.extend(type_notes(notebook, grid.points))
    basis = fingerprint(notebook, kernel, collect, grid.inputs)
    points = _identify(grid, basis)
    return Plan(
        request=request,
        notebook=notebook,
        kernel=kernel,
        grid=grid,
        points=points,
        resources=resources,
        settings=settings,
        launch=launch_of(request, grid, resources),
        summary=_summary(request, notebook),
        notes=tuple(notes),
    )


def _summary(request: Request, points_notebook: Notebook) -> Summary | None:
    """Check the summary notebook as the points' is checked: before anything runs."""
    if request.summary is None:
        return None
    from ..notebook import read_notebook, resolve_kernel

    notebook = read_notebook(Path(request.summary))
    declared = {parameter.name for parameter in notebook.parameters}
    if "results" not in declared:
        raise NotebookError(
            f"{notebook.path} declares no parameter `results`, which is the path of results.csv.",
            hint='Assign it in a cell tagged `parameters`: results = "results.csv".',
        )
    alike = notebook.language == points_notebook.language
    return Summary(
        notebook=str(notebook.path.resolve()),
        sha256=notebook.sha256,
        kernel=resolve_kernel(notebook, request.kernel if alike else None),
        parameters=tuple(name for name in ("results", "sweep") if name in declared),
    )


def merge_points(points: Sequence[Point], earlier: Sequence[Point]) -> tuple[Point, ...]:
    """The plan's points, keeping the folders of those that an earlier revision had."""
    folders = {point.id: point.dir for point in earlier}
    return tuple(replace(point, dir=folders.get(point.id, point.dir)) for point in points)


def _identify(grid: Grid, basis: str) -> tuple[Point, ...]:
    """Give each grid point its id, folder and key."""
    from ..grid.ids import canonical, point_ids

    total = len(grid.points)
    points = []
    for index, name in enumerate(point_ids(grid.points, grid.id_template)):
        params = grid.points[index].params
        key = hashlib.sha256(f"{basis}\n{canonical(params)}".encode()).hexdigest()[:32]
        points.append(Point(name, index, params, SweepFolder.dir_of(name, total), key))
    return tuple(points)


def choose_point(words: str, points: Sequence[Point]) -> Point:
    """The point of this id, index, or unambiguous beginning of an id; else UsageError."""
    found = [p for p in points if words in (p.id, str(p.index))]
    found = found or [p for p in points if p.id.startswith(words)]
    if len(found) != 1:
        what = "no point" if not found else f"{len(found)} points that begin with"
        raise UsageError(
            f"There is {what} {words!r} in this grid.",
            hint="`nbbatch plan` with the same options lists the points.",
        )
    return found[0]
