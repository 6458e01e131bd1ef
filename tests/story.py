"""What is known of a test's sweeps when it fails: it may be hard to make it fail again."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from nbbatch.sweep import Sweep

LINES = 30
"""Of each log, its last."""

QUEUED = """
import htcondor2
for ad in htcondor2.Schedd().query():
    print(ad)
"""
ASKED = {
    "htcondor": [sys.executable, "-c", QUEUED],
    "slurm": ["squeue", "--format", "%i %T %r %j"],
}


def story(sweeps: list[Sweep]) -> str:
    return "\n".join(line for sweep in sweeps for line in _lines(sweep))


def _lines(sweep: Sweep) -> Iterator[str]:
    yield f"{sweep.root}, {sweep.header.backend}"
    try:
        for view in sweep.views():
            yield f"  {view.point.id}: {view.state.value}, {view.attempts} attempts. {view.reason}"
    except Exception as error:
        yield f"  no states: {error!r}"
    yield from _tail(sweep.root / "journal.jsonl")
    for log in sorted(sweep.folder.logs.glob("*")):
        yield from _tail(log)
    for point in sweep.points[:3]:
        for log in sorted((sweep.root / point.dir).glob("*.log")):
            yield from _tail(log)
    if sweep.header.backend in ASKED:
        yield from _said(ASKED[sweep.header.backend])
    if "NBBATCH_FARM_CHANNEL" in os.environ:
        daemons = Path(os.environ["NBBATCH_FARM_CHANNEL"]).parent
        names = ("submit/log/ShadowLog", "execute/log/StartLog", "execute/log/StarterLog.slot*")
        for name in names:
            for log in sorted(daemons.glob(name)):
                yield from _tail(log)


def _tail(file: Path) -> Iterator[str]:
    try:
        lines = file.read_text(errors="replace").splitlines()
    except OSError as error:
        lines = [str(error)]
    if lines:
        yield f"  -- {file}"
        yield from (f"  {line}" for line in lines[-LINES:])


def _said(command: list[str]) -> Iterator[str]:
    yield f"  -- {command}"
    try:
        told = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
        yield from (f"  {line}" for line in (told.stdout + told.stderr).splitlines())
    except (OSError, subprocess.TimeoutExpired) as error:
        yield f"  {error}"
