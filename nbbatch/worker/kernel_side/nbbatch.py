"""What a notebook can say to nbbatch; importable in each kernel that a worker starts.

The worker puts a copy of this file at the end of the kernel's ``sys.path``, so that it
is there where nbbatch is not installed, and an installed nbbatch comes first. It stands
alone: standard library and IPython only, syntax of Python 3.7.
"""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

RECORD_MIME = "application/vnd.nbbatch.record+json"


def record(name: str, value: Any) -> None:
    """Make ``value`` a metric of this point, under ``name``.

    A metric is a number, a string, a boolean, None, or a list of up to 100 of these;
    numpy scalars and arrays are converted. NaN and infinities become None. Raises
    TypeError for anything else. Outside a sweep the value is just displayed.
    """
    if not isinstance(name, str) or not name:  # type: ignore[redundant-expr]  # users pass anything
        raise TypeError("the name of a metric is a string that is not empty")
    plain = _plain(name, value)
    from IPython.display import display

    shown = {RECORD_MIME: {"name": name, "value": plain}, "text/plain": f"{name} = {plain!r}"}
    display(shown, raw=True)  # type: ignore[no-untyped-call]  # IPython's


def inside() -> bool:
    """True in a notebook that nbbatch runs."""
    return "NBBATCH_POINT_ID" in os.environ


def point_dir() -> Path:
    """The folder of this point, for files of your own; the current folder outside a sweep."""
    return Path(os.environ.get("NBBATCH_POINT_DIR", os.curdir)).absolute()


def _plain(name: str, value: Any) -> Any:
    if hasattr(value, "tolist"):  # numpy scalars and arrays; float64 is a float, too
        value = value.tolist()
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, (list, tuple)):
        if len(value) > 100:
            raise TypeError(
                f"metric {name!r} is a list of {len(value)} items, more than 100: write it to "
                "a file in nbbatch.point_dir() instead"
            )
        return [_plain(name, item) for item in value]
    raise TypeError(
        f"metric {name!r} is a {type(value).__name__}: only numbers, strings, booleans, None "
        "and short lists of them can be recorded"
    )
