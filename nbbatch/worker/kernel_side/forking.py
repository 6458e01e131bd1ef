"""The warm process: it has imported what a kernel needs, and forks kernels on request.

A program for the kernel's own interpreter: standard library and ipykernel only, syntax of
Python 3.7. It has one thread and no ZMQ context, so that a fork of it is a whole process.

``python forking.py LINK`` reads requests from the socket LINK: a length, a JSON object,
with file descriptors beside it. The first names the modules to import; its answer says
what came of them. Each further one asks for a kernel; its answer is the kernel's pid. The
kernel is a child of the worker, not of this process, so that it does not need us: what
forks it in between ends at once, and the worker adopts orphans.
"""

from __future__ import annotations

import array
import ctypes
import gc
import importlib
import importlib.util
import json
import os
import signal
import socket
import struct
import sys
import sysconfig
import tempfile
import time
import warnings
from contextlib import suppress
from typing import Any, NamedTuple

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
GPU_LIBRARIES = ("libcuda", "libcudart", "libamdhip64", "libhsa-runtime", "libze_loader", "libOpenCL")
TOLERATED_THREADS = {"jemalloc_bg_thd"}
"""jemalloc, which pyarrow brings along, takes its locks before a fork and does without after."""
ENDING_SIGNALS = ("SIGINT", "SIGTERM", "SIGUSR1", "SIGUSR2", "SIGHUP")
ADOPTION_SECONDS = 10.0
_PR_SET_PDEATHSIG = 1


class Request(NamedTuple):
    """A kernel to be. ``control`` is where its point comes from."""

    argv: list[str]
    environment: dict[str, str]
    worker: int
    output: int
    control: int


# ------------------------------------------------------------------------------ the link


def receive(link: socket.socket) -> tuple[dict[str, Any] | None, list[int]]:
    """One message and its file descriptors; None at the end."""
    fds = array.array("i")
    head, ancillary, _, _ = link.recvmsg(8, socket.CMSG_SPACE(4 * fds.itemsize))
    for level, kind, content in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            fds.frombytes(content[: len(content) - len(content) % fds.itemsize])
    head += _exactly(link, 8 - len(head)) if head else b""
    if len(head) < 8:
        return None, list(fds)
    body = _exactly(link, struct.unpack("!Q", head)[0])
    return (json.loads(body) if body else None), list(fds)


def _exactly(link: socket.socket, size: int) -> bytes:
    chunks = []
    while size > 0:
        chunk = link.recv(min(size, 1 << 20))
        if not chunk:
            return b""
        chunks.append(chunk)
        size -= len(chunk)
    return b"".join(chunks)


def send(link: socket.socket, message: Any) -> None:
    body = json.dumps(message).encode()
    link.sendall(struct.pack("!Q", len(body)) + body)


# ------------------------------------------------------------------------------ imports


def import_all(names: list[str]) -> dict[str, Any]:
    """Import the kernel's stack, and those of ``names`` that can be.

    ``refused`` says why the others are not; ``spoiled``: one of them has left something
    behind that a fork must not inherit, so this process cannot be used.
    """
    for name in KERNEL_STACK:
        with suppress(ImportError):  # versions differ
            importlib.import_module(name)
    own = set(sys.modules)
    report: dict[str, Any] = {"version": sys.version, "refused": {}, "spoiled": False}
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
                    files[path] = os.stat(path).st_mtime
    return files


class _Facts(NamedTuple):
    cwd: str
    handlers: list[Any]
    descriptors: set[str]


def _facts() -> _Facts:
    """What an import must not change."""
    handlers = [signal.getsignal(number) for number in sorted(signal.valid_signals())]
    return _Facts(os.getcwd(), handlers, set(os.listdir("/proc/self/fd")))


def _spoiled_by(before: _Facts) -> str:
    """What forbids to fork this process now, in words; "" when nothing does."""
    after = _facts()
    if after.cwd != before.cwd:
        return "its import changes the working directory"
    if after.handlers != before.handlers:
        return "its import installs a signal handler"
    if after.descriptors - before.descriptors:
        return "its import leaves files open"
    with suppress(OSError), open("/proc/self/maps", encoding="utf-8", errors="replace") as stream:
        mapped = stream.read()
        if any(library in mapped for library in GPU_LIBRARIES):
            return "its import loads a GPU's library"
    # OpenBLAS ends its threads when the process forks, and starts them anew when needed:
    # what counts is what is left after a fork.
    pid = _fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    threads = set(_threads()) - TOLERATED_THREADS
    return f"its import starts threads: {', '.join(sorted(threads))}" if threads else ""


