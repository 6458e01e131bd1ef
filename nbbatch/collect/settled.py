"""What earlier looks found of points that have ended, so that no record is read twice.

``state/settled.jsonl`` has a line for each: ``1 <crc32> <json>``. A line counts only while
the point's last submission, its key and the time of its folder's last change are those
that it names: a record that is replaced or removed changes that time, a new submission has
a new bundle. (Not seen is a record that somebody edits in place: delete the file then, or
``touch`` the point's folder.) Any number of processes append; what a crash or two
writers on NFS garble fails its checksum. Without the file all records are read again.
"""

from __future__ import annotations

import gc
import json
import os
import time
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import astuple, dataclass
from pathlib import Path
from sys import intern
from typing import Any

from ..model import Point, PointState, PointView, Record, Transfer
from ..worker.files import write_atomic

VERSION = b"1"
BLOCK = 1_000
"""Lines parsed at once: a parser shares the names of what it reads in one go."""

UNSURE_SECONDS = 2.0
"""A folder that changed so recently may change again without its time telling."""

COMPACT_ABOVE = 1_000


@dataclass(frozen=True)
class Proof:
    """What must be so for what is remembered of a point to hold still.

    ``changed``: the modification time of the point's folder, in nanoseconds.
    """

    bundle: int | None
    key: str
    changed: int


class Settled:
    """The memory of one sweep folder. A file that cannot be used costs time, nothing else."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def recall(
        self, proofs: Mapping[str, Proof], points: Mapping[str, Point]
    ) -> dict[str, PointView]:
        """The views of the points, by id, of which the file tells what ``proofs`` confirm."""
        found: dict[str, PointView] = {}
        lines = 0
        with _no_collection(), suppress(OSError), self.file.open("rb") as stream:
            for facts in _sound(stream):
                lines += 1
                with suppress(KeyError, TypeError, ValueError):  # of another version of nbbatch
                    name, bundle, key, changed = facts[:4]
                    if proofs.get(name) == Proof(bundle, key, changed):
                        found[name] = _view(points[name], *facts[4:])
        if lines > COMPACT_ABOVE and lines > 2 * len(found):
            self._compact(proofs, found)
        return found

    def note(self, views: Iterable[tuple[Proof, PointView]]) -> list[tuple[Proof, PointView]]:
        """Append these; what is too new to be sure is given back, for the next time."""
        sure: list[tuple[Proof, PointView]] = []
        unsure: list[tuple[Proof, PointView]] = []
        newest = 1e9 * (time.time() - UNSURE_SECONDS)
        for proof, view in views:
            (sure if proof.changed < newest else unsure).append((proof, view))
        if sure:
            with suppress(OSError):  # somebody else's folder, a full disk
                self._append(b"".join(_line(proof, view) for proof, view in sure))
        return unsure

    def _append(self, content: bytes) -> None:
        self.file.parent.mkdir(exist_ok=True)
        handle = os.open(self.file, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
        try:
            size = os.fstat(handle).st_size
            if size and os.pread(handle, 1, size - 1) != b"\n":
                content = b"\n" + content  # what was torn fails its checksum
            os.write(handle, content)
        finally:
            os.close(handle)

    def _compact(self, proofs: Mapping[str, Proof], found: Mapping[str, PointView]) -> None:
        kept = b"".join(_line(proofs[name], view) for name, view in found.items())
        with suppress(OSError):
            write_atomic(self.file, kept, durable=False)


@contextmanager
def _no_collection() -> Iterator[None]:
    """Without the search for garbage: among 100,000 views it finds none, in half of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _line(proof: Proof, view: PointView) -> bytes:
    assert view.record is not None
    facts = (
        *(view.point.id, proof.bundle, proof.key, proof.changed),
        *(view.state.value, view.attempts, view.reason, view.host, view.started),
        view.record.to_json(),
        *(() if view.transfer is None else (astuple(view.transfer),)),
    )
    # ASCII: a lone surrogate in a message has no other way into a file.
    content = json.dumps(facts).encode("ascii")
    return b"%s %08x %s\n" % (VERSION, zlib.crc32(content), content)


def _sound(lines: Iterable[bytes]) -> Iterator[list[Any]]:
    """What the lines say whose checksum is right."""
    block: list[bytes] = []
    for line in lines:
        version, _, rest = line.rstrip(b"\n").partition(b" ")
        if version == VERSION and rest[:8] == b"%08x" % zlib.crc32(rest[9:]):
            block.append(rest[9:])
            if len(block) == BLOCK:
                yield from _parsed(block)
                block = []
    yield from _parsed(block)


def _parsed(block: list[bytes]) -> list[list[Any]]:
    found: list[list[Any]] = []
    with suppress(ValueError):  # a checksum that is right by chance
        found = json.loads(b"[%s]" % b",".join(block))
    return found


def _view(
    point: Point,
    state: str,
    attempts: int,
    reason: str,
    host: str,
    started: str,
    record: dict[str, Any],
    transfer: Sequence[float] = (),
) -> PointView:
    # Each of 100,000 records would have its own copy of what nearly all have in common.
    record["point"], record["key"] = point.id, point.key
    for name in ("host", "job", "python", "kernel", "language"):
        record[name] = intern(record[name])
    record["metrics"] = {intern(name): value for name, value in record["metrics"].items()}
    told = Record.from_json(record)
    moved = Transfer(*transfer) if transfer else None
    return PointView(point, PointState(state), told, attempts, reason, intern(host), started, moved)
