"""Where jobs run. Each backend is one package; none knows of grids, reports or notebooks."""

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
"""Package in this folder → class in its module ``backend``."""


def check_name(name: str) -> None:
    """Raise UsageError when there is no backend of that name."""
    if name not in BACKENDS:
        known = ", ".join(BACKENDS)
        raise UsageError(f"There is no backend named {name!r}.", hint=f"There are: {known}.")


def get_backend(name: str, root: Path) -> Backend:
    """The backend ``name`` for the sweep folder ``root``; imports only what it needs."""
    check_name(name)
    backend: Backend = getattr(import_module(f".{name}.backend", __name__), BACKENDS[name])(root)
    return backend
