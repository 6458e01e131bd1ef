"""Which data files must be written again, and what the page needs to know of the others.

A part is ``CHUNK`` points. Its stamp (``stamps``) tells what its data file is made from;
``data/built.json`` keeps the stamps of the last build with each part's column names and
constants. A part whose stamp is the same is neither computed nor read nor written.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..results.table import Row, same, varying


@dataclass(frozen=True)
class Part:
    """What the page needs to know of some points: names in order of appearance, constants.

    ``stamp`` is empty when the points' files may change by themselves.
    """

    stamp: str
    size: int
    params: list[str]
    metrics: list[str]
    constants: dict[str, Any]


def part_of(stamp: str, rows: Sequence[Row]) -> Part:
    """Sum up the rows of a part."""
    constants = varying(rows, "params")[1] if len(rows) > 1 else dict(rows[0]["params"])
    return Part(
        stamp=stamp,
        size=len(rows),
        params=list(dict.fromkeys(name for row in rows for name in row["params"])),
        metrics=list(dict.fromkeys(name for row in rows for name in row["metrics"])),
        constants=constants,
    )


def names_of(parts: Sequence[Part], section: str) -> list[str]:
    """The names of all parts, in order of appearance."""
    return list(dict.fromkeys(name for part in parts for name in getattr(part, section)))


def constants_of(parts: Sequence[Part]) -> dict[str, Any]:
    """Parameters that have one value at all points; none if there is but one point."""
    if sum(part.size for part in parts) < 2:
        return {}
    first, *others = parts
    return {
        name: value
        for name, value in first.constants.items()
        if all(name in part.constants and same(part.constants[name], value) for part in others)
    }


def read_parts(file: Path) -> list[Part]:
    """The parts of the last build; none when there was none or its notes are damaged."""
    try:
        return [Part(**part) for part in json.loads(file.read_bytes())]
    except (OSError, ValueError, TypeError):
        return []


def parts_text(parts: Sequence[Part]) -> str:
    """The parts as ``read_parts`` reads them."""
    return json.dumps([asdict(part) for part in parts])
