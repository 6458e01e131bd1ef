"""The benchmarks' account of CPU time misses nothing that a command leaves running."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.bench.measuring import measured

BUSY = """
import os, sys, time
for _ in range(2):  # detached: nobody's child, in a session of its own
    if os.fork():
        os._exit(0)
    os.setsid()
while time.process_time() < 0.3:
    pass
open(sys.argv[1], "w").close()
"""


def test_detached_processes_are_waited_for_and_counted(tmp_path: Path) -> None:
    done = tmp_path / "done"
    cost = measured([[sys.executable, "-c", BUSY, str(done)]], cwd=tmp_path)
    assert done.exists()
    assert cost.cpu >= 0.3


def test_a_contestant_that_fails_is_no_figure(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="no such contestant"):
        measured([[sys.executable, "-c", "raise SystemExit('no such contestant')"]], cwd=tmp_path)
