"""Ctrl-C at an attached run: it asks, and neither answer loses anything."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
import time

import pytest

from nbbatch.sweep import Sweep

from .conftest import LONG, Bench, states, until

# What Ctrl-C does is the command line's, whatever the backend.
pytestmark = pytest.mark.parametrize("backend", ["local"], indirect=True)

CTRL_C = b"\x03"


class Terminal:
    """``nbbatch run`` in a pseudo-terminal, as a person sees it."""

    def __init__(self, command: list[str]) -> None:
        self.master, slave = pty.openpty()
        self.process = subprocess.Popen(
            command,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            preexec_fn=_take_terminal,
        )
        os.close(slave)
        self.seen = ""

    def expect(self, text: str) -> None:
        deadline = time.monotonic() + LONG
        while text not in self.seen:
            assert time.monotonic() < deadline, f"{text!r} was not in {self.seen!r}"
            if select.select([self.master], [], [], 0.2)[0]:
                self.seen += os.read(self.master, 65536).decode(errors="replace")

    def type(self, keys: bytes) -> None:
        self.seen = ""
        os.write(self.master, keys)

    def close(self) -> int:
        code = self.process.wait(LONG)
        os.close(self.master)
        return code


def _take_terminal() -> None:
    import fcntl
    import termios

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)  # so that Ctrl-C becomes SIGINT, …
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # …, also where these tests run in the background


@pytest.fixture
def waiting(bench: Bench) -> Terminal:
    """An attached run of two points that end when the file ``go`` is there."""
    go = bench.folder / "go"
    wait = f"import os, time\nwhile not os.path.exists({str(go)!r}): time.sleep(0.05)"
    notebook = bench.notebook(wait)
    command = [sys.executable, "-m", "nbbatch", "run", str(notebook), "-g", "x=1,2"]
    terminal = Terminal([*command, "--jobs", "2", "--out", str(bench.out)])
    until(lambda: len(bench.ran()) == 2)
    bench.sweeps.append(Sweep.open(bench.out))  # which is ended also where a test fails
    terminal.expect("2 running")
    terminal.type(CTRL_C)
    terminal.expect("[d]etach")
    return terminal


@pytest.mark.slow
def test_detach(bench: Bench, waiting: Terminal) -> None:
    waiting.type(b"d\n")
    waiting.expect("nbbatch watch")
    assert "nbbatch cancel" in waiting.seen
    assert waiting.close() == 130

    sweep = Sweep.open(bench.out)
    assert states(sweep) == {1: "running", 2: "running"}
    (bench.folder / "go").touch()
    sweep.wait(LONG)
    assert states(sweep) == {1: "ok", 2: "ok"}


@pytest.mark.slow
def test_a_second_ctrl_c_detaches(bench: Bench, waiting: Terminal) -> None:
    waiting.type(CTRL_C)
    waiting.expect("nbbatch watch")
    assert waiting.close() == 130
    (bench.folder / "go").touch()
    sweep = Sweep.open(bench.out)
    sweep.wait(LONG)
    assert states(sweep) == {1: "ok", 2: "ok"}


@pytest.mark.slow
def test_cancel(bench: Bench, waiting: Terminal) -> None:
    waiting.type(b"c\n")
    waiting.expect("nbbatch resume")
    assert waiting.close() == 130
    sweep = Sweep.open(bench.out)
    sweep.wait(LONG)
    assert states(sweep) == {1: "cancelled", 2: "cancelled"}
