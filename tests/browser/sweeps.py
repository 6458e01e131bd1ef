"""A true sweep, run through the command line, for reports that are made from what really ran."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

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
    command = [sys.executable, "-m", "nbbatch", "run", notebook, "--grid", folder / "grid.yaml"]
    env = {**os.environ, "XDG_STATE_HOME": str(folder / "state")}
    run = subprocess.run(
        [*map(str, command), "--out", str(out)], env=env, capture_output=True, text=True
    )
    assert run.returncode == 1, run.stdout + run.stderr  # 1: a point failed
    return out
