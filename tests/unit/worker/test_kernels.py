"""Kernels of other languages, kernels that do not start, notebooks that are none."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from nbbatch.model import Cause, Outcome
from nbbatch.worker.kernel import SWEEP_KERNELS
from tests.unit.worker.sweeps import Sweep, tagged

pytestmark = pytest.mark.slow


def install_kernel(sweep: Sweep, name: str, argv: Sequence[str]) -> None:
    """A kernelspec that the sweep brings along."""
    folder = sweep.root / SWEEP_KERNELS / name
    folder.mkdir(parents=True)
    spec = {"argv": list(argv), "display_name": name, "language": "python"}
    (folder / "kernel.json").write_text(json.dumps(spec))


def test_r(sweep: Callable[..., Sweep]) -> None:
    r = sweep(
        tagged("x <- 1\nword <- 'a'", "parameters"),
        "cat('x is', x, word, '\\n')\nx",
        "message('a message')",
        "plot(1:3)",
        params=[{"x": 3, "word": 'é "q" \\ 😀'}],
        kernel="ir",
        language="R",
        collect={"square": "x^2", "word": "word"},
    )

    assert r.run() == 0

    record = r.record()
    assert record.outcome is Outcome.OK
    assert record.language == "R"
    assert record.metrics == {"square": 9.0, "word": 'é "q" \\ 😀'}
    assert 'x is 3 é "q" \\ 😀' in r.log()
    assert "a message" in r.log()
    assert "image/png" in r.executed().cells[4].outputs[0].data


def test_r_loses_no_line_either(sweep: Callable[..., Sweep]) -> None:
    r = sweep("for (i in 1:30000) cat(i, '\\n', sep='')", kernel="ir", language="R")

    assert r.run() == 0

    assert r.log().splitlines()[1:] == [str(n) for n in range(1, 30_001)]


def test_an_error_in_r(sweep: Callable[..., Sweep]) -> None:
    r = sweep("cat('before\\n')\nstop('too hot')", "cat('never')", kernel="ir", language="R")

    assert r.run() == 0

    record = r.record()
    assert (record.outcome, record.cause) == (Outcome.FAILED, Cause.CELL_ERROR)
    assert record.failure is not None
    assert "too hot" in record.failure.value
    assert r.states() == ["failed", "pending"]


def test_a_kernel_behind_a_shell_script(sweep: Callable[..., Sweep], tmp_path: Path) -> None:
    """As sites have them, to set up an environment first."""
    script = tmp_path / "kernel.sh"
    python = f"exec '{sys.executable}' -m ipykernel_launcher"
    script.write_text(f'#!/bin/sh\nexport SET_UP=yes\n{python} "$@"\n')
    script.chmod(0o755)
    wrapped = sweep(
        "import os, nbbatch\nnbbatch.record('m', 1)\nprint(os.environ['SET_UP'])\nos._exit(7)",
        kernel="wrapped",
    )
    install_kernel(wrapped, "wrapped", [str(script), "-f", "{connection_file}"])

    assert wrapped.run() == 0

    record = wrapped.record()
    assert record.failure is not None
    assert record.failure.value == "The kernel exited with code 7."
    assert "yes\n" in wrapped.log()


def test_a_kernel_that_does_not_start_is_tried_again(sweep: Callable[..., Sweep]) -> None:
    """It starts the second time here, as one whose port was taken does."""
    shy = sweep("print('started')", kernel="shy")
    flag = shy.root / "flag"
    script = f'[ -e "{flag}" ] || {{ touch "{flag}"; echo port taken >&2; exit 3; }}; exec "$@"'
    argv = ["sh", "-c", script, "sh", sys.executable, "-m", "ipykernel_launcher", "-f"]
    install_kernel(shy, "shy", [*argv, "{connection_file}"])

    assert shy.run() == 0

    assert shy.record().outcome is Outcome.OK
    assert shy.record().attempt == 2
    archived = shy.attempts()[1]["record"]
    assert archived["cause"] == "kernel-start"
    assert archived["failure"]["value"] == "Kernel 'shy' exited with code 3 before it answered."
    assert archived["failure"]["traceback"] == "port taken"


def test_a_kernel_that_never_starts(sweep: Callable[..., Sweep]) -> None:
    broken = sweep("print('never')", kernel="broken", retries=1)
    install_kernel(broken, "broken", ["sh", "-c", "echo no libzmq >&2; exit 127"])

    assert broken.run() == 0

    record = broken.record()
    assert (record.outcome, record.cause) == (Outcome.DIED, Cause.KERNEL_START)
    assert record.attempt == 2
    assert broken.states() == ["pending"]
    assert broken.scratch() == []


def test_a_kernel_that_does_not_answer(sweep: Callable[..., Sweep]) -> None:
    mute = sweep("1", kernel="mute", retries=0, startup_timeout=1)
    install_kernel(mute, "mute", ["sleep", "600"])

    assert mute.run() == 0

    assert mute.record().failure is not None
    assert mute.record().failure.value == "Kernel 'mute' did not answer within 1 s."  # type: ignore[union-attr]


def test_a_kernel_that_does_not_exist(sweep: Callable[..., Sweep]) -> None:
    missing = sweep("1", kernel="no-such-kernel")

    assert missing.run() == 0

    record = missing.record()
    assert record.cause is Cause.KERNEL_START
    assert record.attempt == 1  # trying again cannot help
    assert record.failure is not None
    assert record.failure.value.startswith("There is no kernel 'no-such-kernel' on this machine")
    assert "python3" in record.failure.value


def test_a_file_that_is_no_notebook(sweep: Callable[..., Sweep]) -> None:
    torn = sweep("1")
    (torn.root / "notebook.ipynb").write_text('{"cells": [')

    assert torn.run() == 0

    record = torn.record()
    assert (record.outcome, record.cause) == (Outcome.FAILED, Cause.NOTEBOOK_INVALID)
    assert record.failure is not None
    assert "is not a notebook" in record.failure.value


def test_a_folder_to_run_in_that_is_missing(sweep: Callable[..., Sweep]) -> None:
    lost = sweep("1", cwd="/no/such/folder", retries=0)

    assert lost.run() == 0

    assert lost.record().failure is not None
    assert "does not exist on this machine" in lost.record().failure.value  # type: ignore[union-attr]


def test_exit_ends_a_notebook_well(sweep: Callable[..., Sweep]) -> None:
    left = sweep("x = 1", "exit()", "print('never')", collect={"x": "x"})

    assert left.run() == 0

    assert left.record().outcome is Outcome.OK
    assert left.states() == ["completed", "completed", "pending"]


def test_text_that_comes_after_its_cell(sweep: Callable[..., Sweep]) -> None:
    late = sweep(
        """
