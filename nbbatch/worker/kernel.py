"""One kernel process: found, started in a scratch folder, and ended with all it started."""

from __future__ import annotations

import ctypes
import fcntl
import os
import shutil
import signal
import sys
import tempfile
import time
import warnings
from collections.abc import Mapping
from contextlib import suppress
from importlib.resources import files
from pathlib import Path
from typing import Any

import zmq
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager, NoSuchKernel
from jupyter_client.manager import KernelManager

from .blackbox import BlackBox, make_tape
from .memory import death_name, descendants
from .warm.provisioner import ForkedKernel, ForkedProvisioner
from .warm.template import Template

SWEEP_KERNELS = "jupyter/kernels"
"""Kernelspecs that a sweep brings along, relative to the sweep folder."""

SCRATCH_PREFIX = "nbb-"
GRACE_SECONDS = 0.3
"""For what ends by itself after the kernel: a tracker of shared memory cleans up first."""
_IPC_PATH_LIMIT = 107 - len("/ipc-99")
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


class KernelProblem(Exception):
    """The kernel did not come up. ``final``: trying again cannot help."""

    def __init__(self, message: str, *, words: str = "", final: bool = False) -> None:
        super().__init__(message)
        self.words = words
        self.final = final


def find_kernel(name: str, root: Path) -> KernelSpec:
    """The kernelspec called ``name``; KernelProblem lists those that exist if it does not."""
    specs = KernelSpecManager()
    specs.kernel_dirs.insert(0, str(root / SWEEP_KERNELS))
    try:
        return specs.get_kernel_spec(name)
    except NoSuchKernel:
        known = ", ".join(sorted(specs.find_kernel_specs())) or "none at all"
        raise KernelProblem(
            f"There is no kernel {name!r} on this machine; there is {known}.", final=True
        ) from None


