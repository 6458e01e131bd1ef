"""A warm kernel is a fresh one: the same notebooks, warm and cold, print the same."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest

from nbbatch.model import Outcome
from nbbatch.notebook import read_notebook
from nbbatch.notebook.preload import modules_to_preload
from tests.unit.worker.sweeps import Server, Sweep, make_sweep, wait_until
from tests.zoo.fresh import FRESH, MODULES, RANDOM

pytestmark = pytest.mark.slow

FOLDER = Path(__file__).parents[3] / "sample_notebooks"
SAMPLES = [path for path in sorted(FOLDER.glob("*/*.ipynb")) if "-r" not in path.parent.name]
"""Those in Python."""


def outputs_of(sweep: Sweep, index: int) -> list[Any]:
    """All outputs of a point, without what is another's in each run."""
    text = json.dumps([cell.get("outputs", []) for cell in sweep.executed(index).cells])
    text = text.replace(str(sweep.root.parent), "<root>").replace("sweep-id", "<sweep>")
    text = text.replace(str(sweep.root.parents[1] / "tmp"), "<tmp>")
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


class Pair:
    """A worker that forks the kernels of all topics from one warm process, and one that does not.

    Each topic is a sweep of its own for both, and is compared by itself.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.warm = Server(folder / "warm", TZ="Europe/Paris")
        self.cold = Server(folder / "cold", TZ="Europe/Paris")
        self.count = 0

    def run(self, *cells: str) -> tuple[Sweep, Sweep]:
        """Two points of a notebook, warm; and one, cold."""
        self.count += 1
        homes = [self.folder / kind / str(self.count) for kind in ("warm", "cold")]
        for home in homes:
            home.mkdir()
        warm = make_sweep(homes[0], *cells, params=[{}, {}], preload=list(MODULES))
        cold = make_sweep(homes[1], *cells, cold=True)
        assert self.warm.run(warm.file) == 0
        assert self.cold.run(cold.file) == 0
        return warm, cold


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    made = Pair(tmp_path_factory.mktemp("fresh"))
    yield made
    made.warm.close()
    made.cold.close()
    assert "afresh" not in made.warm.said()  # all were forked


@pytest.mark.parametrize("name", FRESH)
def test_a_warm_kernel_prints_what_a_cold_one_prints(name: str, pair: Pair) -> None:
    warm, cold = pair.run(*FRESH[name])

    assert warm.record(0).outcome is warm.record(1).outcome is cold.record().outcome
    expected = outputs_of(cold, 0)
    assert any(expected) or files_of(cold, 0)
    assert outputs_of(warm, 0) == expected  # forked for this point
    assert outputs_of(warm, 1) == expected  # forked while another ran
    # Some of them are written when the kernel ends.
    wait_until(lambda: files_of(warm, 1) == files_of(cold, 0), "the same files")
    assert warm.record(1).failure == cold.record().failure or name == "a traceback"


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
