"""The report of a detached sweep on this machine tells how far it is."""

from __future__ import annotations

import pytest

from .conftest import LONG, Bench, states, until

pytestmark = pytest.mark.parametrize("backend", ["local"], indirect=True)


@pytest.mark.slow
def test_the_report_follows(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NBBATCH_REPORT_INTERVAL", "5")
    go = str(bench.folder / "go")
    wait = f"import os, time\nwhile x == 2 and not os.path.exists({go!r}): time.sleep(0.05)"
    sweep = bench.run(bench.notebook(wait), {"x": [1, 2]})

    status = sweep.root / "report" / "data" / "now.js"
    until(lambda: status.is_file() and '"ok":1' in status.read_text())
    assert states(sweep) == {1: "ok", 2: "running"}

    (bench.folder / "go").touch()
    sweep.wait(LONG)
    until(lambda: '"ok":2' in status.read_text())
