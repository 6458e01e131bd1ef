"""A fork becomes a kernel as fresh as one that was just started."""

from __future__ import annotations

import ctypes
import gc
import itertools
import os
import signal
import socket
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any, NamedTuple

from .before import connection_file, imported, launcher, startup, take_options
from .leaving import leave
from .link import receive

ADOPTION_SECONDS = 10.0
_PR_SET_PDEATHSIG = 1


class Request(NamedTuple):
    """A kernel to be. ``control`` is where its point comes from.

    ``threads`` is how many thread objects ipykernel makes while it is imported.
    """

    argv: list[str]
    environment: dict[str, str]
    worker: int
    threads: int
    output: int
    control: int


def changes(before: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if before.get(name) != value}


def be_kernel(request: Request) -> None:
    """Be a kernel until its end."""
    become(request)
    run(request)


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
    sys.argv[0] = launcher()
    if hasattr(sys, "orig_argv"):
        sys.orig_argv[:] = request.argv
    set_environment(request.environment)
    count_threads()
    tempfile._name_sequence = None  # type: ignore[attr-defined]  # not public
    if "multiprocessing.process" in sys.modules:
        process: Any = sys.modules["multiprocessing.process"]
        process.current_process().authkey = os.urandom(32)
    if "numpy.random" in sys.modules:  # ``random`` looks after itself
        sys.modules["numpy.random"].seed()


def _program(argv: list[str]) -> int:
    """Where the name of the module is in ``python … -m module …``."""
    return argv.index("-m") + 1


def count_threads() -> int:
    """How many thread objects were made (they are numbered); begin to count anew."""
    made = int(threading.Thread().name.rpartition("-")[2]) - 1
    threading._counter = itertools.count(1).__next__  # type: ignore[attr-defined]  # not public
    return made


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
    own = changes(request.environment)
    final = {**request.environment, **point["environment"]}
    set_environment({**final, **own})
    os.chdir(point["cwd"])
    return point


def run(request: Request) -> None:
    """Be an IPython kernel, as ``python -m ipykernel_launcher`` is."""
    from ipykernel.kernelapp import IPKernelApp

    gc.disable()  # what is made here stays
    app: Any = IPKernelApp.instance()
    take_options(app, request.argv)
    app.initialize(None)
    for _ in range(request.threads):  # what a fresh kernel makes meanwhile, and never starts
        threading.Thread()
    scratch = Path(connection_file(request.argv)).parent
    exec(startup(), {"__name__": "_nbbatch_startup", "SCRATCH": str(scratch)})
    gc.enable()
    take_point(request)
    shell = app.shell
    if shell is not None:
        shell.starting_dir = os.fspath(Path.cwd())
        folders = shell.user_ns["_dh"]
        folders[:] = [type(folder)(shell.starting_dir) for folder in folders]
    _start(app)
    leave(imported())


def _start(app: Any) -> None:
    # A function of its own: the notebook's code is as deep in the stack as it is elsewhere.
    app.start()
