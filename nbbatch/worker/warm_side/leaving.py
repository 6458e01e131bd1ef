"""The end of a kernel: all that Python does at its end, but for what it does in vain.

To take apart the hundreds of modules that were imported before the fork takes longer than
all that a short notebook does, as it copies the memory that is shared until then.
"""

from __future__ import annotations

import atexit
import builtins
import ctypes
import gc
import io
import sys
import threading
from collections.abc import Collection
from contextlib import suppress
from itertools import takewhile
from typing import Any

HARMLESS = (
    *("_asyncio", "_io", "_socket", "asyncio", "builtins", "selectors", "socket", "sqlite3"),
    *("threading", "IPython", "ipykernel", "jupyter_client", "tornado", "traitlets", "zmq"),
)
"""Of these packages a kernel always has objects left that would do something at their end."""


def leave(imported_before: Collection[str]) -> None:
    """End the process as after the last line of a program, with code 0.

    Returns when something is left that has to be ended by Python itself.
    """
    shutdown: Any = vars(threading)["_shutdown"]  # as Python calls it at its end
    shutdown()
    atexit._run_exitfuncs()  # IPython's is among them, which clears the notebook's names
    _flush_streams()
    _forget(imported_before)
    gc.collect()
    things = gc.get_objects()
    kinds = {type(thing) for thing in things}
    if any(hasattr(kind, "__del__") and not _is_harmless(kind) for kind in kinds):
        return
    files = {kind for kind in kinds if issubclass(kind, io.IOBase)}
    for thing in things:
        if type(thing) in files:
            _flush(thing)
    _flush_streams()
    # What C libraries have registered is run, with the interpreter's lock held, as the
    # interpreter is still there.
    ctypes.PyDLL(None).exit(0)


def _is_harmless(kind: type) -> bool:
    return kind.__module__.partition(".")[0] in HARMLESS


def _forget(imported_before: Collection[str]) -> None:
    """Let go of what the notebook's own modules have, in Python's order."""
    for name in ("last_type", "last_value", "last_traceback", "last_exc"):
        vars(sys)[name] = None
    vars(builtins)["_"] = None
    # The newest first, and none of the others touched: their memory is shared until then.
    later = list(takewhile(lambda name: name not in imported_before, reversed(sys.modules)))
    for module in map(sys.modules.get, later):
        names = getattr(module, "__dict__", {})
        for name in sorted(names, key=lambda name: not name.startswith("_")):
            if name != "__builtins__":
                names[name] = None


def _flush_streams() -> None:
    for stream in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__):
        if stream is not None:
            _flush(stream)


def _flush(file: Any) -> None:
    with suppress(Exception):  # closed, or its other end is
        if file.writable():
            file.flush()