def adopt_orphans() -> None:
    """Make this process the parent of its descendants' orphans, so that it can end them."""
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def remove_abandoned_scratch() -> None:
    """Remove the scratch folders of workers of this user that were killed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{SCRATCH_PREFIX}*"):
        with suppress(OSError):
            facts = folder.lstat()
            # Others may make what they like there; young ones may be about to be locked.
            if facts.st_uid != os.getuid() or time.time() - facts.st_mtime < 60:
                continue
            # For writing, as NFS wants it; a link or a pipe is not ours.
            lock = os.open(folder / "lock", os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(lock)


class Scratch:
    """A short private folder for what a kernel needs beside its notebook.

    It is locked as long as this process lives, so that another worker can tell that it
    is in use, in whatever container that one runs.
    """

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix=SCRATCH_PREFIX))
        if len(bytes(self.path)) > _IPC_PATH_LIMIT:
            # A batch system's TMPDIR can be too long for a socket's name.
            with suppress(OSError):
                short = Path(tempfile.mkdtemp(prefix=SCRATCH_PREFIX, dir="/tmp"))
                self.path.rmdir()
                self.path = short
        self.sockets_fit = len(bytes(self.path)) <= _IPC_PATH_LIMIT
        self._lock = (self.path / "lock").open("w")
        with suppress(OSError):  # a file system without locks
            fcntl.flock(self._lock, fcntl.LOCK_EX)
        self.importable = self.path / "importable"
        self.importable.mkdir()
        source = files("nbbatch.worker.kernel_side").joinpath("nbbatch.py")
        (self.importable / "nbbatch.py").write_bytes(source.read_bytes())

    def remove(self) -> None:
        self._lock.close()
        shutil.rmtree(self.path, ignore_errors=True)


class Kernel:
    """A kernel process and the client that talks to it.

    ``words`` is the reading end of a pipe with what the process itself writes to its
    standard output and error, past the kernel protocol; ``blackbox`` has the end of what
    was written to ``sys.stdout`` and ``sys.stderr``.

    With a ``template`` it is forked from that one, and can be before its point is known
    (``prepare``).
    """

    def __init__(
        self,
        name: str,
        spec: KernelSpec,
        scratch: Scratch,
        *,
        tcp: bool,
        template: Template | None = None,
    ) -> None:
        self.name = name
        self.spec = spec
        self.scratch = scratch
        self.python = spec.language.lower() == "python"
        self.context = zmq.Context()
        if not self.python:
            # Kernels whose publisher drops what it cannot send at once: take all, always.
            self.context.setsockopt(zmq.RCVHWM, 0)
        self.km = KernelManager(
            kernel_name=name,
            context=self.context,
            connection_file=str(scratch.path / "kernel.json"),
            transport="ipc" if scratch.sockets_fit and not tcp else "tcp",
        )
        self.km._kernel_spec = spec  # found already, perhaps in the sweep's own folder
        if self.km.transport == "ipc":
            self.km.ip = str(scratch.path / "ipc")
        self.pid = 0
        self.pidfd: int | None = None
        self.words = -1
        self.blackbox = BlackBox({})
        self._template = template
        if template is not None:
            self.km.provisioner = ForkedProvisioner(parent=self.km, kernel_spec=spec)
            self.km.provisioner.template = template
        self._begun = False
        self._others: set[int] = set()

    # ------------------------------------------------------------------- start

    def prepare(self) -> None:
        """Have the process forked and make ready; ``start`` gives it its point. TemplateLost."""
        assert isinstance(self.km.provisioner, ForkedProvisioner)
        self.km.provisioner.early = True
        self._launch(self.scratch.path, {})

    def start(self, cwd: Path, environment: Mapping[str, str]) -> BlockingKernelClient:
        """Start the process and connect to it; KernelProblem when that fails at once."""
        if not cwd.is_dir():
            raise KernelProblem(f"The folder to run in, {cwd}, does not exist on this machine.")
        self._begun = True
        self._others = descendants(os.getpid()) - {self.pid}
        if self.pid:
            assert self.fork is not None
            with suppress(OSError):  # it has died: whoever waits for it will see that
                self.fork.hand_over(str(cwd), environment)
        else:
            self._launch(cwd, environment)
        if self._template is not None:
            self._template.begin(self.pid)
        client: BlockingKernelClient = self.km.client(context=self.context)
        client.allow_stdin = False
        client.start_channels(stdin=False, hb=False)
        return client

    def _launch(self, cwd: Path, environment: Mapping[str, str]) -> None:
        if self.python:
            tapes = {name: make_tape(self.scratch.path / name) for name in ("stdout", "stderr")}
            self.blackbox = BlackBox({name: tape for name, tape in tapes.items() if tape})
        self.words, write_end = os.pipe2(os.O_CLOEXEC) if hasattr(os, "pipe2") else os.pipe()
        os.set_blocking(self.words, False)
        variables = kernel_variables(self.scratch.path, python=self.python)
        try:
            with warnings.catch_warnings():
                # ZMQ's threads make Python warn of fork; what runs after it is one C call.
                warnings.simplefilter("ignore", DeprecationWarning)
                self.km.start_kernel(
                    cwd=str(cwd),
                    env={**os.environ, **variables, **environment},
                    stdout=write_end,
                    stderr=write_end,
                    extra_arguments=self._arguments(),
                    preexec_fn=_die_with(os.getpid()) if _LIBC is not None else None,
                )
        except (OSError, ValueError, RuntimeError, zmq.ZMQError) as error:
            raise KernelProblem(f"Kernel {self.name!r} could not be started: {error}") from error
        finally:
            os.close(write_end)
        self.pid = int(getattr(self.km.provisioner, "pid", None) or 0)
        if self.pid and hasattr(os, "pidfd_open"):
            with suppress(OSError):
                self.pidfd = os.pidfd_open(self.pid)

    def _arguments(self) -> list[str]:
        # IPython's history: no file in the home folder. Only where the arguments reach
        # ipykernel for certain; elsewhere its file is in the scratch folder.
        if any("ipykernel" in word for word in self.spec.argv):
            return ["--HistoryManager.hist_file=:memory:"]
        return []

    def suits(self, name: str, template: Template) -> bool:
        """True for a kernel that waits, forked from ``template``."""
        return self.name == name and self._template is template and not self.gone()

    @property
    def fork(self) -> ForkedKernel | None:
        """The process, if it is a fork of the template: that runs our startup code by itself."""
        process = getattr(self.km.provisioner, "process", None)
        return process if isinstance(process, ForkedKernel) else None

    # ------------------------------------------------------------------- while it runs

    def returncode(self) -> int | None:
        """The exit code, negative for a signal; None while it runs or if it is unknown."""
        process: Any = getattr(self.km.provisioner, "process", None)
        return None if process is None else process.poll()

    def gone(self) -> bool:
        process: Any = getattr(self.km.provisioner, "process", None)
        if process is not None:
            return process.poll() is not None
        return not self.km.is_alive()

    def processes(self) -> set[int]:
        """The kernel, all that it started, and orphans of these."""
        if not self._begun:  # alone, as it has run nothing yet
            return set() if not self.pid or self.gone() else {self.pid}
        ours = descendants(os.getpid()) - self._others
        # Asked afterwards, so that a kernel which is forked just now is known.
        return ours - (self._template.bystanders() if self._template else set())

    def interrupt(self) -> None:
        with suppress(OSError, RuntimeError):
            self.km.interrupt_kernel()

    def kill(self) -> None:
        """SIGKILL to the kernel's group and to everything that it started."""
        if self.pid and not self.gone():  # its number may be another's group afterwards
            with suppress(OSError):
                os.killpg(self.pid, signal.SIGKILL)
        for pid in self.processes():
            with suppress(OSError):
                os.kill(pid, signal.SIGKILL)

    # ------------------------------------------------------------------- end

    def end(self) -> None:
        """End and reap every process; close and remove everything. Never raises."""
        if not self.pid and self.km.has_kernel:
            with suppress(Exception):  # a provisioner that runs kernels elsewhere
                self.km.shutdown_kernel(now=True)
        began = time.monotonic()
        while self.gone() and self.processes() and time.monotonic() < began + GRACE_SECONDS:
            self._reap()
            time.sleep(0.005)
        deadline = time.monotonic() + 5
        while self.pid:
            self.kill()
            self._reap()
            if (self.gone() and not self.processes()) or time.monotonic() > deadline:
                break
            time.sleep(0.01)
        self.blackbox.close()
        for fd in (self.words, self.pidfd):
            if fd is not None and fd >= 0:
                with suppress(OSError):
                    os.close(fd)
        with suppress(Exception):
            self.km.cleanup_resources()
        self.context.destroy(linger=0)
        if self._template is not None:
            self._template.begin(self.pid)
        self.scratch.remove()

    def _reap(self) -> None:
        # The kernel itself is waited for by its Popen object, its orphans by us.
        for pid in self.processes() - {self.pid}:
            with suppress(OSError):
                os.waitpid(pid, os.WNOHANG)

    def death(self) -> str:
        """How it ended, in words."""
        return death_name(self.returncode())


def kernel_variables(scratch: Path, *, python: bool) -> dict[str, str]:
    """What each kernel finds in its environment, besides what this process has."""
    variables = {
        "IPYTHONDIR": str(scratch / "ipython"),
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",  # else a warning in each kernel's stderr
    }
    if python and os.environ.get("MPLBACKEND", "").lower() == "agg":
        # Set by many a batch profile; in a notebook it makes every figure vanish.
        variables["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"
    return variables


def _die_with(parent: int) -> Any:
    """What a child does before exec: the system kills it when the worker dies."""

    def before_exec() -> None:
        assert _LIBC is not None
        _LIBC.prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
        if os.getppid() != parent:  # the worker died before the call
            os._exit(1)

    return before_exec
