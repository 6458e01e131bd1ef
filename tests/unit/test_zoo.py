"""Every notebook of the zoo ends in its right state, with its files, and none hangs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest
from bs4 import BeautifulSoup

from nbbatch.model import Bundle, Point, PointFiles, Record, Settings
from nbbatch.notebook import read_notebook
from tests.unit.worker.sweeps import Server, make_sweep, wait_until
from tests.zoo import SPECIMENS, Specimen

each_specimen = pytest.mark.parametrize("specimen", SPECIMENS, ids=lambda s: s.name)


@dataclass(frozen=True)
class Executed:
    """What a worker left of one point."""

    record: Record
    outputs: str
    log: str
    page: str
    executed: Path


class Zoo:
    """Two workers, one of which forks kernels from a warm process, and does so for each."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.workers = {warm: Server(folder / f"warm {warm}") for warm in (False, True)}
        self.staying = dict.fromkeys(self.workers, frozenset[int]())
        self._warm_up()

    def _warm_up(self) -> None:
        """Have the process started from which kernels are forked: it pays if more will come."""
        worker = self.workers[True]
        for number, more in enumerate((True, False)):  # the second takes what waits for it
            (home := self.folder / str(number)).mkdir()
            assert worker.run(make_sweep(home, "1").file, more=more) == 0
        wait_until(lambda: len(worker.descendants()) == 1, "the end of these kernels")
        self.staying[True] = frozenset(worker.descendants())

    def run(self, bundle: Path, *, warm: bool) -> None:
        """Run a bundle; nothing that it started may stay."""
        worker, staying = self.workers[warm], self.staying[warm]
        assert worker.run(bundle) == 0, worker.said()
        wait_until(lambda: worker.descendants() <= staying, "the end of what it started")

    def close(self) -> None:
        forking = self.workers[True].descendants()
        for worker in self.workers.values():
            worker.close()
        assert forking == self.staying[True]  # all kernels were forked from the same process


@pytest.fixture(scope="module")
def zoo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Zoo]:
    made = Zoo(tmp_path_factory.mktemp("zoo"))
    yield made
    made.close()


def run(specimen: Specimen, folder: Path, zoo: Zoo, *, warm: bool) -> Executed:
    """Run a specimen as the only point of a bundle, its kernel forked or started."""
    root = folder / "a sweep's {folder}"
    root.mkdir()
    (root / specimen.name).write_text(specimen.content, encoding="utf-8")
    point = Point(id="p", index=0, params=specimen.params, dir="points/p", key="k")
    bundle = Bundle(
        number=1,
        sweep="zoo",
        root=str(root),
        notebook=specimen.name,
        points=(point,),
        settings=Settings(collect=specimen.collect),
    )
    file = root / "bundle.json"
    file.write_text(json.dumps(bundle.to_json()))
    zoo.run(file, warm=warm)
    place = root / point.dir
    page = BeautifulSoup((place / PointFiles.PAGE).read_text("utf-8"), "html.parser")
    return Executed(
        record=Record.from_json(json.loads((place / PointFiles.RECORD).read_text("utf-8"))),
        outputs=texts_of(place / PointFiles.EXECUTED),
        log=(place / PointFiles.LOG).read_text("utf-8", errors="replace"),
        page=" ".join(page.get_text().split()),
        executed=place / PointFiles.EXECUTED,
    )


def texts_of(executed: Path) -> str:
    """All text in the outputs of a notebook, which must be a valid one."""
    nb = nbformat.read(executed, as_version=4)
    nbformat.validate(nb)
    texts: list[str] = []
    for cell in nb.cells:
        for output in cell.get("outputs", ()):
            texts.append(output.get("text", ""))
            texts.append(output.get("evalue", ""))
            texts.extend(output.get("traceback", ()))
            texts.extend(v for v in output.get("data", {}).values() if isinstance(v, str))
    return "\n".join(texts)


@pytest.mark.slow
@pytest.mark.parametrize("warm", [False, True], ids=["cold", "warm"])
@each_specimen
def test_a_specimen_ends_in_its_right_state(
    specimen: Specimen, tmp_path: Path, zoo: Zoo, warm: bool
) -> None:
    done = run(specimen, tmp_path, zoo, warm=warm)

    assert done.record.outcome is specimen.outcome, done.record.failure
    assert (done.record.failure.name if done.record.failure else "").startswith(specimen.exception)
    assert done.record.metrics == specimen.metrics
    assert done.record.metric_errors == {}
    assert [text for text in specimen.shows if text not in done.outputs] == []
    assert [text for text in specimen.logs if text not in done.log] == []
    assert [text for text in specimen.page if text not in done.page] == []
    assert done.executed.stat().st_size < specimen.stays_below


@each_specimen
def test_a_specimen_can_be_read_before_it_runs(specimen: Specimen, tmp_path: Path) -> None:
    path = tmp_path / specimen.name
    path.write_text(specimen.content, encoding="utf-8")

    notebook = read_notebook(path)

    declared = {parameter.name for parameter in notebook.parameters}
    if notebook.has_parameters_cell:
        assert set(specimen.params) <= declared
    assert notebook.language in ("python", "R")
