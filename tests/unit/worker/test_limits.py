"""Time, memory, output: the limits of a point, on real kernels."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from nbbatch.model import Cause, Outcome
from tests.unit.worker.sweeps import Sweep

pytestmark = pytest.mark.slow

SLEEP = "import time\nprint('begun')\nfor second in range(600):\n    time.sleep(1)"


@pytest.mark.parametrize("times", range(2))
def test_no_line_of_50_000_flushed_ones_is_lost(sweep: Callable[..., Sweep], times: int) -> None:
    """Stock ipykernel drops thousands of them (see ``keep_all_messages``)."""
    lines = sweep("for number in range(50_000):\n    print(number, flush=True)")

    assert lines.run() == 0

    expected = [str(number) for number in range(50_000)]
    assert lines.log().splitlines()[1:] == expected
    (output,) = lines.executed().cells[0].outputs
    assert output.text.splitlines() == expected


def test_a_kernel_killed_while_it_floods_loses_no_line(sweep: Callable[..., Sweep]) -> None:
    killed = sweep(
        """
import os, sys
for n in range(20_000):
    print(n, file=[sys.stdout, sys.stderr][n % 2])
os.kill(os.getpid(), 9)
"""
    )

    assert killed.run() == 0

    assert killed.record().cause is Cause.KERNEL_DIED
    found = {int(line) for line in killed.log().splitlines() if line.isdigit()}
    assert found == set(range(20_000))


def test_what_was_printed_before_a_fork_is_published_once(sweep: Callable[..., Sweep]) -> None:
    """Else as much of a killed kernel's last words would be taken for published."""
    killed = sweep(
        """
import os, time
print('begun')
for _ in range(4):
    pid = os.fork()
    if pid == 0:
        print('fork', flush=True)
        os._exit(0)
    os.waitpid(pid, 0)
time.sleep(0.5)
print('last words')
os.kill(os.getpid(), 9)
"""
    )

    assert killed.run() == 0

    assert killed.log().splitlines()[1:6] == ["begun", *["fork"] * 4]
    assert "last words" in killed.log().splitlines()


def test_a_kernel_killed_after_more_than_its_tape_holds(sweep: Callable[..., Sweep]) -> None:
    """From two threads and a fork, and at once: who prints waits until it has arrived."""
    killed = sweep(
        """
import os, sys, threading
def flood(begin):
    for n in range(begin, begin + 20_000):
        sys.stdout.write(f"{n} {'-' * 100}\\n")
threads = [threading.Thread(target=flood, args=[begin]) for begin in (0, 20_000)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
sys.stdout.flush()
if (fork := os.fork()) == 0:
    print("said by a fork")
    os._exit(0)
os.waitpid(fork, 0)
flood(40_000)
sys.stdout.write("".join(f"{n} -\\n" for n in range(60_000, 600_000)))
os.kill(os.getpid(), 9)
"""
    )

    assert killed.run() == 0

    assert killed.record().cause is Cause.KERNEL_DIED
    lines = killed.log().splitlines()
    assert "said by a fork" in lines
    found = [int(line.split()[0]) for line in lines if line.endswith("-")]
    assert sorted(found) == list(range(600_000))


def test_a_long_cell_is_interrupted_and_shows_where_it_was(sweep: Callable[..., Sweep]) -> None:
    late = sweep("x = 1", SLEEP, "print('never')", cell_timeout=4, collect={"x": "x"})

    assert late.run() == 0

    record = late.record()
    assert (record.outcome, record.cause) == (Outcome.TIMEOUT, Cause.CELL_TIMEOUT)
    assert record.failure is not None
    assert record.failure.value == "The cell ran longer than 4 s."
    assert record.failure.source == "time.sleep(1)"
    assert record.metrics == {"x": 1}
    assert late.states() == ["completed", "failed", "pending"]


def test_a_long_notebook_that_ignores_the_interrupt(sweep: Callable[..., Sweep]) -> None:
    deaf = "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n" + SLEEP
    late = sweep(deaf, timeout=12)  # the start of the kernel counts, too

    assert late.run() == 0

    record = late.record()
    assert (record.outcome, record.cause) == (Outcome.TIMEOUT, Cause.NOTEBOOK_TIMEOUT)
    assert late.states() == ["failed"]
    assert late.executed().cells[-1].outputs[0].text == "begun\n"


def test_too_much_memory_in_the_whole_family_of_processes(sweep: Callable[..., Sweep]) -> None:
    greedy = sweep(
        """
import subprocess, sys, time
print("begun")
code = "import time; x = bytearray(400_000_000); time.sleep(600)"
subprocess.run([sys.executable, "-c", code])
""",
        memory=300 * 2**20,
    )

    assert greedy.run() == 0

    record = greedy.record()
    assert (record.outcome, record.cause) == (Outcome.DIED, Cause.OUT_OF_MEMORY)
    assert record.failure is not None
    assert record.failure.value.endswith("asked for were 300 MB.")
    assert record.peak_memory is not None
    assert record.peak_memory > 300 * 2**20
    assert "begun" in greedy.log()


def test_text_above_the_cap_is_in_the_log_only(sweep: Callable[..., Sweep]) -> None:
    loud = sweep("1", "for n in range(20_000): print('line', n)", output_cap=20_000)

    assert loud.run() == 0

    assert loud.record().truncated == (1,)
    assert loud.log().count("line ") == 20_000
    kept, notice = loud.executed().cells[1].outputs
    assert len(kept.text) < 24_000
    assert "output.log has all of it" in notice.text


def test_no_point_is_begun_that_would_not_end_in_time(sweep: Callable[..., Sweep]) -> None:
    points = [{"n": n} for n in range(20)]
    hurried = sweep("import time; time.sleep(1)", params=points, walltime=5)

    assert hurried.run() == 75

    done = len(list((hurried.root / "points").iterdir()))
    assert 1 <= done < 6
    assert all(hurried.record(index).outcome is Outcome.OK for index in range(done))


def test_a_disk_that_is_full_is_no_fault_of_the_notebook(
    sweep: Callable[..., Sweep], tmp_path: Path
) -> None:
    """Where not even a record can be written the bundle is not finished."""
    full = sweep("print(1)")
    (full.root / "points").write_text("a file where a folder should be")

    assert full.run() == 75