def _threads() -> list[str]:
    """Names of the threads of this process besides the first."""
    names = []
    for task in os.listdir("/proc/self/task"):
        if int(task) != os.getpid():
            with suppress(OSError), open(f"/proc/self/task/{task}/comm", encoding="utf-8") as name:
                names.append(name.read().strip())
    return names


def _fork() -> int:
    with warnings.catch_warnings():
        # Of threads, from Python 3.12 on: those that there are have been looked at.
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


# ------------------------------------------------------------------------------ forking


def serve(link: socket.socket) -> Request:
    """Fork a kernel for each request; return in the kernels only."""
    inherited = {name: signal.getsignal(getattr(signal, name)) for name in ENDING_SIGNALS}
    for name in ENDING_SIGNALS:  # the worker decides when we end
        signal.signal(getattr(signal, name), signal.SIG_IGN)
    at_start = dict(os.environ)
    hello, _ = receive(link)
    if hello is None:
        os._exit(0)
    send(link, import_all(hello["modules"]))
    added = _changes(at_start)
    gc.collect()
    gc.freeze()
    while True:
        message, fds = receive(link)
        if message is None:
            os._exit(0)
        reader, writer = os.pipe()
        middle = _fork()
        if middle == 0:
            _leave_to_a_child(writer)
            os.close(reader)
            os.close(writer)
            link.close()
            for name, handler in inherited.items():
                signal.signal(getattr(signal, name), handler)
            environment = {**message["environment"], **added}
            return Request(message["argv"], environment, message["worker"], *fds)
        os.close(writer)
        for fd in fds:
            os.close(fd)
        pid = os.read(reader, 32)
        os.close(reader)
        os.waitpid(middle, 0)
        send(link, {"pid": int(pid or 0)})


def _leave_to_a_child(writer: int) -> None:
    """Fork again, and end here: only the child returns."""
    pid = -1
    try:
        pid = _fork()
        if pid:
            os.write(writer, str(pid).encode())
    finally:
        if pid:
            os._exit(0)


def _changes(before: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if before.get(name) != value}


# ------------------------------------------------------------------------------ a kernel


def become(request: Request) -> None:
    """Make this fork what a process is that was just started by the worker."""
    os.setsid()
    reader, writer = os.pipe()
    os.close(writer)
    for source, target in ((reader, 0), (request.output, 1), (request.output, 2)):
        os.dup2(source, target)
    os.close(reader)
    os.close(request.output)
    _die_with(request.worker)
    sys.argv[:] = request.argv[_program(request.argv) :]
    sys.argv[0] = getattr(importlib.util.find_spec("ipykernel_launcher"), "origin", "")
    if hasattr(sys, "orig_argv"):
        sys.orig_argv[:] = request.argv
    set_environment(request.environment)
    tempfile._name_sequence = None  # type: ignore[attr-defined]  # not public
    if "multiprocessing.process" in sys.modules:
        process: Any = sys.modules["multiprocessing.process"]
        process.current_process().authkey = os.urandom(32)
    if "numpy.random" in sys.modules:  # ``random`` looks after itself
        sys.modules["numpy.random"].seed()


def _program(argv: list[str]) -> int:
    """Where the name of the module is in ``python … -m module …``."""
    return argv.index("-m") + 1


def set_environment(environment: dict[str, str]) -> None:
    for name in set(os.environ) - set(environment):
        del os.environ[name]
    os.environ.update(environment)
    time.tzset()


def _die_with(worker: int) -> None:
    """Wait until the worker has adopted us; end with it from then on."""
    end = time.monotonic() + ADOPTION_SECONDS
    while os.getppid() != worker and time.monotonic() < end:
        time.sleep(0.0005)
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != worker:
        os._exit(1)


def take_point(request: Request) -> dict[str, Any]:
    """Wait for the point that this kernel is for, and go to its folder."""
    control = socket.socket(fileno=request.control)
    point, _ = receive(control)
    control.close()
    if point is None:  # not needed after all
        os._exit(0)
    own = _changes(request.environment)
    final = {**request.environment, **point["environment"]}
    set_environment({**final, **own})
    os.chdir(point["cwd"])
    return point


def run(request: Request) -> None:
    """Be an IPython kernel, as ``python -m ipykernel_launcher`` is."""
    from ipykernel.kernelapp import IPKernelApp

    app: Any = IPKernelApp.instance()
    app.initialize(None)
    take_point(request)
    shell = app.shell
    if shell is not None:
        shell.starting_dir = os.getcwd()
        shell.user_ns["_dh"][:] = [shell.starting_dir]
    app.start()


if __name__ == "__main__":
    del sys.path[0]
    asked = serve(socket.socket(fileno=int(sys.argv.pop())))
    become(asked)
    run(asked)
