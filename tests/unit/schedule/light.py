"""Real sweep folders without kernels: what a worker would have written is written here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nbbatch.folder import SweepFolder, now
from nbbatch.model import Cause, Failure, Outcome, PointFiles, Record
from nbbatch.plan import Request, make_plan
from nbbatch.sweep import Sweep
from tests.notebooks import write_notebook


def a_sweep(folder: Path, grid: Mapping[str, Any], name: str = "nightly", **words: Any) -> Sweep:
    """A sweep of that name in ``sweeps/`` of the present folder, of which nothing ran yet."""
    notebook = folder / "scan.ipynb"
    if not notebook.exists():
        write_notebook(notebook, "y = x * 2", parameters="x = 1")
    request = Request(notebook=notebook, grid=dict(grid), name=name, **words)
    return Sweep.create(make_plan(request))


def work(sweep: Sweep, bad: Mapping[Any, str] | None = None, seconds: float = 60.0) -> None:
    """Every point without a record gets one: ok, or for x in ``bad`` failed with that text."""
    folder = SweepFolder(sweep.root)
    for point in sweep.points:
        if folder.record(point) is not None:
            continue
        said = (bad or {}).get(point.params["x"])
        home = folder.point_dir(point)
        home.mkdir(parents=True, exist_ok=True)
        record = Record(
            point=point.id,
            key=point.key,
            attempt=1,
            outcome=Outcome.FAILED if said else Outcome.OK,
            cause=Cause.CELL_ERROR if said else Cause.NONE,
            failure=Failure("ValueError", said, "Traceback", 1, 2, 1) if said else None,
            metrics={} if said else {"y": 2 * point.params["x"]},  # type: ignore[operator]
            started=now(),
            finished=now(),
            seconds=seconds,
            host="node7",
        )
        (home / PointFiles.EXECUTED).write_text("{}")
        (home / PointFiles.PAGE).write_text(f"<title>{point.id}</title>")
        (home / PointFiles.LOG).write_text("the log")
        (home / "figures").mkdir(exist_ok=True)
        (home / "figures" / "cell-1.png").write_bytes(b"png")
        (home / "mine.txt").write_text("the notebook wrote this")
        (home / PointFiles.ATTEMPTS).write_text(json.dumps({"attempt": 1, "started": now()}) + "\n")
        (home / PointFiles.RECORD).write_text(json.dumps(record.to_json()))
