"""A disk that is full, really: a small filesystem of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from nbbatch.locks import Lock
from tests.notebooks import write_notebook


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Room for a notebook and a sweep's beginning, not for its report."""
    home = tmp_path / "disk"
    home.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(home)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("Only root can mount a small filesystem, where it is allowed.")
    try:
        yield home
    finally:
        subprocess.run(["umount", "-l", str(home)], check=True)


@pytest.mark.slow
def test_a_scheduled_run_on_a_full_disk_and_after_it(small_disk: Path) -> None:
    write_notebook(small_disk / "scan.ipynb", "y = x * 2", parameters="x = 1")
    words = ["-g", "x=1,2", "--name", "nightly", "--if-running", "skip"]
    programs = small_disk.parent / "bin"
    programs.mkdir()
    (programs / "crontab").write_text("#!/bin/sh\ntrue\n")
    (programs / "crontab").chmod(0o755)

    def nbbatch(*words: str) -> subprocess.CompletedProcess[str]:
        env = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}"}
        command = [sys.executable, "-m", "nbbatch", *words]
        return subprocess.run(
            command, cwd=small_disk, env=env, capture_output=True, text=True, check=False
        )

    assert nbbatch("schedule", "add", "@daily", "scan.ipynb", *words).returncode == 0
    done = nbbatch("schedule", "run", "nightly")
    assert done.returncode == 3, done.stdout + done.stderr
    assert done.stdout == ""
    assert "There is no room left on the disk" in done.stderr
    assert "Traceback" not in done.stderr
    assert not Lock(small_disk / "sweeps" / "nightly" / ".lock").held()

    remount = ["mount", "-o", "remount,size=64m", str(small_disk)]
    subprocess.run(remount, check=True)
    after = nbbatch("schedule", "run", "nightly")
    assert (after.returncode, after.stdout) == (0, "")
