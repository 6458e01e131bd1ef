"""The points of a sweep as a notebook's user meets them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from html import escape
from pathlib import Path, PosixPath
from typing import overload

from ..errors import UsageError
from ..model import Point, PointFiles, PointState, PointView, Record, Value
from ..results.table import as_text, one_line_error, settled, shorten
from .block import link_to, page_link, state_html, table

SHOWN = 100
"""Points in the table that a notebook shows."""


class LinkedPath(PosixPath):
    """A path that is a link where a notebook shows it."""

    def _repr_html_(self) -> str:
        return link_to(self.absolute(), str(self), Path.cwd())


class PointHandle:
    """One point, as it is now: each attribute asks anew."""

    def __init__(self, root: Path, point: Point, view: Callable[[Point], PointView]) -> None:
        self._root = root
        self._point = point
        self._view = view

    @property
    def id(self) -> str:
        return self._point.id

    @property
    def index(self) -> int:
        return self._point.index

    @property
    def params(self) -> dict[str, Value]:
        return dict(self._point.params)

    @property
    def state(self) -> PointState:
        """``pending, queued, running, ok, failed …``; compares equal to the word."""
        return self._view(self._point).state

    @property
    def record(self) -> Record | None:
        """How its last attempt ended; None while it has not."""
        return self._view(self._point).record

    @property
    def metrics(self) -> dict[str, Value]:
        """What the notebook recorded; empty until it has ended."""
        record = settled(self._view(self._point))
        return {} if record is None else dict(record.metrics)

    @property
    def error(self) -> str | None:
        """Why it is not ok, in one line; None if it is."""
        return one_line_error(self._view(self._point))

    @property
    def folder(self) -> Path:
        return self._root / self._point.dir

    @property
    def notebook(self) -> LinkedPath | None:
        """The executed notebook, as far as it came; None before there is one."""
        return self._file(PointFiles.EXECUTED)

    @property
    def page(self) -> LinkedPath | None:
        """The same as a page; None before there is one."""
        return self._file(PointFiles.PAGE)

    def log(self) -> str:
        """All that the point has printed, up to now."""
        try:
            content = (self.folder / PointFiles.LOG).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return ""
        return content.decode("utf-8", "replace")

    def open(self) -> LinkedPath:
        """Show the point's page: a link in a notebook, the browser elsewhere.

        Raises UsageError when there is no page yet.
        """
        page = self.page
        if page is None:
            raise UsageError(
                f"{self.id} has no page: it is {self.state.value}.",
                hint="`log()` has what it printed up to now.",
            )
        from .live import in_kernel

        if not in_kernel():  # a hub's browser is on another machine: there the link has to do
            import webbrowser

            webbrowser.open(page.absolute().as_uri())
        return page

    def _file(self, name: str) -> LinkedPath | None:
        file = self.folder / name
        return LinkedPath(file) if file.exists() else None

    def __repr__(self) -> str:
        view = self._view(self._point)
        said = one_line_error(view)
        return f"<point {self.index} {self.id}: {view.state.value}{f', {said}' if said else ''}>"

    def _repr_html_(self) -> str:
        view = self._view(self._point)
        rows = [["state", state_html(view.state)]]
        rows += [[escape(k), escape(shorten(as_text(v), 200))] for k, v in self.params.items()]
        rows += [[escape(k), escape(shorten(as_text(v), 200))] for k, v in self.metrics.items()]
        error = one_line_error(view)
        if error:
            rows.append(["error", escape(error)])
        rows.append(["page", page_link(self._root, view, Path.cwd())])
        return table([], rows)


class Points(Sequence[PointHandle]):
    """The points of a sweep, in the order of the grid."""

    def __init__(
        self,
        root: Path,
        points: Sequence[Point],
        view: Callable[[Point], PointView],
        views: Callable[[], Sequence[PointView]],
    ) -> None:
        self._handles = [PointHandle(root, point, view) for point in points]
        self._root = root
        self._views = views

    @overload
    def __getitem__(self, key: int) -> PointHandle: ...
    @overload
    def __getitem__(self, key: slice) -> list[PointHandle]: ...
    def __getitem__(self, key: int | slice) -> PointHandle | list[PointHandle]:
        return self._handles[key]

    def __len__(self) -> int:
        return len(self._handles)

    def __iter__(self) -> Iterator[PointHandle]:
        return iter(self._handles)

    def __repr__(self) -> str:
        lines = [f"{v.point.index:>4}  {v.state.value:11}  {v.point.id}" for v in self._views()]
        more = len(lines) - SHOWN
        return "\n".join(lines[:SHOWN] + ([f"and {more:,} more"] if more > 0 else []))

    def _repr_html_(self) -> str:
        views = self._views()
        names = list(dict.fromkeys(name for view in views for name in view.point.params))
        rows = [
            [
                str(view.point.index),
                state_html(view.state),
                *(escape(shorten(as_text(view.point.params.get(n, "")), 60)) for n in names),
                page_link(self._root, view, Path.cwd()),
                escape(one_line_error(view) or ""),
            ]
            for view in views[:SHOWN]
        ]
        return table(["", "state", *names, "page", "error"], rows, len(views) - SHOWN)
