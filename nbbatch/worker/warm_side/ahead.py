"""What is imported before the fork, and what must not be."""

from __future__ import annotations

import importlib
import importlib.util
import os
import signal
import sys
import sysconfig
import tempfile
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from .fresh import count_threads

KERNEL_STACK = (
    "ipykernel.kernelapp",
    "ipykernel.ipkernel",
    "ipykernel.zmqshell",
    "ipykernel.iostream",
    "ipykernel.displayhook",
    "ipykernel.heartbeat",
    # What ipykernel and IPython import when they start, or for the first cell.
    "ipykernel.debugger",
    "IPython.core.completerlib",
    "IPython.core.debugger",
    "IPython.core.oinspect",
    "IPython.core.logger",
    "IPython.extensions.storemagic",
    "IPython.utils.wildcard",
    "tornado.platform.asyncio",
    "tornado.queues",
    "sqlite3",
    "faulthandler",
    "encodings.idna",
    "unicodedata",
    # For the first traceback.
    "stack_data",
    "pygments.formatters.terminal256",
    "pygments.styles.default",
)
DRAWING = ("matplotlib.backends.backend_agg", "PIL.PngImagePlugin")
"""What the inline backend needs, imported with pyplot."""
LEFT_TO_THE_KERNEL = ("matplotlib_inline", "ipykernel.pylab")
"""Their import registers things with the kernel's shell, which is not there yet."""
GPU_LIBRARIES = (
    "libcud",  # libcuda, libcudart
    "libamdhip64",
    "libhsa-runtime",
    "libze_loader",
    "libOpenCL",
)
TOLERATED_THREADS = {"jemalloc_bg_thd"}
"""jemalloc, which pyarrow brings along, takes its locks before a fork and does without after."""


def fork() -> int:
    with warnings.catch_warnings():
        # Of threads, from Python 3.12 on: those that there are have been looked at.
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def import_all(names: list[str]) -> dict[str, Any]:
    """Import the kernel's stack, and those of ``names`` that can be.

    ``refused`` says why the others are not; ``spoiled``: one of them has left something
    behind that a fork must not inherit, so this process cannot be used.
    """
    count_threads()
    for name in KERNEL_STACK:
        with suppress(ImportError):  # versions differ
            importlib.import_module(name)
    own = set(sys.modules)
    report: dict[str, Any] = {"refused": {}, "spoiled": False, "threads": count_threads()}
    problem = _spoiled_by(_facts())
    if problem:
        report.update(spoiled=True, refused={"": problem})
        return report
    imported = []
    for name in names:
        if name.partition(".")[0] == "matplotlib" and "matplotlib" not in sys.modules:
            # ipykernel sets it before the first cell, which is too late here.
            os.environ.setdefault("MPLBACKEND", "module://matplotlib_inline.backend_inline")
        problem, spoiled = _import(name)
        if problem:
            report["refused"][name] = problem
        else:
            imported.append(name)
        if spoiled:
            report["spoiled"] = True
            return report
    for name in list(sys.modules):
        if name.startswith(LEFT_TO_THE_KERNEL):
            del sys.modules[name]
    tops = sorted({name.partition(".")[0] for name in set(sys.modules) - own})
    report.update(imported=imported, tops=tops, files=_files(imported))
    return report


def _import(name: str) -> tuple[str, bool]:
    """Import one module; why it cannot be (or ""), and whether the attempt left traces."""
    top = name.partition(".")[0]
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        spec = None
    if spec is None:
        return "there is no such module", False
    if not _is_installed(spec.origin):
        return "it is not an installed package, so it may change while the sweep runs", False
    before = _facts()
    said: list[str] = []
    shown = warnings.showwarning
    warnings.showwarning = lambda message, *_, **__: said.append(str(message))
    try:
        with tempfile.TemporaryFile() as output:
            restore = _redirect(output.fileno())
            try:
                importlib.import_module(name)
                if name.startswith("matplotlib"):
                    for more in DRAWING:
                        importlib.import_module(more)
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                restore()
            printed = output.seek(0, os.SEEK_END)
    except Exception as error:
        return f"its import failed: {error!r}", True
    finally:
        warnings.showwarning = shown
    if said or printed:
        return "its import prints or warns, which belongs into the notebook", True
    problem = _spoiled_by(before)
    return problem, bool(problem)


def _redirect(target: int) -> Any:
    kept = [(fd, os.dup(fd)) for fd in (1, 2)]
    for fd, _ in kept:
        os.dup2(target, fd)

    def restore() -> None:
        for fd, copy in kept:
            os.dup2(copy, fd)
            os.close(copy)

    return restore


def _is_installed(origin: str | None) -> bool:
    if origin in ("built-in", "frozen"):
        return True
    paths = sysconfig.get_paths()
    places = [paths[name] for name in ("purelib", "platlib", "stdlib", "platstdlib")]
    places += [path for path in sys.path if path.endswith(("site-packages", "dist-packages"))]
    return origin is not None and any(origin.startswith(place + os.sep) for place in places)


def _files(names: list[str]) -> dict[str, float]:
    """The files of modules, and when they were written."""
    files: dict[str, float] = {}
    for name in names:
        for part in (name, name.partition(".")[0]):
            path = getattr(sys.modules.get(part), "__file__", None)
            if path:
                with suppress(OSError):
                    files[path] = Path(path).stat().st_mtime
    return files


class _Facts(NamedTuple):
    cwd: str
    handlers: list[Any]
    descriptors: set[str]


def _facts() -> _Facts:
    """What an import must not change."""
    handlers = [signal.getsignal(number) for number in sorted(signal.valid_signals())]
    return _Facts(
        os.fspath(Path.cwd()), handlers, {file.name for file in Path("/proc/self/fd").iterdir()}
    )


def _spoiled_by(before: _Facts) -> str:
    """What forbids to fork this process now, in words; "" when nothing does."""
    after = _facts()
    if after.cwd != before.cwd:
        return "its import changes the working directory"
    if after.handlers != before.handlers:
        return "its import installs a signal handler"
    if after.descriptors - before.descriptors:
        return "its import leaves files open"
    with suppress(OSError):
        mapped = Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace")
        if any(library in mapped for library in GPU_LIBRARIES):
            return "its import loads a GPU's library"
    # OpenBLAS ends its threads when the process forks, and starts them anew when needed:
    # what counts is what is left after a fork.
    pid = fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    threads = set(_threads()) - TOLERATED_THREADS
    return f"its import starts threads: {', '.join(sorted(threads))}" if threads else ""


def _threads() -> list[str]:
    """Names of the threads of this process besides the first."""
    names = []
    for task in Path("/proc/self/task").iterdir():
        if task.name != str(os.getpid()):
            with suppress(OSError):
                names.append((task / "comm").read_text(encoding="utf-8").strip())
    return names
