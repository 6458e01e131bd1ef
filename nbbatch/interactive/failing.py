"""Points that are not ok, as exceptions: raised only by who asks for that."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from html import escape

from ..errors import NbbatchError
from ..model import PointState, PointView
from ..results.failures import FailureGroup, group_failures
from ..results.table import shorten
from .block import failure_line, state_html, table

if sys.version_info < (3, 11):
    from exceptiongroup import ExceptionGroup

SHOWN = 50


class PointFailed(NbbatchError):
    """A point that is not ok, with the cell that failed where one did.

    ``cell`` is the 0-based index in the executed notebook, ``line`` the 1-based line in
    the cell, ``source`` that line, ``traceback`` the notebook's; None or empty where the
    point ended otherwise.
    """

    def __init__(self, view: PointView) -> None:
        self.view = view
        self.point = view.point.id
        self.params = view.point.params
        self.state: PointState = view.state
        failure = view.record.failure if view.record is not None else None
        self.cell = failure.cell if failure else None
        self.line = failure.line if failure else None
        self.source = failure.source if failure else ""
        self.traceback = failure.traceback if failure else ""
        group = group_failures([view])
        place = group[0].place if group else ""
        where = f" ({place}: {shorten(self.source, 160)})" if place and self.source else place
        super().__init__(f"{self.point} is {view.state.value}: {failure_line(view)}{where}")

    def __reduce__(self) -> tuple[type[PointFailed], tuple[PointView]]:
        return PointFailed, (self.view,)


class SweepFailed(ExceptionGroup[PointFailed]):
    """Points of a sweep that are not ok: what ``wait(check=True)`` and ``result()`` raise."""

    def derive(self, excs: Sequence[Exception]) -> SweepFailed:  # type: ignore[override]  # only of points
        return SweepFailed(self.message, [e for e in excs if isinstance(e, PointFailed)])


class Failures(list[PointFailed]):
    """The points that ended and are not ok; in a notebook a table of how, the most first."""

    @property
    def groups(self) -> list[FailureGroup]:
        """The same, grouped by what happened."""
        return group_failures([failure.view for failure in self])

    def __repr__(self) -> str:
        lines = [f"{group.count:,} {group.state.value}  {group.headline}" for group in self.groups]
        return "\n".join(lines) or "no failures"

    def _repr_html_(self) -> str:
        groups = self.groups
        if not groups:
            return escape(repr(self))
        rows = [
            [
                f"{group.count:,}",
                state_html(group.state),
                escape(shorten(group.headline, 200)),
                escape(group.place),
                f"<code>{escape(shorten(group.source, 120))}</code>" if group.source else "",
                escape(group.points[0]),
            ]
            for group in groups[:SHOWN]
        ]
        head = ["points", "state", "what", "where", "line", "example"]
        return table(head, rows, len(groups) - SHOWN)


def failures_of(views: Sequence[PointView]) -> Failures:
    """The points that are over and not ok."""
    return Failures(
        PointFailed(view) for view in views if view.state.over and view.state is not PointState.OK
    )


def check(name: str, views: Sequence[PointView]) -> None:
    """Raise SweepFailed unless every point is ok."""
    failures = Failures(PointFailed(view) for view in views if view.state is not PointState.OK)
    if failures:
        are = "is" if len(failures) == 1 else "are"
        said = f"{len(failures):,} of {len(views):,} points of {name} {are} not ok"
        raise SweepFailed(said, failures)
