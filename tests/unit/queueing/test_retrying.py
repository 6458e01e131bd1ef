"""Who gets more memory or time at the next try, and how much."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nbbatch.model import (
    Cause,
    Launch,
    Outcome,
    Point,
    PointState,
    PointView,
    Record,
    Resources,
    Settings,
)
from nbbatch.queueing.queue import asking
from nbbatch.queueing.retrying import with_more
from tests.unit.backends.slurm_sweep import HEADER

POINT = Point("x-1", 0, {"x": 1}, "points/x-1", "key")
FIRST = Resources(memory=1000, time=600)
BOTH = Launch(retry_memory=2.0, retry_time=1.5)


def view(state: str, cause: Cause | None = None) -> PointView:
    record = None
    if cause is not None:
        record = Record(POINT.id, POINT.key, 1, Outcome(state), cause=cause)
    return PointView(POINT, PointState(state), record)


@pytest.mark.parametrize(
    ("ended", "asked", "longest", "next_try"),
    [
        (view("died", Cause.OUT_OF_MEMORY), FIRST, None, Resources(memory=2000, time=600)),
        (view("died"), FIRST, None, Resources(memory=2000, time=600)),  # without a record
        (view("died", Cause.KERNEL_DIED), FIRST, None, None),
        (view("timeout", Cause.WALLTIME), FIRST, None, Resources(memory=1000, time=900)),
        (view("timeout"), FIRST, None, Resources(memory=1000, time=900)),
        (view("timeout", Cause.NOTEBOOK_TIMEOUT), FIRST, None, None),  # --timeout, not the job's
        (view("timeout", Cause.CELL_TIMEOUT), FIRST, None, None),
        (view("failed", Cause.CELL_ERROR), FIRST, None, None),
        # Two retries, as Settings has them: twice as long and half again, not more.
        (
            view("timeout"),
            Resources(memory=1000, time=900),
            None,
            Resources(memory=1000, time=1350),
        ),
        (view("timeout"), Resources(memory=1000, time=1350), None, None),
        # Never above what the partition allows, and not again with the same.
        (view("timeout"), FIRST, 700, Resources(memory=1000, time=700)),
        (view("timeout"), Resources(memory=1000, time=700), 700, None),
        # What was raised once stays so.
        (view("timeout"), Resources(memory=4000, time=600), None, Resources(memory=4000, time=900)),
    ],
)
def test_with_more(
    ended: PointView, asked: Resources, longest: int | None, next_try: Resources | None
) -> None:
    header = replace(HEADER, resources=FIRST, launch=BOTH, settings=Settings(retries=2))
    assert with_more(ended, asked, header, longest) == next_try


def test_nothing_without_the_option() -> None:
    header = replace(HEADER, resources=FIRST, launch=Launch())
    assert with_more(view("died"), FIRST, header, None) is None
    assert with_more(view("timeout"), FIRST, header, None) is None


def test_the_worker_is_told_of_the_longer_walltime() -> None:
    header = replace(HEADER, resources=FIRST, settings=Settings(walltime=600))
    again = asking(header, replace(FIRST, time=1200))
    assert (again.resources.time, again.settings.walltime) == (1200, 1200)
