"""The decision table: what a record and a job phase make of a point."""

from __future__ import annotations

import pytest

from nbbatch.collect import count, decide, exit_code
from nbbatch.model import Cause, JobPhase, Outcome, Point, PointState, PointView, Record

KEY = "the-key"


def record(outcome: Outcome, cause: Cause = Cause.NONE, key: str = KEY) -> Record:
    return Record(point="p", key=key, attempt=1, outcome=outcome, cause=cause)


OK = record(Outcome.OK)
FAILED = record(Outcome.FAILED, Cause.CELL_ERROR)
STOPPED = record(Outcome.INTERRUPTED, Cause.SIGNALLED)
NO_KERNEL = record(Outcome.DIED, Cause.KERNEL_START)
STALE = record(Outcome.OK, key="the code was edited since")

TABLE = [
    # what is known                                         → state
    ({"record": None, "phase": None}, PointState.PENDING),
    ({"record": None, "phase": None, "cancelled": True}, PointState.CANCELLED),
    ({"record": None, "phase": JobPhase.QUEUED}, PointState.QUEUED),
    ({"record": None, "phase": JobPhase.HELD}, PointState.HELD),
    ({"record": None, "phase": JobPhase.RUNNING, "began": True}, PointState.RUNNING),
    # its job runs, but another point of the bundle is at work
    ({"record": None, "phase": JobPhase.RUNNING}, PointState.QUEUED),
    # a scheduler that cannot be asked never means failed
    ({"record": None, "phase": JobPhase.UNKNOWN, "began": True}, PointState.UNKNOWN),
    # gone without a record: lost, never "completed"; but a shared filesystem is slow
    ({"record": None, "phase": JobPhase.GONE, "began": True}, PointState.LOST),
    ({"record": None, "phase": JobPhase.GONE}, PointState.LOST),
    ({"record": None, "phase": JobPhase.GONE, "in_grace": True}, PointState.UNKNOWN),
    ({"record": None, "phase": JobPhase.GONE, "cancelled": True}, PointState.CANCELLED),
    # a record is the last word, whatever the scheduler says or does not know
    *[({"record": OK, "phase": phase}, PointState.OK) for phase in (None, *JobPhase)],
    ({"record": FAILED, "phase": JobPhase.RUNNING}, PointState.FAILED),
    ({"record": FAILED, "phase": JobPhase.GONE, "cancelled": True}, PointState.FAILED),
    ({"record": record(Outcome.TIMEOUT), "phase": JobPhase.GONE}, PointState.TIMEOUT),
    ({"record": record(Outcome.DIED), "phase": JobPhase.GONE}, PointState.DIED),
    # infrastructure: what its job makes of it
    ({"record": STOPPED, "phase": JobPhase.QUEUED}, PointState.QUEUED),
    ({"record": STOPPED, "phase": JobPhase.RUNNING}, PointState.RUNNING),
    ({"record": STOPPED, "phase": JobPhase.GONE}, PointState.INTERRUPTED),
    ({"record": STOPPED, "phase": JobPhase.GONE, "cancelled": True}, PointState.CANCELLED),
    ({"record": NO_KERNEL, "phase": JobPhase.QUEUED}, PointState.QUEUED),
    ({"record": NO_KERNEL, "phase": JobPhase.GONE}, PointState.DIED),
    # a record of other code or parameters counts as none
    ({"record": STALE, "phase": None}, PointState.PENDING),
    ({"record": STALE, "phase": JobPhase.GONE}, PointState.LOST),
]


@pytest.mark.parametrize(("known", "state"), TABLE)
def test_state(known: dict[str, object], state: PointState) -> None:
    assert decide(key=KEY, **known) is state  # type: ignore[arg-type]


def view(state: PointState, of: Record | None = None) -> PointView:
    return PointView(Point("p", 0, {}, "points/p", KEY), state, of)


@pytest.mark.parametrize(
    ("views", "code"),
    [
        ([view(PointState.OK), view(PointState.OK)], 0),
        ([view(PointState.OK), view(PointState.FAILED)], 1),
        ([view(PointState.TIMEOUT), view(PointState.DIED, record(Outcome.DIED))], 1),
        ([view(PointState.FAILED), view(PointState.LOST)], 3),
        ([view(PointState.OK), view(PointState.DIED, NO_KERNEL)], 3),
        ([view(PointState.CANCELLED)], 3),
        ([view(PointState.RUNNING)], 3),
    ],
)
def test_exit_code(views: list[PointView], code: int) -> None:
    assert exit_code(views) == code


def test_count_leaves_out_empty_states() -> None:
    views = [view(PointState.OK), view(PointState.FAILED), view(PointState.OK)]
    assert count(views) == {PointState.OK: 2, PointState.FAILED: 1}
