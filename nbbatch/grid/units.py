"""Memory and time as people write them."""

from __future__ import annotations

import math
import re

from nbbatch.errors import GridError

_MEMORY = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([KMGT]?)(i?B)?\s*", re.IGNORECASE)
_POWER = {"": 0, "K": 1, "M": 2, "G": 3, "T": 4}
_LEAST_MEMORY = 1024**2

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_UNIT = {
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), "s"),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), "m"),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), "h"),
    **dict.fromkeys(("d", "day", "days"), "d"),
    **dict.fromkeys(("w", "week", "weeks"), "w"),
}
_PART = re.compile(r"\s*([0-9]{1,12}(?:\.[0-9]{1,12})?)\s*([a-z]+)")
_PARTS = re.compile(rf"(?:{_PART.pattern})+")
_CLOCK = re.compile(r"(?:([0-9]{1,4})-)?([0-9]{1,4}):([0-5][0-9]):([0-5][0-9])")
_BARE = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,12})?")


def parse_memory(text: str | int, *, where: str = "") -> int:
    """Bytes of "2GB", "512 MiB", "1.5T" or a number of bytes.

    Units are powers of 1024 with or without the i, as Slurm and HTCondor read them.
    Raises GridError, also for less than a megabyte: a unit was forgotten.
    """
    hint = 'Write it as "2GB" or "500MB".'
    if isinstance(text, bool) or not isinstance(text, (int, str)):
        raise GridError(f"{text!r} is no amount of memory", where=where, hint=hint)
    match = _MEMORY.fullmatch(str(text)) if len(str(text)) < 40 else None
    if not match:
        raise GridError(f"{str(text)[:40]!r} is no amount of memory", where=where, hint=hint)
    amount = math.ceil(float(match[1]) * 1024.0 ** _POWER[match[2].upper()])
    if amount < _LEAST_MEMORY:
        raise GridError(
            f"{text} is {amount} bytes, too little for any notebook", where=where, hint=hint
        )
    return amount


def parse_duration(text: str | float, *, where: str = "") -> int:
    """Seconds, rounded up, of "1h30m", "90s", "2 days", "01:30:00", "1-12:00:00" or a number.

    ``MM:SS`` and ``HH:MM`` look the same and are refused. Raises GridError.
    """
    hint = 'Write it as "1h30m", "90s" or "01:30:00".'
    if isinstance(text, bool) or not isinstance(text, (int, float, str)):
        raise GridError(f"{text!r} is no time span", where=where, hint=hint)
    seconds = _seconds(text)
    if seconds is None or not 0 < seconds < 1e12:
        raise GridError(f"{str(text)[:40]!r} is no time span", where=where, hint=hint)
    return math.ceil(seconds)


def _seconds(text: str | float) -> float | None:
    if not isinstance(text, str):
        return float(text) if abs(text) < 1e12 else None
    text = text.strip().lower()
    if len(text) > 60:
        return None
    if _BARE.fullmatch(text):
        return float(text)
    if clock := _CLOCK.fullmatch(text):
        days, hours, minutes, seconds = (int(part or 0) for part in clock.groups())
        return float(((days * 24 + hours) * 60 + minutes) * 60 + seconds)
    if not _PARTS.fullmatch(text):
        return None
    parts = [(float(number), _UNIT.get(word, "")) for number, word in _PART.findall(text)]
    units = [unit for _, unit in parts]
    if "" in units or len(set(units)) != len(units):
        return None
    return sum(number * _SECONDS[unit] for number, unit in parts)
