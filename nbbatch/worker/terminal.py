"""Text that a program wrote for a terminal, as a terminal would show it, in linear time.

Progress bars (tqdm, Keras, R's txtProgressBar) go back with carriage return, backspace
and "cursor up" and write over what was there. A notebook that keeps each of their steps
has megabytes of them; one that drops whatever stands before a carriage return loses text
that was never written over.
"""

from __future__ import annotations

import re
from collections import deque

_CONTROL = re.compile(r"[\r\b]|\x1b\[\d*[AK]")
"""What moves the cursor or erases; anything else is just appended."""

_TOKEN = re.compile(
    r"(?P<newline>\r*\n)|(?P<home>\r)|(?P<back>\x08)|\x1b\[(?P<up>\d*)A|(?P<erase>\x1b\[\d*K)"
    r"|(?P<colour>\x1b\[[\d;:]*m)|(?P<text>[^\r\n\x08\x1b]+|\x1b)"
)

_COLOUR = re.compile(r"(\x1b\[[\d;:]*m)")

_WINDOW = 200
"""Lines that "cursor up" can reach: a terminal's cursor stops at the top of its window."""

LINE_LIMIT = 65_536
"""Characters after which the start of a line is finished: a terminal would have wrapped it."""


class Terminal:
    """One stream's text. Finished pieces are not copied again, so writing is linear.

    ``size`` counts the characters of the finished text. The current line is in
    ``_pieces`` while text is only appended, and in ``_cells``, one character each, once
    something went back in it. After ``close_head`` new text may be dropped again,
    oldest first, by ``drop_oldest``.
    """

    def __init__(self, line_limit: int = LINE_LIMIT) -> None:
        self.size = 0
        self.dropped = 0
        self._line_limit = line_limit
        self._head: list[str] = []
        self._tail: deque[str] = deque()
        self._head_open = True
        self._pieces: list[str] = []
        self._pieces_size = 0
        self._cells: list[str] | None = None
        self._column = 0
        self._colour = ""
        self._below: list[str] = []  # lines under the cursor, the next one last

    # ------------------------------------------------------------------- writing

    def write(self, text: str) -> None:
        """Add what a program printed."""
        plain = "\r" not in text and "\b" not in text and "\x1b" not in text  # faster than that
        if self._cells is None and (plain or not _CONTROL.search(text)):
            self._append(text)
            return
        for token in _TOKEN.finditer(text):
            self._act(token)

    def _append(self, text: str) -> None:
        before, newline, rest = text.rpartition("\n")
        if newline:
            self._finish("".join((*self._pieces, before, newline)))
            self._pieces, self._pieces_size = [], 0
        if rest:
            self._pieces.append(rest)
            self._pieces_size += len(rest)
            if self._pieces_size > self._line_limit:
                self._finish("".join(self._pieces))
                self._pieces, self._pieces_size = [], 0

    def _act(self, token: re.Match[str]) -> None:
        kind = token.lastgroup
        if kind == "newline":
            self._newline()
        elif kind in ("text", "colour") and self._cells is None:
            self._append(token[0])
        elif kind == "home":
            self._line()
            self._column = 0
        elif kind == "back":
            self._line()
            self._column = max(0, self._column - 1)
        elif kind == "erase":
            cells = self._line()
            # "\x1b[K" erases to the end of the line, "\x1b[2K" the whole line.
            if "2" in token[0]:
                cells[: self._column] = " " * min(self._column, len(cells))
            del cells[self._column :]
        elif kind == "up":
            self._up(min(int(token["up"] or 1), _WINDOW))
        elif kind == "colour":
            self._colour += token[0]
        else:
            self._overwrite(token[0])

    def _overwrite(self, text: str) -> None:
        cells = self._line()
        if self._column > len(cells):
            cells.extend(" " * (self._column - len(cells)))
        end = self._column + len(text)
        cells[self._column : end] = text
        cells[self._column] = self._colour + cells[self._column]
        self._colour = ""
        self._column = end
        if end == len(cells) > self._line_limit and not self._below:
            self._finish("".join(cells))
            self._cells, self._column = None, 0

    def _line(self) -> list[str]:
        """The current line as cells; a colour code sticks to the character after it."""
        if self._cells is None:
            self._cells = _to_cells("".join(self._pieces))
            self._pieces, self._pieces_size = [], 0
            self._column = len(self._cells)
        return self._cells

    def _current(self) -> str:
        return "".join(self._pieces if self._cells is None else self._cells) + self._colour

    def _newline(self) -> None:
        self._finish(self._current() + "\n")
        self._pieces, self._pieces_size, self._colour = [], 0, ""
        self._cells, self._column = None, 0
        if self._below:
            self._cells = _to_cells(self._below.pop())

    def _up(self, lines: int) -> None:
        self._line()
        for _ in range(lines):
            above = self._take_line()
            if above is None:
                return
            self._below.append(self._current())
            self._colour = ""
            self._cells = _to_cells(above)

    def _take_line(self) -> str | None:
        """Take the last finished line back, without its newline; None if there is none."""
        store: list[str] | deque[str] = self._head if self._head_open else self._tail
        if not store or not store[-1].endswith("\n"):
            return None
        piece = store.pop()
        self.size -= len(piece)
        before, newline, line = piece[:-1].rpartition("\n")
        if newline:
            store.append(before + newline)
            self.size += len(before) + 1
        return line

    def _finish(self, text: str) -> None:
        (self._head if self._head_open else self._tail).append(text)
        self.size += len(text)

    # ------------------------------------------------------------------- reading

    def close_head(self) -> None:
        """Keep what is there for good; what comes from now on may be dropped again."""
        self._head_open = False

    def drop_oldest(self) -> int:
        """Drop the oldest piece that may be dropped; return its size, 0 if there is none."""
        if not self._tail:
            return 0
        size = len(self._tail.popleft())
        self.size -= size
        self.dropped += size
        return size

    def text(self) -> str:
        """What the terminal shows now, scrolled-out lines included."""
        self._head[:] = ["".join(self._head)]
        parts = list(self._head)
        if self.dropped:
            parts.append(f"\n[… {self.dropped:,} characters left out, see output.log …]\n")
        parts += self._tail
        parts.append(self._current())
        for line in reversed(self._below):
            parts += ("\n", line)
        return "".join(parts)


def _to_cells(line: str) -> list[str]:
    if "\x1b" not in line:
        return list(line)
    cells: list[str] = []
    colour = ""
    for part in _COLOUR.split(line):
        if part.startswith("\x1b["):
            colour += part
        elif part:
            cells += part
            cells[-len(part)] = colour + cells[-len(part)]
            colour = ""
    if colour and cells:
        cells[-1] += colour
    return cells
