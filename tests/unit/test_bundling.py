"""--points-per-job auto: from what earlier points took to how many go into a job."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nbbatch import catalogue
from nbbatch.bundling import known_seconds, points_per_job
from nbbatch.plan import Request, make_plan
from nbbatch.sweep import Sweep
from tests.notebooks import write_notebook


@pytest.mark.parametrize(
    ("seconds", "walltime", "count"),
    [
        ([], None, 1),  # nothing is known: each point for itself
        ([], 3600, 1),
        ([60.0] * 5, None, 10),
        ([2.0, 2.0, 2.0], None, 300),
        ([0.0], None, 6000),
        ([1200.0], None, 1),  # longer than ten minutes
        ([60.0] * 5, 300, 4),  # four fit into four fifths of five minutes
        ([60.0] * 9 + [240.0], 600, 2),  # the slow ones decide
        ([60.0], 10, 1),
    ],
)
def test_points_per_job(seconds: list[float], walltime: int | None, count: int) -> None:
    assert points_per_job(seconds, walltime) == count


def test_durations_come_from_earlier_sweeps_of_the_notebook(tmp_path: Path) -> None:
    notebook = write_notebook(tmp_path / "scan.ipynb", "y = x", parameters="x = 0")
    other = write_notebook(tmp_path / "other.ipynb", "y = x", parameters="x = 0")
    request = Request(notebook=notebook, grid={"x": [1, 2, 3]}, out=tmp_path / "sweep")
    sweep = Sweep.create(make_plan(request))
    assert known_seconds(notebook) == []
    for seconds, outcome, point in zip(
        (4.0, 5.0, 99.0), ("ok", "ok", "failed"), sweep.points, strict=True
    ):
        record = {"point": point.id, "key": point.key, "attempt": 1, "outcome": outcome}
        folder = sweep.root / point.dir
        folder.mkdir(parents=True)
        (folder / "record.json").write_text(json.dumps({**record, "seconds": seconds}))
    assert [root for root, _ in catalogue.known_sweeps()] == [sweep.root]
    assert known_seconds(notebook) == [4.0, 5.0]
    assert known_seconds(other) == []
