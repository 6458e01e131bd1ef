"""What a cell that waits for a sweep meets: points as they end, and the user's interrupt."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

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
        point = await asyncio.to_thread(next, self._points, None)
        if point is None:
            raise StopAsyncIteration
        return point
