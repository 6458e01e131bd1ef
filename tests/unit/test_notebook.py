"""Reading a notebook without running it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest

from nbbatch.errors import NotebookError
from nbbatch.model import Value
from nbbatch.notebook import (
    CURRENT_KERNEL,
    Parameter,
    available_kernels,
    current_kernelspec,
    parameters_of,
    read_notebook,
    resolve_kernel,
)
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

# -------------------------------------------------------------------- parameters: Python


@pytest.mark.parametrize(
    ("source", "default", "kind"),
    [
        ("x = 3", 3, "int"),
        ("x = -3", -3, "int"),
        ("x = 1e-3", 0.001, "float"),
        ("x = 10 * 60", 600, "int"),
        ("x = 2**10 / 4", 256.0, "float"),
        ("x = True", True, "bool"),
        ("x = None", None, "null"),
        ('x = "pt>=20"', "pt>=20", "str"),
        ('x = "a#b"', "a#b", "str"),
        ('x = """a\n# b\n"""', "a\n# b\n", "str"),
        ('x = ("a"\n     "b")', "ab", "str"),
        ("x = [1, 2.5, None]", [1, 2.5, None], "list"),
        ("x = (1, 2)", [1, 2], "list"),
        ("x = []", [], "list"),
        ("x = list()", [], "list"),
        ("x = {'a': [1]}", {"a": [1]}, "dict"),
        ("x = dict(a=1, b='c')", {"a": 1, "b": "c"}, "dict"),
        ("x: float = 1", 1, "float"),
        ("x: int | None = None", None, "int"),
        ("x: Optional[str] = None", None, "str"),
        ("x: list[int] = None", None, "list"),
        ("x: int", None, "int"),
        ("x: Quantity = None", None, "null"),
        ("x = 1  # type: float", 1, "float"),
        # Expressions: only their source is known, and sometimes the kind.
        ("x = Path('a')", None, ""),
        ("x = [a, b]", None, "list"),
        ("x = f'{a}'", None, "str"),
        ("x = {1: 2}", None, "dict"),
        ("x = 1e999", None, ""),
        ("x = 3j", None, ""),
        ("x = 9**9**9", None, ""),
        ("x = 1 / 0", None, ""),
        ("x = 'a' * 10**9", None, ""),
        ("x = !ls", None, ""),
        ("x = %pwd", None, ""),
        # Where it stands.
        ("%matplotlib inline\n!ls {dir}\nx = 1\nx?", 1, "int"),
        ("%%time\nx = 1", 1, "int"),
        ("x = 1; y = 2", 1, "int"),
        ("a = x = 1", 1, "int"),
        ("a, (x, b) = 0, (1, 2)", 1, "int"),
        ("a, x = f()", None, ""),
        ("x = 1\nx = 'later'", "later", "str"),
        ("σ = 1\nx = σ", None, ""),
        ("x = 1\nthis is not ( Python", 1, "int"),
    ],
)
def test_python_parameters(source: str, default: Value, kind: str) -> None:
    found = {parameter.name: parameter for parameter in parameters_of(source, "python")}

    assert (found["x"].default, found["x"].kind) == (default, kind)
    assert type(found["x"].default) is type(default)


@pytest.mark.parametrize(
    "source",
    [
        "if True:\n    x = 1",
        "x.y = 1",
        "x[0] = 1",
        "x += 1",
        "x == 1",
        "print('x = 1')",
        "'''\nx = 1\n'''",
        "# x = 1",
        "%%bash\nx=1",
        "import x",
        "not ( Python\nx = 1",
        "",
    ],
)
def test_what_declares_no_parameter(source: str) -> None:
    assert parameters_of(source, "python") == ()


