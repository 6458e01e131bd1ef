"""Our end of the forking process: started, asked for kernels, ended."""

from __future__ import annotations

import array
import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib.resources import files
from pathlib import Path
from typing import Any

from .choice import Interpreter

IMPORT_SECONDS = 120.0
FORK_SECONDS = 20.0


PROGRAM = """\
import sys
at_start = sys.path[:]
sys.path[:0] = [sys.argv[1]]
from warm_side.program import main
sys.path[:] = [path for path in at_start if path]
main(int(sys.argv[2]))
"""


class TemplateLost(Exception):
    """The forking process is gone, or does not do what it is asked to."""


class Template:
    """One forking process. ``report`` waits until it has imported what it should.

    ``interrupt`` is a file descriptor that ends that waiting when it can be read.
    """

    def __init__(
        self,
        interpreter: Interpreter,
        environment: Mapping[str, str],
        modules: Sequence[str],
        scratch: Path,
        interrupt: int,
    ) -> None:
        self._interrupt = interrupt
        _unpack(scratch)
        self._link, theirs = socket.socketpair()
        with theirs:
            arguments = [PROGRAM, str(scratch), str(theirs.fileno())]
            command = [interpreter.python, *interpreter.flags, "-c", *arguments]
            try:
                self._process = subprocess.Popen(
                    command,
                    cwd=scratch,
                    env=dict(environment),
                    stdin=subprocess.DEVNULL,
                    stdout=sys.__stderr__,
                    pass_fds=[theirs.fileno()],
                    start_new_session=True,
                )
            except (OSError, ValueError) as error:
                self._link.close()
                raise TemplateLost(str(error)) from error
        self.pid = self._process.pid
        self._report: dict[str, Any] | None = None
        self._lost = ""
        self._busy = threading.Lock()
        self._waiting: set[int] = set()
        with suppress(OSError):  # its end shows when it is asked for its report
            self._send({"modules": list(modules)})

    def report(self) -> dict[str, Any]:
        """What became of the modules: see ``warm_side/ahead.py``. TemplateLost."""
        if self._report is None:
            link = self._link.fileno()
            ready, _, _ = select.select([link, self._interrupt], [], [], IMPORT_SECONDS)
            if link not in ready:
                raise TemplateLost("the process that forks kernels was not ready")
            self._report = self._ask(None, (), IMPORT_SECONDS)
        return self._report

    def fork(self, argv: Sequence[str], environment: Mapping[str, str], fds: Sequence[int]) -> int:
        """Have a kernel forked; its pid, a child of this process. TemplateLost.

        It counts as waiting for its point until ``begin``.
        """
        self.report()
        message = {"argv": list(argv), "environment": dict(environment), "worker": os.getpid()}
        with self._busy:
            pid = int(self._ask(message, fds, FORK_SECONDS)["pid"])
            if not pid:
                raise TemplateLost("the system does not let it fork")
            self._waiting.add(pid)
        return pid

    def alive(self) -> bool:
        return not self._lost and self._process.poll() is None

    def begin(self, pid: int) -> None:
        """Kernel ``pid`` has its point, or has ended."""
        self._waiting.discard(pid)

    def bystanders(self) -> set[int]:
        """Children of this process that belong to no point: ours, and kernels that wait."""
        with self._busy:
            return {self.pid, *self._waiting}

    def close(self) -> None:
        """End it. Its kernels live on."""
        self._link.close()
        self._process.kill()
        self._process.wait()

    def _ask(self, message: Any, fds: Sequence[int], seconds: float) -> dict[str, Any]:
        if self._lost:
            raise TemplateLost(self._lost)
        try:
            self._link.settimeout(seconds)
            if message is not None:
                self._send(message, fds)
            size = struct.unpack("!Q", self._receive(8))[0]
            answer: dict[str, Any] = json.loads(self._receive(size))
        except (OSError, EOFError, ValueError) as error:
            # A late answer would be taken for that to the next question.
            self._lost = f"the process that forks kernels is lost: {error!r}"
            self._process.send_signal(signal.SIGKILL)
            raise TemplateLost(self._lost) from error
        return answer

    def _send(self, message: Any, fds: Sequence[int] = ()) -> None:
        send_message(self._link, message, fds)

    def _receive(self, size: int) -> bytes:
        chunks = b""
        while len(chunks) < size:
            chunk = self._link.recv(size - len(chunks))
            if not chunk:
                raise EOFError("it has closed the connection")
            chunks += chunk
        return chunks


def _unpack(scratch: Path) -> None:
    """Put the program where any interpreter can import it."""
    target = scratch / "warm_side"
    target.mkdir(exist_ok=True)
    startup = files("nbbatch.worker.kernel_side").joinpath("startup.py")
    for file in (*files("nbbatch.worker.warm_side").iterdir(), startup):
        if file.name.endswith(".py"):
            (target / file.name).write_bytes(file.read_bytes())


def send_message(link: socket.socket, message: Any, fds: Sequence[int] = ()) -> None:
    """Send one JSON message with file descriptors, as ``warm_side/link.py`` reads them."""
    body = json.dumps(message).encode()
    beside = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
    link.sendmsg([struct.pack("!Q", len(body))], beside)
    link.sendall(body)
