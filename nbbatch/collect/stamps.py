"""Short hashes of what rows are made from: what has the same stamp need not be made again."""

from __future__ import annotations

import hashlib
import marshal
from collections.abc import Iterable, Sequence
from typing import Any

from .. import __version__
from ..model import PointView

CHUNK = 200
"""Points that share a stamp: one changed point rewrites one small file of the report."""

FORMAT = 1
"""Raise it when files are made otherwise from the same views: all are written again."""


class Stamps:
    """The stamps of a sweep's views, ``CHUNK`` by ``CHUNK``, looked at again and again."""

    def __init__(self) -> None:
        self._views: Sequence[PointView] = ()
        self._known: list[str] = []

    def of(self, views: Sequence[PointView]) -> list[str]:
        """A stamp for each chunk of the views."""
        before, known = self._views, self._known
        found = []
        for number, start in enumerate(range(0, len(views), CHUNK)):
            chunk = views[start : start + CHUNK]
            # Comparing lists compares identities first: what stayed is not looked at.
            if number < len(known) and known[number] and before[start : start + CHUNK] == chunk:
                found.append(known[number])
            else:
                found.append(stamp_of(chunk))
        self._views, self._known = list(views), found
        return found


def joint(stamps: Iterable[str]) -> str:
    """One stamp for several; empty if one of them is."""
    listed = list(stamps)
    return hashlib.blake2b(" ".join(listed).encode(), digest_size=8).hexdigest() * all(listed)


def stamp_of(views: Iterable[PointView]) -> str:
    """A hash of all that the rows of these views are made from.

    Empty while a point has begun and has no record: then its folder may change without
    a change of the view.
    """
    digest = hashlib.blake2b(f"{__version__} {FORMAT}".encode(), digest_size=8)
    for view in views:
        point, record = view.point, view.record
        if record is None and view.attempts and not view.state.over:
            return ""
        facts: tuple[Any, ...] = (
            (point.id, point.index, point.dir, point.key, point.params),
            (view.state.value, view.attempts, view.reason, view.host, view.started),
        )
        if view.transfer is not None:
            facts += (view.transfer.inputs, view.transfer.outputs)
        if record is not None:
            failure = record.failure
            facts += (
                (record.outcome.value, record.cause.value, record.started, record.seconds),
                (record.host, record.peak_memory, record.cpu_seconds, record.figures),
                (failure.name, failure.value) if failure is not None else None,
                record.metrics,
            )
        # Version 2: later ones write a value differently when it occurs elsewhere, too.
        digest.update(marshal.dumps(facts, 2))
    return digest.hexdigest()
