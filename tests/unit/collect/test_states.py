"""The decision table: what a record and a job phase make of a point."""

from __future__ import annotations

import pytest

from nbbatch.collect.states import count, decide, exit_code, out_of_memory
from nbbatch.model import Cause, Ending, JobPhase, Outcome, Point, PointState, PointView, Record

KEY = "the-key"


def record(outcome: Outcome, cause: Cause = Cause.NONE, key: str = KEY) -> Record:
    return Record(point="p", key=key, attempt=1, outcome=outcome, cause=cause)


OK = record(Outcome.OK)
FAILED = record(Outcome.FAILED, Cause.CELL_ERROR)
STOPPED = record(Outcome.INTERRUPTED, Cause.SIGNALLED)
NO_KERNEL = record(Outcome.DIED, Cause.KERNEL_START)
STALE = record(Outcome.OK, key="the code was edited since")


def gone(ending: Ending, *, record: Record | None = None, began: bool = False) -> dict[str, object]:
    return {"record": record, "phase": JobPhase.GONE, "ending": ending, "began": began}


TABLE = [
    # what is known                                         → state
    ({"record": None, "phase": None}, PointState.PENDING),
    ({"record": None, "phase": None, "cancelled": True}, PointState.CANCELLED),
    ({"record": None, "phase": JobPhase.QUEUED}, PointState.QUEUED),
    ({"record": None, "phase": JobPhase.HELD}, PointState.HELD),
    ({"record": None, "phase": JobPhase.RUNNING, "began": True}, PointState.RUNNING),
    # its job is about to leave: what it ran was an earlier revision
    ({"record": STALE, "phase": JobPhase.RUNNING, "began": True}, PointState.PENDING),
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
    # gone, and its scheduler says why
    (gone(Ending.TIMEOUT, began=True), PointState.TIMEOUT),
    (gone(Ending.TIMEOUT), PointState.LOST),  # its turn in the bundle never came
    (gone(Ending.OUT_OF_MEMORY, began=True), PointState.DIED),
    (gone(Ending.INFRASTRUCTURE, began=True), PointState.LOST),
    (gone(Ending.CANCELLED), PointState.CANCELLED),
    (gone(Ending.CANCELLED, record=STOPPED), PointState.CANCELLED),
    (gone(Ending.TIMEOUT, record=STOPPED), PointState.TIMEOUT),
    (gone(Ending.INFRASTRUCTURE, record=STOPPED), PointState.INTERRUPTED),
    (gone(Ending.OUT_OF_MEMORY, record=OK), PointState.OK),
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


@pytest.mark.parametrize(
    ("state", "known", "expected"),
    [
        (PointState.DIED, record(Outcome.DIED, Cause.OUT_OF_MEMORY), True),
        (PointState.DIED, record(Outcome.DIED, Cause.KERNEL_DIED), False),
        (PointState.DIED, None, True),  # its scheduler says so, and nothing else does
        (PointState.LOST, None, False),
        (PointState.OK, record(Outcome.OK), False),
    ],
)
def test_out_of_memory(state: PointState, known: Record | None, expected: bool) -> None:
    point = Point("p", 0, {}, "points/p", KEY)
    assert out_of_memory(PointView(point, state, known)) is expected
