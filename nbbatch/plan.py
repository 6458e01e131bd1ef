"""From a request to a checked plan: everything that can be known before anything runs."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import GridError, NbbatchError, NotebookError, UsageError
from .folder import SweepFolder
from .model import Launch, Point, Resources, Settings, Summary, Value

if TYPE_CHECKING:
    from .grid import Grid, GridPoint
    from .notebook import Notebook

CONTENT_HASH_BELOW = 256 * 1024 * 1024
"""Declared inputs up to this size (bytes) are hashed by content, larger by size and time."""


@dataclass(frozen=True)
class Request:
    """What the user asked for, in the words of the command line; nothing is checked yet.

    ``grid`` is a path, ``"-"``, a mapping, a list of mappings, a data frame or None.
    Texts such as ``memory="2GB"`` and ``timeout="1h"`` are parsed by ``make_plan``.
    """

    notebook: str | os.PathLike[str]
    grid: Any = None
    pins: Sequence[str] = ()
    axes: Sequence[str] = ()
    where: Sequence[str] = ()
    sample: int | None = None
    max_points: int | None = None
    only: Sequence[str] = ()
    allow_unknown: bool = False
    kernel: str | None = None
    backend: str = "local"
    out: str | os.PathLike[str] | None = None
    name: str | None = None
    jobs: int | None = None
    cpus: int | None = None
    memory: str | int | None = None
    disk: str | int | None = None
    gpus: int | None = None
    time: str | int | None = None
    options: Sequence[str] = ()
    setup: str | None = None
    container: str | None = None
    python: str | None = None
    mail: str | None = None
    retry_memory: str | None = None
    retry_time: str | None = None
    files: str | None = None
    max_idle: int | None = None
    personal: bool = False
    keep_personal: bool = False
    points_per_job: int = 1  # 0: auto
    timeout: str | float | None = None
    cell_timeout: str | float | None = None
    retries: int = 2
    collect: Sequence[str] = ()
    cwd: str = "notebook"
    preload: str = "auto"
    cold: bool = False
    no_input: bool = False
    allow_scripts: bool = False
    summary: str | os.PathLike[str] | None = None
    force: bool = False


@dataclass(frozen=True)
class Plan:
    """A checked request: what will run, and how. ``notes`` are remarks, not errors."""

    request: Request
    notebook: Notebook
    kernel: str
    grid: Grid
    points: tuple[Point, ...]
    resources: Resources
    settings: Settings
    launch: Launch = field(default_factory=Launch)
    summary: Summary | None = None
    notes: tuple[str, ...] = ()

    @property
    def only(self) -> tuple[str, ...]:
        """Ids of the points that ``--point`` chose; empty when it was not given."""
        return tuple(choose_point(words, self.points).id for words in self.request.only)


def make_plan(request: Request) -> Plan:
    """Expand the grid and check it against the notebook.

    Raises SpecificationError (NotebookError, GridError, UsageError) or NoPoints with one
    sentence that says what, where and what to do. Writes nothing.
    """
    from .grid import Overrides, load_grid, parse_collect
    from .notebook import read_notebook, resolve_kernel

    notebook = read_notebook(Path(request.notebook))
    grid = load_grid(
        request.grid,
        overrides=Overrides(
            pins=tuple(request.pins),
            axes=tuple(request.axes),
            where=tuple(request.where),
            sample=request.sample,
            max_points=request.max_points,
        ),
    )
    kernel = resolve_kernel(notebook, request.kernel)
    collect = {**grid.collect, **parse_collect(list(request.collect))}
    resources = _resources(request, grid.resources)
    settings = _settings(request, notebook, kernel, collect, resources)
    notes: list[str] = []
    if not request.allow_unknown:
        _refuse_unknown(notebook, grid)
    notes.extend(_type_notes(notebook, grid.points))
    fingerprint = _fingerprint(notebook, kernel, collect, grid.inputs)
    points = _identify(grid, fingerprint)
    return Plan(
        request=request,
        notebook=notebook,
        kernel=kernel,
        grid=grid,
        points=points,
        resources=resources,
        settings=settings,
        launch=_launch(request, grid, resources),
        summary=_summary(request, notebook),
        notes=tuple(notes),
    )


def _summary(request: Request, points_notebook: Notebook) -> Summary | None:
    """Check the summary notebook as the points' is checked: before anything runs."""
    if request.summary is None:
        return None
    from .notebook import read_notebook, resolve_kernel

    notebook = read_notebook(Path(request.summary))
    declared = {parameter.name for parameter in notebook.parameters}
    if "results" not in declared:
        raise NotebookError(
            f"{notebook.path} declares no parameter `results`, which is the path of results.csv.",
            hint='Assign it in a cell tagged `parameters`: results = "results.csv".',
        )
    alike = notebook.language == points_notebook.language
    return Summary(
        notebook=str(notebook.path.resolve()),
        sha256=notebook.sha256,
        kernel=resolve_kernel(notebook, request.kernel if alike else None),
        parameters=tuple(name for name in ("results", "sweep") if name in declared),
    )


