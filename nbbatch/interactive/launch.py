"""``nbbatch.run``, ``nbbatch.open`` and ``nbbatch.list``: the door for code in Python."""

from __future__ import annotations

import os
from html import escape
from pathlib import Path
from typing import Any

from ..catalogue import find_sweep, known_sweeps
from ..model import Header
from ..plan import Request, make_plan
from ..report.verdict import moment
from ..sweep import EVERYTHING, FAILED_TOO, Sweep
from .block import table
from .handle import SweepHandle
from .place import check_self_launch, refuse_recursion
from .words import request_of, signature

SHOWN = 50


def run(notebook: str | os.PathLike[str], grid: Any = None, **words: Any) -> SweepHandle:
    """Run a notebook once for each point of a grid; returns at once.

    ``grid`` is a dict in the words of the YAML grid, a path, a list of dicts, a data frame,
    or None: one point. ``words`` are the options of ``nbbatch run`` by the names of
    ``plan.Request``: ``backend="slurm"``, ``memory="2GB"``, ``time="1h"``,
    ``params={"sigma": 10}`` … With ``out=`` the same folder again runs only what is missing,
    stale or not ok.

    Raises SpecificationError, NoPoints, SweepLocked or BackendError before anything ran; a
    point that fails raises nothing.
    """
    return launch(request_of(notebook, grid, words))


# Shift-Tab and `help` show what can be given; a list of it here would be a second one.
run.__signature__ = signature()  # type: ignore[attr-defined]  # functions take any attribute


def launch(request: Request) -> SweepHandle:
    """Submit what was asked for; the handle of its sweep."""
    notebook = Path(request.notebook)
    refuse_recursion(notebook, os.environ)
    remarks = check_self_launch(notebook)
    planned = make_plan(request)
    sweep = Sweep.create(planned)
    remarks += sweep.cautions()
    sweep.submit(EVERYTHING if request.force else FAILED_TOO, only=planned.only)
    waiting = sweep.without_room()
    if waiting:
        remarks.append(
            f"The scheduler takes no more now: {waiting:,} points follow as there is room, "
            "while this sweep is followed."
        )
    return SweepHandle(sweep, notes=(*planned.notes, *remarks))


def open_sweep(words: str | os.PathLike[str] = "latest") -> SweepHandle:
    """The sweep given as a folder, a name, an id or ``latest``. Raises SweepNotFound."""
    return SweepHandle(Sweep(find_sweep(words)))


class KnownSweep:
    """One line of ``nbbatch.list()``."""

    def __init__(self, folder: Path, header: Header) -> None:
        self.folder = folder
        self.header = header

    def open(self) -> SweepHandle:
        return open_sweep(self.folder)

    def __repr__(self) -> str:
        header = self.header
        return f"{header.name}  {moment(header.created)}  {header.backend}  {self.folder}"


class KnownSweeps(list[KnownSweep]):
    """The sweeps that are known here; in a notebook a table."""

    def __repr__(self) -> str:
        return "\n".join(map(repr, self[:SHOWN])) or "no sweeps yet"

    def _repr_html_(self) -> str:
        rows = [
            [escape(text) for text in (h.name, moment(h.created), h.backend, str(folder))]
            for folder, h in ((known.folder, known.header) for known in self[:SHOWN])
        ]
        return table(["sweep", "created", "backend", "folder"], rows, len(self) - SHOWN)


def list_sweeps() -> KnownSweeps:
    """The sweeps that are known here, the newest first."""
    return KnownSweeps(KnownSweep(folder, header) for folder, header in known_sweeps())
