"""Run one Jupyter notebook over a grid of parameters, and keep every result.

In a cell or a script: ``s = nbbatch.run("analysis.ipynb", grid={…})`` starts a sweep and
returns at once; ``nbbatch.open("latest")`` finds one again, ``nbbatch.list()`` all of them;
``nbbatch.this()`` is the notebook that the cell is in. ``%load_ext nbbatch`` gives the
command line as ``%nbbatch``.

In the notebook that is run: ``nbbatch.record("chi2", 1.3)`` makes a metric;
``nbbatch.inside()`` is true in a run; ``nbbatch.point_dir()`` is the point's own folder.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .interactive.launch import list_sweeps as list  # noqa: F401  (public, see __all__)
    from .interactive.launch import open_sweep as open  # noqa: F401  (the same)
    from .interactive.launch import run
    from .interactive.place import this
    from .sweep import Sweep
    from .worker.kernel_side.nbbatch import inside, point_dir, record

__version__ = "0.1.0"

# Without `open` and `list`: `from nbbatch import *` must not take Python's own away.
__all__ = ["Sweep", "__version__", "inside", "point_dir", "record", "run", "this"]

_FOUND_IN = {
    "Sweep": ("sweep", "Sweep"),
    "inside": ("worker.kernel_side.nbbatch", "inside"),
    "list": ("interactive.launch", "list_sweeps"),
    "load_ipython_extension": ("interactive.magics", "load_ipython_extension"),
    "open": ("interactive.launch", "open_sweep"),
    "point_dir": ("worker.kernel_side.nbbatch", "point_dir"),
    "record": ("worker.kernel_side.nbbatch", "record"),
    "run": ("interactive.launch", "run"),
    "this": ("interactive.place", "this"),
}


def __getattr__(name: str) -> Any:
    """Import on first use, so that ``import nbbatch`` costs nothing in a kernel."""
    if name not in _FOUND_IN:
        raise AttributeError(f"module 'nbbatch' has no attribute {name!r}")
    from importlib import import_module

    module, attribute = _FOUND_IN[name]
    return getattr(import_module(f".{module}", __name__), attribute)


def __dir__() -> tuple[str, ...]:
    return tuple(sorted({*globals(), *_FOUND_IN}))
