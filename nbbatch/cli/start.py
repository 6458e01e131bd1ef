"""Commands about what is to run: run, plan, inspect."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import UsageError
from ..schedule.words import IfRunning, NotifyOn
from . import named
from . import options as opt
from .console import ask, print_json, say, show, warn

if TYPE_CHECKING:
    from ..plan import Plan, Request
    from ..sweep import Sweep

CONFIRM_ABOVE = 1_000
"""Points above which ``run`` asks, when there is somebody to ask."""


def run(
    context: typer.Context,
    notebook: opt.Notebook,
    grid: opt.GridFile = None,
    pins: opt.Pins = None,
    axes: opt.Axes = None,
    where: opt.Where = None,
    sample: opt.Sample = None,
    max_points: opt.MaxPoints = None,
    only: opt.Only = None,
    allow_unknown: opt.AllowUnknown = False,
    kernel: opt.Kernel = None,
    timeout: opt.Timeout = None,
    cell_timeout: opt.CellTimeout = None,
    retries: opt.Retries = 2,
    collect: opt.Collect = None,
    cwd: opt.Cwd = "notebook",
    preload: opt.Preload = "auto",
    cold: opt.Cold = False,
    no_input: opt.NoInput = False,
    allow_scripts: opt.AllowScripts = False,
    summary: opt.SummaryNotebook = None,
    backend: opt.Backend = "local",
    jobs: opt.Jobs = None,
    cpus: opt.Cpus = None,
    memory: opt.Memory = None,
    disk: opt.Disk = None,
    gpus: opt.Gpus = None,
    time: opt.Time = None,
    points_per_job: opt.PointsPerJob = 1,
    options: opt.Options = None,
    setup: opt.Setup = None,
    python: opt.Python = None,
    container: opt.Container = None,
    mail: opt.Mail = None,
    retry_memory: opt.RetryMemory = None,
    retry_time: opt.RetryTime = None,
    files: opt.Files = None,
    max_idle: opt.MaxIdle = None,
    personal: opt.Personal = False,
    keep_personal: opt.KeepPersonal = False,
    out: opt.Out = None,
    name: opt.Name = None,
    force: opt.Force = False,
    if_running: named.IfRunning = None,
    reuse: named.Reuse = False,
    keep_last: named.KeepLast = None,
    keep_daily: named.KeepDaily = None,
    keep_weekly: named.KeepWeekly = None,
    keep_within: named.KeepWithin = None,
    notify: named.Notify = None,
    notify_on: named.NotifyOn = NotifyOn.change,
    metrics_file: named.MetricsFile = None,
    detach: opt.Detach = False,
    dry_run: opt.DryRun = False,
    yes: opt.Yes = False,
) -> None:
    """Run NOTEBOOK once for each point of a grid.

    Without a grid it runs once. Ctrl-C asks whether to leave the sweep running.
    """
    from ..interactive.place import refuse_recursion
    from ..plan import make_plan
    from ..schedule.care import StillRunning, home_of_plan
    from ..sweep import EVERYTHING, FAILED_TOO, Sweep
    from .follow import attach

    refuse_recursion(notebook, os.environ)
    planned = make_plan(_request(context))
    if dry_run:
        _show_plan(planned, opt.PlanFormat.table)
        say(Sweep.preview(planned))
        return
    for note in planned.notes:
        warn(f"note: {note}")
    care = named.care_of(context.params)
    care.check(planned.request)
    if detach and (care.keep or care.notify or care.metrics_file):
        raise UsageError(
            "--keep-…, --notify and --metrics-file are for the end of a run, when nobody is there "
            "after --detach.",
            hint="Leave --detach away, or schedule the run: `nbbatch schedule add`.",
        )
    _confirm(planned, yes)
    try:
        with care.alone(home_of_plan(planned)):
            sweep = Sweep.create(planned)
            for caution in sweep.cautions():
                warn(f"warning: {caution}")
            care.before(sweep)
            queued = sweep.submit(EVERYTHING if force else FAILED_TOO, only=planned.only)
            _announce(sweep, len(queued), len(planned.points))
            try:
                attach(sweep, detach=detach)
            finally:  # it ends with an exit code, which typer has as an exception
                for wrong in care.after(sweep):
                    warn(wrong)
    except StillRunning as still:
        if if_running is not IfRunning.skip:
            raise
        say(still.message)


def plan(
    context: typer.Context,
    notebook: opt.Notebook,
    grid: opt.GridFile = None,
    pins: opt.Pins = None,
    axes: opt.Axes = None,
    where: opt.Where = None,
    sample: opt.Sample = None,
    max_points: opt.MaxPoints = None,
    only: opt.Only = None,
    allow_unknown: opt.AllowUnknown = False,
    kernel: opt.Kernel = None,
    collect: opt.Collect = None,
    out: opt.Out = None,
    format: Annotated[
        opt.PlanFormat, typer.Option("--format", "-f", help="How to print it.")
    ] = opt.PlanFormat.table,
) -> None:
    """Show the points that `run` would run; check everything, run nothing."""
    from ..plan import make_plan

    _show_plan(make_plan(_request(context)), format)


def _request(context: typer.Context) -> Request:
    """The command's parameters that are fields of ``Request``, by the same names."""
    from dataclasses import fields

    from ..plan import Request

    given = context.params
    names = [field.name for field in fields(Request)]
    return Request(**{name: given[name] for name in names if given.get(name) is not None})


def inspect(notebook: opt.Notebook, as_json: opt.Json = False) -> None:
    """Show what a notebook declares: parameters, defaults, kernel, imports."""
    from ..notebook import read_notebook

    found = read_notebook(notebook)
    if not as_json:
        from ..display import parameters_table

        show(parameters_table(found))
        return
    from dataclasses import asdict

    print_json({**asdict(found), "path": str(found.path)})


def _show_plan(planned: Plan, format: opt.PlanFormat) -> None:
    from ..create import done_points

    done = done_points(planned)
    if format is opt.PlanFormat.table:
        from ..display import plan_table

        show(plan_table(planned.points, planned.grid.axes, done, planned.notes))
        return
    if format is opt.PlanFormat.json:
        print_json(
            [
                {"id": p.id, "index": p.index, "done": p.id in done, "params": p.params}
                for p in planned.points
            ]
        )
        return
    import csv

    from ..results.table import as_text

    names = list(dict.fromkeys(name for point in planned.points for name in point.params))
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(["id", "index", "done", *names])
    for p in planned.points:
        values = [as_text(p.params[name]) if name in p.params else "" for name in names]
        writer.writerow([p.id, p.index, p.id in done, *values])


def _confirm(planned: Plan, yes: bool) -> None:
    if yes or len(planned.points) <= CONFIRM_ABOVE or not sys.stdin.isatty():
        return
    answer = ask(f"Run {len(planned.points):,} points? [y/N] ")
    if not answer.lower().startswith("y"):
        raise typer.Abort


def _announce(sweep: Sweep, queued: int, total: int) -> None:
    kept = "" if queued == total else f" of {total:,}; the others have their results"
    points = "1 point" if queued == 1 else f"{queued:,} points"
    say(f"{points} to run{kept}: {sweep.root}")
    later = sweep.postponed()
    if later:
        say(f"{queued - later:,} go first; {later:,} follow when half of these have shown how")
        say("many fit into a job. Their jobs send them: nobody has to be there.")
    waiting = sweep.without_room()
    if waiting:
        say(f"The scheduler takes no more now: {waiting:,} follow as there is room,")
        say("while somebody watches or waits, and at the next status or resume.")
