"""What the user asks for, before anything is checked."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


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
