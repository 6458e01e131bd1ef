"""What the kernel printed but did not live to publish."""

from __future__ import annotations

import os
from contextlib import suppress

LIMIT = 16_000_000
"""Bytes kept of what is not published yet; a kernel publishes every 0.2 s."""


CHUNKS = 16
"""Pieces of 64 kB taken at a time: a flood must not keep the poll loop from the rest."""


class BlackBox:
    """Compares the kernel's own copy of its text with what it published.

    Both carry the same bytes in the same order, so what is missing at the end of a dead
    kernel's stream is the end of the copy.
    """

    def __init__(self) -> None:
        self._lines = {"stdout": _Line(), "stderr": _Line()}

    def read(self, name: str, fd: int) -> None:
        """Take what is there of the copy of stream ``name``."""
        line = self._lines[name]
        with suppress(BlockingIOError):
            for _ in range(CHUNKS):
                line.copied(os.read(fd, 1 << 16))

    def published(self, name: str, text: str) -> None:
        """``text`` of stream ``name`` has arrived."""
        if name in self._lines:
            self._lines[name].arrived(len(text.encode("utf-8", "replace")))

    def unpublished(self, name: str) -> str:
        """What was printed and has not arrived."""
        return bytes(self._lines[name].take()).decode("utf-8", "replace")

    def forget(self) -> None:
        """All is published: a cell is done, its text has arrived."""
        for line in self._lines.values():
            line.take()


def read_all(fd: int) -> str:
    """What is in a pipe now, up to 1 MB; empty at its end."""
    chunks: list[bytes] = []
    with suppress(BlockingIOError):
        while len(chunks) < CHUNKS and (chunk := os.read(fd, 1 << 16)):
            chunks.append(chunk)
    return b"".join(chunks).decode("utf-8", "replace")


class _Line:
    def __init__(self) -> None:
        self._waiting = bytearray()
        self._ahead = 0  # bytes that arrived before their copy was read

    def copied(self, chunk: bytes) -> None:
        skipped = min(self._ahead, len(chunk))
        self._ahead -= skipped
        self._waiting += chunk[skipped:]
        del self._waiting[: max(0, len(self._waiting) - LIMIT)]

    def arrived(self, size: int) -> None:
        gone = min(size, len(self._waiting))
        del self._waiting[:gone]
        self._ahead += size - gone

    def take(self) -> bytearray:
        taken, self._waiting = self._waiting, bytearray()
        self._ahead = 0
        return taken
