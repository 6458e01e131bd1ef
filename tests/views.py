"""Points in any state, as the tests of results, summaries and reports need them."""

from __future__ import annotations

from typing import Any

from nbbatch.model import (
    Cause,
    Failure,
    Header,
    Outcome,
    Point,
    PointState,
    PointView,
    Record,
    Value,
)

TRACEBACK = """ValueError                                Traceback (most recent call last)
Cell In[3], line 2
      1 field = solve(sigma)
----> 2 raise ValueError("diverged")

ValueError: diverged
"""


def a_header(**changes: Any) -> Header:
    facts: dict[str, Any] = {
        "id": "20240501-8f3a2c",
        "name": "lorenz-scan",
        "created": "2024-05-01T12:00:00.000Z",
        "user": "mara",
        "host": "login03",
        "notebook": "/home/mara/analysis.ipynb",
        "notebook_sha256": "9f" * 32,
        "kernel": "python3",
        "language": "python",
        "backend": "local",
        "nbbatch": "0.1.0",
        "python": "3.11.2",
    }
    return Header(**{**facts, **changes})


def ok(index: int, params: dict[str, Value], **metrics: Value) -> PointView:
    return a_view(index, params, PointState.OK, metrics=metrics)


def failed(
    index: int,
    params: dict[str, Value],
    error: str = "ValueError: diverged",
    *,
    cell: int = 4,
    line: int | None = 2,
    source: str = "raise ValueError(…)",
) -> PointView:
    name, _, value = error.partition(": ")
    failure = Failure(name, value, TRACEBACK, cell, cell - 1, line, source)
    return a_view(index, params, PointState.FAILED, Cause.CELL_ERROR, failure)


def a_view(
    index: int,
    params: dict[str, Value],
    state: PointState,
    cause: Cause = Cause.NONE,
    failure: Failure | None = None,
    *,
    point_id: str | None = None,
    metrics: dict[str, Value] | None = None,
    reason: str = "",
    host: str = "node1",
    attempts: int | None = None,
) -> PointView:
    """A point in this state, with a record where a point in this state has one."""
    name = f"p{index}-{index:04x}" if point_id is None else point_id
    record = None
    if state.value in {outcome.value for outcome in Outcome}:
        record = Record(
            point=name,
            key="k",
            attempt=1,
            outcome=Outcome(state.value),
            cause=cause,
            failure=failure,
            metrics=metrics or {},
            started=f"2024-05-01T12:00:{index % 60:02d}.000Z",
            finished=f"2024-05-01T12:01:{index % 60:02d}.000Z",
            seconds=60.0,
            cpu_seconds=30.0,
            host=host,
        )
    began = record is not None or state in (PointState.RUNNING, PointState.LOST)
    return PointView(
        point=Point(name, index, params, f"points/{name}", "k"),
        state=state,
        record=record,
        attempts=int(began) if attempts is None else attempts,
        reason=reason,
        host=host if state is PointState.RUNNING else "",
    )
