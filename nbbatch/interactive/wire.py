"""Points' views as JSON: what the watching process tells the process of the notebook cell."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..model import Point, PointState, PointView, Record


def to_wire(view: PointView) -> dict[str, Any]:
    """A view without its point, which the other side has."""
    return {
        "id": view.point.id,
        "state": view.state.value,
        "record": None if view.record is None else view.record.to_json(),
        "attempts": view.attempts,
        "reason": view.reason,
        "host": view.host,
        "started": view.started,
    }


def from_wire(said: Mapping[str, Any], point: Point) -> PointView:
    """The view of this point that ``to_wire`` made."""
    record = said["record"]
    return PointView(
        point=point,
        state=PointState(said["state"]),
        record=None if record is None else Record.from_json(record),
        attempts=said["attempts"],
        reason=said["reason"],
        host=said["host"],
        started=said["started"],
    )


def changed(before: Sequence[PointView], now: Sequence[PointView]) -> list[PointView]:
    """Views of ``now`` that are not the same in ``before`` (of the same points, or empty)."""
    if len(before) != len(now):
        return list(now)
    # A view that cannot change any more is the same object at each look: cheap to compare.
    return [new for old, new in zip(before, now, strict=True) if old is not new and old != new]


def merged(
    before: Sequence[PointView], news: Iterable[Mapping[str, Any]], points: Sequence[Point]
) -> list[PointView]:
    """``before`` with what has changed. Points that were never told of are unknown."""
    views = list(before) or [PointView(point, PointState.UNKNOWN) for point in points]
    places = {point.id: place for place, point in enumerate(points)}
    for said in news:
        place = places.get(said["id"])
        if place is not None:  # else of a sweep that has grown since these points were read
            views[place] = from_wire(said, points[place])
    return views