def merge_points(points: Sequence[Point], earlier: Sequence[Point]) -> tuple[Point, ...]:
    """The plan's points, keeping the folders of those that an earlier revision had."""
    folders = {point.id: point.dir for point in earlier}
    return tuple(replace(point, dir=folders.get(point.id, point.dir)) for point in points)


def _identify(grid: Grid, fingerprint: str) -> tuple[Point, ...]:
    """Give each grid point its id, folder and key."""
    from .grid.ids import canonical, point_ids

    total = len(grid.points)
    points = []
    for index, name in enumerate(point_ids(grid.points, grid.id_template)):
        params = grid.points[index].params
        key = hashlib.sha256(f"{fingerprint}\n{canonical(params)}".encode()).hexdigest()[:32]
        points.append(Point(name, index, params, SweepFolder.dir_of(name, total), key))
    return tuple(points)


def choose_point(words: str, points: Sequence[Point]) -> Point:
    """The point of this id, index, or unambiguous beginning of an id; else UsageError."""
    found = [p for p in points if words in (p.id, str(p.index))]
    found = found or [p for p in points if p.id.startswith(words)]
    if len(found) != 1:
        what = "no point" if not found else f"{len(found)} points that begin with"
        raise UsageError(
            f"There is {what} {words!r} in this grid.",
            hint="`nbbatch plan` with the same options lists the points.",
        )
    return found[0]


def _refuse_unknown(notebook: Notebook, grid: Grid) -> None:
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


def _type_notes(notebook: Notebook, points: Sequence[GridPoint]) -> list[str]:
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


def _resources(request: Request, from_grid: Mapping[str, Value]) -> Resources:
    from .grid import parse_duration, parse_memory

    def asked(name: str) -> Any:
        given = getattr(request, name)
        return from_grid.get(name) if given is None else given

    memory, disk, time = asked("memory"), asked("disk"), asked("time")
    return Resources(
        cpus=int(asked("cpus") or 1),
        memory=None if memory is None else parse_memory(memory),
        disk=None if disk is None else parse_memory(disk),
        gpus=int(asked("gpus") or 0),
        time=None if time is None else parse_duration(time),
    )


def _settings(
    request: Request,
    notebook: Notebook,
    kernel: str,
    collect: dict[str, str],
    resources: Resources,
) -> Settings:
    from .grid import parse_duration

    def seconds(value: str | float | None) -> float | None:
        return None if value is None else float(parse_duration(value))

    cwd = {"notebook": str(notebook.path.resolve().parent), "point": "point"}.get(request.cwd)
    if cwd is None:
        cwd = str(Path(request.cwd).expanduser().resolve())
        if not Path(cwd).is_dir():
            raise UsageError(
                f"--cwd {request.cwd}: there is no such folder.",
                hint="Give a folder, `notebook` (the notebook's own) or `point`.",
            )
    if request.retries < 0 or (request.jobs is not None and request.jobs < 1):
        raise UsageError("--retries cannot be negative, and --jobs must be at least 1.")
    local = request.backend == "local"
    return Settings(
        kernel=kernel,
        cwd=cwd,
        timeout=seconds(request.timeout),
        cell_timeout=seconds(request.cell_timeout),
        collect=collect,
        hide_input=request.no_input,
        allow_scripts=request.allow_scripts,
        memory=resources.memory if local else None,
        walltime=None if local else resources.time,
        retries=request.retries,
        cold=request.cold,
        preload=_preload(request.preload, notebook),
    )


