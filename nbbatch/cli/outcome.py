"""Commands that show what came out: results, report."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from ..errors import UsageError
from .console import say, show
from .options import Format, SweepArg


def results(
    sweep: SweepArg = "latest",
    format: Annotated[Format, typer.Option("--format", "-f", help="How to print it.")] = (
        Format.table
    ),
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write to this file.")
    ] = None,
) -> None:
    """One row a point: parameters, metrics, state, error, files."""
    from ..results.files import write_csv, write_json, write_parquet
    from ..results.table import Rows
    from ..sweep import Sweep

    opened = Sweep.open(sweep)
    found = Rows(opened.views(), opened.root)
    if format is Format.table:
        if output is not None:
            raise UsageError(
                "The table is for a terminal: nothing would be written to --output.",
                hint="Add --format csv, json or parquet.",
            )
        from ..display import results_table

        show(results_table(found))
    elif format is Format.parquet:
        if output is None:
            raise UsageError("Parquet is not for a terminal.", hint="Add --output results.parquet.")
        write_parquet(found, output)
    else:
        write = write_csv if format is Format.csv else write_json
        write(found, sys.stdout if output is None else output)


def report(
    sweep: SweepArg = "latest",
    open_it: Annotated[bool, typer.Option("--open", help="Open it in a browser.")] = False,
    zip_to: Annotated[
        Path | None,
        typer.Option("--zip", metavar="FILE", help="Pack the report and all that it links to."),
    ] = None,
    summary: Annotated[
        bool, typer.Option("--summary", help="Run the sweep's summary notebook again.")
    ] = False,
    single_file: Annotated[
        Path | None,
        typer.Option(
            "--single-file",
            metavar="FILE",
            help="One HTML file with table, plots and figures, without the notebooks.",
        ),
    ] = None,
) -> None:
    """Build the report and print where it is."""
    from ..sweep import Sweep

    opened = Sweep.open(sweep)
    views = opened.views()
    written = opened.write_results(views)
    if summary:
        opened.output.summarise(views, again=True)
    if zip_to is not None:
        from ..report import write_zip

        written = write_zip(opened.root, opened.header, views, zip_to)
    if single_file is not None:
        from ..report import write_single_file

        written = write_single_file(opened.root, opened.header, views, single_file)
    say(str(written))
    if open_it:
        import webbrowser

        webbrowser.open(written.resolve().as_uri())


def refresh(folder: Path) -> None:
    """Write results and report as far as they are known (what runs while nobody watches)."""
    from ..sweep import Sweep

    Sweep(folder).write_results(every_format=False)


def go_on(folder: Path) -> None:
    """Submit what could not be sent before (what jobs run at their end)."""
    from ..sweep import Sweep

    Sweep(folder).top_up()


def finish(folder: Path) -> None:
    """Write results and report of a sweep folder; what the farm runs at the end.

    Exit code 75: more was submitted, so that another such job comes after this one.
    """
    from ..sweep import Sweep

    opened = Sweep(folder)
    opened.finish()
    if not opened.is_finished():
        raise typer.Exit(75)
