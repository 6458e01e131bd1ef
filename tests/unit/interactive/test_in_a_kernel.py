"""Cells that launch, watch and question sweeps, in a real kernel, with real points."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.manager import run_kernel

from tests.notebooks import write_notebook
from tests.unit.interactive.driving import INSIDE_A_JOB, LONG, execute, shown, write_driver

pytestmark = pytest.mark.slow


def test_a_sweep_from_beginning_to_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in INSIDE_A_JOB.items():
        monkeypatch.setenv(name, value)
    driver = write_driver(
        tmp_path,
        {"jobs": 2},
        "print('busy')\ns.wait()",
        "s.df[['x', 'root', 'state']]",
        "await s\nprint(sorted([p.index async for p in s.as_completed()]), s.problems)",
        "try:\n    s.result()\nexcept Exception as group:\n    print(group.exceptions[0])",
        "again = nbbatch.open('sweep')\nagain.resume(failed=True).wait()",
        "%load_ext nbbatch\n%nbbatch logs sweep 0",
        "%%nbbatch scan.ipynb -o t --out other\nx: [25, 36]\n",
        "print(t.wait().counts, t.df['root'].tolist())",
    )
    nb = execute(driver)
    live, waited, table, awaited, raised, again, logs, magic, counts = nb.cells[1:]

    (block,) = live.outputs
    assert "3 of 4 points are ok, 1 not" in block["data"]["text/html"]
    assert "ended 20" in block["data"]["text/html"]
    assert "Report" in block["data"]["text/plain"]
    assert shown(waited).startswith("busy\n") and "3 of 4 points" in shown(waited)
    assert shown(table).split()[-4:] == ["3", "16", "4.0", "ok"]
    assert shown(awaited).strip() == "[0, 1, 2, 3] []"
    assert "math domain error (In [3], line 2: root = math.sqrt(x))" in shown(raised)
    assert "3 of 4 points are ok, 1 not" in shown(again)
    attempts = [
        json.loads(f.read_text())["attempt"] for f in tmp_path.glob("sweep/points/*/record.json")
    ]
    assert sorted(attempts) == [1, 1, 1, 2]
    assert "root = 2.0" in shown(logs)
    assert "All 2 points are ok" in shown(magic)
    assert shown(counts).strip() == "{'ok': 2} [5.0, 6.0]"


def test_a_notebook_that_launches_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    notebook = write_notebook(
        tmp_path / "self.ipynb",
        "import nbbatch\nnbbatch.record('twice', 2 * x)",
        "if not nbbatch.inside():\n"
        "    s = nbbatch.run(nbbatch.this(), {'x': [1, 2, 3]}, out='sweep', jobs=2)\n"
        "    print(s.wait().df['twice'].tolist())",
        parameters="x = 1",
    )
    monkeypatch.setenv("JPY_SESSION_NAME", str(notebook))
    nb = execute(notebook)
    assert shown(nb.cells[-1]).splitlines()[-1] == "[2, 4, 6]"
    assert len(list(tmp_path.rglob("sweep.json"))) == 1


def test_what_runs_does_not_launch_itself(tmp_path: Path) -> None:
    """Without the question, launched from a script: the points fail, and say why."""
    notebook = write_notebook(
        tmp_path / "self.ipynb",
        "import nbbatch",
        "nbbatch.run(nbbatch.this(), {'x': [1, 2]}, out='another')",
        parameters="x = 1",
    )
    import nbbatch

    s = nbbatch.run(notebook, {"x": [1, 2]}, out=tmp_path / "sweep", jobs=2).wait()
    assert s.counts == {"failed": 2}
    assert "being run by nbbatch, and would launch itself again" in s.errors()[0].args[0]
    assert len(list(tmp_path.rglob("sweep.json"))) == 1


def test_an_interrupt_leaves_the_sweep_running(tmp_path: Path) -> None:
    wait = f"import os, time\nwhile not os.path.exists({str(tmp_path / 'go')!r}): time.sleep(0.05)"
    write_notebook(tmp_path / "scan.ipynb", wait, parameters="x = 1")
    said: list[str] = []

    def hear(message: dict[str, Any]) -> None:
        if message["msg_type"] == "error":
            said.extend(message["content"]["traceback"])

    with run_kernel(cwd=str(tmp_path)) as client:
        cells = (
            "import nbbatch",
            "s = nbbatch.run('scan.ipynb', {'x': [1, 2]}, out='sweep', jobs=1)",
        )
        for cell in cells:
            assert client.execute_interactive(cell, timeout=LONG)["content"]["status"] == "ok"
        # The cell interrupts itself, as the button does, when it waits.
        interrupt = (
            "import os, signal, threading\n"
            "threading.Timer(2, os.kill, (os.getpid(), signal.SIGINT)).start()\n"
        )
        reply = client.execute_interactive(f"{interrupt}s.wait()", timeout=LONG, output_hook=hear)
        assert (reply["content"]["status"], reply["content"]["ename"]) == ("error", "Detached")
        assert len(said) == 1 and "the sweep goes on" in said[0]
        (tmp_path / "go").touch()
        after = "s.wait(); assert s.counts == {'ok': 2}, s.counts"
        assert client.execute_interactive(after, timeout=LONG)["content"]["status"] == "ok"
