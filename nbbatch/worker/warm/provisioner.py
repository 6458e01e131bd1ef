"""A forked kernel as jupyter_client sees it: a provisioner, and what it takes for a Popen."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.provisioning.local_provisioner import LocalProvisioner

from .template import Template, TemplateLost, send_message


class ForkedKernel:
    """A forked kernel, with as much of ``subprocess.Popen`` as is needed."""

    stdin = stdout = stderr = None

    def __init__(self, pid: int, control: socket.socket) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._control = control
        self._lock = threading.Lock()

    def hand_over(self, cwd: str, environment: Mapping[str, str]) -> None:
        """Tell it where it is to run, with which variables besides those it has. OSError."""
        with self._control:
            send_message(self._control, {"cwd": cwd, "environment": dict(environment)})

    def poll(self) -> int | None:
        with self._lock:
            if self.returncode is None:
                try:
                    pid, status = os.waitpid(self.pid, os.WNOHANG)
                except ChildProcessError:  # somebody else has waited for it
                    self.returncode = 0
                else:
                    if pid:
                        self.returncode = os.waitstatus_to_exitcode(status)
            return self.returncode

    def wait(self, timeout: float | None = None) -> int | None:
        end = None if timeout is None else time.monotonic() + timeout
        while self.poll() is None and (end is None or time.monotonic() < end):
            time.sleep(0.005)
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)


class ForkedProvisioner(LocalProvisioner):
    """Forks the kernel from ``template``; starts it as usual when that fails.

    ``early``: the kernel's point comes later, by ``ForkedKernel.hand_over``; TemplateLost
    when it cannot be forked.
    """

    template: Template
    early = False

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
        environment = {**kwargs["env"], "JPY_PARENT_PID": str(os.getpid())}  # as its launcher does
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                pid = self.template.fork(cmd, environment, (kwargs["stdout"], theirs.fileno()))
        except TemplateLost as lost:
            ours.close()
            if self.early:
                raise
            sys.stderr.write(f"{lost}; this kernel starts afresh\n")
            return await super().launch_kernel(cmd, **kwargs)
        kernel = ForkedKernel(pid, ours)
        if not self.early:
            with suppress(OSError):  # it died: whoever waits for it will see that
                kernel.hand_over(str(kwargs["cwd"]), {})
        self.process = kernel  # type: ignore[assignment]  # its base class expects a Popen
        self.pid = self.pgid = pid
        self.cwd = kwargs["cwd"]
        return self.connection_info
