"""Makes sweep folders for the worker's tests; see ``sweeps``."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import nbformat
import psutil
import pytest

from nbbatch.model import Bundle, Point, Settings
from tests.unit.worker.sweeps import Sweep, processes_of


@pytest.fixture
def sweep(tmp_path: Path) -> Iterator[Callable[..., Sweep]]:
    """Makes a sweep of a notebook with these cells; a cell is its source, or a node.

    ``params`` is one mapping a point; keywords are settings. Kernels that a test leaves
    behind are ended after it.
    """
    made: list[Sweep] = []

    def make(
        *cells: str | nbformat.NotebookNode,
        params: Sequence[Mapping[str, Any]] = ({},),
        kernel: str | None = "python3",
        language: str = "python",
        **settings: Any,
    ) -> Sweep:
        root = tmp_path / "a sweep {with} braces"
        root.mkdir()
        nb = nbformat.v4.new_notebook()
        if kernel:
            nb.metadata.kernelspec = {
                "name": kernel,
                "display_name": kernel,
                "language": language,
            }
        for cell in cells:
            nb.cells.append(nbformat.v4.new_code_cell(cell) if isinstance(cell, str) else cell)
        nbformat.write(nb, root / "notebook.ipynb")
        points = [
            Point(id=f"p{i}", index=i, params=dict(p), dir=f"points/p{i}", key=f"key{i}")
            for i, p in enumerate(params)
        ]
        bundle = Bundle(
            number=1,
            sweep="sweep-id",
            root=str(root),
            notebook="notebook.ipynb",
            points=tuple(points),
            settings=Settings(**settings),
        )
        done = Sweep(root, bundle)
        done.file.write_text(json.dumps(bundle.to_json()))
        made.append(done)
        return done

    yield make
    for one in made:
        for process in processes_of(one):
            with suppress(psutil.Error):
                process.kill()
