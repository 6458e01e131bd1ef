"""Kernels forked from a warm process: which ones, and what happens when that is lost."""

from __future__ import annotations

import ast
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest
from jupyter_client.kernelspec import KernelSpec

from nbbatch.model import Outcome
from nbbatch.worker import warm_side
from nbbatch.worker.kernel import Kernel, Scratch
from nbbatch.worker.warm.choice import Interpreter, edited, interpreter_of, shadowed
from tests.unit.worker.sweeps import PATIENCE, Sweep, processes_of, wait_until

PLAIN = ["python", "-m", "ipykernel_launcher", "-f", "{connection_file}"]


@pytest.mark.parametrize(
    ("argv", "understood"),
    [
        (PLAIN, Interpreter(sys.executable)),
        (["python3", *PLAIN[1:]], Interpreter(sys.executable)),
        (["/opt/env/bin/python3.12", *PLAIN[1:]], Interpreter("/opt/env/bin/python3.12")),
        (
            ["/usr/bin/python3", "-Xfrozen_modules=off", "-s", *PLAIN[1:]],
            Interpreter("/usr/bin/python3", ("-Xfrozen_modules=off", "-s")),
        ),
        (["python", "-m", "ipykernel", *PLAIN[3:]], Interpreter(sys.executable)),
    ],
)
def test_kernels_that_can_be_forked(argv: list[str], understood: Interpreter) -> None:
    assert interpreter_of(KernelSpec(argv=argv, language="python")) == understood


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        ({"argv": ["R", "--slave", "-e", "IRkernel::main()"]}, "a launcher of its own"),
        ({"argv": ["/site/setup.sh", *PLAIN]}, "passes options to Python"),
        ({"argv": ["/site/env/python-wrapper", *PLAIN[1:]]}, "a launcher of its own"),
        ({"argv": ["python", "-m", "bash_kernel", *PLAIN[3:]]}, "a launcher of its own"),
        ({"argv": ["python", "-c", "import site_setup", *PLAIN[1:]]}, "options to Python"),
        ({"argv": [*PLAIN, "--matplotlib=inline"]}, "a launcher of its own"),
        ({"argv": PLAIN, "env": {"LD_PRELOAD": "x.so"}}, "sets variables"),
        ({"argv": PLAIN, "interrupt_mode": "message"}, "interrupted by message"),
        (
            {"argv": PLAIN, "metadata": {"kernel_provisioner": {"provisioner_name": "slurm"}}},
            "asks for slurm",
        ),
    ],
)
def test_kernels_that_start_afresh(spec: dict[str, Any], why: str) -> None:
    found = interpreter_of(KernelSpec(**spec))
    assert isinstance(found, str)
    assert why in found


@pytest.mark.parametrize(
    ("file", "hides"),
    [
        ("numpy.py", "numpy.py"),
        ("numpy", "numpy"),
        ("numpy.cpython-311-x86_64-linux-gnu.so", "numpy.cpython-311-x86_64-linux-gnu.so"),
        ("matplotlibrc", "matplotlibrc"),
        ("my_numpy.py", ""),
    ],
)
def test_a_module_beside_the_notebook_comes_first(tmp_path: Path, file: str, hides: str) -> None:
    (tmp_path / file).touch()
    assert shadowed(tmp_path, ["numpy", "matplotlib"]) == hides
    assert shadowed(tmp_path, []) == ""


def test_a_module_that_was_edited(tmp_path: Path) -> None:
    file = tmp_path / "module.py"
    file.touch()
    as_it_was = {str(file): file.stat().st_mtime}
    assert edited(as_it_was) == ""
    os.utime(file, (0, 0))
    assert edited(as_it_was) == str(file)
    file.unlink()
    assert edited(as_it_was) == str(file)


def test_the_forking_process_needs_no_nbbatch() -> None:
    """Its program is copied: what it imports is beside it, or comes with ipykernel."""
    for file in Path(warm_side.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ImportFrom):
                assert node.level <= 1, file.name
                assert not (node.module or "").startswith("nbbatch"), file.name


TELL = """
import os, sys
print("forked" if "warm_side" in open("/proc/self/cmdline").read() else "afresh")
"""


def test_points_of_a_bundle_are_forked_and_one_alone_is_not(sweep: Callable[..., Sweep]) -> None:
    several = sweep(TELL, "x = 1", params=[{}, {}], collect={"x": "x"})

    assert several.run() == 0

    for index in (0, 1):
        assert several.record(index).outcome is Outcome.OK
        assert several.record(index).metrics == {"x": 1}
        assert "forked" in several.log(index)
    assert several.scratch() == []
    assert processes_of(several) == []


