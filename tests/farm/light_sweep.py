"""Sweeps whose points run no notebook: for tests of many jobs."""

from __future__ import annotations

from pathlib import Path

from nbbatch.plan import Request, make_plan
from nbbatch.sweep import Sweep
from tests.notebooks import write_notebook

from .light_worker import interpreter


def light_sweep(folder: Path, points: int, **words: object) -> Sweep:
    """A sweep that is written and not submitted; its jobs note what ran in the file ``ran``."""
    notebook = write_notebook(folder / "light.ipynb", "pass", parameters="x = 0")
    request = Request(
        notebook=notebook,
        grid={"x": list(range(points))},
        backend="slurm",
        out=folder / "sweep",
        max_points=points,
        python=str(interpreter(folder)),
        **words,  # type: ignore[arg-type]
    )
    return Sweep.create(make_plan(request))


def ran(sweep: Sweep) -> list[str]:
    """Ids of the points whose worker ran them, one for each time."""
    file = sweep.root / "ran"
    return sorted(file.read_text().split()) if file.exists() else []


def finished(sweep: Sweep) -> bool:
    """Whether somebody has written the report of the ended sweep; nothing is asked of Slurm."""
    return sweep.is_finished()
