"""What points used of what was asked for, with a suggestion for the next sweep. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ..model import Cause, Header, PointView
from ..results.table import settled
from ..worker.units import memory_text
from .verdict import duration

HEADROOM = 1.25
"""The suggestion is this much above the largest use seen."""

ENOUGH = 0.5
"""A suggestion below this part of what was asked is worth to be made."""


@dataclass(frozen=True)
class Advice:
    """One resource: what was used, asked for, and what to ask for next time."""

    label: str
    used: str
    asked: str
    suggestion: str


def advice(header: Header, views: Sequence[PointView]) -> list[Advice]:
    """Memory, time and CPU of the points that have ended; empty where nothing is known."""
    records = [record for view in views if (record := settled(view)) is not None]
    if not records:
        return []
    of_job = header.backend != "local"
    memory = sorted(
        r.peak_memory + (r.worker_memory or 0) * of_job for r in records if r.peak_memory
    )
    seconds = sorted(r.seconds for r in records if r.seconds)
    short_of = sum(r.cause is Cause.OUT_OF_MEMORY for r in records)
    found = []
    if memory:
        found.append(_memory(memory, header.resources.memory, short_of, of_job=of_job))
    if seconds:
        found.append(_time(seconds, header.resources.time, max(1, header.points_per_job)))
    busy = [r for r in records if r.cpu_seconds and r.seconds >= 1]
    if busy:
        used = sum(r.cpu_seconds or 0 for r in busy) / sum(r.seconds for r in busy)
        found.append(_cpus(used, header.resources.cpus))
    return found


def quantile(ordered: Sequence[float], part: float) -> float:
    """The smallest value that at least this part of the (sorted) values do not exceed."""
    return ordered[max(0, math.ceil(part * len(ordered)) - 1)]


def rounded_up(amount: float) -> float:
    """The next number of bytes with two significant digits in its unit."""
    unit = 1024.0 ** max(0, math.floor(math.log(amount, 1024)))
    return _two_digits_up(amount / unit) * unit


def _two_digits_up(amount: float) -> float:
    step = 10.0 ** (math.floor(math.log10(amount)) - 1)
    return math.ceil(amount / step - 1e-9) * step


def _spread(ordered: Sequence[float], text: list[str]) -> str:
    if len(ordered) == 1:
        return f"the only point used {text[1]}"
    if len(ordered) < 10:
        return f"at most {text[1]}"
    return f"90 % of points at most {text[0]}, the largest {text[1]}"


def _memory(used: Sequence[float], asked: int | None, short_of: int, *, of_job: bool) -> Advice:
    """``of_job``: what was asked for is a job's, so what was used has its worker in it."""
    words = _spread(used, [memory_text(quantile(used, 0.9)), memory_text(used[-1])])
    wish = rounded_up(HEADROOM * used[-1])
    if short_of:
        plural = "point" if short_of == 1 else "points"
        suggestion = (
            f"Ask for more than {memory_text(used[-1])}: {short_of} {plural} ran out of it."
        )
    elif asked is None:
        suggestion = f"{memory_text(wish)} would do."
    elif wish < ENOUGH * asked:
        suggestion = f"Next time {memory_text(wish)} would do."
    else:
        suggestion = "Right as it is."
    words += ", the job's worker included" if of_job else ""
    return Advice("Memory", words, memory_text(asked) if asked else "nothing asked", suggestion)


def _time(used: Sequence[float], asked: int | None, points_per_job: int) -> Advice:
    words = _spread(used, [duration(quantile(used, 0.9)), duration(used[-1])])
    wish = max(60 * math.ceil(HEADROOM * used[-1] * points_per_job / 60), 60)
    if asked is None:
        suggestion = f"A limit of {_round(wish)} a job would do."
    elif used[-1] * points_per_job > asked:
        suggestion = "Ask for more: the longest point fills a whole job."
    elif wish < ENOUGH * asked:
        suggestion = f"Next time {_round(wish)} a job would do; short jobs start earlier."
    else:
        suggestion = "Right as it is."
    return Advice("Time", words, duration(asked) if asked else "nothing asked", suggestion)


def _round(seconds: float) -> str:
    """A time in whole minutes or hours, without their empty rest."""
    return duration(seconds).removesuffix(" 00 s").removesuffix(" 00 min")


def _cpus(used: float, asked: int) -> Advice:
    wish = max(1, math.ceil(used - 0.05))
    plural = "CPU" if asked == 1 else "CPUs"
    if used > asked + 0.2:
        suggestion = f"Ask for {wish}: the notebook uses more than its share."
    elif wish < asked:
        suggestion = f"Next time {wish} would do."
    else:
        suggestion = "Right as it is."
    return Advice("CPU", f"{used:.2g} at a time on average", f"{asked} {plural}", suggestion)
