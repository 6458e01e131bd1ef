"""Sweeps whose points have ended, without any kernel: their records are written by hand."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from nbbatch.folder import now
from nbbatch.interactive.block import one_file
from nbbatch.interactive.handle import SweepHandle
from nbbatch.interactive.words import request_of
from nbbatch.model import Cause, Failure, Outcome, Point, PointFiles, Record, Value
from nbbatch.plan import make_plan
from nbbatch.sweep import Sweep
from tests.notebooks import write_notebook

FAILURE = Failure("ValueError", "math domain error", "…", 2, 3, 2, "root = math.sqrt(x)")


def a_sweep(folder: Path, values: Sequence[float], *, reported: bool = True) -> SweepHandle:
    """A sweep over x; a point with an x below 0 failed, the others have a metric ``root``.

    Unless it is ``reported``, somebody has to write its report before it has ended.
    """
    notebook = write_notebook(folder / "scan.ipynb", "root = x ** 0.5", parameters="x = 1.0")
    grid = {"points": [{"x": x} for x in values]}
    sweep = Sweep.create(make_plan(request_of(notebook, grid, {"out": folder / "sweep"})))
    for point in sweep.points:
        end(sweep.root, point)
    if reported:
        sweep.folder.report_index.parent.mkdir()
        sweep.folder.report_index.touch()
        one_file(sweep.root).touch()
    return SweepHandle(Sweep(sweep.root), here=folder)


def end(root: Path, point: Point, metrics: Mapping[str, Value] | None = None) -> None:
    """Let a point end now."""
    x = point.params["x"]
    assert isinstance(x, (int, float))
    well = x >= 0
    record = Record(
        point=point.id,
        key=point.key,
        attempt=1,
        outcome=Outcome.OK if well else Outcome.FAILED,
        cause=Cause.NONE if well else Cause.CELL_ERROR,
        failure=None if well else FAILURE,
        metrics=dict(metrics or ({"root": x**0.5} if well else {})),
        started="2024-05-01T12:00:00.000Z",
        finished=now(),
        seconds=2.5,
        host="node1",
    )
    place = root / point.dir
    place.mkdir(parents=True, exist_ok=True)
    (place / PointFiles.LOG).write_text(f"x = {x}\n")
    (place / PointFiles.EXECUTED).write_text("{}")
    (place / PointFiles.PAGE).write_text("<p>")
    (place / PointFiles.RECORD).write_text(json.dumps(record.to_json()))
