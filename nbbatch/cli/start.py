"""Commands about what is to run: run, plan, inspect."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .console import print_json, say, show, warn
from .options import Json, PlanFormat

if TYPE_CHECKING:
    from ..plan import Plan
    from ..sweep import Sweep

CONFIRM_ABOVE = 1_000
"""Points above which ``run`` asks, when there is somebody to ask."""

GRID, RUN, JOB, OUT = "Grid", "Execution", "Jobs", "Folder"

Notebook = Annotated[Path, typer.Argument(metavar="NOTEBOOK", help="The notebook to run.")]
GridFile = Annotated[
    str | None,
    typer.Option(
        "--grid",
        metavar="FILE",
        help="YAML grid; - reads it from standard input.",
        rich_help_panel=GRID,
    ),
]
Pins = Annotated[
    list[str] | None,
    typer.Option(
        "-p", metavar="NAME=VALUE", help="Pin a parameter to one value.", rich_help_panel=GRID
    ),
]
Axes = Annotated[
    list[str] | None,
    typer.Option(
        "-g",
        metavar="NAME=1,2,3",
        help="Replace or add an axis; also 'NAME=range(0,5)', 'NAME=linspace(0,1,5)'.",
        rich_help_panel=GRID,
    ),
]
Where = Annotated[
    list[str] | None,
    typer.Option(
        "--where",
        metavar="EXPR",
        help="Keep only points for which this holds.",
        rich_help_panel=GRID,
    ),
]
Sample = Annotated[
    int | None,
    typer.Option(
        "--sample", metavar="N", help="Keep only N points, drawn at random.", rich_help_panel=GRID
    ),
]
MaxPoints = Annotated[
    int | None,
    typer.Option(
        "--max-points",
        metavar="N",
        help="Allow so many points (default 10,000).",
        rich_help_panel=GRID,
    ),
]
Only = Annotated[
    list[str] | None,
    typer.Option("--point", metavar="ID", help="Run only this point.", rich_help_panel=GRID),
]
AllowUnknown = Annotated[
    bool,
    typer.Option(
        "--allow-unknown",
        help="Pass parameters that the notebook does not declare.",
        rich_help_panel=GRID,
    ),
]
Kernel = Annotated[
    str | None,
    typer.Option(
        "--kernel",
        metavar="NAME",
        help="Kernel to use; `current` is this Python.",
        rich_help_panel=RUN,
    ),
]
Backend = Annotated[
    str, typer.Option("--backend", metavar="NAME", help="Where jobs run.", rich_help_panel=JOB)
]
Out = Annotated[
    Path | None,
    typer.Option(
        "--out",
        metavar="DIR",
        help="The sweep folder; the same folder again runs only what is missing, stale or not ok.",
        rich_help_panel=OUT,
    ),
]
Name = Annotated[
    str | None,
    typer.Option(
        "--name",
        metavar="NAME",
        help="Put it into sweeps/NAME/ (default: the notebook's name).",
        rich_help_panel=OUT,
    ),
]
Jobs = Annotated[
    int | None,
    typer.Option(
        "--jobs",
        "-j",
        metavar="N",
        help="Points that run at the same time (default: the CPUs that this process may use).",
        rich_help_panel=JOB,
    ),
]
Memory = Annotated[
    str | None,
    typer.Option(
        "--memory",
        metavar="SIZE",
        help="Memory of one point, e.g. 2GB; a kernel that uses more is ended.",
        rich_help_panel=JOB,
    ),
]
Cpus = Annotated[
    int | None,
    typer.Option(
        "--cpus",
        metavar="N",
        help="CPUs (threads of numeric libraries) of one point.",
        rich_help_panel=JOB,
    ),
]
Timeout = Annotated[
    str | None,
    typer.Option(
        "--timeout", metavar="TIME", help="For a whole notebook (90s, 1h30m).", rich_help_panel=RUN
    ),
]
CellTimeout = Annotated[
    str | None,
    typer.Option("--cell-timeout", metavar="TIME", help="For one cell.", rich_help_panel=RUN),
]
Retries = Annotated[
    int,
    typer.Option(
        "--retries",
        metavar="N",
        help="Tries after an infrastructure failure; a notebook's own failure is a result.",
        rich_help_panel=RUN,
    ),
]
Collect = Annotated[
    list[str] | None,
    typer.Option(
        "--collect",
        metavar="[NAME=]EXPR",
        help="A metric: evaluated in the kernel after the last cell.",
        rich_help_panel=RUN,
    ),
]
Cwd = Annotated[
    str,
    typer.Option(
        "--cwd",
        metavar="FOLDER",
        help="Where the notebook runs: `notebook` (its own "
        "folder), `point` (the point's) or a path.",
        rich_help_panel=RUN,
    ),
]
NoInput = Annotated[
    bool, typer.Option("--no-input", help="Hide code on the pages.", rich_help_panel=RUN)
]
Force = Annotated[
    bool, typer.Option("--force", help="Run points again that are ok.", rich_help_panel=OUT)
]
Detach = Annotated[bool, typer.Option("--detach", "-d", help="Return at once.")]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Show what would run and what would be submitted.")
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


def run(
    notebook: Notebook,
    grid: GridFile = None,
    pins: Pins = None,
    axes: Axes = None,
    where: Where = None,
    sample: Sample = None,
    max_points: MaxPoints = None,
    point: Only = None,
    allow_unknown: AllowUnknown = False,
    kernel: Kernel = None,
    timeout: Timeout = None,
    cell_timeout: CellTimeout = None,
    retries: Retries = 2,
    collect: Collect = None,
    cwd: Cwd = "notebook",
    no_input: NoInput = False,
    backend: Backend = "local",
    jobs: Jobs = None,
    cpus: Cpus = None,
    memory: Memory = None,
    out: Out = None,
    name: Name = None,
    force: Force = False,
    detach: Detach = False,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> None:
    """Run NOTEBOOK once for each point of a grid.

    Without a grid it runs once. Ctrl-C asks whether to leave the sweep running.
    """
    from ..plan import Request, make_plan
    from ..sweep import EVERYTHING, FAILED_TOO, Sweep
    from .follow import attach

    request = Request(
        notebook=notebook,
        grid=grid,
        pins=pins or (),
        axes=axes or (),
        where=where or (),
        sample=sample,
        max_points=max_points,
        only=point or (),
        allow_unknown=allow_unknown,
        kernel=kernel,
        timeout=timeout,
        cell_timeout=cell_timeout,
        retries=retries,
        collect=collect or (),
        cwd=cwd,
        no_input=no_input,
        backend=backend,
        jobs=jobs,
        cpus=cpus,
        memory=memory,
        out=out,
        name=name,
        force=force,
    )
    planned = make_plan(request)
    if dry_run:
        _show_plan(planned, PlanFormat.table)
        say(Sweep.preview(planned))
        return
    for note in planned.notes:
        warn(f"note: {note}")
    _confirm(planned, yes)
    sweep = Sweep.create(planned)
    queued = sweep.submit(EVERYTHING if force else FAILED_TOO, only=planned.only)
    _announce(sweep, len(queued), len(planned.points))
    attach(sweep, detach=detach)


def plan(
    notebook: Notebook,
    grid: GridFile = None,
    pins: Pins = None,
    axes: Axes = None,
    where: Where = None,
    sample: Sample = None,
    max_points: MaxPoints = None,
    point: Only = None,
    allow_unknown: AllowUnknown = False,
    kernel: Kernel = None,
    collect: Collect = None,
    out: Out = None,
    format: Annotated[
        PlanFormat, typer.Option("--format", "-f", help="How to print it.")
    ] = PlanFormat.table,
) -> None:
    """Show the points that `run` would run; check everything, run nothing."""
    from ..plan import Request, make_plan

    request = Request(
        notebook=notebook,
        grid=grid,
        pins=pins or (),
        axes=axes or (),
        where=where or (),
        sample=sample,
        max_points=max_points,
        only=point or (),
        allow_unknown=allow_unknown,
        kernel=kernel,
        collect=collect or (),
        out=out,
    )
    _show_plan(make_plan(request), format)


def inspect(notebook: Notebook, as_json: Json = False) -> None:
    """Show what a notebook declares: parameters, defaults, kernel, imports."""
    from ..notebook import read_notebook

    found = read_notebook(notebook)
    if not as_json:
        from ..display import parameters_table

        show(parameters_table(found))
        return
    from dataclasses import asdict

    print_json({**asdict(found), "path": str(found.path)})


def _show_plan(planned: Plan, format: PlanFormat) -> None:
    from ..create import done_points

    done = done_points(planned)
    if format is PlanFormat.table:
        from ..display import plan_table

        show(plan_table(planned.points, planned.grid.axes, done, planned.notes))
        return
    if format is PlanFormat.json:
        print_json(
            [
                {"id": p.id, "index": p.index, "done": p.id in done, "params": p.params}
                for p in planned.points
            ]
        )
        return
    import csv

    from ..results import as_text

    names = list(dict.fromkeys(name for point in planned.points for name in point.params))
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(["id", "index", "done", *names])
    for p in planned.points:
        values = [as_text(p.params[name]) if name in p.params else "" for name in names]
        writer.writerow([p.id, p.index, p.id in done, *values])


def _confirm(planned: Plan, yes: bool) -> None:
    many = len(planned.points) > CONFIRM_ABOVE
    if many and not yes and sys.stdin.isatty():
        typer.confirm(f"Run {len(planned.points):,} points?", abort=True)


def _announce(sweep: Sweep, queued: int, total: int) -> None:
    kept = "" if queued == total else f" of {total:,}; the others have their results"
    say(f"{queued:,} points to run{kept}: {sweep.root}")
