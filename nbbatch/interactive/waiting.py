"""What a cell that waits for a sweep meets: points as they end, and the user's interrupt."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import Future

from .points import PointHandle


class Detached(KeyboardInterrupt):
    """The user interrupted a wait: the sweep goes on. A cell shows it as one line."""

    def _render_traceback_(self) -> list[str]:
        return [str(self)]


class Completed:
    """Points as they end, for ``for`` and ``async for``: what ``as_completed`` returns.

    ``leave`` says what to do after an interrupt.
    """

    def __init__(self, points: Iterator[PointHandle], leave: str) -> None:
        self._points = points
        self._leave = leave
        self._coming: Future[PointHandle | None] | None = None

    def __iter__(self) -> Iterator[PointHandle]:
        return self

    def __next__(self) -> PointHandle:
        try:
            return next(self._points)
        except KeyboardInterrupt:
            raise Detached(self._leave) from None

    def __aiter__(self) -> AsyncIterator[PointHandle]:
        return self

    async def __anext__(self) -> PointHandle:
        # Not the loop's own threads: Python would wait for those at its end, until the next
        # point. Whoever leaves (a timeout, an interrupt) and comes again gets what came.
        if self._coming is None:
            self._coming = Future()
            self._coming.set_running_or_notify_cancel()  # from now on nobody can cancel it
            threading.Thread(
                target=self._take, args=(self._coming,), name="nbbatch-next", daemon=True
            ).start()
        try:
            point = await asyncio.wrap_future(self._coming)
        except Exception:  # of the points; an interrupt or a cancel leaves it coming
            self._coming = None
            raise
        self._coming = None
        if point is None:
            raise StopAsyncIteration
        return point

    def _take(self, coming: Future[PointHandle | None]) -> None:
        try:
            coming.set_result(next(self._points, None))
        except BaseException as error:  # raised where the loop is
            coming.set_exception(error)
