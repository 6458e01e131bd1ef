"""Run one Jupyter notebook over a grid of parameters, and keep every result.

In a notebook: ``nbbatch.record("chi2", 1.3)`` makes a metric; ``nbbatch.inside()`` is
true in a run; ``nbbatch.point_dir()`` is the point's own folder.
"""

from __future__ import annotations

from typing import Any

__version__ = "0.1.0"

__all__ = ["Sweep", "__version__", "inside", "point_dir", "record"]

_IN_KERNEL = frozenset({"inside", "point_dir", "record"})


def __getattr__(name: str) -> Any:
    """Import on first use, so that ``import nbbatch`` costs nothing in a kernel."""
    if name in _IN_KERNEL:
        from .worker.kernel_side import nbbatch as kernel_side

        return getattr(kernel_side, name)
    if name == "Sweep":
        from .sweep import Sweep

        return Sweep
    raise AttributeError(f"module 'nbbatch' has no attribute {name!r}")
