"""Contestants that are a loop in one process: ``loops.py papermill|ploomber NOTEBOOK POINTS``.

They write ``0.ipynb``, ``0.html``, ``1.ipynb`` … for x = 0, 1, … into the current folder.
"""

from __future__ import annotations

import sys
from pathlib import Path

import nbformat
from nbconvert import HTMLExporter


def papermill(notebook: str, x: int, out: str) -> None:
    from papermill import execute_notebook

    execute_notebook(notebook, out, parameters={"x": x}, progress_bar=False)


def ploomber(notebook: str, x: int, out: str) -> None:
    from ploomber_engine import execute_notebook

    execute_notebook(notebook, out, parameters={"x": x}, progress_bar=False, verbose=False)


def main(contestant: str, notebook: str, points: str) -> None:
    """Run the notebook for each point, and make its page."""
    execute = {"papermill": papermill, "ploomber": ploomber}[contestant]
    exporter = HTMLExporter()
    for x in range(int(points)):
        execute(notebook, x, f"{x}.ipynb")
        page, _ = exporter.from_notebook_node(nbformat.read(f"{x}.ipynb", as_version=4))
        Path(f"{x}.html").write_text(page, "utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
