"""Forks a kernel for each request of the worker.

The first request names the modules to import; its answer says what came of them. Each
further one asks for a kernel; its answer is the kernel's pid. The kernel is a child of the
worker, not of this process, so that it does not need us: what forks it in between ends at
once, and the worker adopts orphans.
"""

from __future__ import annotations

import gc
import os
import signal
import socket
import sys

from .ahead import fork, import_all
from .before import prepare
from .fresh import Request, be_kernel, changes
from .link import receive, send

ENDING_SIGNALS = ("SIGINT", "SIGTERM", "SIGUSR1", "SIGUSR2", "SIGHUP")


def main(link: int) -> None:
    """Serve the worker at the other end of the socket ``link``; in a fork, be a kernel."""
    sys.argv[:] = [""]
    be_kernel(serve(socket.socket(fileno=link)))


def serve(link: socket.socket) -> Request:
    """Fork a kernel for each request; return in the kernels only."""
    inherited = {name: signal.getsignal(getattr(signal, name)) for name in ENDING_SIGNALS}
    for name in ENDING_SIGNALS:  # the worker decides when we end
        signal.signal(getattr(signal, name), signal.SIG_IGN)
    at_start = dict(os.environ)
    hello, _ = receive(link)
    if hello is None:
        os._exit(0)
    report = import_all(hello["modules"])
    send(link, report)
    added = changes(at_start)
    gc.collect()
    gc.freeze()
    while True:
        message, fds = receive(link)
        if message is None:
            os._exit(0)
        prepare(message["argv"])
        reader, writer = os.pipe()
        middle = fork()
        if middle == 0:
            _leave_to_a_child(writer)
            os.close(reader)
            os.close(writer)
            link.close()
            for name, handler in inherited.items():
                signal.signal(getattr(signal, name), handler)
            environment = {**message["environment"], **added}
            threads = report["threads"]
            return Request(message["argv"], environment, message["worker"], threads, *fds)
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
        pid = fork()
        if pid:
            os.write(writer, str(pid).encode())
    finally:
        if pid:
            os._exit(0)
