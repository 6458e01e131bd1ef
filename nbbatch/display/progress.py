"""The live display of a run: a bar in a terminal, plain lines everywhere else."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping
from datetime import datetime
from types import TracebackType

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from ..model import PointState
from ..report.verdict import ORDER, duration, left_in_words, states_in_words
from .text import counts_line, foreign, forgiving

FIRST_INTERVAL = 10.0
"""Seconds between plain lines at first; each line makes the next wait a little longer."""

LONGEST_INTERVAL = 300.0

ENOUGH = 3
"""Points that must end while we watch, before a rate means something."""

WINDOW = 50
"""Ended points from which the rate is taken: the last ones tell most of what is to come."""


class Eta:
    """How fast points end, and how long the rest takes; says nothing before it can."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque(maxlen=WINDOW)

    def note(self, now: float, over: int) -> None:
        """At the time ``now`` (seconds), ``over`` points had ended."""
        if not self._seen or over != self._seen[-1][1]:
            self._seen.append((now, over))

    def rate(self, now: float, running: int) -> float | None:
        """Points a second; None while too few ended.

        At least one round of those that run side by side must have ended, else the
        first to end, the fastest, would stand for all.
        """
        if not self._seen:
            return None
        since, before = self._seen[0]
        ended = self._seen[-1][1] - before
        # Until now, not until the last end: when nothing ends the rate goes down.
        if ended < max(ENOUGH, min(running, WINDOW // 2)) or now <= since:
            return None
        return ended / (now - since)


class Progress:
    """Shows counts by state, a bar, the rate, the time left and the last failure.

    Use as a context manager and call ``update`` whenever the counts may have changed
    (as often as you like). In a terminal it redraws in place and leaves nothing behind;
    otherwise it prints a line now and then, without control codes.
    """

    def __init__(
        self, console: Console | None = None, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._console = forgiving(console or Console())
        self._clock = clock
        self._began = clock()
        self._counts: Mapping[PointState, int] = {}
        self._total = 0
        self._last_failure: str | None = None
        self._eta = Eta()
        self._live: Live | None = None
        self._interval = FIRST_INTERVAL
        self._printed_at: float | None = None
        self._printed = ""

    def __enter__(self) -> Progress:
        self._began = self._clock()
        if self._console.is_terminal and not self._console.is_dumb_terminal:
            self._live = Live(
                get_renderable=self.render,
                console=self._console,
                refresh_per_second=4,
                transient=True,
            )
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None
        elif self._total:
            self._print_line(self._clock())

    def update(
        self, counts: Mapping[PointState, int], total: int, last_failure: str | None = None
    ) -> None:
        """Points by state, how many there are, and the newest failure in one line."""
        new_failure = last_failure is not None and last_failure != self._last_failure
        self._counts, self._total, self._last_failure = counts, total, last_failure
        now = self._clock()
        self._eta.note(now, self._over)
        if self._live is not None:
            return
        # A failure is news at any time, but a failing sweep must not fill the log.
        due = self._printed_at is None or now - self._printed_at >= self._interval
        if due or (new_failure and self._interval == FIRST_INTERVAL):
            self._print_line(now)

    @property
    def _over(self) -> int:
        return sum(number for state, number in self._counts.items() if state.over)

    def _left(self) -> tuple[float | None, float | None]:
        """Rate (points a second) and seconds left; None: not known yet."""
        rate = self._eta.rate(self._clock(), self._counts.get(PointState.RUNNING, 0))
        return rate, None if not rate else (self._total - self._over) / rate

    def render(self) -> RenderableType:
        """The live block: bar, counts, time, last failure."""
        rate, left = self._left()
        over, total = self._over, self._total
        bar = Table.grid(padding=(0, 1, 0, 0))
        bar.add_row(
            ProgressBar(total=max(total, 1), completed=over, width=30),
            Text(f"{over:,} of {total:,}", style="bold"),
            Text(f"{round(100 * over / total)} %" if total else "", style="dim"),
        )
        facts = [duration(self._clock() - self._began)]
        if rate is not None:
            facts.append(rate_in_words(rate))
        if over < total:
            facts.append(left_in_words(left))
        parts: list[RenderableType] = [bar, counts_line(self._counts)]
        parts.append(Text(", ".join(facts), style="dim"))
        if self._last_failure:
            failure = Text("last failure  ", style="red", no_wrap=True, overflow="ellipsis")
            parts.append(failure.append_text(foreign(self._last_failure, "default")))
        return Group(*parts)

    def _print_line(self, now: float) -> None:
        _, left = self._left()
        counts = {state: self._counts[state] for state in ORDER if self._counts.get(state)}
        said = f"{self._over:,} of {self._total:,} done ({states_in_words(counts)})"
        if self._last_failure:
            said += f"; last failure: {foreign(self._last_failure).plain}"
        if said == self._printed and self._over == self._total:
            return
        self._interval = min(
            self._interval * (1.0 if self._printed_at is None else 1.3), LONGEST_INTERVAL
        )
        self._printed, self._printed_at = said, now
        if self._over < self._total and left is not None:
            said += f"; {left_in_words(left)}"
        # Neither wrapped nor marked up: one event, one line of a log file.
        self._console.out(f"{datetime.now():%H:%M:%S}  {said}", highlight=False)


def rate_in_words(rate: float) -> str:
    """Points a second as points a second, minute or hour, whichever reads well."""
    for unit, seconds in (("s", 1), ("min", 60), ("h", 3600)):
        if rate * seconds >= 1:
            return f"{rate * seconds:.3g} points/{unit}"
    return f"{rate * 86400:.2g} points/day"