@pytest.mark.parametrize(
    ("source", "help"),
    [
        ("x = 1  # width", "width"),
        ("x = 'a#b'  # the cut, in GeV #1", "the cut, in GeV #1"),
        ("x = 'é' ; y = 2", ""),
        ("x = 'éé'  # accents", "accents"),
        ("# width\nx = 1", "width"),
        ("# the width\n# of the peak\nx = 1", "the width of the peak"),
        ("# a heading\n\nx = 1", ""),
        ("#: for Sphinx\nx = 1", "for Sphinx"),
        ("# above\nx = 1  # behind", "behind"),
        ("x = [  # first\n  1,  # one\n]", "first"),
        ("x = [\n  1,  # one\n]  # last", "last"),
        ("# parameters\nx = 1", ""),
        ("# Parameters:\n# width\nx = 1", "width"),
        ("x = 1  # type: int  the width", "the width"),
        ("x = 1; y = 2  # about y", ""),
        ("x = 1  # width\nx = 2", "width"),
        ("!ls  # not this\nx = 1", ""),
    ],
)
def test_comments_are_help(source: str, help: str) -> None:
    found = {parameter.name: parameter for parameter in parameters_of(source, "python")}

    assert found["x"].help == help


def test_a_parameter_keeps_its_source_and_annotation() -> None:
    (parameter,) = parameters_of("cuts: dict[str, float] = {  # GeV\n  'pt': 20.0\n}", "python")

    assert parameter == Parameter(
        name="cuts",
        default={"pt": 20.0},
        default_source="{  # GeV\n  'pt': 20.0\n}",
        annotation="dict[str, float]",
        help="GeV",
        kind="dict",
    )


# ----------------------------------------------------------- parameters: other languages


@pytest.mark.parametrize(
    ("language", "source", "name", "default", "kind", "help"),
    [
        ("R", "n <- 10L  # events", "n", 10, "int", "events"),
        ("R", "x = 2.5", "x", 2.5, "float", ""),
        ("R", "my.var <<- 1e-3", "my.var", 0.001, "float", ""),
        ("R", "`odd name` <- TRUE", "odd name", True, "bool", ""),
        ("R", 's <- "a # b; c"  # text', "s", "a # b; c", "str", "text"),
        ("R", "s <- 'it\\'s'", "s", "it's", "str", ""),
        ("R", "v <- c(1, 2,\n  3)  # cuts", "v", [1, 2, 3], "list", "cuts"),
        ("R", "v <- c('a,b', \"c\")", "v", ["a,b", "c"], "list", ""),
        ("R", "d <- list(a=1, b='x')", "d", {"a": 1, "b": "x"}, "dict", ""),
        ("R", "z <- NULL", "z", None, "null", ""),
        ("R", "n <-\n  4", "n", 4, "int", ""),
        ("R", "# parameters\n# events\nn <- 4", "n", 4, "int", "events"),
        ("R", "t <- Sys.time()", "t", None, "", ""),
        ("julia", "σ = 1.5  # width", "σ", 1.5, "float", "width"),
        ("julia", "const n::Int = 1_000", "n", 1000, "int", ""),
        ("julia", "x = 1.5f0", "x", 1.5, "float", ""),
        ("julia", "b = false; c = 1", "b", False, "bool", ""),
        ("julia", 'd = Dict("a" => 1)', "d", {"a": 1}, "dict", ""),
        ("julia", "z = nothing", "z", None, "null", ""),
        ("scala", "val n: Int = 3 // events", "n", 3, "int", "events"),
        ("C#", 'var s = "x"; // text', "s", "x", "str", "text"),
        ("F#", "let n = 3 // events", "n", 3, "int", "events"),
        ("matlab", "n = 3; % events", "n", 3, "int", "events"),
        ("bash", "name='a b' # text", "name", "a b", "str", "text"),
        ("PowerShell", "$n = 3 # events", "n", 3, "int", "events"),
    ],
)
def test_parameters_of_other_languages(
    language: str, source: str, name: str, default: Value, kind: str, help: str
) -> None:
    parameter = parameters_of(source, language)[0]

    assert (parameter.name, parameter.default) == (name, default)
    assert (parameter.kind, parameter.help) == (kind, help)


