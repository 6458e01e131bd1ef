"""What sacct says of the resources that jobs used. Pure parsing."""

from __future__ import annotations

import re
from dataclasses import replace

from ...model import Job, Usage
from .states import first_word, parse_tasks

USAGE_FORMAT = "jobid,state,elapsedraw,totalcpu,maxrss,nodelist"

_UNITS = {"": 1, "K": 1024, "M": 1024**2, "G": 1024**3, "T": 1024**4}


def parse_usage(text: str) -> dict[Job, Usage]:
    """The lines of ``sacct -n -P`` in USAGE_FORMAT.

    MaxRSS stands on the ``.batch`` row, and is empty for a job shorter than the gathering
    interval (``JobAcctGatherFrequency``).
    """
    found: dict[Job, Usage] = {}
    for line in text.splitlines():
        name, state, elapsed, cpu, rss, nodes = (*line.split("|"), *[""] * 6)[:6]
        task, _, step = name.partition(".")
        for job in parse_tasks(task):
            known = found.get(job, Usage())
            if step:
                peaks = [known.peak_memory, _bytes(rss)]
                found[job] = replace(known, peak_memory=max((p for p in peaks if p), default=None))
            else:
                found[job] = replace(
                    known,
                    cpu_seconds=_seconds(cpu),
                    wall_seconds=float(elapsed) if elapsed.isdigit() else None,
                    host="" if nodes == "None assigned" else nodes,
                    ended=first_word(state),
                )
    return found


def _bytes(text: str) -> int | None:
    parts = re.fullmatch(r"([\d.]+)([KMGT]?)", text.strip())
    return round(float(parts[1]) * _UNITS[parts[2]]) if parts else None


def _seconds(text: str) -> float | None:
    """``1-02:03:04``, ``02:03:04`` or ``03:04.567``."""
    parts = re.fullmatch(r"(?:(\d+)-)?(?:(\d+):)?(\d+):([\d.]+)", text.strip())
    if parts is None:
        return None
    days, hours, minutes, seconds = parts.groups()
    return int(days or 0) * 86400 + int(hours or 0) * 3600 + int(minutes) * 60 + float(seconds)
