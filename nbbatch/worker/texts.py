"""What the cells of an executed notebook printed, as a file that the report compares.

Pages opened from ``file://`` can load classic scripts but neither JSON nor notebooks, so
``figures/cells.js`` is one call: ``nbbatchData.push({kind: "cells", point, cells})``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..model import PointFiles
from .figures import numbered_cells
from .files import write_atomic

if TYPE_CHECKING:  # the report reads these files' formats, and need not wait for nbformat
    from nbformat import NotebookNode

FILE = "cells.js"
CELL_LIMIT = 20_000
POINT_LIMIT = 200_000
"""Characters of a cell's, and of a point's text; ``output.log`` has all of it."""

_ESCAPES = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"})


def literal(value: Any) -> str:
    """A JavaScript literal that is harmless inside HTML: ASCII, without ``<``, ``>``, ``&``."""
    text = json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.translate(_ESCAPES)


def script(content: Mapping[str, Any]) -> str:
    """The text of one data file."""
    return f"(window.nbbatchData=window.nbbatchData||[]).push({literal(content)});\n"


def write_texts(nb: NotebookNode, point_id: str, folder: Path) -> None:
    """Write what each code cell printed or returned into the point's ``folder``."""
    cells, left = [], POINT_LIMIT
    for number, cell in numbered_cells(nb):
        if cell.get("cell_type") != "code":
            continue
        text = "".join(map(_text_of, cell.get("outputs") or ()))
        limit = min(CELL_LIMIT, left)
        if len(text) > limit:
            text = f"{text[:limit]}\n… {len(text) - limit:,} characters more\n"
        left -= min(len(text), left)
        cells.append({"cell": number, "text": text})
    figures = folder / PointFiles.FIGURES
    figures.mkdir(exist_ok=True)
    content = script({"kind": "cells", "point": point_id, "cells": cells})
    write_atomic(figures / FILE, content, durable=False)


def _text_of(output: Mapping[str, Any]) -> str:
    kind = output.get("output_type")
    if kind == "stream":
        return _joined(output.get("text"))
    if kind == "error":
        return f"{output.get('ename')}: {output.get('evalue')}\n"
    data = output.get("data") or {}
    text = _joined(data.get("text/plain"))
    # "<Figure size 700x550 with 2 Axes>" says nothing beside the figure.
    if not text or any(str(mime).startswith("image/") for mime in data):
        return ""
    return f"{text}\n"


def _joined(text: Any) -> str:
    return "".join(map(str, text)) if isinstance(text, list) else str(text or "")