def test_a_kernel_that_ended_while_it_waited_is_waited_for_no_more() -> None:
    """Else each worker takes seconds to end, which a scheduler may not give it."""
    child = subprocess.Popen(["true"])
    child.wait()
    spec = KernelSpec(argv=PLAIN, display_name="plain", language="python")
    kernel = Kernel("python3", spec, Scratch(), tcp=False)
    kernel.pid = child.pid
    kernel.km.provisioner = SimpleNamespace(process=child)  # type: ignore[assignment]  # enough
    assert kernel.gone()
    assert kernel.processes() == set()
    kernel.end()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("params", "settings"), [([{}], {}), ([{}, {}], {"cold": True})], ids=["one point", "--cold"]
)
def test_kernels_that_are_not_worth_it_start_afresh(
    sweep: Callable[..., Sweep], params: list[dict[str, Any]], settings: dict[str, Any]
) -> None:
    cold = sweep(TELL, params=params, **settings)

    assert cold.run() == 0

    assert "afresh" in cold.log()


@pytest.mark.slow
def test_the_forking_process_is_killed(sweep: Callable[..., Sweep]) -> None:
    """The point that runs goes on; the next starts afresh, those after it are forked again."""
    kill = """
import os, signal, psutil
if os.environ["NBBATCH_POINT_INDEX"] == "1":
    for process in psutil.process_iter():
        if process.ppid() == os.getppid() and "warm_side" in " ".join(process.cmdline()):
            if process.pid != os.getpid():
                process.kill()
"""
    lost = sweep(TELL, kill, "print('at the end')", params=[{}] * 5)

    assert lost.run() == 0

    assert [lost.record(i).outcome for i in range(5)] == [Outcome.OK] * 5
    assert ["at the end" in lost.log(i) for i in range(5)] == [True] * 5
    assert {lost.record(i).attempt for i in range(5)} == {1}
    assert "forked" in lost.log(4)
    assert processes_of(lost) == []


@pytest.mark.slow
def test_a_waiting_kernel_counts_for_no_point(sweep: Callable[..., Sweep]) -> None:
    """Neither its memory nor its death is the present point's."""
    counted = sweep(
        "import os, time, psutil\n"
        "mine = {os.getpid(), *(c.pid for c in psutil.Process().children(recursive=True))}\n"
        "first = os.environ['NBBATCH_POINT_INDEX'] == '0'\n"
        "family = psutil.Process(os.getppid()).children\n"
        "while first and len(family()) < 3: time.sleep(0.05)\n"
        "time.sleep(1)  # its memory is looked at meanwhile\n"
        "others = [p for p in family() if p.pid not in mine]\n"
        "if first: [p.kill() for p in others]\n"
        "print(len(others), 'others')",
        params=[{}, {}, {}],
    )

    assert counted.run() == 0

    for index in range(3):
        record = counted.record(index)
        assert (record.outcome, record.attempt) == (Outcome.OK, 1)
        assert record.peak_memory is not None
        assert record.peak_memory < 120_000_000
    assert "2 others" in counted.log(0)


@pytest.mark.slow
def test_a_module_that_starts_threads_is_left_to_the_kernel(
    sweep: Callable[..., Sweep], tmp_path: Path
) -> None:
    site = tmp_path / "site-packages"
    site.mkdir()
    thread = "threading.Thread(target=time.sleep, args=(5,), daemon=True).start()"
    (site / "busy.py").write_text(f"import threading, time\n{thread}\nVALUE = 7")
    (site / "quiet.py").write_text("VALUE = 8")
    (site / "loud.py").write_text("print('imported')")
    mixed = sweep(
        TELL,
        "import sys\nprint([name in sys.modules for name in ('busy', 'quiet', 'loud')])",
        "import busy, quiet, loud\nprint(busy.VALUE + quiet.VALUE)",
        params=[{}, {}],
        preload=["busy", "quiet", "loud", "no_such_module"],
    )

    with mixed.start(PYTHONPATH=str(site)) as worker:
        _, said = worker.communicate(timeout=PATIENCE)

    assert worker.returncode == 0
    assert "busy is not loaded ahead: its import starts threads" in said
    assert "loud is not loaded ahead: its import prints" in said
    assert "no_such_module is not loaded ahead: there is no such module" in said
    for index in (0, 1):
        assert "forked\n[False, True, False]\nimported\n15" in "\n".join(
            line for line in mixed.log(index).splitlines() if not line.startswith("──")
        )


@pytest.mark.slow
def test_a_worker_that_is_told_to_stop_leaves_nothing(sweep: Callable[..., Sweep]) -> None:
    stopped = sweep("print('begun', flush=True)\nimport time\ntime.sleep(600)", params=[{}] * 3)
    with stopped.start() as worker:
        stopped.wait_for("begun")
        wait_until(lambda: len(processes_of(stopped)) >= 3, "the next kernel")
        worker.send_signal(signal.SIGUSR1)
        worker.communicate(timeout=PATIENCE)

    assert worker.returncode == 75
    assert psutil.wait_procs(processes_of(stopped), timeout=PATIENCE)[1] == []
    assert stopped.scratch() == []
