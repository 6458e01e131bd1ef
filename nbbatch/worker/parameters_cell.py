"""Which cell of a notebook declares its parameters: one rule for planning and running (pure).

papermill knows the tag ``parameters`` only; we also take a cell whose first line is the
comment ``# parameters``. Such a cell must get the tag before papermill sees the notebook,
or the values are injected at the top, where the cell's defaults then overwrite them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, MutableMapping, Sequence
from typing import Any

PARAMETERS_TAG = "parameters"
INJECTED_TAG = "injected-parameters"

MARKER = re.compile(r"^\s*(#|//|%(?!%))\s*parameters\s*:?\s*$", re.IGNORECASE)
"""The comment, in the languages that papermill translates."""


def parameters_cell(cells: Sequence[Mapping[str, Any]]) -> int | None:
    """Index of the first code cell with the tag; else of the first that the comment begins."""
    code = [(index, cell) for index, cell in enumerate(cells) if cell.get("cell_type") == "code"]
    tagged = (index for index, cell in code if PARAMETERS_TAG in tags_of(cell))
    marked = (
        index
        for index, cell in code
        # What papermill injected earlier begins with the same comment: no declarations.
        if INJECTED_TAG not in tags_of(cell)
        and MARKER.match(source_of(cell).lstrip().partition("\n")[0])
    )
    return next(tagged, next(marked, None))


def tag_parameters_cell(cells: Sequence[MutableMapping[str, Any]]) -> None:
    """Give the cell that declares the parameters papermill's tag, in place."""
    index = parameters_cell(cells)
    if index is not None and PARAMETERS_TAG not in tags_of(cells[index]):
        metadata = cells[index].setdefault("metadata", {})
        metadata["tags"] = [*tags_of(cells[index]), PARAMETERS_TAG]


def tags_of(cell: Mapping[str, Any]) -> list[str]:
    """Tags of a cell; what is no text or no list is left out."""
    metadata = cell.get("metadata")
    tags = metadata.get("tags") if isinstance(metadata, Mapping) else None
    return [tag for tag in tags if isinstance(tag, str)] if isinstance(tags, list) else []


def source_of(cell: Mapping[str, Any]) -> str:
    """Source of a cell as one text; the file format allows a list of lines."""
    source = cell.get("source", "")
    return source if isinstance(source, str) else "".join(source)
