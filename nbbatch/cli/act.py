"""Commands that change what runs: cancel, hold, release, resume."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from .console import say, warn
from .options import Points, SweepArg

if TYPE_CHECKING:
    from ..sweep import Sweep


def cancel(sweep: SweepArg = "latest", points: Points = None) -> None:
    """Stop a sweep, or some of its points; what has ended is kept."""
    from ..sweep import Sweep

    opened = Sweep.open(sweep)
    chosen = opened.cancel(_ids(opened, points))
    say(f"Cancelled {len(chosen)} points of {opened.root}")


def hold(sweep: SweepArg = "latest", points: Points = None) -> None:
    """Keep queued points from starting."""
    from ..sweep import Sweep

    opened = Sweep.open(sweep)
    opened.hold(_ids(opened, points))
    say(f"Queued points of {opened.root} do not start until `nbbatch release`.")


def release(sweep: SweepArg = "latest", points: Points = None) -> None:
    """Let held points start."""
    from ..sweep import Sweep

    opened = Sweep.open(sweep)
    opened.release(_ids(opened, points))
    say(f"Held points of {opened.root} may start.")


def resume(
    sweep: SweepArg = "latest",
    points: Points = None,
    failed: Annotated[
        bool, typer.Option("--failed", help="Run failed and timed-out points again, too.")
    ] = False,
    memory: Annotated[
        str | None,
        typer.Option(
            "--memory",
            metavar="SIZE",
            help="Ask for so much, also for points that are held for their memory.",
        ),
    ] = None,
    detach: Annotated[bool, typer.Option("--detach", help="Return at once.")] = False,
) -> None:
    """Go on with a sweep: run what is missing, lost, interrupted, died or was cancelled."""
    from dataclasses import replace

    from ..grid import parse_memory
    from ..sweep import FAILED_TOO, RESUMED, Sweep
    from .follow import attach

    opened = Sweep.open(sweep)
    chosen = _ids(opened, points)
    size = None if memory is None else parse_memory(memory, where="--memory")
    for caution in opened.cautions():
        warn(f"warning: {caution}")
    started = opened.release_with_memory(size, chosen) if size else 0
    if started:
        jobs = "1 job that was" if started == 1 else f"{started} jobs that were"
        say(f"{jobs} held for memory may start again, with {memory}: {opened.root}")
    states = FAILED_TOO if failed else RESUMED
    asked = replace(opened.header.resources, memory=size) if size else None
    queued = opened.submit(states, only=chosen or (), asked=asked)
    if queued or not started:
        say(f"{len(queued)} of {len(opened.points)} points run again in {opened.root}")
    attach(opened, detach=detach)


def _ids(opened: Sweep, points: Sequence[str] | None) -> list[str] | None:
    return [opened.point(words).id for words in points] if points else None
