"""True sweeps, run through the command line, for reports that are made from what really ran."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import nbformat

from tests.notebooks import write_notebook

PICTURE = """
import struct, zlib
from IPython.display import Image, display

def png(width, height, grey):
    chunk = lambda kind, data: (
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)))
    rows = b"".join(b"\\0" + bytes(grey(x, y) for x in range(width)) for y in range(height))
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (b"\\x89PNG\\r\\n\\x1a\\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows))
            + chunk(b"IEND", b""))

display(Image(png(80, 60, lambda x, y: int(gain * (x + y) * (1 if det == "A" else 0.5)) % 256)))
"""

GRID = """\
grid:
  det: [A, B]
  gain: [0, 1, 2.5, 10]
  mode: [quick]
collect:
  yield: signal
  offset: "0.0"
"""


SEARCH = """\
grid:
  det: [A, B, C]
  energy: [5, 10, 35, 50]
  seed: [1, 2, 3, 4]
"""


def nbbatch(folder: Path, *words: object) -> subprocess.CompletedProcess[str]:
    """Run a command, with its memory of known sweeps in ``folder``."""
    env = {**os.environ, "XDG_STATE_HOME": str(folder / "state")}
    command = [sys.executable, "-m", "nbbatch", *map(str, words)]
    return subprocess.run(command, env=env, cwd=folder, capture_output=True, text=True)


def tag(notebook: Path, tag: str, *cells: int) -> None:
    """Tag cells, counted from 1."""
    nb = nbformat.read(notebook, 4)
    for cell in cells:
        nb.cells[cell - 1].metadata["tags"] = [tag]
    nbformat.write(nb, notebook)


def run_search(folder: Path) -> Path:
    """Run 3 × 4 × 4 points of a notebook under version control, with a summary.

    Eight fail for what they have in common, det B with energy 35 or more, one for no such
    reason. Two of three figures are tagged.
    """
    notebook = write_notebook(
        folder / "search.ipynb",
        "import nbbatch\ngain = energy / 5",
        'if det == "B" and energy > 30:\n    raise RuntimeError(f"overflow at {energy} GeV")',
        PICTURE,
        "display(Image(png(40, 60, lambda x, y: (seed * x * y) % 256)))",
        "display(Image(png(10, 10, lambda x, y: 0)))",
        'if det == "C" and energy == 5 and seed == 1:\n    raise ValueError("no fit")',
        'nbbatch.record("score", energy * seed)',
        parameters='det = "A"\nenergy = 5\nseed = 1',
    )
    tag(notebook, "nbbatch-figure", 4, 5)
    summary = write_notebook(
        folder / "summary.ipynb",
        "import csv, nbbatch\nrows = list(csv.DictReader(open(results)))\n"
        "scores = [float(row['score'] or 0) for row in rows]",
        "nbbatch.record('best score', max(scores) / 3)",
        parameters='results = "results.csv"',
    )
    (folder / "grid.yaml").write_text(SEARCH)
    who = ["-c", "user.name=Mara", "-c", "user.email=mara@example.org"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "A search"]):
        subprocess.run(["git", *who, *words], cwd=folder, check=True)
    out = folder / "search"
    options = ["--memory", "4GB", "--summary", summary, "--out", out]
    run = nbbatch(folder, "run", notebook, "--grid", folder / "grid.yaml", *options)
    assert run.returncode == 1, run.stdout + run.stderr
    return out


def run_sweep(folder: Path) -> Path:
    """Run 2 × 4 points, of which one raises; return the sweep's folder."""
    notebook = write_notebook(
        folder / "scan.ipynb",
        'print(f"detector {det}")\nprint(f"gain {gain}")',
        PICTURE,
        'if det == "B" and gain > 5:\n    raise ValueError(f"saturated at {gain}")',
        'signal = gain * (3 if det == "A" else 2)\nsignal',
        parameters='det = "A"\ngain = 1.0\nmode = "slow"',
    )
    (folder / "grid.yaml").write_text(GRID)
    out = folder / "scan"
    run = nbbatch(folder, "run", notebook, "--grid", folder / "grid.yaml", "--out", out)
    assert run.returncode == 1, run.stdout + run.stderr  # 1: a point failed
    return out
