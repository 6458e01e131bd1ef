"""What went wrong in a cell, read from the error that its kernel sent. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import takewhile
from typing import Any

from ..model import Failure
from .outputs import strip_ansi

TRACEBACK_LIMIT = 50_000
VALUE_LIMIT = 5_000
"""Characters that a record keeps: some exceptions carry a whole table in their message."""

_CELL_LINE = (
    re.compile(r"Cell In\s?\[(?P<count>\d+)\], line (?P<line>\d+)"),  # IPython 8.5 and later
    re.compile(r"Input In \[(?P<count>\d+)\].*?<cell line: (?P<line>\d+)>", re.DOTALL),
    re.compile(r"<ipython-input-(?P<count>\d+)-\w+>.*?^-+> (?P<line>\d+) ", re.DOTALL | re.M),
)


def failure_of_error(
    content: Mapping[str, Any], *, source: str, cell: int, count: int | None
) -> Failure:
    """The failure that an ``error`` message, an error output or an error reply tells of."""
    lines: Sequence[str] = content.get("traceback") or ()
    traceback = _clip(strip_ansi("\n".join(lines)), TRACEBACK_LIMIT)
    texts = source.splitlines()
    line = error_line(traceback, count)
    if line is not None:  # IPython takes leading blank lines away before it counts
        line += sum(1 for _ in takewhile(lambda text: not text.strip(), texts))
    return Failure(
        name=str(content.get("ename") or "Error"),
        value=_clip(strip_ansi(str(content.get("evalue") or "")), VALUE_LIMIT),
        traceback=traceback,
        cell=cell,
        execution_count=count,
        line=line,
        source=texts[line - 1].strip() if line is not None and 0 < line <= len(texts) else "",
    )


def _clip(text: str, limit: int) -> str:
    """``text`` without its middle if it is long: the notebook and the log have all of it."""
    if len(text) <= limit:
        return text
    half = limit // 2
    return f"{text[:half]}\n[… {len(text) - 2 * half:,} characters left out …]\n{text[-half:]}"


def error_line(traceback: str, count: int | None) -> int | None:
    """The line of cell ``In [count]`` where the error arose, the innermost one."""
    for pattern in _CELL_LINE:
        found = [m["line"] for m in pattern.finditer(traceback) if int(m["count"]) == count]
        if found:
            return int(found[-1])
    return None
