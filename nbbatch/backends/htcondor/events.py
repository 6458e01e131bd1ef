"""The event log of a sweep's jobs: how those ended that have left the queue.

Read here, not with ``JobEventLog``: that one ends in silence at a damaged line, and its
position is a pickle. Advice only: the queue and the records decide, so a log that is
missing, cut or written twice costs a question to the history, never a wrong state.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from ...model import Ending

HEADER = re.compile(rb"^(\d{3}) \((\d+)\.(\d+)\.\d+\) ", re.MULTILINE)
END = b"\n...\n"

EXECUTE, EVICTED, TERMINATED, ABORTED, TRANSFER = 1, 4, 5, 9, 40

MOVED = re.compile(r"(Started|Finished) transferring (input|output) files")
# The usual form, with the year or (before 9.0) without, and with parts of a second where the
# schedd is told to write them.
WHEN = re.compile(r"(?:(\d{4})-)?(\d\d)[-/](\d\d)[ T](\d\d):(\d\d):(\d\d(?:\.\d+)?)")
LEAP_YEAR = "2000"

Way = tuple[str, int, str]
"""A cluster, a proc, and which of its files: input or output."""


@dataclass(frozen=True)
class Event:
    """One event: HTCondor's number, the job, the text of its block."""

    number: int
    cluster: str
    proc: int
    text: str


@dataclass(frozen=True)
class Position:
    """How far a log was read; ``start`` are its first bytes, to notice a new one."""

    offset: int = 0
    start: str = ""


def parse(content: bytes) -> tuple[list[Event], int]:
    """The complete events of ``content``, and how many of its bytes they take.

    Whatever is no event is passed over, up to the next header.
    """
    whole = content.rfind(END)
    if whole < 0:
        return [], 0
    used = whole + len(END)
    heads = list(HEADER.finditer(content, 0, used))
    events = []
    for head, after in zip(heads, [*heads[1:], None], strict=True):
        block = content[head.end() : after.start() if after else used]
        body, end, _ = block.partition(END)
        if end:  # else the block was torn: it may be another's text
            number, cluster, proc = head.groups()
            events.append(
                Event(int(number), str(int(cluster)), int(proc), body.decode(errors="replace"))
            )
    return events, used


def read(log: Path, position: Position) -> tuple[list[Event], Position]:
    """What was added since ``position``; all of it when it is another log by now."""
    try:
        with log.open("rb") as stream:
            start = stream.read(64).hex()
            known = position.start
            if not known or not start.startswith(known):
                position = Position()
            stream.seek(position.offset)
            events, used = parse(stream.read())
    except FileNotFoundError:
        return [], Position()
    return events, Position(position.offset + used, start if used else known)


def endings(events: list[Event]) -> Iterator[tuple[tuple[str, int], tuple[Ending, str]]]:
    """The job and how it ended, for each event that ends one; a later one counts."""
    for event in events:
        if event.number == TERMINATED:
            yield (event.cluster, event.proc), (Ending.EXITED, _exit_words(event.text))
        elif event.number == ABORTED:
            lines = [line.strip() for line in event.text.splitlines()[1:]]
            reason = next((line for line in lines if line), "removed")
            yield (event.cluster, event.proc), (Ending.CANCELLED, reason)


def transfers(events: Iterable[Event], begun: dict[Way, float]) -> Iterator[tuple[Way, float]]:
    """Whose files arrived, and after how many seconds; a later one of the same counts.

    ``begun`` are those under way, with the time they left: taken from it as they arrive, and
    put there for the next call. Where a job waits for its turn to send is not counted.
    """
    for event in events:
        moved = MOVED.search(event.text) if event.number == TRANSFER else None
        at = None if moved is None else _seconds(event.text)
        if moved is None or at is None:
            continue
        way = event.cluster, event.proc, moved[2]
        if moved[1] == "Started":
            begun[way] = at
        elif way in begun:
            seconds = at - begun.pop(way)
            if seconds >= 0:  # else a clock was put back, or a year without a number ended
                yield way, seconds


def _seconds(text: str) -> float | None:
    """When an event was, by a clock that nobody else reads."""
    when = WHEN.match(text)
    if when is None:
        return None
    year, second = int(when[1] or LEAP_YEAR), float(when[6])
    month, day, hour, minute = (int(when[place]) for place in (2, 3, 4, 5))
    try:
        moment = datetime(year, month, day, hour, minute, tzinfo=timezone.utc)
    except ValueError:  # a damaged line
        return None
    return moment.timestamp() + second


def _exit_words(text: str) -> str:
    value = re.search(r"return value (\d+)", text)
    if value:
        return "" if value[1] == "0" else f"its job ended with exit code {value[1]}"
    signal = re.search(r"signal (\d+)", text)
    return f"its job was killed by signal {signal[1]}" if signal else ""
