"""A worker that runs no notebook: the record is there at once. For tests of thousands of jobs.

It is started as the interpreter of a job (``--python``), so it gets a worker's command line.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path


def run(file: Path) -> None:
    bundle = json.loads(file.read_bytes())
    root = Path(bundle["root"])
    for point in bundle["points"]:
        with (root / "ran").open("a") as ran:  # one write: O_APPEND keeps lines whole
            ran.write(f"{point['id']}\n")
        folder = root / point["dir"]
        folder.mkdir(parents=True, exist_ok=True)
        record = {"point": point["id"], "key": point["key"], "attempt": 1, "outcome": "ok"}
        fresh = folder / ".record.json.tmp"
        fresh.write_text(json.dumps(record))
        fresh.replace(folder / "record.json")


def interpreter(folder: Path) -> Path:
    """A program for ``--python`` that runs this for bundles, and Python for all else."""
    program = folder / "light-python"
    program.write_text(
        f'#!/bin/sh\nif [ "$2" = nbbatch.worker ]; then exec {sys.executable} -S -E {__file__} '
        f'"$3"; fi\nexec {sys.executable} "$@"\n'
    )
    program.chmod(0o755)
    return program


if __name__ == "__main__":
    run(Path(sys.argv[1]))
