"""Which kernel a notebook runs in."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from nbbatch.errors import NotebookError
from nbbatch.notebook import (
    CURRENT_KERNEL,
    available_kernels,
    current_kernelspec,
    read_notebook,
    resolve_kernel,
)
from tests.notebooks import write_notebook

PYTHON = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}


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
    path = write_notebook(tmp_path / "n.ipynb", parameters="n = 1")
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


def test_the_name_of_a_missing_kernel_cannot_command_the_terminal(tmp_path: Path) -> None:
    metadata = {"kernelspec": {"name": "python3\x1b]0;mine\x07", "display_name": "Python 3"}}
    path = tmp_path / "a.ipynb"
    path.write_text(json.dumps({"nbformat": 4, "metadata": metadata, "cells": []}))
    with pytest.raises(NotebookError, match=r"the kernel 'python3\\x1b\]0;mine\\x07'"):
        resolve_kernel(read_notebook(path), None)
