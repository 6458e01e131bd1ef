"""Arguments and options that several commands share, each written once."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

GRID, RUN, JOB, OUT, FARM = "Grid", "Execution", "Jobs", "Folder", "Farm jobs"


def points_per_job(words: str | int) -> int:
    """``auto`` is 0, as in ``plan.Request``."""
    if words == "auto":
        return 0
    try:
        count = int(words)
    except ValueError:
        count = 0
    if count < 1:
        raise typer.BadParameter(f"{words} is neither a number of points nor `auto`.")
    return count


SWEEP_HELP = "A sweep: its folder, its name, or `latest`."

SweepArg = Annotated[str, typer.Argument(metavar="SWEEP", help=SWEEP_HELP)]
Points = Annotated[list[str] | None, typer.Argument(metavar="POINT", help="Only these points.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]


# What to run, and how: the options of ``run`` and ``plan``. Their parameters have the
# names of the fields of ``plan.Request``.

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
Disk = Annotated[
    str | None,
    typer.Option("--disk", metavar="SIZE", help="Scratch disk of one job.", rich_help_panel=FARM),
]
Gpus = Annotated[
    int | None,
    typer.Option("--gpus", metavar="N", help="GPUs of one job.", rich_help_panel=FARM),
]
Time = Annotated[
    str | None,
    typer.Option(
        "--time", metavar="TIME", help="Walltime of one job (2h, 01:30:00).", rich_help_panel=FARM
    ),
]
PointsPerJob = Annotated[
    int,
    typer.Option(
        "--points-per-job",
        metavar="N|auto",
        parser=points_per_job,
        help="Points that one job runs; auto: about ten minutes a job, by what points took.",
        rich_help_panel=FARM,
    ),
]
Options = Annotated[
    list[str] | None,
    typer.Option(
        "--option",
        metavar="KEY=VALUE",
        help="The scheduler's own option (partition=short, +Project=x).",
        rich_help_panel=FARM,
    ),
]
Setup = Annotated[
    str | None,
    typer.Option(
        "--setup",
        metavar="FILE|LINES",
        help="Shell lines before the worker (module load, source setup.sh).",
        rich_help_panel=FARM,
    ),
]
Container = Annotated[
    str | None,
    typer.Option(
        "--container", metavar="IMAGE", help="Image to run the worker in.", rich_help_panel=FARM
    ),
]
Python = Annotated[
    str | None,
    typer.Option("--python", metavar="PATH", help="Python on the node.", rich_help_panel=FARM),
]
Mail = Annotated[
    str | None,
    typer.Option(
        "--mail", metavar="ADDRESS", help="Tell this address of the end.", rich_help_panel=FARM
    ),
]
RetryMemory = Annotated[
    str | None,
    typer.Option(
        "--retry-memory",
        metavar="FACTOR",
        help="Try points that ran out of memory again with 2x as much.",
        rich_help_panel=FARM,
    ),
]
RetryTime = Annotated[
    str | None,
    typer.Option(
        "--retry-time",
        metavar="FACTOR",
        help="Try points that ran into the walltime again with 2x as much (Slurm).",
        rich_help_panel=FARM,
    ),
]
Files = Annotated[
    str | None,
    typer.Option(
        "--files",
        metavar="HOW",
        help="HTCondor: shared, transfer or spool (default: found out).",
        rich_help_panel=FARM,
    ),
]
MaxIdle = Annotated[
    int | None,
    typer.Option(
        "--max-idle", metavar="N", help="HTCondor: idle jobs at a time.", rich_help_panel=FARM
    ),
]
Personal = Annotated[
    bool,
    typer.Option("--personal", help="HTCondor: start a pool of your own.", rich_help_panel=FARM),
]
KeepPersonal = Annotated[
    bool,
    typer.Option(
        "--keep-personal",
        help="HTCondor: such a pool, left up after the last job.",
        rich_help_panel=FARM,
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
Preload = Annotated[
    str,
    typer.Option(
        "--preload",
        metavar="auto|none|MODULES",
        help="What kernels have imported when they start; auto: of the notebook's own imports "
        "those known to bear it.",
        rich_help_panel=RUN,
    ),
]
Cold = Annotated[
    bool,
    typer.Option(
        "--cold",
        help="Start each kernel afresh instead of forking a warm one.",
        rich_help_panel=RUN,
    ),
]
NoInput = Annotated[
    bool, typer.Option("--no-input", help="Hide code on the pages.", rich_help_panel=RUN)
]
AllowScripts = Annotated[
    bool,
    typer.Option(
        "--allow-scripts",
        help="Let interactive outputs (plotly, Bokeh, …) run on the pages, in a sandbox.",
        rich_help_panel=RUN,
    ),
]
SummaryNotebook = Annotated[
    Path | None,
    typer.Option(
        "--summary",
        metavar="NOTEBOOK",
        help="Run this notebook after all points, on the table of their results.",
        rich_help_panel=RUN,
    ),
]
Force = Annotated[
    bool, typer.Option("--force", help="Run points again that are ok.", rich_help_panel=OUT)
]
Detach = Annotated[bool, typer.Option("--detach", "-d", help="Return at once.")]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Show what would run and what would be submitted.")
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


class Format(str, Enum):
    """Output formats of ``results``."""

    table = "table"
    csv = "csv"
    json = "json"
    parquet = "parquet"


class PlanFormat(str, Enum):
    """Output formats of ``plan``."""

    table = "table"
    csv = "csv"
    json = "json"
