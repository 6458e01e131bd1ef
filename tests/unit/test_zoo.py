"""Every notebook of the zoo ends in its right state, with its files, and none hangs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import uuid
from dataclasses import dataclass
from pathlib import Path

import nbformat
import psutil
import pytest
from bs4 import BeautifulSoup

from nbbatch.model import Bundle, Point, PointFiles, Record, Settings
from nbbatch.notebook import read_notebook
from tests.zoo import SPECIMENS, Specimen

PATIENCE = 60
"""Seconds for one notebook; none needs more than ten on an idle machine."""

MARK = "NBBATCH_ZOO"
"""Environment variable by which a specimen's processes are known."""

each_specimen = pytest.mark.parametrize("specimen", SPECIMENS, ids=lambda s: s.name)


@dataclass(frozen=True)
class Executed:
    """What a worker left of one point."""

    record: Record
    outputs: str
    log: str
    page: str
    executed: Path
    left: list[str]


def run(specimen: Specimen, folder: Path, *, warm: bool) -> Executed:
    """Run a specimen as the only point of a bundle, in a process of its own.

    ``warm``: as if more were to come, so that its kernel is forked.
    """
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
    file.write_text(json.dumps({**bundle.to_json(), "more": warm}))
    mark = uuid.uuid4().hex
    # To files, not pipes: a process that outlives the notebook would keep a pipe open.
    with (root / "stdout").open("wb") as out:
        worker = subprocess.Popen(
            [sys.executable, "-m", "nbbatch.worker", str(file)],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            env={**os.environ, MARK: mark},
            start_new_session=True,
        )
        try:
            code = worker.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            os.killpg(worker.pid, signal.SIGKILL)
            worker.wait()
            pytest.fail(f"{specimen.name} hangs: {(root / 'stdout').read_text()[-2000:]}")
        finally:
            left = end_kernels(mark)
    said = (root / "stdout").read_text(errors="replace")
    assert code == 0, said[-2000:]
    place = root / point.dir
    page = BeautifulSoup((place / PointFiles.PAGE).read_text("utf-8"), "html.parser")
    return Executed(
        record=Record.from_json(json.loads((place / PointFiles.RECORD).read_text("utf-8"))),
        outputs=texts_of(place / PointFiles.EXECUTED),
        log=(place / PointFiles.LOG).read_text("utf-8", errors="replace"),
        page=" ".join(page.get_text().split()),
        executed=place / PointFiles.EXECUTED,
        left=left,
    )


def end_kernels(mark: str) -> list[str]:
    """Kernels (and their forks) that are still there: command lines. They are killed."""
    found = []
    for process in psutil.process_iter():
        try:
            command = " ".join(process.cmdline())
            if "kernel" in command and process.environ().get(MARK) == mark:
                found.append(command)
                process.kill()
        except psutil.Error:
            continue
    return found


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
def test_a_specimen_ends_in_its_right_state(specimen: Specimen, tmp_path: Path, warm: bool) -> None:
    done = run(specimen, tmp_path, warm=warm)

    assert done.record.outcome is specimen.outcome, done.record.failure
    assert (done.record.failure.name if done.record.failure else "").startswith(specimen.exception)
    assert done.record.metrics == specimen.metrics
    assert done.record.metric_errors == {}
    assert [text for text in specimen.shows if text not in done.outputs] == []
    assert [text for text in specimen.logs if text not in done.log] == []
    assert [text for text in specimen.page if text not in done.page] == []
    assert done.executed.stat().st_size < specimen.stays_below
    assert done.left == []


@each_specimen
def test_a_specimen_can_be_read_before_it_runs(specimen: Specimen, tmp_path: Path) -> None:
    path = tmp_path / specimen.name
    path.write_text(specimen.content, encoding="utf-8")

    notebook = read_notebook(path)

    declared = {parameter.name for parameter in notebook.parameters}
    if notebook.has_parameters_cell:
        assert set(specimen.params) <= declared
    assert notebook.language in ("python", "R")
