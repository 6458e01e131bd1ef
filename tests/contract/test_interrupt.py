"""Ctrl-C at an attached run: it asks, and neither answer loses anything."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from nbbatch.sweep import Sweep
from tests.terminal import CTRL_C, Terminal

from .conftest import LONG, Bench, states, until

# What Ctrl-C does is the command line's, whatever the backend.
pytestmark = pytest.mark.parametrize("backend", ["local"], indirect=True)


@pytest.fixture
def waiting(bench: Bench) -> Iterator[Terminal]:
    """An attached run of two points that end when the file ``go`` is there."""
    go = bench.folder / "go"
    wait = f"import os, time\nwhile not os.path.exists({str(go)!r}): time.sleep(0.05)"
    notebook = bench.notebook(wait)
    command = [sys.executable, "-m", "nbbatch", "run", str(notebook), "-g", "x=1,2"]
    with Terminal([*command, "--jobs", "2", "--out", str(bench.out)], LONG) as terminal:
        until(lambda: len(bench.ran()) == 2)
        bench.sweeps.append(Sweep.open(bench.out))  # which is ended also where a test fails
        terminal.expect("2 running")
        terminal.type(CTRL_C)
        terminal.expect("[d]etach")
        yield terminal


@pytest.mark.slow
def test_detach(bench: Bench, waiting: Terminal) -> None:
    waiting.type(b"d\n")
    waiting.expect("nbbatch watch")
    assert "nbbatch cancel" in waiting.seen
    assert waiting.code() == 130

    sweep = Sweep.open(bench.out)
    assert states(sweep) == {1: "running", 2: "running"}
    (bench.folder / "go").touch()
    sweep.wait(LONG)
    assert states(sweep) == {1: "ok", 2: "ok"}


@pytest.mark.slow
def test_a_second_ctrl_c_detaches(bench: Bench, waiting: Terminal) -> None:
    waiting.type(CTRL_C)
    waiting.expect("nbbatch watch")
    assert waiting.code() == 130
    (bench.folder / "go").touch()
    sweep = Sweep.open(bench.out)
    sweep.wait(LONG)
    assert states(sweep) == {1: "ok", 2: "ok"}


@pytest.mark.slow
def test_cancel(bench: Bench, waiting: Terminal) -> None:
    waiting.type(b"c\n")
    waiting.expect("nbbatch resume")
    assert waiting.code() == 130
    sweep = Sweep.open(bench.out)
    sweep.wait(LONG)
    assert states(sweep) == {1: "cancelled", 2: "cancelled"}
