"""A notebook that launches a sweep and shows it, on each scheduler once, from within a job."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.unit.interactive.driving import INSIDE_A_JOB, execute, shown, write_driver

from .htcondor_pool import FILES
from .slurm_pool import use_slurm


@pytest.fixture(params=["htcondor", "slurm"])
def words(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """The options that ``nbbatch.run`` gets."""
    backend: str = request.param
    found: dict[str, object] = {"backend": backend, "jobs": 2, "memory": "500MB"}
    if backend == "slurm":
        use_slurm(monkeypatch)
    elif not FILES:
        pytest.skip("not in a pool: tests/farm/htcondor/pytest-as-user runs this")
    elif FILES != "shared":
        found["python"] = os.environ["NBBATCH_FARM_NODE_PYTHON"]
    return found


def test_a_sweep_from_a_cell(
    tmp_path: Path, words: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    # A hub often runs as a job itself, and its variables are not meant for ours.
    for name, value in INSIDE_A_JOB.items():
        monkeypatch.setenv(name, value)
    driver = write_driver(
        tmp_path,
        words,
        "print('busy')\ns.wait()",
        "print(s.df[['x', 'root']].values.tolist(), s.problems)",
        "print(nbbatch.open('sweep').errors())",
    )
    live, waited, table, errors = execute(driver).cells[1:]

    (block,) = live.outputs
    assert "3 of 4 points are ok, 1 not" in block["data"]["text/html"]
    assert str(words["backend"]) in block["data"]["text/html"]
    assert "ended 20" in block["data"]["text/html"]
    assert shown(waited).startswith("busy\n")
    assert shown(table).strip() == "[[4.0, 2.0], [9.0, 3.0], [-1.0, nan], [16.0, 4.0]] []"
    assert shown(errors).strip() == "1 failed  ValueError: math domain error"
