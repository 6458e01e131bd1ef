"""Decide each point's state from its record and its job. Pure: no disk, no scheduler.

Records decide outcomes; the scheduler only says where a job is. A job that is gone and
left no record is lost, after a grace period in which a shared filesystem may still
show the record; it is never "completed".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from ..model import Cause, Ending, JobPhase, Outcome, PointState, PointView, Record

# A record of this outcome, of the present key, is the last word ...
CONCLUSIVE: dict[Outcome, PointState] = {
    Outcome.OK: PointState.OK,
    Outcome.FAILED: PointState.FAILED,
    Outcome.TIMEOUT: PointState.TIMEOUT,
    Outcome.DIED: PointState.DIED,
}

# ... while an interrupted attempt, or one that left no record, is what its job makes of it.
# job phase → (state if an attempt began, state if none did)
OPEN: dict[JobPhase, tuple[PointState, PointState]] = {
    JobPhase.QUEUED: (PointState.QUEUED, PointState.QUEUED),
    JobPhase.RUNNING: (PointState.RUNNING, PointState.QUEUED),
    JobPhase.HELD: (PointState.HELD, PointState.HELD),
    JobPhase.UNKNOWN: (PointState.UNKNOWN, PointState.UNKNOWN),
}


# A job that is gone and left no record: what its scheduler says of its end.
GONE: dict[Ending, PointState] = {
    Ending.UNTOLD: PointState.LOST,
    Ending.EXITED: PointState.LOST,
    Ending.TIMEOUT: PointState.TIMEOUT,
    Ending.OUT_OF_MEMORY: PointState.DIED,
    Ending.CANCELLED: PointState.CANCELLED,
    Ending.INFRASTRUCTURE: PointState.LOST,
}

# The same where the worker could still record that it was interrupted; else interrupted.
CUT_SHORT: dict[Ending, PointState] = {
    Ending.TIMEOUT: PointState.TIMEOUT,
    Ending.OUT_OF_MEMORY: PointState.DIED,
    Ending.CANCELLED: PointState.CANCELLED,
}


def decide(
    record: Record | None,
    phase: JobPhase | None,
    *,
    key: str = "",
    began: bool = False,
    cancelled: bool = False,
    ending: Ending = Ending.UNTOLD,
    in_grace: bool = False,
) -> PointState:
    """The state of one point.

    ``phase`` is None when the point was never submitted; ``key`` is the point's key (a
    record of another key is stale and counts as none); ``began`` says that an attempt
    started and has no record; ``cancelled`` that the user took the point back after its
    last submission; ``ending`` what the scheduler says of a job that is gone; ``in_grace``
    that its job left the queue so recently that the record may not be visible yet.
    """
    if record is not None and record.key != key:
        if record.outcome in CONCLUSIVE and phase is JobPhase.RUNNING:
            # Its job, about to leave, was that of an earlier revision: nothing runs this one.
            phase = None
        record = None
    # An infrastructure failure whose job is still there will be tried again.
    retried = record is not None and record.infrastructure and phase in OPEN
    if record is not None and record.outcome in CONCLUSIVE and not retried:
        return CONCLUSIVE[record.outcome]
    if phase in OPEN and phase is not None:
        return OPEN[phase][0 if began or record is not None else 1]
    if cancelled:
        return PointState.CANCELLED
    if record is not None:
        return CUT_SHORT.get(ending, PointState.INTERRUPTED)
    if phase is None:
        return PointState.PENDING
    if in_grace:
        return PointState.UNKNOWN
    # A point of a bundle whose turn never came did not use up anything.
    return GONE[ending] if began or ending is Ending.CANCELLED else PointState.LOST


def out_of_memory(view: PointView) -> bool:
    """Whether a point ended because its memory did, as its record or its scheduler says."""
    if view.state is not PointState.DIED:
        return False
    # Without a record only Ending.OUT_OF_MEMORY makes a point one that died (GONE).
    return view.record is None or view.record.cause is Cause.OUT_OF_MEMORY


def count(views: Iterable[PointView]) -> dict[PointState, int]:
    """How many points are in each state; states in their declared order, empty ones left out."""
    counted = Counter(view.state for view in views)
    return {state: counted[state] for state in PointState if counted[state]}


def exit_code(views: Iterable[PointView]) -> int:
    """0 all ok; 1 some notebooks failed; 3 something is incomplete or infrastructure failed."""
    worst = 0
    for view in views:
        if view.state is PointState.OK:
            continue
        notebook = view.state in CONCLUSIVE.values()
        if not notebook or (view.record is not None and view.record.infrastructure):
            return 3
        worst = 1
    return worst
