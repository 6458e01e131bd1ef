"""The bench of HTCondor's tests; those of Slurm have their own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.conftest import LONG, Bench

from .htcondor_pool import FILES


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    if not FILES:
        pytest.skip("not in a pool: tests/farm/htcondor/pytest-as-user runs this")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("NBBATCH_GRACE", "2")  # this machine's files are seen at once
    made = Bench(tmp_path, "htcondor")
    yield made
    for sweep in made.sweeps:
        sweep.cancel()
        sweep.wait(LONG)
