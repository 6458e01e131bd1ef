"""Where jobs run. Each backend is one file; none knows of grids, reports or notebooks."""

from __future__ import annotations

from pathlib import Path

from ..errors import UsageError
from .base import Backend

NAMES = ("local",)


def get_backend(name: str, root: Path) -> Backend:
    """The backend ``name`` for the sweep folder ``root``; imports only what it needs."""
    if name == "local":
        from .local import LocalBackend

        return LocalBackend(root)
    raise UsageError(f"There is no backend named {name!r}.", hint=f"Known: {', '.join(NAMES)}.")
