"""Where jobs run. Each backend is one file; none knows of grids, reports or notebooks."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from ..errors import UsageError
from .base import Backend

BACKENDS = {
    "local": "LocalBackend",
    "slurm": "SlurmBackend",
    "htcondor": "HTCondorBackend",
}
"""Module in this folder → class in it."""


def check_name(name: str) -> None:
    """Raise UsageError when there is no backend of that name."""
    if name not in BACKENDS:
        known = ", ".join(BACKENDS)
        raise UsageError(f"There is no backend named {name!r}.", hint=f"There are: {known}.")


def get_backend(name: str, root: Path) -> Backend:
    """The backend ``name`` for the sweep folder ``root``; imports only what it needs."""
    check_name(name)
    backend: Backend = getattr(import_module(f".{name}", __name__), BACKENDS[name])(root)
    return backend
