"""Reading a notebook without running it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nbformat
import pytest

from nbbatch.errors import NotebookError
from nbbatch.notebook import read_notebook
from nbbatch.worker.parameters_cell import tag_parameters_cell


def save(path: Path, *cells: Any, **metadata: Any) -> Path:
    notebook = nbformat.v4.new_notebook(cells=list(cells), metadata=metadata)
    path.write_text(nbformat.writes(notebook))
    return path


def code(source: str, *tags: str) -> Any:
    return nbformat.v4.new_code_cell(source, metadata={"tags": list(tags)} if tags else {})


def text(source: str) -> Any:
    return nbformat.v4.new_markdown_cell(source)


PYTHON = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}


def test_reading_a_notebook(tmp_path: Path) -> None:
    path = save(
        tmp_path / "fit.ipynb",
        text("# Fit"),
        code("import numpy as np, os.path\n%matplotlib inline"),
        code("sigma = 8  # width", "parameters"),
        code("def f():\n    from scipy.stats import norm\n    from . import mine\n!pip install x"),
        **PYTHON,
    )

    notebook = read_notebook(path)

    assert (notebook.language, notebook.kernel) == ("python", "python3")
    assert [p.name for p in notebook.parameters] == ["sigma"]
    assert (notebook.has_parameters_cell, notebook.parameters_cell) == (True, 2)
    assert notebook.imports == ("numpy", "os", "scipy")


@pytest.mark.parametrize(
    ("cells", "index"),
    [
        ([code("a = 1"), code("b = 2", "parameters")], 1),
        ([code("# parameters\na = 1")], 0),
        ([code("\n# Parameters:\na = 1")], 0),
        ([code("//parameters\nval a = 1")], 0),
        ([code("# parameters\na = 1"), code("b = 2", "parameters")], 1),
        ([code("a = 1", "parameters"), code("b = 2", "parameters")], 0),
        ([code("# Parameters\na = 2", "injected-parameters"), code("# parameters\na = 1")], 1),
        ([code("# the parameters of the fit\na = 1")], None),
        ([code("a = 1\n# parameters\nb = 2")], None),
        ([text("# parameters")], None),
        ([], None),
    ],
)
def test_which_cell_declares_the_parameters(
    tmp_path: Path, cells: list[Any], index: int | None
) -> None:
    notebook = read_notebook(save(tmp_path / "n.ipynb", *cells, **PYTHON))

    assert notebook.parameters_cell == index
    assert notebook.has_parameters_cell is (index is not None)


def test_a_cell_marked_by_a_comment_gets_papermills_tag() -> None:
    cells = [code("a = 1"), code("# parameters\nb = 1", "mine")]

    tag_parameters_cell(cells)

    assert [cell["metadata"] for cell in cells] == [{}, {"tags": ["mine", "parameters"]}]


def test_only_the_code_counts_as_code(tmp_path: Path) -> None:
    def digest(*cells: Any) -> str:
        return read_notebook(save(tmp_path / "n.ipynb", *cells, **PYTHON)).code_sha256

    run = code("a = 1")
    run["outputs"] = [nbformat.v4.new_output("stream", text="x")]
    run["execution_count"] = 7
    base = digest(code("a = 1"))

    assert digest(run) == base
    assert digest(text("words"), code("a = 1")) == base
    assert digest(code("a = 1", "my-tag")) == base
    assert digest(code("a = 2")) != base
    assert digest(code("a = 1"), code("")) != base
    assert digest(code("a = 1", "parameters")) != base  # values are injected elsewhere now


def test_lines_or_one_text_are_the_same_source(tmp_path: Path) -> None:
    path = save(tmp_path / "n.ipynb", code("# parameters\na = 1\nb = 2"), **PYTHON)
    document = json.loads(path.read_text())
    assert isinstance(document["cells"][0]["source"], list)
    lines = read_notebook(path)

    document["cells"][0]["source"] = "# parameters\na = 1\nb = 2"
    path.write_text(json.dumps(document))
    whole = read_notebook(path)

    assert (whole.code_sha256, whole.parameters) == (lines.code_sha256, lines.parameters)
    assert whole.sha256 != lines.sha256


@pytest.mark.parametrize(
    ("metadata", "language", "kernel"),
    [
        ({}, "python", ""),
        ({"kernelspec": {"name": "ir"}}, "R", "ir"),
        ({"kernelspec": {"name": "julia-1.9"}}, "julia", "julia-1.9"),
        ({"kernelspec": {"name": "x", "language": "R"}}, "R", "x"),
        ({"language_info": {"name": "scala"}, "kernelspec": {"name": "a"}}, "scala", "a"),
        ({"kernelspec": None, "language_info": []}, "python", ""),
    ],
)
def test_language_and_kernel(
    tmp_path: Path, metadata: dict[str, Any], language: str, kernel: str
) -> None:
    path = tmp_path / "n.ipynb"
    path.write_text(json.dumps({"nbformat": 4, "metadata": metadata, "cells": []}))

    notebook = read_notebook(path)

    assert (notebook.language, notebook.kernel) == (language, kernel)


def test_an_old_format_is_read(tmp_path: Path) -> None:
    path = tmp_path / "old.ipynb"
    cell = {"cell_type": "code", "language": "python", "input": "# parameters\nn = 1"}
    sheet = {"cells": [{**cell, "outputs": [], "collapsed": False}]}
    document = {"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": [sheet]}
    path.write_text(json.dumps(document))

    assert [p.name for p in read_notebook(path).parameters] == ["n"]


def test_names_with_spaces_braces_and_accents(tmp_path: Path) -> None:
    path = save(tmp_path / "a {b} 'c' é.ipynb", code("# parameters\nn = 1"), **PYTHON)

    assert read_notebook(path).path == path


CONFLICT = '{\n "cells": [\n<<<<<<< HEAD\n  1\n=======\n  2\n>>>>>>> theirs\n ]\n}'


@pytest.mark.parametrize(
    ("name", "content", "message", "hint"),
    [
        ("n.ipynb", b"", "n.ipynb is empty", "restore it"),
        ("n.ipynb", b" \n", "n.ipynb is empty", "restore it"),
        ("n.ipynb", CONFLICT.encode(), "n.ipynb:3 has the markers of an unfinished git", "merge"),
        ("n.ipynb", b'{"cells": [', "n.ipynb:1 is not JSON", "Jupyter"),
        ("n.py", b"# %%\nx = 1", "n.py is a script", "jupytext --to ipynb"),
        ("n.ipynb", b"[]", "it has no `nbformat`", "Jupyter saved"),
        ("n.ipynb", b'{"a": 1}', "it has no `nbformat`", "Jupyter saved"),
        ("n.ipynb", b'{"nbformat": 4}', "has no list of cells", "Jupyter saved"),
        ("n.ipynb", b'{"nbformat": 4, "cells": [{}]}', "cell 1 has no source", "Jupyter"),
        ("n.ipynb", b'{"nbformat": 5, "cells": []}', "has notebook format 5", "Upgrade"),
        ("n.ipynb", b'{"nbformat": 3}', "old notebook format that cannot be upgraded", "Jupyter"),
        ("n.ipynb", b"\x1f\x8b\x08\x00", "byte 1 is not UTF-8", "compressed"),
        ("n.ipynb", b"[" * 200_000, "not ", ""),
    ],
)
def test_what_is_no_notebook_is_said_in_one_sentence(
    tmp_path: Path, name: str, content: bytes, message: str, hint: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)

    with pytest.raises(NotebookError) as caught:
        read_notebook(path)

    assert message in caught.value.message and str(path) in caught.value.message
    assert hint in caught.value.hint
    assert "\n" not in caught.value.message


def test_a_missing_notebook_suggests_one_that_is_there(tmp_path: Path) -> None:
    (tmp_path / "analysis.ipynb").touch()

    with pytest.raises(NotebookError, match="there is no such file") as caught:
        read_notebook(tmp_path / "anlysis.ipynb")
    assert caught.value.hint == f"Did you mean {tmp_path / 'analysis.ipynb'}?"

    with pytest.raises(NotebookError) as caught:
        read_notebook(tmp_path / "nowhere" / "x.ipynb")
    assert caught.value.hint == f"The folder {tmp_path / 'nowhere'} does not exist."

    with pytest.raises(NotebookError, match="is a folder, not a notebook"):
        read_notebook(tmp_path)
