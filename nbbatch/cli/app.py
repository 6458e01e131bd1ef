"""The commands, put together; errors become one sentence and an exit code."""

from __future__ import annotations

import errno
import os
import signal
import sys
from collections.abc import Callable
from typing import Annotated

import typer

from .. import __version__
from ..errors import NbbatchError
from . import act, follow, named, outcome, start
from . import schedule as scheduling

app = typer.Typer(
    name="nbbatch",
    help="Run one Jupyter notebook over a grid of parameters, and keep every result.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 all ok, 1 some points failed, 2 wrong specification or usage, "
    "3 infrastructure or incomplete, 4 wait timed out, 5 no points, 11 locked, "
    "130 interrupted.",
)

COMMANDS: list[Callable[..., None]] = [
    start.run,
    start.plan,
    start.inspect,
    follow.status,
    follow.watch,
    follow.wait,
    follow.logs,
    follow.list_sweeps,
    act.cancel,
    act.hold,
    act.release,
    act.resume,
    outcome.results,
    outcome.report,
    named.prune,
    named.pin,
    named.unpin,
]

for command in COMMANDS:
    app.command("list" if command is follow.list_sweeps else None)(command)
app.add_typer(scheduling.schedule)
app.command(hidden=True)(outcome.finish)
app.command(hidden=True)(outcome.refresh)
app.command("go-on", hidden=True)(outcome.go_on)


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"nbbatch {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the command line; what goes wrong is one sentence on stderr and an exit code."""
    try:
        app()
    except NbbatchError as error:
        print(f"nbbatch: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
    except BrokenPipeError:
        # `nbbatch results | head`: the reader has enough. Python would complain at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(128 + signal.SIGPIPE)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        where = f" of {error.filename}" if error.filename else ""
        print(f"nbbatch: there is no room left on the disk{where}.", file=sys.stderr)
        print("  Make room, then `nbbatch resume` goes on; nothing is lost.", file=sys.stderr)
        sys.exit(NbbatchError.exit_code)
