"""What a notebook can say to nbbatch; importable in each kernel that a worker starts.

The worker puts a copy of this file at the end of the kernel's ``sys.path``, so that it
is there where nbbatch is not installed, and an installed nbbatch comes first. It stands
alone: standard library and IPython only, syntax of Python 3.7.
"""

import math
import os

RECORD_MIME = "application/vnd.nbbatch.record+json"


def record(name, value):
    """Make ``value`` a metric of this point, under ``name``.

    A metric is a number, a string, a boolean, None, or a short list of these; numpy
    scalars and arrays are converted. NaN and infinities become None. Raises TypeError
    for anything else. Outside a sweep the value is just displayed.
    """
    if not isinstance(name, str) or not name:
        raise TypeError("the name of a metric is a string that is not empty")
    plain = _plain(name, value)
    from IPython.display import display

    display(
        {RECORD_MIME: {"name": name, "value": plain}, "text/plain": "%s = %r" % (name, plain)},
        raw=True,
    )


def inside():
    """True in a notebook that nbbatch runs."""
    return "NBBATCH_POINT_ID" in os.environ


def point_dir():
    """The folder of this point, for files of your own; the current folder outside a sweep."""
    from pathlib import Path

    return Path(os.environ.get("NBBATCH_POINT_DIR", os.curdir)).absolute()


def _plain(name, value):
    if value is None or isinstance(value, (bool, str)):
        return value
    if hasattr(value, "tolist") and not isinstance(value, (int, float)):
        value = value.tolist()  # numpy scalars and arrays
    if isinstance(value, (bool, str)) or value is None:
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, (list, tuple)):
        if len(value) > 100:
            raise TypeError(
                "metric %r is a list of %d items, more than 100: write it to a file in "
                "nbbatch.point_dir() instead" % (name, len(value))
            )
        return [_plain(name, item) for item in value]
    raise TypeError(
        "metric %r is a %s: only numbers, strings, booleans, None and short lists of them "
        "can be recorded" % (name, type(value).__name__)
    )
