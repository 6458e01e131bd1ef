"""How fast is nbbatch? ``tests/run bench`` prints a table of ratios from one run.

Each contestant runs the same notebooks on this machine, one contestant after the other, and
what the cells of their executed notebooks say is compared. CPU seconds count every process,
detached ones too; starting up, results and report are in it, divided by the points.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from . import notebooks
from .contestants import CONTESTANTS, Contestant, outputs
from .measuring import Cost

POINTS = {  # enough that the figures hold still: commands, papermill, ploomber, nbbatch, cold
    "tiny": (6, 10, 40, 200, 40),
    "science": (6, 8, 20, 60, 16),
    "cells": (4, 6, 10, 24, 12),
    "text": (2, 2, 2, 6, 4),
}


@dataclass(frozen=True)
class Figures:
    """Of one contestant and one notebook, per point; ``memory`` is that of all processes."""

    points: int
    cpu: float
    wall: float
    memory: int
    files: float
    size: float


def measure(contestant: Contestant, name: str, points: int, home: Path) -> Figures:
    folder = home / contestant.name.replace(" ", "-") / name
    folder.mkdir(parents=True)
    notebook = notebooks.write(name, home)
    cost: Cost = contestant.run(notebook, points, folder)
    files = contestant.results(folder)
    size = sum(file.stat().st_size for file in files)
    return Figures(
        points,
        cost.cpu / points,
        cost.wall / points,
        cost.memory,
        len(files) / points,
        size / points,
    )


def same_outputs(first: Iterable[Path], second: Iterable[Path]) -> str:
    """In words, whether the notebooks that both have say the same."""
    compared = 0
    for ours, theirs in zip(first, second, strict=False):
        wanted, found = outputs(ours), outputs(theirs)
        if wanted != found:
            cell = next(i for i, pair in enumerate(zip(wanted, found)) if pair[0] != pair[1])
            return f"differ: {theirs}, code cell {cell}"
        compared += 1
    return f"{compared} same"


def table(name: str, rows: Sequence[tuple[str, Figures, str]]) -> None:
    """Print one notebook's figures; the ratios are to the first row."""
    first = rows[0][1]
    print(f"\n{name}: {notebooks.TITLES[name]}")
    print(
        f"{'':30} {'points':>6} {'CPU':>8} {'less by':>8} {'wall':>8} {'less by':>8}"
        f" {'memory':>8} {'files':>6} {'size':>9}  outputs"
    )
    for title, f, compared in rows:
        print(
            f"{title:30} {f.points:6d} {f.cpu:6.2f} s {first.cpu / f.cpu:7.1f}x"
            f" {f.wall:6.2f} s {first.wall / f.wall:7.1f}x {f.memory / 1e6:5.0f} MB"
            f" {f.files:6.1f} {f.size / 1e3:6.0f} kB  {compared}"
        )


def run(names: Sequence[str], chosen: Sequence[int], factor: float, home: Path) -> None:
    for name in names:
        rows: list[tuple[str, Figures, str]] = []
        reference: list[Path] = []
        for number in chosen:
            contestant = CONTESTANTS[number]
            points = max(2, round(POINTS[name][number] * factor))
            figures = measure(contestant, name, points, home)
            folder = home / contestant.name.replace(" ", "-") / name
            executed = list(contestant.executed(folder))
            reference = reference or executed
            rows.append((contestant.name, figures, same_outputs(reference, executed)))
        table(name, rows)


def main() -> None:
    parser = argparse.ArgumentParser(prog="speed_bench", description=__doc__)
    parser.add_argument("notebook", nargs="*", help=f"of {', '.join(POINTS)}; default: all")
    parser.add_argument("--only", default="01234", help="digits of contestants; default: 01234")
    parser.add_argument("--factor", type=float, default=1, help="more, or fewer, points")
    parser.add_argument("--keep", type=Path, help="a new folder for the results, which stay")
    options = parser.parse_args()
    cpus = len(os.sched_getaffinity(0))
    print(f"Python {platform.python_version()}, {cpus} CPUs, load {os.getloadavg()[0]:.1f}")
    home = options.keep or Path(tempfile.mkdtemp(prefix="nbbatch-bench-"))
    home.mkdir(exist_ok=True)
    try:
        run(options.notebook or list(POINTS), [int(n) for n in options.only], options.factor, home)
    finally:
        if not options.keep:
            shutil.rmtree(home)


if __name__ == "__main__":
    main()
