"""Small notebooks for tests, built from source text so that a test shows what it runs."""

from __future__ import annotations

from pathlib import Path

import nbformat


def write_notebook(path: Path, *cells: str, parameters: str | None = None) -> Path:
    """A Python notebook of these code cells at ``path``; ``parameters`` is the tagged cell."""
    notebook = nbformat.v4.new_notebook()
    notebook.metadata["kernelspec"] = {
        "name": "python3",
        "display_name": "Python 3",
        "language": "python",
    }
    notebook.metadata["language_info"] = {"name": "python"}
    if parameters is not None:
        tagged = nbformat.v4.new_code_cell(parameters, metadata={"tags": ["parameters"]})
        notebook.cells.append(tagged)
    notebook.cells.extend(nbformat.v4.new_code_cell(source) for source in cells)
    nbformat.write(notebook, path)
    return path
