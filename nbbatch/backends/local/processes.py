"""Facts about this machine's processes and CPUs, for the local backend."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import time
from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

STALE_BEAT = 60.0
"""Seconds without a heartbeat after which a process of another host counts as gone."""


def identity() -> dict[str, Any]:
    """This process, so that ``alive`` can tell it from a later one with the same pid."""
    import psutil

    return {
        "pid": os.getpid(),
        "start": psutil.Process().create_time(),
        "host": socket.gethostname(),
    }


def started(pid: int) -> float:
    """When process ``pid`` started (seconds since the epoch); 0 when it is gone."""
    import psutil

    with suppress(psutil.Error):
        return float(psutil.Process(pid).create_time())
    return 0.0


def alive(process: Mapping[str, Any]) -> bool:
    """Whether the process described by ``pid``, ``start`` and ``host`` still runs.

    One of another host is judged by its heartbeat (``beat``, seconds since the epoch).
    """
    import psutil

    if process["host"] != socket.gethostname():
        return time.time() - float(process.get("beat", 0)) < STALE_BEAT
    try:
        found = psutil.Process(process["pid"])
        # A zombie is dead: nobody has asked for its exit code yet. The start time is
        # derived from the boot time, which a clock adjustment can shift a little.
        same = abs(found.create_time() - process["start"]) < 2
        return same and found.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def terminate(process: Mapping[str, Any], number: int = signal.SIGTERM) -> None:
    """Send a process of this host a signal to stop, if it is still the one described."""
    if process["host"] == socket.gethostname() and alive(process):
        with suppress(ProcessLookupError):
            os.kill(process["pid"], number)


def adopt_descendants() -> None:
    """Become the parent of what this process's children leave behind (Linux only)."""
    with suppress(OSError, AttributeError):
        # PR_SET_CHILD_SUBREAPER: else the orphans of a killed worker go to init, unseen.
        ctypes.CDLL(None, use_errno=True).prctl(36, 1, 0, 0, 0)


def end_adopted(keep: Collection[int]) -> None:
    """Kill and reap every child that is not in ``keep``, with its descendants."""
    import psutil

    for child in psutil.Process().children():
        if child.pid in keep:
            continue
        with suppress(psutil.Error):
            for process in [*child.children(recursive=True), child]:
                process.kill()
        with suppress(ChildProcessError):
            os.waitpid(child.pid, 0)


def usable_cpus() -> int:
    """How many CPUs this process may use: affinity mask and cgroup quota respected."""
    if hasattr(os, "sched_getaffinity"):
        count = len(os.sched_getaffinity(0))
    else:  # macOS
        count = os.cpu_count() or 1
    quota = _cgroup_quota()
    return max(1, min(count, quota)) if quota else count


def _cgroup_quota() -> int | None:
    """CPUs that the cgroup (v2 ``cpu.max``, v1 ``cpu.cfs_quota_us``) allows, rounded up."""
    groups = {}
    with suppress(OSError):
        for line in Path("/proc/self/cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            groups.update({name: path.lstrip("/") for name in controllers.split(",")})
    mount = Path("/sys/fs/cgroup")
    candidates = [mount / groups.get("", "") / "cpu.max", mount / "cpu.max"]
    for file in candidates:
        with suppress(OSError, ValueError):
            quota, period = file.read_text().split()
            return None if quota == "max" else -(-int(quota) // int(period))
    for folder in (mount / "cpu" / groups.get("cpu", ""), mount / "cpu"):
        with suppress(OSError, ValueError):
            quota = (folder / "cpu.cfs_quota_us").read_text()
            period = (folder / "cpu.cfs_period_us").read_text()
            return None if int(quota) <= 0 else -(-int(quota) // int(period))
    return None