import atexit, threading, time
def chat():
    for n in range(3):
        time.sleep(0.3)
        print("thread", n, flush=True)
thread = threading.Thread(target=chat)
thread.start()
""",
        "print('second cell')\nthread.join()",
        "_ = atexit.register(lambda: print('at exit', flush=True))",
    )

    assert late.run() == 0

    log = late.log()
    assert [n for n in range(3) if f"thread {n}" not in log] == []
    assert "at exit" in log


def test_shared_memory_does_not_keep_a_kernel_from_its_end(sweep: Callable[..., Sweep]) -> None:
    """Its tracker ends after the kernel; who waits for it is killed before the exit handlers."""
    sharing = sweep(
        "import atexit\nfrom multiprocessing import shared_memory",
        "_ = atexit.register(lambda: print('at exit', flush=True))",
        "block = shared_memory.SharedMemory(create=True, size=100)",
        "print('left behind:', block.name)",
    )

    assert sharing.run() == 0

    assert sharing.record().outcome is Outcome.OK
    assert "at exit" in sharing.log()
    (name,) = re.findall("left behind: (.+)", sharing.log())
    assert not Path("/dev/shm", name).exists()


def test_a_kernel_that_never_says_that_a_cell_is_over(sweep: Callable[..., Sweep]) -> None:
    """It is asked something else: what it publishes then would have come after that word."""
    deaf = sweep(
        """
        session = get_ipython().kernel.session
        send = session.send
        def forgetful(stream, what, content=None, *args, **more):
            if what == "status" and content == {"execution_state": "idle"}:
                session.send = send
                return None
            return send(stream, what, content, *args, **more)
        session.send = forgetful
        print("the last word")
        """,
        "print('the next cell')",
        cell_timeout=30,
    )
    assert deaf.run() == 0
    assert deaf.record().outcome is Outcome.OK
    assert deaf.states() == ["completed", "completed"]


def test_text_that_cannot_be_sent(sweep: Callable[..., Sweep]) -> None:
    """Half a surrogate pair makes ipykernel lose the text, and at times the cell's end."""
    halves = sweep(*["import sys; sys.stdout.write('half \\ud800 a pair\\n');"] * 5)
    assert halves.run() == 0
    texts = [cell.outputs[0].text for cell in halves.executed().cells]
    assert texts == ["half ? a pair\n"] * 5
