"""A warm kernel is a fresh one: the same notebooks, warm and cold, print the same."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest

from nbbatch.model import Outcome
from nbbatch.notebook import read_notebook
from nbbatch.notebook.preload import modules_to_preload
from nbbatch.worker.kernel import SCRATCH_PREFIX
from tests.unit.worker.sweeps import Sweep, make_sweep
from tests.zoo.fresh import FRESH, MODULES, RANDOM

pytestmark = pytest.mark.slow

FOLDER = Path(__file__).parents[3] / "sample_notebooks"
SAMPLES = [path for path in sorted(FOLDER.glob("*/*.ipynb")) if "-r" not in path.parent.name]
"""Those in Python."""


def outputs_of(sweep: Sweep, index: int) -> list[Any]:
    """All outputs of a point, without what is another's in each run."""
    text = json.dumps([cell.get("outputs", []) for cell in sweep.executed(index).cells])
    text = text.replace(str(sweep.root.parent), "<root>").replace("sweep-id", "<sweep>")
    text = re.sub(r"points/p\d|\bp\d\b", "<point>", text)
    text = re.sub(r"NBBATCH_POINT_INDEX(=|', ')\d", "<index>", text)
    text = re.sub(r"nbb-\w+", "<scratch>", text)
    text = re.sub(r"JPY_PARENT_PID(=|', ')\d+", "<parent>", text)
    text = re.sub(r"0x[0-9a-f]{6,}", "<address>", text)
    text = re.sub(r"ipykernel_\d+|\bprocess \d+", "<kernel>", text)
    found: list[Any] = json.loads(text)
    return found


def files_of(sweep: Sweep, index: int) -> dict[str, str]:
    """What the notebook wrote: its text files, with their content."""
    return {path.name: path.read_text() for path in sorted(sweep.folder(index).glob("*.txt"))}


@pytest.mark.parametrize("name", FRESH)
def test_a_warm_kernel_prints_what_a_cold_one_prints(name: str, tmp_path: Path) -> None:
    for kind in ("warm", "cold"):
        (tmp_path / kind).mkdir()
    warm = make_sweep(
        tmp_path / "warm", *FRESH[name], params=[{}, {}], warm=True, preload=list(MODULES)
    )
    cold = make_sweep(tmp_path / "cold", *FRESH[name], cold=True)

    assert warm.run(TZ="Europe/Paris") == 0
    assert cold.run(TZ="Europe/Paris") == 0

    assert warm.record(0).outcome is warm.record(1).outcome is cold.record().outcome
    expected = outputs_of(cold, 0)
    assert any(expected) or files_of(cold, 0)
    assert outputs_of(warm, 0) == expected  # forked for this point
    assert outputs_of(warm, 1) == expected  # forked while another ran
    assert files_of(warm, 1) == files_of(cold, 0)
    assert warm.record(1).failure == cold.record().failure or name == "a traceback"
    assert not [name for name in warm.scratch() if name.startswith(SCRATCH_PREFIX)]


def test_random_numbers_differ_between_points(sweep: Callable[..., Sweep]) -> None:
    points = sweep(*RANDOM, params=[{}] * 4, preload=list(MODULES))

    assert points.run() == 0

    records = [points.record(index) for index in range(4)]
    assert {record.outcome for record in records} == {Outcome.OK}
    for name in records[0].metrics:
        assert len({record.metrics[name] for record in records}) == 4, name


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_the_sample_notebooks_come_out_the_same(path: Path, tmp_path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    modules = modules_to_preload(read_notebook(path).modules)
    sweeps = []
    for kind in ("warm", "cold"):
        (tmp_path / kind).mkdir()
        sweeps.append(
            make_sweep(
                tmp_path / kind,
                *notebook.cells,
                params=[{}, {}],
                warm=True,
                cold=kind == "cold",
                preload=modules,
            )
        )
        assert sweeps[-1].run() == 0
    warm, cold = sweeps

    for index in (0, 1):
        assert warm.record(index).outcome is cold.record(index).outcome
        assert warm.record(index).metrics == cold.record(index).metrics
        assert outputs_of(warm, index) == outputs_of(cold, index)
