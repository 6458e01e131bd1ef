"""The request's words → how points are executed and what their jobs ask for."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import UsageError
from ..model import Launch, Resources, Settings, Value
from .request import Request

if TYPE_CHECKING:
    from ..grid import Grid
    from ..notebook import Notebook


def resources_of(request: Request, from_grid: Mapping[str, Value]) -> Resources:
    from ..grid import parse_duration, parse_memory

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


def settings_of(
    request: Request,
    notebook: Notebook,
    kernel: str,
    collect: dict[str, str],
    resources: Resources,
) -> Settings:
    from ..grid import parse_duration

    def seconds(value: str | float | None) -> float | None:
        return None if value is None else float(parse_duration(value))

    cwd = {"notebook": str(notebook.path.resolve().parent), "point": "point"}.get(request.cwd)
    if cwd is None:
        # Not Path.expanduser: that raises where ~ is of a user that there is not.
        cwd = str(Path(os.path.expanduser(request.cwd)).resolve())  # noqa: PTH111 (as said)
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
    from ..notebook.preload import modules_to_preload

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


def launch_of(request: Request, grid: Grid, resources: Resources) -> Launch:
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
    file = Path(os.path.expanduser(setup))  # noqa: PTH111 (as above)
    is_file = False
    with suppress(OSError):  # lines that are longer than a file's name can be
        is_file = "\n" not in setup and file.is_file()
    return file.read_text(encoding="utf-8") if is_file else setup


def _options(texts: Sequence[str]) -> dict[str, str]:
    options = {}
    for text in texts:
        name, sign, value = text.partition("=")
        if not sign or not name.strip():
            raise UsageError(f"--option {text}: write it as KEY=VALUE.")
        options[name.strip()] = value.strip()
    return options
