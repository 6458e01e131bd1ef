"""What each kernel does at its start and can be done before the fork, once for all."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Sequence
from copy import deepcopy
from functools import lru_cache
from pathlib import Path
from types import CodeType
from typing import Any

LINK = "-f"
"""Begins ipykernel's arguments; the name of the connection file follows."""


def prepare(argv: Sequence[str]) -> None:
    """Do all of it now; a kernel like that of ``argv`` will find it done."""
    startup()
    launcher()
    read_options(argv)
    imported()


@lru_cache
def startup() -> CodeType:
    """What runs in each kernel before the first cell: ``kernel_side/startup.py``."""
    path = Path(__file__).with_name("startup.py")
    return compile(path.read_text("utf-8"), "<nbbatch>", "exec")


@lru_cache
def imported() -> frozenset[str]:
    """The modules that all kernels have in common."""
    return frozenset(sys.modules)


@lru_cache
def launcher() -> str:
    """What ``sys.argv[0]`` is in a kernel."""
    return getattr(importlib.util.find_spec("ipykernel_launcher"), "origin", "")


def connection_file(argv: Sequence[str]) -> str:
    return argv[argv.index(LINK) + 1]


def read_options(argv: Sequence[str]) -> Any:
    """The configuration that ipykernel's own parser makes of a kernel's command line."""
    return _read(tuple(argv[argv.index(LINK) + 2 :]))


@lru_cache
def _read(options: tuple[str, ...]) -> Any:
    from ipykernel.kernelapp import IPKernelApp

    application: Any = IPKernelApp
    app = application()
    app.parse_command_line([LINK, "", *options])
    return app.cli_config


def take_options(app: Any, argv: Sequence[str]) -> None:
    """Have ``app`` find its command line read already, when it comes to that."""

    def parse_command_line(_: Any = None) -> None:
        app.argv = list(argv[argv.index(LINK) :])
        app.cli_config = deepcopy(read_options(argv))
        app.cli_config.IPKernelApp.connection_file = connection_file(argv)
        app.update_config(app.cli_config)
        app.extra_args = []

    app.parse_command_line = parse_command_line
