"""What a specimen is, and the two ways to write one down."""

from __future__ import annotations

import json
import textwrap
from dataclasses import dataclass, field
from typing import Any

import nbformat

from nbbatch.model import Outcome, Value


@dataclass(frozen=True)
class Specimen:
    """One notebook and how its execution must end.

    ``shows`` are texts that its executed outputs hold, ``logs`` those of ``output.log``,
    ``page`` those that the rendered page shows. ``exception`` is the failure's name.
    ``stays_below`` bounds the size of the executed notebook, in bytes.
    """

    name: str
    content: str
    outcome: Outcome = Outcome.OK
    exception: str = ""
    params: dict[str, Value] = field(default_factory=dict)
    metrics: dict[str, Value] = field(default_factory=dict)
    collect: dict[str, str] = field(default_factory=dict)
    shows: tuple[str, ...] = ()
    logs: tuple[str, ...] = ()
    page: tuple[str, ...] = ()
    stays_below: int = 15_000_000


def code(source: str, *tags: str, **metadata: Any) -> nbformat.NotebookNode:
    """A code cell; ``source`` is dedented."""
    if tags:
        metadata["tags"] = list(tags)
    return nbformat.v4.new_code_cell(textwrap.dedent(source).strip("\n"), metadata=metadata)


def text(source: str, **metadata: Any) -> nbformat.NotebookNode:
    return nbformat.v4.new_markdown_cell(textwrap.dedent(source), metadata=metadata)


def notebook(
    *cells: nbformat.NotebookNode | str, kernel: str = "python3", language: str = "python"
) -> str:
    """A notebook of today's format as a file's content; a bare text is a code cell."""
    built = nbformat.v4.new_notebook(
        cells=[code(cell) if isinstance(cell, str) else cell for cell in cells],
        metadata={
            "kernelspec": {"name": kernel, "display_name": kernel, "language": language},
            "language_info": {"name": language},
        },
    )
    for index, cell in enumerate(built.cells):  # the same file every time
        cell["id"] = f"cell-{index}"
    return str(nbformat.writes(built))


def document(**fields: Any) -> str:
    """Any JSON as a file's content: for formats that today's library does not write."""
    return json.dumps(fields, ensure_ascii=False, indent=1)
