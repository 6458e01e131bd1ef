"""How much memory and CPU a kernel's processes use, and whether memory ended them."""

from __future__ import annotations

import os
import resource
import signal
import sys
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

import psutil

INTERVAL = 0.2
_PAGE = resource.getpagesize()
_PROC = Path("/proc")
_CGROUPS = Path("/sys/fs/cgroup")
_CHILDREN_FILE = Path("/proc/thread-self/children")
"""Not in kernels built without CONFIG_PROC_CHILDREN, nor on macOS."""


def descendants(pid: int) -> set[int]:
    """All processes below ``pid``, not itself."""
    if not _CHILDREN_FILE.is_file():
        with suppress(psutil.Error):
            return {child.pid for child in psutil.Process(pid).children(recursive=True)}
        return set()
    found: set[int] = set()
    todo = [pid]
    while todo:
        for child in _children(todo.pop()):
            if child not in found:
                found.add(child)
                todo.append(child)
    return found


def _children(pid: int) -> Iterable[int]:
    # The kernel's own list; psutil reads every process of the machine instead.
    with suppress(OSError):
        for task in os.listdir(f"/proc/{pid}/task"):  # noqa: PTH208 (names only, often)
            with suppress(OSError), open(f"/proc/{pid}/task/{task}/children") as stream:  # noqa: PTH123
                yield from map(int, stream.read().split())


def resident(pids: Iterable[int]) -> int:
    """Bytes of RAM of the processes; memory that they share counts in each."""
    total = 0
    for pid in pids:
        with suppress(OSError, ValueError, IndexError):
            total += int((_PROC / str(pid) / "statm").read_text().split()[1]) * _PAGE
            continue
        if sys.platform != "linux":
            with suppress(psutil.Error):
                total += psutil.Process(pid).memory_info().rss
    return total


def proportional(pids: Iterable[int]) -> int:
    """Bytes of RAM of the processes; memory that they share counts once (PSS)."""
    total = 0
    for pid in pids:
        try:
            lines = (_PROC / str(pid) / "smaps_rollup").read_text().splitlines()
            total += next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) * 1024
        except (OSError, ValueError, StopIteration):
            total += resident([pid])
    return total


class MemoryWatch(threading.Thread):
    """Samples the memory of some processes, and calls ``kill`` above ``limit`` bytes.

    ``peak`` is the most seen, ``exceeded`` what was in use when the limit was passed.
    """

    def __init__(
        self, processes: Callable[[], set[int]], limit: int | None, kill: Callable[[], None]
    ) -> None:
        super().__init__(name="nbbatch-memory", daemon=True)
        self.peak = 0
        self.exceeded: int | None = None
        self._processes = processes
        self._limit = limit
        self._kill = kill
        self._over = threading.Event()

    def run(self) -> None:
        pause = 0.05  # short points have a figure too
        while not self._over.wait(pause):
            pause = min(INTERVAL, pause * 1.5)
            pids = self._processes()
            used = resident(pids)
            # Forked workers share most of their memory: look closer, as that is slower,
            # only where it matters.
            if len(pids) > 1 and used > self.peak:
                used = proportional(pids)
            self.peak = max(self.peak, used)
            if self._limit is not None and used > self._limit:
                self.exceeded = used
                self._kill()
                return

    def stop(self) -> None:
        self._over.set()
        if self.is_alive():
            self.join()


def high_water(pid: int) -> int:
    """The most RAM that process ``pid``, which still runs, ever had, in bytes; 0 if unknown."""
    with suppress(OSError, ValueError, StopIteration):
        lines = (_PROC / str(pid) / "status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) * 1024
    return 0


def own_memory() -> int:
    """Bytes of RAM of this process, at its most, and of those that it has now.

    What they share counts in each, as batch systems count without cgroups.
    """
    return high_water(os.getpid()) + resident(descendants(os.getpid()))


class OutOfMemoryCount:
    """Counts the processes that the system killed for memory in a process's cgroup."""

    def __init__(self, pid: int) -> None:
        self._file = _oom_file(pid)
        self._before = self._read()

    def grew(self) -> bool:
        return self._read() > self._before

    def _read(self) -> int:
        if self._file is not None:
            with suppress(OSError, ValueError):
                for line in self._file.read_text().splitlines():
                    name, _, count = line.partition(" ")
                    if name == "oom_kill":
                        return int(count)
        return 0


def _oom_file(pid: int) -> Path | None:
    """The file that counts OOM kills: v2 ``memory.events``, v1 ``memory.oom_control``."""
    candidates: list[Path] = []
    root = _CGROUPS
    with suppress(OSError):
        for line in (_PROC / str(pid) / "cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            inside = path.lstrip("/")
            if controllers == "":
                candidates += [root / inside / "memory.events", root / "memory.events"]
            elif "memory" in controllers.split(","):
                # In a container the path is the host's, while the mount is ours.
                v1 = root / "memory"
                candidates += [v1 / inside / "memory.oom_control", v1 / "memory.oom_control"]
    return next((file for file in candidates if file.is_file()), None)


def death_name(returncode: int | None) -> str:
    """How a process ended, in words: ``killed by SIGSEGV``, ``exited with code 3``."""
    if returncode is None:
        return "is gone"
    if returncode < 0:
        with suppress(ValueError):
            return f"was killed by {signal.Signals(-returncode).name}"
        return f"was killed by signal {-returncode}"
    return f"exited with code {returncode}"
