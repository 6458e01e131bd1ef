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
from itertools import zip_longest
from pathlib import Path

from . import notebooks
from .contestants import CONTESTANTS, Contestant, outputs
from .measuring import Cost

POINTS = {  # enough that the figures hold still: commands, papermill, ploomber, nbbatch, cold
    "tiny": (8, 12, 40, 500, 40),
    "science": (8, 8, 20, 240, 16),
    "cells": (6, 6, 10, 40, 12),
    "text": (4, 2, 2, 16, 4),
}


@dataclass(frozen=True)
class Figures:
    """Of one contestant and one notebook, per point; ``memory`` is that of all processes.

    ``drift``: of the first contestant, which runs before and after all others, the CPU
    seconds of the second time by those of the first.
    """

    points: int
    cpu: float
    wall: float
    memory: int
    files: float
    size: float
    drift: float = 1.0

    def and_later(self, later: Figures) -> Figures:
        return Figures(
            self.points + later.points,
            (self.cpu + later.cpu) / 2,
            (self.wall + later.wall) / 2,
            max(self.memory, later.memory),
            self.files,
            self.size,
            later.cpu / self.cpu,
        )


def measure(contestant: Contestant, notebook: Path, points: int, folder: Path) -> Figures:
    folder.mkdir()
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
            cell = next(i for i, (w, f) in enumerate(zip_longest(wanted, found)) if w != f)
            return f"differ: {theirs}, code cell {cell}"
        compared += 1
    return f"{compared} same"


def table(name: str, rows: Sequence[tuple[str, Figures, str]]) -> None:
    """Print one notebook's figures; the ratios are to the first row."""
    first = rows[0][1]
    print(f"\n{name}: {notebooks.TITLES[name]} (drift of the machine: x {first.drift:.2f})")
    print(
        f"{'':28} {'points':>6} {'CPU':>8} {'ratio':>7} {'wall':>8} {'ratio':>7}"
        f" {'memory':>8} {'files':>6} {'size':>9}  outputs"
    )
    for title, f, compared in rows:
        print(
            f"{title:28} {f.points:6d} {f.cpu:6.3f} s {first.cpu / f.cpu:7.1f}"
            f" {f.wall:6.3f} s {first.wall / f.wall:7.1f} {f.memory / 1e6:5.0f} MB"
            f" {f.files:6.1f} {f.size / 1e3:6.0f} kB  {compared}",
            flush=True,
        )


def warm_up(contestants: Sequence[Contestant], home: Path) -> None:
    """Let everybody fill the caches of disk and matplotlib, unmeasured."""
    notebook = notebooks.write("science", home)
    for number, contestant in enumerate(contestants):
        folder = home / f"warm-up-{number}"
        folder.mkdir()
        contestant.run(notebook, 2, folder)


def compete(
    name: str, contestants: Sequence[tuple[Contestant, int]], home: Path
) -> list[tuple[str, Figures, str]]:
    """Measure all with one notebook: the first before and after the others."""
    notebook = notebooks.write(name, home)
    (first, points), *others = contestants
    half = max(2, points // 2)
    figures = measure(first, notebook, half, home / f"{name}-0")
    reference = list(first.executed(home / f"{name}-0"))
    rows = []
    for number, (contestant, points) in enumerate(others, 1):
        folder = home / f"{name}-{number}"
        row = measure(contestant, notebook, points, folder)
        rows.append((contestant.name, row, same_outputs(reference, contestant.executed(folder))))
    later = measure(first, notebook, half, home / f"{name}-0-again")
    same = same_outputs(reference, first.executed(home / f"{name}-0-again"))
    return [(first.name, figures.and_later(later), same), *rows]


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
    chosen = [int(number) for number in options.only]
    try:
        warm_up([CONTESTANTS[number] for number in chosen], home)
        for name in options.notebook or POINTS:
            points = [max(2, round(POINTS[name][number] * options.factor)) for number in chosen]
            contestants = [CONTESTANTS[number] for number in chosen]
            table(name, compete(name, list(zip(contestants, points, strict=True)), home))
    finally:
        if not options.keep:
            shutil.rmtree(home)


if __name__ == "__main__":
    main()
