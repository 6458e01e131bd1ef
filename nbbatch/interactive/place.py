"""Where a cell runs: in which notebook, and whether nbbatch itself runs that notebook."""

from __future__ import annotations

import ast
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import NbbatchError, UsageError
from ..folder import SweepFolder


def this() -> Path:
    """The path of the notebook that this cell is in.

    Jupyter servers and VS Code tell it; in a run of nbbatch it is the notebook that was
    launched. Raises UsageError where nothing tells it.
    """
    around = surrounding_sweep(os.environ)
    if around is not None:
        return _launched(around)
    shell = _shell()
    namespace = {} if shell is None else shell.user_ns
    found = told_by(os.environ, namespace)
    if found is None:
        raise UsageError(
            "Nothing tells which notebook this cell is in.",
            hint="Give its path: nbbatch.run('analysis.ipynb', …).",
        )
    if not found.is_file():
        raise UsageError(
            f"This notebook was {found} when its kernel started, and is not there any more.",
            hint="If it has a new name, restart the kernel or give the path: "
            "nbbatch.run('analysis.ipynb', …).",
        )
    return found


def told_by(environment: Mapping[str, str], namespace: Mapping[str, Any]) -> Path | None:
    """The notebook as VS Code (a variable) or a Jupyter server ≥ 2 (the environment) tell it."""
    said = namespace.get("__vsc_ipynb_file__") or environment.get("JPY_SESSION_NAME")
    if not isinstance(said, str) or not said.endswith(".ipynb"):
        return None
    path = Path(said)
    if path.is_absolute() and path.is_file():
        return path
    # With a collaboration server it is named by its drive: `RTC:folder/analysis.ipynb`.
    beside = Path.cwd() / path.name.rpartition(":")[2]
    return beside if beside.is_file() else Path.cwd() / path


def surrounding_sweep(environment: Mapping[str, str]) -> Path | None:
    """The folder of the sweep whose run this process is; on a node perhaps not all of it."""
    said = environment.get("NBBATCH_POINT_DIR")
    if not said or "NBBATCH_POINT_ID" not in environment:
        return None
    for folder in Path(said).parents:
        if (folder / "sweep.json").is_file() or (folder / "notebook.ipynb").is_file():
            return folder
    return Path(said)


def _launched(root: Path) -> Path:
    """The notebook of a sweep: the user's own, or the copy that travels with the jobs."""
    folder = SweepFolder(root)
    try:
        own = Path(folder.header().notebook)
    except NbbatchError:
        return folder.notebook_file
    return own if own.is_file() else folder.notebook_file


def refuse_recursion(notebook: Path, environment: Mapping[str, str]) -> None:
    """Raise UsageError when this is a run of the very notebook that is to be launched."""
    root = surrounding_sweep(environment)
    if root is None or not notebook.is_file():
        return
    frozen = SweepFolder(root).notebook_file
    same = notebook.resolve() in (_launched(root).resolve(), frozen.resolve())
    if not same and frozen.is_file():  # on another machine paths say little
        same = notebook.read_bytes() == frozen.read_bytes()
    if same:
        raise UsageError(
            f"{notebook.name} is being run by nbbatch, and would launch itself again from "
            "every point.",
            hint="Put `if not nbbatch.inside():` before `nbbatch.run`.",
        )


def check_self_launch(notebook: Path) -> list[str]:
    """Look at a notebook that launches itself; returns remarks for its user.

    Raises UsageError when each of its points would launch it again: the cell that runs now
    must ask ``nbbatch.inside()`` or be tagged `skip-execution`, or another cell has to ask.
    """
    shell = _shell()
    if shell is None or "NBBATCH_POINT_ID" in os.environ or not is_this(notebook):
        return []
    try:
        cells = json.loads(notebook.read_bytes())["cells"]
        code = [(_source(c), _tags(c)) for c in cells if c.get("cell_type") == "code"]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return []  # the plan says better what is wrong with it
    history = getattr(shell.history_manager, "input_hist_raw", None) or [""]
    launching = str(history[-1])
    if endless(launching, code):
        raise UsageError(
            f"{notebook.name} launches itself, and each of its points would do so again.",
            hint="Put `if not nbbatch.inside():` before `nbbatch.run`, or tag the cell "
            "`skip-execution`.",
        )
    if launching.strip() in {source.strip() for source, _ in code}:
        return []
    return [f"{notebook.name} was changed since it was last saved: what was saved is what runs."]


def endless(launching: str, cells: list[tuple[str, list[str]]]) -> bool:
    """Whether the saved cells (source, tags) would launch again what ``launching`` launched."""
    if any(_asks(source) for source, _ in cells):
        return False
    # A cell that is not saved is not in the copies, so that it cannot launch them.
    same = [tags for source, tags in cells if source.strip() == launching.strip()]
    return any("skip-execution" not in tags for tags in same)


def is_this(notebook: Path) -> bool:
    """Whether the path is the notebook that this cell is in, as far as that can be told."""
    shell = _shell()
    found = told_by(os.environ, {} if shell is None else shell.user_ns)
    return found is not None and found.resolve() == notebook.resolve()


def _asks(source: str) -> bool:
    """Whether code calls ``inside()``; a comment that speaks of it does not count."""
    if "inside" not in source:
        return False
    try:
        tree = ast.parse(source)
    except SyntaxError:  # magics
        return "inside()" in source
    return any(
        isinstance(node, ast.Call) and ast.unparse(node.func).endswith("inside")
        for node in ast.walk(tree)
    )


def _source(cell: Mapping[str, Any]) -> str:
    source = cell.get("source", "")
    return source if isinstance(source, str) else "".join(source)


def _tags(cell: Mapping[str, Any]) -> list[str]:
    return list(cell.get("metadata", {}).get("tags", []))


def _shell() -> Any:
    ipython = sys.modules.get("IPython")
    return None if ipython is None else ipython.get_ipython()
