"""Commands that change what runs: cancel, hold, release, resume."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from .console import say
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
    detach: Annotated[bool, typer.Option("--detach", help="Return at once.")] = False,
) -> None:
    """Go on with a sweep: run what is missing, lost, interrupted, died or was cancelled."""
    from ..sweep import FAILED_TOO, RESUMED, Sweep
    from .follow import attach

    opened = Sweep.open(sweep)
    queued = opened.submit(FAILED_TOO if failed else RESUMED, only=_ids(opened, points) or ())
    say(f"{len(queued)} of {len(opened.points)} points run again in {opened.root}")
    attach(opened, detach=detach)


def _ids(opened: Sweep, points: Sequence[str] | None) -> list[str] | None:
    return [opened.point(words).id for words in points] if points else None
