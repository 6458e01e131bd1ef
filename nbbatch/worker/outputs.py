"""What the cells print: merged in linear time, capped in the notebook, whole in the log."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nbformat import NotebookNode

from .terminal import LINE_LIMIT, Terminal

_ANSI = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)|[@-Z\\^_])")


BEGUN_SECONDS = 0.3
BEGUN_LIMIT = 1_000
"""How long, and how many characters of, a line's begin waits for its end."""


def strip_ansi(text: str) -> str:
    """``text`` without terminal escape sequences."""
    return _ANSI.sub("", text) if "\x1b" in text else text


class _Block:
    """One stream output of the notebook and the terminal that its text is made on."""

    def __init__(self, name: str, chunk: int) -> None:
        self.output = NotebookNode(output_type="stream", name=name, text="")
        self.terminal = Terminal(chunk)
        self.dirty = True


def keepable(bundle: Mapping[str, Any]) -> dict[str, Any]:
    """A mime bundle as a notebook file can hold it: values that are no text only under ``+json``.

    nbformat refuses the whole output otherwise, and Altair's is ``vnd.vegalite.v6.json``.
    """
    return {
        mime
        if isinstance(value, (str, list)) or mime.endswith(("+json", "application/json"))
        else f"{mime.removesuffix('.json')}+json": value
        for mime, value in bundle.items()
    }


class CellText:
    """The text output of one cell, in its list of outputs.

    Between two other outputs (a figure, a table) there is one block of stdout and one of
    stderr, whatever the order in which the pieces came: a progress bar and prints that
    interrupt it stay readable. The first half of ``cap`` characters is kept, and then
    as much of the end; the middle is left out, visibly.
    """

    def __init__(self, outputs: list[NotebookNode], cap: int) -> None:
        self.outputs = outputs
        self.cap = cap
        self._chunk = max(256, min(LINE_LIMIT, cap // 16))
        self._blocks: list[_Block] = []
        self._open: dict[str, _Block] = {}
        self._kept = 0
        self._over_half = False
        self._dropping = 0  # the first block that may still have something to drop
        self.truncated = False

    def write(self, name: str, text: str) -> None:
        """Add a piece of stdout or stderr."""
        block = self._open.get(name)
        if block is None:
            block = self._open[name] = _Block(name, self._chunk)
            if self._over_half:
                block.terminal.close_head()
            self._blocks.append(block)
            self.outputs.append(block.output)
        block.dirty = True
        if len(text) <= self._chunk:
            self._feed(block.terminal, text)
        else:
            for start in range(0, len(text), self._chunk):
                self._feed(block.terminal, text[start : start + self._chunk])

    def _feed(self, terminal: Terminal, text: str) -> None:
        before = terminal.size
        terminal.write(text)
        self._kept += terminal.size - before
        if not self._over_half and self._kept > self.cap // 2:
            self._over_half = True
            for block in self._blocks:
                block.terminal.close_head()
        while self._kept > self.cap and self._dropping < len(self._blocks):
            dropped = self._blocks[self._dropping].terminal.drop_oldest()
            if dropped:
                self._kept -= dropped
                self.truncated = True
            else:
                self._dropping += 1
        self._dropping = min(self._dropping, max(0, len(self._blocks) - 2))

    def other_output(self) -> None:
        """Something that is not text was shown: text after it goes below it."""
        self._open.clear()

    def clear(self) -> None:
        """The cell's outputs were cleared."""
        self._blocks.clear()
        self._open.clear()
        self._kept, self._over_half, self._dropping, self.truncated = 0, False, 0, False

    def render(self) -> None:
        """Bring the notebook's outputs up to date."""
        for block in self._blocks:
            if block.dirty:
                block.output["text"] = block.terminal.text()
                block.dirty = False

    def finish(self) -> None:
        """Say so at the end of the outputs when text was left out."""
        if self.truncated:
            self.other_output()
            notice = NotebookNode(
                output_type="stream",
                name="stderr",
                text=f"nbbatch: this cell printed more than {self.cap:,} characters; its middle "
                "is left out here. output.log has all of it.\n",
            )
            self.outputs.append(notice)


class OutputLog:
    """``output.log``: all text of all cells, as it comes, a header line above each cell's.

    The begin of a line waits a moment for its end, so that lines of stdout and stderr do
    not tear each other apart: ``print`` publishes a line and its newline separately.

    The file is made under another name and moved into place, so that an attempt of
    another host at the same point keeps writing to a file of its own.
    """

    def __init__(self, path: Path) -> None:
        fresh = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND
        self._handle = os.open(fresh, flags, 0o666)
        fresh.replace(path)
        self._pending: list[str] = []
        self._begun: dict[str, str] = {}  # of each stream, a line that may go on
        self._begun_at = 0.0
        self._at_line_start = True
        self.failed: OSError | None = None

    def header(self, cell: int, count: int | None, later: bool = False) -> None:
        """What follows is of ``cell`` (0-based index); ``later``: of a thread of it, say."""
        number = " " if count is None else count
        self.line(f"── cell {cell} [In {number}]{', later' if later else ''} ──")

    def line(self, text: str) -> None:
        """A line of ours, on a line of its own."""
        self._release()
        self._put(("" if self._at_line_start else "\n") + text + "\n")

    def write(self, text: str, stream: str) -> None:
        """Text of a stream."""
        text = self._begun.pop(stream, "") + text
        end = text.rfind("\n") + 1
        if len(text) - end > BEGUN_LIMIT:
            end = len(text)
        if end < len(text):
            if not self._begun:
                self._begun_at = time.monotonic()
            self._begun[stream] = text[end:]
        self._put(text[:end])

    def _put(self, text: str) -> None:
        if text:
            self._pending.append(text)
            self._at_line_start = text.endswith("\n")

    def _release(self) -> None:
        for text in self._begun.values():
            self._put(text)
        self._begun.clear()

    def shown(self, content: Mapping[str, Any]) -> None:
        """The plain text of a display or of a cell's value."""
        text = content.get("data", {}).get("text/plain")
        if isinstance(text, list):
            text = "".join(text)
        if isinstance(text, str) and text:
            self.line(text)

    def error(self, content: Mapping[str, Any]) -> None:
        """An error's traceback."""
        lines = content.get("traceback") or [f"{content.get('ename')}: {content.get('evalue')}"]
        self.line(strip_ansi("\n".join(lines)))

    def flush(self) -> None:
        """Write what is pending, in one call. A full disk is remembered, not raised."""
        if self._begun and time.monotonic() - self._begun_at > BEGUN_SECONDS:
            self._release()
        if not self._pending:
            return
        view = memoryview("".join(self._pending).encode("utf-8", "replace"))
        self._pending.clear()
        try:
            while view:
                view = view[os.write(self._handle, view) :]
        except OSError as error:
            self.failed = self.failed or error

    def close(self) -> None:
        """Write the rest and make it durable. Raises the OSError of a failed write."""
        self._release()
        self.flush()
        try:
            os.fsync(self._handle)
        except OSError as error:
            self.failed = self.failed or error
        os.close(self._handle)
        if self.failed:
            raise self.failed
