"""The frozen notebook with one point's parameters in it, prepared by papermill."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nbformat
from jupyter_client.kernelspec import KernelSpec
from nbformat import NotebookNode
from papermill.exceptions import PapermillException
from papermill.execute import remove_error_markers
from papermill.iorw import load_notebook_node
from papermill.parameterize import parameterize_notebook
from papermill.translators import RTranslator, papermill_translators

from ..model import Value
from .engine import ENGINE
from .parameters_cell import tag_parameters_cell


class NotebookInvalid(Exception):
    """The notebook cannot be executed at all; the message says why."""


class _RTranslator(RTranslator):  # type: ignore[misc]  # papermill has no types
    @classmethod
    def translate_str(cls, val: str) -> str:
        # papermill writes "é" as "\xe9", which R reads as one broken byte.
        return json.dumps(val, ensure_ascii=False)


for _name in ("R", "r", "ir"):
    papermill_translators.register(_name, _RTranslator)


def load_notebook(path: Path) -> NotebookNode:
    """Read a notebook of any format, as nbformat 4. NotebookInvalid, OSError."""
    with warnings.catch_warnings():
        # Missing cell ids and the like: put right while reading, nothing to tell of.
        warnings.simplefilter("ignore")
        path.stat()  # papermill would take the name of a missing file for a notebook
        try:
            nb: NotebookNode = load_notebook_node(str(path))
        except OSError:
            raise
        except Exception as error:  # nbformat raises many kinds
            raise NotebookInvalid(f"{path.name} is not a notebook: {error}") from error
    for cell in nb.cells:
        tags = cell.metadata.get("tags")
        if not isinstance(tags, list):
            cell.metadata["tags"] = [] if tags is None else [str(tags)]
    return nb


def kernel_name(nb: Mapping[str, Any], chosen: str | None) -> str:
    """The kernel to use: the one chosen, else the notebook's, else ``python3``."""
    return chosen or nb["metadata"].get("kernelspec", {}).get("name") or "python3"


def inject(
    nb: NotebookNode, params: Mapping[str, Value], *, kernel: str, spec: KernelSpec
) -> NotebookNode:
    """Put the parameters in as papermill does. NotebookInvalid when its language has no way."""
    language = spec.language or nb.metadata.get("language_info", {}).get("name", "")
    tag_parameters_cell(nb.cells)
    if params:
        try:
            nb = parameterize_notebook(
                nb, dict(params), kernel_name=kernel, language=language, engine_name=ENGINE
            )
        except (PapermillException, NotImplementedError) as error:
            raise NotebookInvalid(
                f"papermill cannot write these parameters for a {language or 'nameless'} "
                f"kernel ({kernel}): {error}"
            ) from error
    else:
        nb = nbformat.v4.upgrade(nb)
    nb = remove_error_markers(nb)
    nb.metadata.setdefault(
        "kernelspec",
        {"name": kernel, "display_name": spec.display_name, "language": spec.language},
    )
    nb.metadata.papermill["parameters"] = dict(params)
    return nb
