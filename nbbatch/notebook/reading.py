"""A notebook file as the plan needs it. Reads the file once; executes nothing."""

from __future__ import annotations

import difflib
import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import NotebookError
from ..worker.parameters_cell import (
    INJECTED_TAG,
    PARAMETERS_TAG,
    parameters_cell,
    source_of,
    tags_of,
)
from .parameters import Parameter, parameters_of
from .python_source import imported_modules, modules_at_top

_BEHAVIOUR = frozenset({PARAMETERS_TAG, INJECTED_TAG, "skip-execution", "raises-exception"})
"""Tags that change what runs, and so belong to the code."""

_LANGUAGE_OF_KERNEL = (("ir", "R"), ("julia", "julia"), ("python", "python"), ("xpython", "python"))


@dataclass(frozen=True)
class Notebook:
    """What a notebook declares.

    ``kernel`` is the kernelspec that it names, or "". ``parameters_cell`` is the index,
    among all cells, of the one that declares the parameters. ``code_sha256`` hashes the
    code cells' sources (and the tags that change what runs) only, so that re-running the
    notebook or editing its text does not change it; ``sha256`` is of the file.
    ``imports`` are the top-level modules that its Python imports; ``modules`` the dotted names
    that its cells import in statements of their own, in order.
    """

    path: Path
    language: str
    kernel: str
    parameters: tuple[Parameter, ...]
    has_parameters_cell: bool
    code_sha256: str
    imports: tuple[str, ...]
    sha256: str
    parameters_cell: int | None = None
    modules: tuple[str, ...] = ()


def read_notebook(path: Path) -> Notebook:
    """Read a notebook of any format version; NotebookError says what is wrong and where."""
    content = _bytes_of(path)
    document = _document(content, path)
    cells = _cells(document, path)
    metadata = _mapping(document.get("metadata"))
    spec = _mapping(metadata.get("kernelspec"))
    kernel = spec.get("name") if isinstance(spec.get("name"), str) else ""
    language = _language(metadata, spec, str(kernel))
    code = [cell for cell in cells if cell.get("cell_type") == "code"]
    index = parameters_cell(cells)
    modules: set[str] = set()
    at_top: list[str] = []
    if language.lower() == "python":
        modules = modules.union(*(imported_modules(source_of(cell)) for cell in code))
        at_top = [name for cell in code for name in modules_at_top(source_of(cell))]
    return Notebook(
        path=path,
        language=language,
        kernel=str(kernel),
        parameters=() if index is None else parameters_of(source_of(cells[index]), language),
        has_parameters_cell=index is not None,
        code_sha256=_code_digest(code),
        imports=tuple(sorted(modules)),
        sha256=hashlib.sha256(content).hexdigest(),
        parameters_cell=index,
        modules=tuple(dict.fromkeys(at_top)),
    )


# ------------------------------------------------------------------------- the file


def _bytes_of(path: Path) -> bytes:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise NotebookError(f"{path}: there is no such file.", hint=_similar(path)) from None
    except IsADirectoryError:
        raise NotebookError(
            f"{path} is a folder, not a notebook.", hint="Name the .ipynb file in it."
        ) from None
    except OSError as error:
        raise NotebookError(f"{path} cannot be read: {error.strerror}.") from None
    if not content.strip():
        raise NotebookError(
            f"{path} is empty.", hint="Save the notebook again, or restore it from a backup."
        )
    return content


def _similar(path: Path) -> str:
    folder = path.parent
    names = [p.name for p in folder.glob("*.ipynb")] if folder.is_dir() else []
    if close := difflib.get_close_matches(path.name, names, n=1, cutoff=0.5):
        return f"Did you mean {folder / close[0]}?"
    if not folder.is_dir():
        return f"The folder {folder} does not exist."
    return f"{folder.resolve()} has {len(names)} notebooks." if names else "Check the path."


_CONFLICT = re.compile(rb"^(<<<<<<<|>>>>>>>) ", re.MULTILINE)


def _document(content: bytes, path: Path) -> dict[str, Any]:
    """Parse the file and bring it to format 4."""
    try:
        document = json.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise NotebookError(
            f"{path} is not a notebook: byte {error.start} is not UTF-8 text.",
            hint="A notebook is a JSON file; was it compressed or saved in another encoding?",
        ) from None
    except json.JSONDecodeError as error:
        raise _not_json(content, path, error) from None
    except RecursionError:
        raise NotebookError(f"{path} is not a notebook: its JSON is nested too deeply.") from None
    if not isinstance(document, dict) or not isinstance(document.get("nbformat"), int):
        raise NotebookError(
            f"{path} is JSON but not a notebook: it has no `nbformat`.",
            hint="Give a file that Jupyter saved.",
        )
    if document["nbformat"] > 4:
        raise NotebookError(
            f"{path} has notebook format {document['nbformat']}; format 4 is the newest known.",
            hint="Upgrade nbbatch, or save the notebook in format 4.",
        )
    return document if document["nbformat"] == 4 else _upgraded(content, path)


def _not_json(content: bytes, path: Path, error: json.JSONDecodeError) -> NotebookError:
    if match := _CONFLICT.search(content):
        line = content[: match.start()].count(b"\n") + 1
        return NotebookError(
            f"{path}:{line} has the markers of an unfinished git merge.",
            hint="Finish the merge (nbdime helps), then try again.",
        )
    if path.suffix in (".py", ".md", ".Rmd", ".qmd", ".R", ".jl"):
        return NotebookError(
            f"{path} is a script, not a notebook.",
            hint=f"Convert it first: jupytext --to ipynb {path}",
        )
    return NotebookError(
        f"{path}:{error.lineno} is not JSON: {error.msg} (column {error.colno}).",
        hint="The file is damaged or no notebook; restore it, or open and save it in Jupyter.",
    )


def _upgraded(content: bytes, path: Path) -> dict[str, Any]:
    import nbformat

    try:
        return dict(nbformat.reads(content.decode("utf-8-sig"), as_version=4))
    except Exception as error:  # nbformat raises KeyError, AttributeError … on damaged files
        raise NotebookError(
            f"{path} has an old notebook format that cannot be upgraded: {error!r}.",
            hint="Open and save it in Jupyter.",
        ) from None


def _cells(document: dict[str, Any], path: Path) -> list[dict[str, Any]]:
    cells = document.get("cells")
    if not isinstance(cells, list):
        raise NotebookError(
            f"{path} is not a notebook: it has no list of cells.",
            hint="Give a file that Jupyter saved.",
        )
    for number, cell in enumerate(cells, start=1):
        if not isinstance(cell, dict) or not _is_text(cell.get("source")):
            raise NotebookError(
                f"{path}: cell {number} has no source.",
                hint="The file is damaged; open and save it in Jupyter.",
            )
    return cells


# ------------------------------------------------------------------------ the cells


def _is_text(source: Any) -> bool:
    return isinstance(source, str) or (
        isinstance(source, list) and all(isinstance(line, str) for line in source)
    )


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _code_digest(code: list[dict[str, Any]]) -> str:
    parts = [[source_of(cell), sorted(_BEHAVIOUR.intersection(tags_of(cell)))] for cell in code]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _language(metadata: dict[str, Any], spec: dict[str, Any], kernel: str) -> str:
    """Language that the notebook names, else the one that its kernel's name tells."""
    named = _mapping(metadata.get("language_info")).get("name") or spec.get("language")
    if isinstance(named, str) and named:
        return named
    for beginning, language in _LANGUAGE_OF_KERNEL:
        if kernel.lower().startswith(beginning):
            return language
    return "python"