def _preload(asked: str, notebook: Notebook) -> list[str]:
    """``auto``, ``none``, or names of modules with commas between them."""
    from .notebook.preload import modules_to_preload

    if asked in ("auto", "none"):
        return modules_to_preload(notebook.modules) if asked == "auto" else []
    names = [name.strip() for name in asked.split(",")]
    wrong = [name for name in names if not all(map(str.isidentifier, name.split(".")))]
    if wrong:
        raise UsageError(
            f"--preload {asked}: {wrong[0]!r} is not the name of a module.",
            hint="Write auto, none, or names with commas between them: numpy,scipy.stats.",
        )
    return names


def _launch(request: Request, grid: Grid, resources: Resources) -> Launch:
    if request.retry_time and resources.time is None:
        raise UsageError(
            f"--retry-time {request.retry_time}: there is no --time that it could multiply.",
            hint="Give --time as well.",
        )
    if request.retry_memory and resources.memory is None and request.backend == "slurm":
        raise UsageError(
            f"--retry-memory {request.retry_memory}: there is no --memory that it could multiply.",
            hint="Give --memory as well.",
        )
    return Launch(
        python=request.python or "",
        setup=_setup_lines(request.setup),
        container=request.container or "",
        mail=request.mail or "",
        options=_options(request.options),
        retry_memory=_factor("--retry-memory", request.retry_memory),
        retry_time=_factor("--retry-time", request.retry_time),
        files=request.files or "",
        max_idle=request.max_idle,
        personal=request.personal or request.keep_personal,
        keep_personal=request.keep_personal,
        inputs=grid.inputs,
        outputs=grid.outputs,
    )


def _factor(option: str, text: str | None) -> float:
    """``2x`` or ``1.5``: by what to multiply a request."""
    if text is None:
        return 0.0
    try:
        factor = float(text.lower().removesuffix("x"))
    except ValueError:
        factor = 0.0
    if not 1 < factor <= 100:
        raise UsageError(f"{option} {text}: write a factor above 1, such as 2x.")
    return factor


def _setup_lines(setup: str | None) -> str:
    """``--setup`` takes a file of shell lines, or the lines themselves."""
    if not setup:
        return ""
    file = Path(setup).expanduser()
    if "\n" not in setup and file.is_file():
        return file.read_text(encoding="utf-8")
    return setup


def _options(texts: Sequence[str]) -> dict[str, str]:
    options = {}
    for text in texts:
        name, sign, value = text.partition("=")
        if not sign or not name.strip():
            raise UsageError(f"--option {text}: write it as KEY=VALUE.")
        options[name.strip()] = value.strip()
    return options


def _fingerprint(
    notebook: Notebook, kernel: str, collect: Mapping[str, str], inputs: Sequence[str]
) -> str:
    """Hash of all that a result depends on besides its parameters.

    The environment counts as the interpreter's path and version, not as its packages: to
    install one more should not make a thousand results stale.
    """
    parts = {
        "code": notebook.code_sha256,
        "kernel": kernel,
        "environment": [sys.executable, sys.version] if notebook.language == "python" else [],
        "collect": dict(collect),
        "inputs": {name: _file_digest(Path(name)) for name in inputs},
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _file_digest(path: Path) -> str:
    try:
        facts = path.stat()
        if path.is_dir():
            return f"folder {facts.st_mtime_ns}"
        if facts.st_size > CONTENT_HASH_BELOW:
            return f"{facts.st_size} {facts.st_mtime_ns}"
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise NbbatchError(
            f"The declared input {path} cannot be read: {error.strerror}.",
            hint="Correct `inputs:` in the grid.",
        ) from None
