"""More for points that ran out of it: ``--retry-memory`` and ``--retry-time``. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from ..collect.states import out_of_memory
from ..model import Cause, Header, Point, PointState, PointView, Resources

OWN_LIMITS = frozenset({Cause.CELL_TIMEOUT, Cause.NOTEBOOK_TIMEOUT})
"""Time-outs that the user set for notebooks: the job had more time."""

RETRIED = frozenset({PointState.DIED, PointState.TIMEOUT})
"""The states of points that may have run out of memory or time."""


def out_of_time(view: PointView) -> bool:
    """Whether a point ended because its job's walltime did."""
    if view.state is not PointState.TIMEOUT:
        return False
    return view.record is None or view.record.cause not in OWN_LIMITS


def to_ask_for(
    views: Sequence[PointView],
    asked_of: Callable[[Point], Resources],
    header: Header,
    longest: int | None,
) -> dict[Resources, list[str]]:
    """Requests, and the ids of the points that are to be tried again with each."""
    requests: dict[Resources, list[str]] = {}
    for view in views:
        if view.state in RETRIED:
            more = with_more(view, asked_of(view.point), header, longest)
            if more is not None:
                requests.setdefault(more, []).append(view.point.id)
    return requests


def with_more(
    view: PointView, asked: Resources, header: Header, longest: int | None
) -> Resources | None:
    """What to ask for when the point is tried again; None: it is not.

    ``asked`` is what its last job asked for, ``longest`` (seconds) the most that the site
    lets a job last. A request grows ``retries`` times at most.
    """
    launch, first, retries = header.launch, header.resources, header.settings.retries
    if out_of_memory(view) and launch.retry_memory and asked.memory and first.memory:
        memory = int(asked.memory * launch.retry_memory)
        if memory <= first.memory * launch.retry_memory**retries:
            return replace(asked, memory=memory)
    if out_of_time(view) and launch.retry_time and asked.time and first.time:
        time = int(asked.time * launch.retry_time)
        if time > first.time * launch.retry_time**retries:
            return None
        time = time if longest is None else min(time, longest)
        if time > asked.time:
            return replace(asked, time=time)
    return None
