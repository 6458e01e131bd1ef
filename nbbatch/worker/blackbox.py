"""What the kernel printed but did not live to publish."""

from __future__ import annotations

import mmap
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from .kernel_side.startup import ARRIVED, FORKED, HEAD, WRITTEN

ROOM = 1 << 19
"""Bytes of text on a tape: with more, each kernel pays for what few print so much to need."""

CHUNKS = 16
"""Pieces of 64 kB taken at a time: a flood must not keep the poll loop from the rest."""


def make_tape(path: Path) -> mmap.mmap | None:
    """Make the file on which a kernel keeps the end of a stream; None where that is impossible.

    Its blocks are there from the begin: to write to memory without any would end the kernel.
    """
    with suppress(OSError, ValueError), path.open("x+b") as file:
        try:
            os.posix_fallocate(file.fileno(), 0, HEAD + ROOM)
            return mmap.mmap(file.fileno(), HEAD + ROOM)
        except (OSError, ValueError):
            path.unlink()
    return None


class BlackBox:
    """Compares the kernel's own copy of its text with what it published.

    ``tapes`` has the copy of each stream: see ``kernel_side/startup.py``. Both are the same
    bytes in the same order, so what is missing at the end of a dead kernel's stream is the
    end of the copy.
    """

    def __init__(self, tapes: Mapping[str, mmap.mmap]) -> None:
        self._tapes = tapes
        self._counts = {name: memoryview(tape)[:HEAD].cast("Q") for name, tape in tapes.items()}

    def published(self, name: str, text: str) -> None:
        """``text`` of stream ``name`` has arrived."""
        if name in self._counts:
            size = len(text) if text.isascii() else len(text.encode("utf-8", "replace"))
            self._counts[name][ARRIVED] += size

    def unpublished(self, name: str) -> str:
        """What was printed and has not arrived; asked again, it is nothing."""
        if name not in self._counts:
            return ""
        counts, tape = self._counts[name], self._tapes[name]
        room, written = len(tape) - HEAD, counts[WRITTEN]
        missing = min(max(0, written + counts[FORKED] - counts[ARRIVED]), written, room)
        self._forget(name)
        end = written % room
        start = end - missing
        if start >= 0:
            rest = tape[HEAD + start : HEAD + end]
        else:
            rest = tape[HEAD + room + start :] + tape[HEAD : HEAD + end]
        return rest.decode("utf-8", "replace")

    def forget(self) -> None:
        """All is published: a cell is done, its text has arrived."""
        for name in self._counts:
            self._forget(name)

    def _forget(self, name: str) -> None:
        counts = self._counts[name]
        counts[ARRIVED] = counts[WRITTEN] + counts[FORKED]

    def close(self) -> None:
        """Let go of the memory."""
        for name, counts in self._counts.items():
            counts.release()
            self._tapes[name].close()
        self._counts.clear()


def read_all(fd: int) -> bytes:
    """What is in a pipe now, up to 1 MB; empty at its end."""
    chunks: list[bytes] = []
    with suppress(BlockingIOError):
        while len(chunks) < CHUNKS and (chunk := os.read(fd, 1 << 16)):
            chunks.append(chunk)
    return b"".join(chunks)
