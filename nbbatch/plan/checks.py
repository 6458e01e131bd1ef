"""The grid's points against what the notebook declares."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..errors import GridError, NotebookError

if TYPE_CHECKING:
    from ..grid import Grid, GridPoint
    from ..notebook import Notebook


def refuse_unknown(notebook: Notebook, grid: Grid) -> None:
    declared = {parameter.name for parameter in notebook.parameters}
    for point in grid.points:
        unknown = [name for name in point.params if name not in declared]
        if not unknown:
            continue
        if not notebook.has_parameters_cell:
            raise NotebookError(
                f"{notebook.path} has no cell tagged `parameters`, but the grid sets "
                f"{', '.join(unknown)} ({point.origin}).",
                hint="Tag the cell that assigns them, or start it with the comment "
                "`# parameters`; `--allow-unknown` injects them before the first cell.",
            )
        raise GridError(
            f"{notebook.path.name} does not declare the parameter {unknown[0]}; "
            f"it declares {', '.join(sorted(declared)) or 'none'}.",
            where=grid.homes.get(unknown[0], point.origin),
            hint=_suggest(unknown[0], declared) + "`--allow-unknown` passes it all the same.",
        )


def _suggest(name: str, known: set[str]) -> str:
    import difflib

    close = difflib.get_close_matches(name, known, n=1)
    return f"Did you mean {close[0]}? " if close else ""


def type_notes(notebook: Notebook, points: Sequence[GridPoint]) -> list[str]:
    """Remark on text where the notebook has a number, and the reverse: a frequent slip."""
    numeric = {"int", "float"}
    notes = []
    for parameter in notebook.parameters:
        for point in points:
            value = point.params.get(parameter.name)
            text = isinstance(value, str)
            number = isinstance(value, (int, float)) and not isinstance(value, bool)
            if (parameter.kind in numeric and text) or (parameter.kind == "str" and number):
                notes.append(
                    f"{parameter.name} is {parameter.default_source} in the notebook but "
                    f"{json.dumps(value)} in the grid ({point.origin}): "
                    f"{'text, not a number' if text else 'a number, not text'}."
                )
                break
    return notes
