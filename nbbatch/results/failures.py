"""Group points that went wrong in the same way. Pure.

Two points belong together when state, exception, cell and line agree and their messages
differ only in what differs between points anyway: numbers, addresses, paths, and
parameter values.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ..model import Cause, PointState, PointView, Value
from .table import settled, shorten

MESSAGE_LENGTH = 400
"""Characters of a message that are compared and shown."""

GAP = "\0"
"""Stands in a template where messages may differ: no message has it."""

WORDS: dict[PointState, str] = {
    PointState.FAILED: "A cell raised an exception",
    PointState.TIMEOUT: "Took longer than allowed",
    PointState.DIED: "The kernel died",
    PointState.LOST: "The job is gone and left no record",
    PointState.INTERRUPTED: "Interrupted before it ended",
    PointState.HELD: "Held by the scheduler",
}
"""The states that are grouped, in words."""

CAUSES: dict[Cause, str] = {
    Cause.CELL_TIMEOUT: "A cell took longer than --cell-timeout allows",
    Cause.NOTEBOOK_TIMEOUT: "The notebook took longer than --timeout allows",
    Cause.OUT_OF_MEMORY: "The kernel was killed: out of memory",
    Cause.KERNEL_START: "The kernel never answered",
    Cause.NOTEBOOK_INVALID: "The notebook cannot be executed",
    Cause.WORKER_ERROR: "The worker failed",
    Cause.WALLTIME: "The job's time was over: --time gives it more",
    Cause.SIGNALLED: "Interrupted: the worker was told to stop",
}
"""Finer words, where a record tells the cause."""


@dataclass(frozen=True)
class FailureGroup:
    """Points that went wrong in the same way.

    ``title`` is what happened in plain words (``ValueError`` for an exception in a
    cell), ``message`` what was said, with ``…`` where the points differ. ``cell``,
    ``execution_count``, ``line`` and ``source`` are as in ``model.Failure``. ``example``
    is the first of the points.
    """

    state: PointState
    title: str
    message: str
    cell: int | None
    execution_count: int | None
    line: int | None
    source: str
    example: PointView
    points: tuple[str, ...]

    @property
    def count(self) -> int:
        """How many points are in the group."""
        return len(self.points)

    @property
    def headline(self) -> str:
        """Title and message on one line."""
        return f"{self.title}: {self.message}" if self.message else self.title

    @property
    def place(self) -> str:
        """Where it happened: ``In [3], line 2``; empty when no cell is known."""
        if self.execution_count is not None:
            cell = f"In [{self.execution_count}]"
        elif self.cell is not None:
            cell = f"cell {self.cell + 1}"
        else:
            return ""
        return f"{cell}, line {self.line}" if self.line is not None else cell

    @property
    def traceback(self) -> str:
        """The example's traceback; empty when there is none."""
        record = self.example.record
        return record.failure.traceback if record and record.failure else ""


def group_failures(views: Iterable[PointView]) -> list[FailureGroup]:
    """The points that are not well, grouped; the largest group first."""
    members: dict[tuple[object, ...], list[tuple[PointView, list[str]]]] = {}
    for view in views:
        if view.state in WORDS:
            template, slots = generalise(message_of(view), view.point.params)
            key = (view.state, title_of(view), template, *_place(view))
            members.setdefault(key, []).append((view, slots))
    groups = [_group(group) for group in members.values()]
    # Stable: groups of one size stay in the order of their first points.
    return sorted(groups, key=lambda group: -group.count)


def title_of(view: PointView) -> str:
    """What happened to a point, in plain words; an exception in a cell by its name."""
    record = settled(view)
    if record is None:
        return WORDS.get(view.state, str(view.state.value))
    if view.state is PointState.FAILED and record.failure is not None:
        return record.failure.name
    if view.state in (PointState.FAILED, PointState.TIMEOUT, PointState.DIED):
        return CAUSES.get(record.cause, WORDS[view.state])
    return WORDS.get(view.state, str(view.state.value))


def message_of(view: PointView) -> str:
    """What was said of a point that went wrong: its exception's value, or the reason."""
    record = settled(view)
    if record is not None and record.failure is not None:
        said = record.failure.value
    else:
        said = view.reason
    return shorten(said.replace(GAP, ""), MESSAGE_LENGTH)


def _place(view: PointView) -> tuple[int | None, int | None]:
    record = settled(view)
    if record is None or record.failure is None:
        return None, None
    return record.failure.cell, record.failure.line


def _group(members: list[tuple[PointView, list[str]]]) -> FailureGroup:
    example = members[0][0]
    record = settled(example)
    failure = record.failure if record is not None else None
    return FailureGroup(
        state=example.state,
        title=title_of(example),
        message=_merged(message_of(example), example.point.params, [slots for _, slots in members]),
        cell=failure.cell if failure else None,
        execution_count=failure.execution_count if failure else None,
        line=failure.line if failure else None,
        source=shorten(failure.source, 200) if failure else "",
        example=example,
        points=tuple(view.point.id for view, _ in members),
    )


# ------------------------------------------------------------------------- messages

# In this order: what an earlier alternative matches, a later one does not see.
_SLOT = re.compile(
    r"""
      0x[0-9a-fA-F]+                                      # an address
    # Perhaps a parameter's value. An apostrophe in a word ("can't") opens and closes nothing.
    | (?P<quoted> (?:(?<!\w)|(?<=\b[bBrRuU]))'[^'\n]*'(?!\w) | "[^"\n]*" | `[^`\n]*` )
    | (?<![\w.~])(?:~|[A-Za-z]:)?(?:[/\\][\w.+@%=~-]+){2,}[/\\]?   # an absolute path
    | \b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b     # a UUID
    | (?<![A-Za-z_])[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?   # a number, not part of a name
    | (?P<word> [^\W\d]\w{2,} )                           # perhaps a parameter's value
    """,
    re.VERBOSE,
)

# What is quoted: a relative path, or a file's name with a number in it.
_FILE = re.compile(
    r"(?:[\w.+@%=~-]+/)+[\w.+@%=~-]*\.\w{1,8}|[\w+@%=~-]*\d[\w.+@%=~-]*\.[A-Za-z]\w{0,7}"
)


def generalise(message: str, params: Mapping[str, Value]) -> tuple[str, list[str]]:
    """A message's template, with ``GAP`` for each part that may differ by point, and these."""
    values = {value for value in params.values() if isinstance(value, str) and value}
    slots: list[str] = []

    def gap(match: re.Match[str]) -> str:
        text = match[0]
        if match["quoted"]:
            inner = text[1:-1]
            if inner not in values and not _differs_by_point(inner, values):
                return text
        elif match["word"] and text not in values:
            return text
        slots.append(text)
        return GAP

    return _SLOT.sub(gap, message), slots


def _differs_by_point(quoted: str, values: set[str]) -> bool:
    """Whether quoted text is a number or a path, or has a parameter's value inside."""
    match = _SLOT.fullmatch(quoted)
    if match is not None and not match["word"] and not match["quoted"]:
        return True
    if _FILE.fullmatch(quoted):
        return True
    return any(len(value) > 2 and value in quoted for value in values)


def _merged(message: str, params: Mapping[str, Value], slots: list[list[str]]) -> str:
    """The message with ``…`` only where the points of the group really differ."""
    template, parts = generalise(message, params)
    shown = [
        part if all(texts[place] == part for texts in slots) else "…"
        for place, part in enumerate(parts)
    ]
    pieces = template.split(GAP)
    return pieces[0] + "".join(part + piece for part, piece in zip(shown, pieces[1:], strict=True))
