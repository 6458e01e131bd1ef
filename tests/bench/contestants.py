"""Ways to run a notebook for many points and have an HTML page of each."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat

from .measuring import Cost, measured

LOOPS = str(Path(__file__).with_name("loops.py"))
HOME = Path(__file__).parents[2] / ".bench"
BIN = HOME / "plain" / "bin"
OTHERS = HOME / "others" / "bin"
"""Where ``tests/install bench`` puts nbbatch, and packages that it does not need."""


@dataclass(frozen=True)
class Contestant:
    """``run`` runs a notebook for ``x`` in ``range(points)`` in an empty folder.

    ``results`` are the folder's files that belong to points, ``executed`` those that are
    executed notebooks.
    """

    name: str
    run: Callable[[Path, int, Path], Cost]
    results: Callable[[Path], list[Path]]
    executed: Callable[[Path], Iterator[Path]]


def environment(folder: Path) -> dict[str, str]:
    """What is the same for all: one thread, and a home with no settings in it."""
    home = folder.parent / "home"
    home.mkdir(exist_ok=True)
    threads = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    return {
        **dict.fromkeys(threads, "1"),
        "HOME": str(home),
        "XDG_STATE_HOME": str(home / "state"),
        "XDG_CACHE_HOME": str(home / "cache"),
        "MPLCONFIGDIR": str(home / "matplotlib"),
        "IPYTHONDIR": str(home / "ipython"),
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        "PLOOMBER_STATS_ENABLED": "false",
        "JUPYTER_PATH": str(BIN.parent / "share" / "jupyter"),  # for the other venv
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
    }


def commands(notebook: Path, points: int, folder: Path) -> Cost:
    """Today's way: two commands a point, two points at a time."""
    both = '"$0" "$2" "$3.ipynb" -p x "$3" --no-progress-bar && "$1" nbconvert --to html "$3.ipynb"'
    programs = [str(BIN / "papermill"), str(BIN / "jupyter"), str(notebook)]
    return measured(
        [["/bin/sh", "-c", both, *programs, str(x)] for x in range(points)],
        cwd=folder,
        environment=environment(folder),
        at_once=2,
    )


def loop(contestant: str, programs: Path) -> Callable[[Path, int, Path], Cost]:
    def run(notebook: Path, points: int, folder: Path) -> Cost:
        command = [str(programs / "python"), LOOPS, contestant, str(notebook), str(points)]
        return measured([command], cwd=folder, environment=environment(folder))

    return run


def nbbatch(*options: str) -> Callable[[Path, int, Path], Cost]:
    def run(notebook: Path, points: int, folder: Path) -> Cost:
        (folder / "grid.yaml").write_text(f"x: {{range: [0, {points}]}}\n")
        command = [str(BIN / "nbbatch"), "run", str(notebook), "--grid", "grid.yaml"]
        command += ["--jobs", "2", "--out", "sweep", "--yes", *options]
        cost = measured([command], cwd=folder, environment=environment(folder))
        assert (folder / "sweep" / "report" / "index.html").exists()
        return cost

    return run


def numbered(folder: Path) -> Iterator[Path]:
    files = folder.glob("*.ipynb")
    yield from sorted(files, key=lambda file: int(file.stem))


def of_sweep(folder: Path) -> Iterator[Path]:
    for line in (folder / "sweep" / "points.jsonl").read_text().splitlines():
        yield folder / "sweep" / json.loads(line)["dir"] / "executed.ipynb"


def pairs(folder: Path) -> list[Path]:
    return [*folder.glob("*.ipynb"), *folder.glob("*.html")]


def point_files(folder: Path) -> list[Path]:
    return [path for path in (folder / "sweep" / "points").rglob("*") if path.is_file()]


CONTESTANTS = [
    Contestant("papermill, jupyter nbconvert", commands, pairs, numbered),
    Contestant("papermill in a loop", loop("papermill", BIN), pairs, numbered),
    Contestant("ploomber-engine in a loop", loop("ploomber", OTHERS), pairs, numbered),
    Contestant("nbbatch", nbbatch(), point_files, of_sweep),
    Contestant("nbbatch --cold", nbbatch("--cold"), point_files, of_sweep),
]


def outputs(file: Path) -> list[Any]:
    """What a notebook's cells say, free of what no two runs and no two programs share.

    Pieces of one stream are put together, as their number is a matter of luck; metadata
    and cell ids are left out, and so is the cell of the parameters, as its comment differs.
    """
    found = []
    for cell in nbformat.read(file, as_version=4).cells:
        if cell.cell_type != "code" or "injected-parameters" in cell.metadata.get("tags", ()):
            continue
        texts: dict[str, str] = {}
        others: list[Mapping[str, Any]] = []
        for output in cell.outputs:
            if output.output_type == "stream":
                texts[output.name] = texts.get(output.name, "") + output.text
            else:
                # An image that ends a cell is a display to one program, a result to another.
                others.append(dict(output.get("data", {"error": output.get("evalue")})))
        found.append((cell.source, texts, others))
    return found