@pytest.mark.parametrize(
    ("language", "source"),
    [
        ("R", "if (x == 3) y <- 1"),
        ("R", "x[3] <- 1"),
        ("R", "f(x = 1)"),
        ("R", "# x <- 1"),
        ("julia", "x == 3"),
        ("julia", "f(x) = x"),
        ("julia", '"""\nx = 1\n"""'),
        ("cobol", "x = 1"),
    ],
)
def test_what_declares_no_parameter_in_other_languages(language: str, source: str) -> None:
    assert parameters_of(source, language) == ()


# -------------------------------------------------------------------------- the notebook


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


# ------------------------------------------------------------------------------- kernels


def install_kernels(monkeypatch: pytest.MonkeyPatch, folder: Path, **kernels: str) -> None:
    for name, language in kernels.items():
        spec = folder / "kernels" / name
        spec.mkdir(parents=True)
        argv = ["true", "{connection_file}"]
        content = {"argv": argv, "display_name": f"My {name}", "language": language}
        (spec / "kernel.json").write_text(json.dumps(content))
    monkeypatch.setenv("JUPYTER_PATH", str(folder))


@pytest.mark.parametrize(
    ("metadata", "override", "kernel"),
    [
        (PYTHON, None, "python3"),
        (PYTHON, "juliet", "juliet"),
        (PYTHON, "Juliet", "juliet"),
        (PYTHON, "current", CURRENT_KERNEL),
        ({"kernelspec": {"name": "juliet"}}, None, "juliet"),
        ({}, None, "python3"),
    ],
)
def test_choosing_a_kernel(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    metadata: dict[str, Any],
    override: str | None,
    kernel: str,
) -> None:
    install_kernels(monkeypatch, tmp_path, juliet="julia")
    path = tmp_path / "n.ipynb"
    path.write_text(json.dumps({"nbformat": 4, "metadata": metadata, "cells": []}))

    assert available_kernels()["juliet"] == "My juliet"
    assert resolve_kernel(read_notebook(path), override) == kernel


@pytest.mark.parametrize(
    ("metadata", "override", "message"),
    [
        ({"kernelspec": {"name": "julliet"}}, None, "asks for the kernel julliet, which this"),
        (PYTHON, "julliet", "--kernel julliet: this machine has no such kernel."),
    ],
)
def test_a_missing_kernel_lists_those_that_exist(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    metadata: dict[str, Any],
    override: str | None,
    message: str,
) -> None:
    install_kernels(monkeypatch, tmp_path, juliet="julia")
    path = tmp_path / "n.ipynb"
    path.write_text(json.dumps({"nbformat": 4, "metadata": metadata, "cells": []}))

    with pytest.raises(NotebookError) as caught:
        resolve_kernel(read_notebook(path), override)

    assert message in caught.value.message
    assert caught.value.hint.startswith("Did you mean juliet? It has ")
    assert "juliet (My juliet)" in caught.value.hint and "python3" in caught.value.hint


def test_a_language_without_a_kernel_is_named(tmp_path: Path) -> None:
    path = tmp_path / "n.ipynb"
    metadata = {"language_info": {"name": "cobol"}}
    path.write_text(json.dumps({"nbformat": 4, "metadata": metadata, "cells": []}))

    with pytest.raises(NotebookError, match="names no kernel for its language, cobol"):
        resolve_kernel(read_notebook(path), None)


def test_the_current_kernel_is_this_interpreter() -> None:
    spec = current_kernelspec()

    assert spec["argv"][0] == sys.executable
    assert spec["argv"][-1] == "{connection_file}"
    assert spec["language"] == "python"


def test_reading_a_notebook_imports_no_jupyter(tmp_path: Path) -> None:
    path = save(tmp_path / "n.ipynb", code("# parameters\nn = 1"), **PYTHON)
    program = (
        "import sys; from nbbatch.notebook import read_notebook; from pathlib import Path; "
        "read_notebook(Path(sys.argv[1])); "
        "print([m for m in sys.modules if m.split('.')[0] in "
        "('nbformat', 'nbconvert', 'jupyter_client', 'papermill', 'IPython')])"
    )

    done = subprocess.run(
        [sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "[]"
