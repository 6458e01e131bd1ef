"""Who may import whom, and what nobody may import before it is needed."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "nbbatch"

# Part of the package → parts that it may import. A part is a module or a sub-package of the
# top level; imports inside functions count, those for type checkers only do not.
VALUES = {"model", "errors"}
MAY_IMPORT: dict[str, set[str]] = {
    "model": set(),
    "errors": set(),
    "worker": VALUES,  # shipped alone to nodes without a shared filesystem
    "grid": VALUES,
    "notebook": VALUES | {"worker"},  # the worker knows what a parameters cell is
    "collect": VALUES | {"folder", "worker"},
    "provenance": VALUES,
    "backends": VALUES | {"folder", "worker"},  # nothing of grids, reports, notebooks
    "folder": VALUES | {"locks", "worker"},
    "locks": VALUES,
    "catalogue": VALUES | {"folder", "worker"},
    "results": VALUES | {"folder", "locks", "worker"},
    "plan": VALUES | {"folder", "grid", "notebook"},
    "queueing": VALUES | {"backends", "catalogue", "collect", "folder"},
    "create": VALUES
    | {"backends", "catalogue", "collect", "folder", "notebook", "plan", "provenance", "queueing"},
}
# The doors and what they open may use everything beneath them, and not each other.
DOORS = {"cli", "__main__", "interactive"}  # %nbbatch in a cell is the command line
UPPER = {"history", "schedule", "sweep", "output", "report", "display"}

HEAVY = {
    *("papermill", "nbclient", "nbconvert", "nbformat", "jupyter_client", "IPython"),
    *("htcondor", "htcondor2", "pandas", "pyarrow", "numpy", "scipy", "matplotlib", "ruamel"),
}


def parts() -> dict[str, list[Path]]:
    """Every part of the package, with its files."""
    found: dict[str, list[Path]] = {}
    for file in sorted(PACKAGE.rglob("*.py")):
        inside = file.relative_to(PACKAGE)
        found.setdefault(inside.parts[0].removesuffix(".py"), []).append(file)
    return found


PARTS = parts()


def test_every_part_has_its_place() -> None:
    assert set(PARTS) - {"__init__"} == MAY_IMPORT.keys() | DOORS | UPPER


@pytest.mark.parametrize("part", MAY_IMPORT)
def test_a_part_imports_only_what_it_may(part: str) -> None:
    allowed = MAY_IMPORT[part] | {part, "__init__"}
    wrong = {f"{file.name}: {used}" for file, used in uses(part) if used not in allowed}
    assert not wrong


@pytest.mark.parametrize("part", sorted(UPPER))
def test_nothing_imports_a_door(part: str) -> None:
    wrong = {f"{file.name}: {used}" for file, used in uses(part) if used in DOORS}
    assert not wrong


def test_what_goes_into_a_kernel_stands_alone() -> None:
    for file in (PACKAGE / "worker" / "kernel_side").glob("*.py"):
        assert not list(imported(file)), file.name


def test_the_whole_package_is_looked_at() -> None:
    """The reading of imports is itself right: a few edges that must be there."""
    edges = {(part, used) for part in PARTS for _, used in uses(part)}
    assert {("plan", "grid"), ("sweep", "backends"), ("cli", "sweep")} <= edges


def uses(part: str) -> Iterator[tuple[Path, str]]:
    for file in PARTS[part]:
        for used in imported(file):
            yield file, used


def imported(file: Path) -> Iterator[str]:
    """The parts of nbbatch that a file imports, anywhere but under ``if TYPE_CHECKING:``."""
    package = ("nbbatch", *file.relative_to(PACKAGE).parts[:-1])
    for node in running(ast.parse(file.read_bytes())):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from part_of(tuple(alias.name.split(".")))
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            base += tuple(node.module.split(".")) if node.module else ()
            for alias in node.names:
                yield from part_of((*base, alias.name))


def part_of(dotted: tuple[str, ...]) -> Iterator[str]:
    if dotted[0] == "nbbatch":
        name = dotted[1] if len(dotted) > 1 else "__init__"
        yield name if name in PARTS else "__init__"


def running(tree: ast.AST) -> Iterator[ast.AST]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        yield node
        yield from running(node)


def test_every_library_that_is_imported_is_declared() -> None:
    project = (PACKAGE.parent / "pyproject.toml").read_text().partition("[project.scripts]")[0]
    declared = {_normal(name) for name in re.findall(r'"([A-Za-z][\w.-]*)(?:[>=;\[]|")', project)}
    missing = {
        f"{file.name}: {top}"
        for files in PARTS.values()
        for file in files
        for top in third_party(file)
        if top not in BROUGHT_ALONG and OTHER_NAME.get(top, _normal(top)) not in declared
    }
    assert not missing


# Libraries whose distribution has another name than their package.
OTHER_NAME = {
    "bs4": "beautifulsoup4",
    "crontab": "python-crontab",
    "htcondor2": "htcondor",
    "ruamel": "ruamel-yaml",
    "zmq": "pyzmq",
}
BROUGHT_ALONG = {
    "IPython",  # only inside an IPython kernel
    "PIL",  # thumbnails of what matplotlib drew, which brings it; done without where it is not
}


def third_party(file: Path) -> Iterator[str]:
    for node in running(ast.parse(file.read_bytes())):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and not node.level and node.module:
            names = [node.module]
        for name in names:
            top = name.partition(".")[0]
            if top not in sys.stdlib_module_names and top != "nbbatch":
                yield top


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


# ------------------------------------------------------------------------- light imports


@pytest.mark.parametrize(
    "program",
    [
        "import nbbatch",
        "from nbbatch import record, inside, point_dir",
        "import nbbatch.model, nbbatch.errors",
        "import nbbatch.cli; sys.argv = ['nbbatch', '--help']; nbbatch.cli.main()",
        "import nbbatch.cli; sys.argv = ['nbbatch', 'run', '--help']; nbbatch.cli.main()",
        "from nbbatch import Sweep",
    ],
)
def test_nothing_heavy_is_imported_before_it_is_needed(program: str) -> None:
    code = (
        "import sys, json\n"
        f"try:\n    {program}\nexcept SystemExit as stop:\n    assert not stop.code\n"
        "print('\\n' + json.dumps(sorted(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    modules = json.loads(run.stdout.splitlines()[-1])
    assert any(name.startswith("nbbatch") for name in modules)
    assert not [name for name in modules if name.partition(".")[0] in HEAVY]
