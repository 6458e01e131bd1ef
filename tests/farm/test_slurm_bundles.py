"""Several points a job: how many, and what a job that is killed midway costs."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

import psutil
import pytest

from tests.contract.conftest import LONG, Bench, states, until

from .light_sweep import finished, light_sweep, ran
from .slurm_pool import farm, use_slurm

# The size that the figures in the documentation are of takes ten minutes on two cores.
POINTS, PER_JOB = (500, 20) if os.environ.get("NBBATCH_FARM_FULL") else (24, 4)
KILLED = 3


@pytest.fixture(autouse=True)
def _slurm(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    use_slurm(monkeypatch)
    yield
    farm("clean")  # what a test that failed has left in the queue is not the next one's


def workers(sweep_folder: Path) -> dict[str, psutil.Process]:
    """The sweep's workers by their task."""
    found = {}
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if "nbbatch.worker" in process.cmdline() and process.cwd() == str(sweep_folder):
                found[process.environ()["NBBATCH_JOB"]] = process
    return found


def test_three_jobs_killed_midway(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "slurm")
    points = list(range(POINTS))
    notebook = bench.notebook("import time; time.sleep(0.5)")
    sweep = bench.run(notebook, {"x": points}, points_per_job=PER_JOB, jobs=4)
    assert len(list(sweep.folder.bundles.iterdir())) == POINTS // PER_JOB

    killed: set[str] = set()
    while len(killed) < KILLED:
        enough = len(bench.ended()) + 2
        until(partial(lambda count: len(bench.ended()) >= count, enough))
        for task, process in workers(sweep.root).items():
            if task not in killed:
                with suppress(psutil.NoSuchProcess):  # it came to its end meanwhile
                    process.kill()
                    killed.add(task)
                    break
    sweep.wait(1200)

    assert set(states(sweep).values()) == {"ok"}
    assert len(killed) == KILLED
    again = {x: count for x, count in Counter(bench.ran()).items() if count > 1}
    assert len(again) <= KILLED and set(again.values()) <= {2}
    # The point that was running when its worker was killed did not come to its end then.
    assert sum(Counter(bench.ended()).values()) <= POINTS + KILLED
    assert set(bench.ended()) == {str(x) for x in points}


def test_auto_learns_from_the_first_points_with_nobody_there(tmp_path: Path) -> None:
    """Ten go first, each in a job of its own; the jobs that end send the rest in one bundle."""
    sweep = light_sweep(tmp_path, 40, points_per_job=0)
    assert len(sweep.submit()) == 40
    assert sweep.postponed() == 30

    until(lambda: finished(sweep))

    batches = [sweep.folder.batch(number)["bundles"] for number in (1, 2)]
    assert [len(bundle) for bundle in batches[0]] == [1] * 10
    assert [len(bundle) for bundle in batches[1]] == [30]  # a second each: six hundred fit
    assert ran(sweep) == sorted(point.id for point in sweep.points)
    assert set(states(sweep).values()) == {"ok"}
    assert sweep.folder.events()[-1]["counts"] == {"ok": 40}


def test_what_waits_for_the_first_points_is_cancelled_with_them(tmp_path: Path) -> None:
    sweep = light_sweep(tmp_path, 40, points_per_job=0, setup="sleep 600 & wait")
    sweep.submit()
    sweep.cancel()
    sweep.wait(LONG)
    assert set(states(sweep).values()) == {"cancelled"} and sweep.postponed() == 0
    assert ran(sweep) == []
