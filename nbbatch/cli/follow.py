"""Commands that look: status, watch, wait, logs, list; and the attached run."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import BackendError, SweepLocked, UsageError, WaitTimeout
from .console import ask, console, print_json, say, show
from .options import Json, SweepArg

if TYPE_CHECKING:
    from ..model import PointView
    from ..results.summary_notebook import Told
    from ..sweep import Sweep

REPORT_INTERVAL = 15.0
"""Seconds between rewrites of the report while somebody watches; more when it is slow."""


def status(sweep: SweepArg = "latest", as_json: Json = False) -> None:
    """Where a sweep is now."""
    from ..collect.states import count, exit_code
    from ..sweep import Sweep

    opened = Sweep.open(sweep)
    opened.top_up()
    views = opened.views()
    opened.settle(views)
    told = opened.output.summary_told(views) if opened.header.summary is not None else None
    if not as_json:
        from ..display import status_block

        show(status_block(opened.header, views, opened.root, opened.backend.driver(), told))
        return
    print_json(
        {
            "sweep": opened.header.id,
            "name": opened.header.name,
            "folder": str(opened.root),
            "total": len(views),
            "counts": {state.value: number for state, number in count(views).items()},
            "over": all(view.state.over for view in views),
            "exit_code": exit_code(views),
            "driver": opened.backend.driver(),
            "summary": None if told is None else {"error": told.error, "outdated": told.outdated},
            "points": [
                {
                    "id": view.point.id,
                    "state": view.state.value,
                    "attempts": view.attempts,
                    "reason": view.reason,
                    "host": view.host,
                }
                for view in views
            ],
        }
    )


def watch(sweep: SweepArg = "latest") -> None:
    """Follow a sweep until it ends; leaving stops nothing."""
    from ..sweep import Sweep

    attach(Sweep.open(sweep), detach=False)


def wait(
    sweep: SweepArg = "latest",
    timeout: Annotated[
        str | None, typer.Option(metavar="TIME", help="Give up after this time (90s, 1h30m).")
    ] = None,
) -> None:
    """Return when a sweep and its summary have ended, silently; the exit code says how."""
    from ..grid import parse_duration
    from ..output import PATIENCE
    from ..sweep import Sweep

    seconds = None if timeout is None else float(parse_duration(timeout))
    began = time.monotonic()
    opened = Sweep.open(sweep)
    views = opened.wait(seconds)
    if opened.output.summary_due(views):
        left = PATIENCE if seconds is None else max(0.0, seconds - (time.monotonic() - began))
        try:
            opened.finish(views, wait=left)
        except SweepLocked:
            raise WaitTimeout(
                f"The summary of {opened.root} did not end within {left:.0f} s.",
                hint=f"It goes on; `nbbatch status {opened.root}` shows how it ended.",
            ) from None
    raise typer.Exit(_exit_code(views, opened.output.summary_told(views)))


def _exit_code(views: Sequence[PointView], told: Told | None) -> int:
    """That of the points, or 1 where only the summary notebook failed."""
    from ..collect.states import exit_code

    return exit_code(views) or (1 if told is not None and told.error else 0)


def logs(
    sweep: SweepArg,
    point: Annotated[str, typer.Argument(metavar="POINT", help="Id, its beginning, or number.")],
    follow: Annotated[
        bool, typer.Option("--follow", "-F", help="Go on as the point prints.")
    ] = False,
) -> None:
    """What a point printed."""
    from ..model import PointFiles
    from ..sweep import Sweep

    opened = Sweep.open(sweep)
    found = opened.point(point)
    file = opened.root / found.dir / PointFiles.LOG
    if not file.exists() and not follow:
        view = next(view for view in opened.views() if view.point.id == found.id)
        raise UsageError(
            f"{found.id} has printed nothing: it is {view.state.value}.",
            hint="`--follow` waits for it to start.",
        )
    _copy(file, opened, found.id, follow)


def _copy(file: Path, opened: Sweep, point_id: str, follow: bool) -> None:
    """Print a log from its start; with ``follow`` until the point is over."""
    position = 0
    while True:
        # Asked before reading, so that what a point printed last is not missed.
        views = opened.views() if follow else []
        over = all(view.state.over for view in views if view.point.id == point_id)
        if file.exists():
            if file.stat().st_size < position:
                position = 0  # a new attempt began
            with file.open("rb") as stream:
                stream.seek(position)
                while block := stream.read(1 << 20):
                    sys.stdout.buffer.write(block)
                    position += len(block)
            sys.stdout.flush()
        if over:
            return
        time.sleep(0.5)


def list_sweeps(as_json: Json = False) -> None:
    """The sweeps that are known here, the newest first."""
    from ..catalogue import known_sweeps

    sweeps = known_sweeps()
    if as_json:
        print_json([{"folder": str(root), **header.to_json()} for root, header in sweeps])
        return
    from ..display import sweeps_table

    if not sweeps:
        say("No sweeps yet. `nbbatch run NOTEBOOK --grid FILE` starts one.")
        return
    show(sweeps_table(sweeps))


def attach(opened: Sweep, *, detach: bool) -> None:
    """Follow until all points are over, then print the summary and leave with its exit code.

    Ctrl-C asks whether to detach or to cancel; a second Ctrl-C detaches.
    """
    from ..display import Progress, summary

    if detach:
        with suppress(BackendError):  # it has the points; the next look writes the page
            opened.write_results(every_format=False)
        say(f"Detached. `nbbatch watch {opened.root}` follows it.")
        return
    while True:
        try:
            with Progress(console()) as progress:
                views = opened.wait(seen=_Watcher(opened, progress))
            break
        except KeyboardInterrupt:
            if not _asked_to_go_on(opened):
                raise typer.Exit(130) from None
    if opened.output.summary_due(views):
        say("All points have ended; now the summary notebook.")
    index = opened.finish(views)
    told = opened.output.summary_told(views)
    show(summary(opened.header, views, opened.root, index, told))
    raise typer.Exit(_exit_code(views, told))


class _Watcher:
    """What happens at each look: the progress moves, now and then the report is rebuilt."""

    def __init__(self, opened: Sweep, progress: object) -> None:
        self.opened = opened
        self.progress = progress
        self.next_report = time.monotonic() + REPORT_INTERVAL

    def __call__(self, views: list[PointView]) -> None:
        from ..collect.states import count
        from ..display import Progress
        from ..results.table import last_failure

        assert isinstance(self.progress, Progress)
        self.progress.update(count(views), len(views), last_failure(views))
        began = time.monotonic()
        if began > self.next_report:
            self.opened.write_results(views, every_format=False)
            spent = time.monotonic() - began
            self.next_report = time.monotonic() + max(REPORT_INTERVAL, 20 * spent)


def _asked_to_go_on(opened: Sweep) -> bool:
    """After Ctrl-C: True to go on watching. Detaching and cancelling both end it."""
    leave = f"The sweep goes on. `nbbatch watch {opened.root}` follows it, "
    leave += f"`nbbatch cancel {opened.root}` stops it."
    if not sys.stdin.isatty():
        say(leave)
        return False
    try:
        answer = ask("\n[d]etach (the sweep goes on), [c]ancel it, or [w]atch on? [d] ").lower()
    except KeyboardInterrupt:
        print()
        answer = "d"
    if answer.startswith("w"):
        return True
    if answer.startswith("c"):
        chosen = opened.cancel()
        say(f"Cancelled {len(chosen)} points; what has ended is kept.")
        say(f"`nbbatch resume {opened.root}` goes on with the rest.")
    else:
        say(leave)
    return False
