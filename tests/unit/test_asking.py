"""What the command line asks a person at a terminal."""

from __future__ import annotations

import _thread
import io
import os
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from nbbatch.cli.console import ask
from tests.notebooks import write_notebook
from tests.terminal import CTRL_C, Terminal

PATIENCE = 60.0


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.FileIO]:
    """What is written here is typed."""
    mine, theirs = os.pipe()
    with os.fdopen(mine) as stdin, os.fdopen(theirs, "wb", buffering=0) as keys:
        monkeypatch.setattr(sys, "stdin", stdin)
        yield keys


def test_an_answer(typed: io.FileIO, capsys: pytest.CaptureFixture[str]) -> None:
    typed.write(b"yes\n")
    assert ask("Run? ") == "yes"
    assert capsys.readouterr().out == "Run? "


def test_the_end_of_input_is_no_answer(typed: io.FileIO) -> None:
    typed.close()
    assert ask("Run? ") == ""


def test_no_ctrl_c_is_missed(typed: io.FileIO) -> None:
    """One that came just before the read interrupts no read: it is only noted."""
    former = signal.signal(signal.SIGINT, signal.default_int_handler)
    note = threading.Timer(0.1, _thread.interrupt_main)
    note.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            ask("Run? ")
    finally:
        note.join()
        signal.signal(signal.SIGINT, former)


@pytest.mark.parametrize("answer", [b"n\n", b"\n", CTRL_C], ids=["no", "enter", "ctrl-c"])
def test_many_points_are_asked_about(tmp_path: Path, answer: bytes) -> None:
    notebook, out = write_notebook(tmp_path / "scan.ipynb", parameters="x = 0"), tmp_path / "out"
    command = [sys.executable, "-m", "nbbatch", "run", str(notebook), "-g", "x=range(0,1001)"]
    with Terminal([*command, "--out", str(out)], PATIENCE) as terminal:
        terminal.expect("Run 1,001 points? [y/N]")
        terminal.type(answer)
        assert terminal.code() in (1, 130)
    assert not out.exists()
