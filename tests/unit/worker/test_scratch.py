"""What is removed of workers that were killed, and whose it may be."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

import pytest

from nbbatch.worker import kernel
from nbbatch.worker.kernel import Scratch, remove_abandoned_scratch

LONG_AGO = time.time() - 600


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_what_a_killed_worker_left_is_removed_and_what_is_in_use_is_not(temporary: Path) -> None:
    used = Scratch()
    left = temporary / "nbb-left"
    left.mkdir()
    (left / "lock").touch()
    for folder in (used.path, left):
        os.utime(folder, (LONG_AGO, LONG_AGO))

    remove_abandoned_scratch()

    assert not left.exists()
    assert used.path.exists()
    used.remove()


@pytest.mark.parametrize("stranger", [0, 1])
def test_a_stranger_cannot_have_us_empty_a_file_of_ours(
    temporary: Path, monkeypatch: pytest.MonkeyPatch, stranger: int
) -> None:
    """Anybody may make such a folder in /tmp, and what he likes in it."""
    thesis = temporary / "thesis.tex"
    thesis.write_text("years of work")
    trap = temporary / "nbb-trap"
    trap.mkdir()
    (trap / "lock").symlink_to(thesis)
    os.utime(trap, (LONG_AGO, LONG_AGO))
    monkeypatch.setattr(kernel.os, "getuid", lambda: trap.stat().st_uid + stranger)

    remove_abandoned_scratch()

    assert thesis.read_text() == "years of work"


def test_a_stranger_cannot_make_us_wait(temporary: Path) -> None:
    trap = temporary / "nbb-trap"
    trap.mkdir()
    os.mkfifo(trap / "lock")
    os.utime(trap, (LONG_AGO, LONG_AGO))

    remove_abandoned_scratch()
