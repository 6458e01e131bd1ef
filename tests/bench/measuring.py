"""What commands cost, with everything that they start: CPU, wall time, memory.

A wrapper process of its own runs them. The system gives it every orphan of theirs, detached
ones too (nbbatch's supervisor is one), and it waits until none is left; what the system
charged it for its children is then all of it. Linux only; no rights and no cgroup needed.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36
SAMPLE_SECONDS = 0.2
NOT_WAITED_FOR = 0.1
"""The part of the CPU seconds that may be missing from the system's account."""


@dataclass(frozen=True)
class Cost:
    """``cpu`` and ``wall`` in seconds; ``memory``: the most RAM at a time, in bytes (PSS)."""

    cpu: float
    wall: float
    memory: int


def measured(
    commands: Sequence[Sequence[str]],
    *,
    cwd: Path,
    environment: Mapping[str, str] | None = None,
    at_once: int = 1,
) -> Cost:
    """Run ``commands``, ``at_once`` at a time, until nothing that they started is left.

    Raises RuntimeError, with the end of what they wrote, when one of them fails.
    """
    log, answer = cwd / "measured.log", cwd / "measured.json"
    order = json.dumps({"commands": commands, "at_once": at_once, "answer": str(answer)})
    with log.open("wb") as stream:
        done = subprocess.run(
            [sys.executable, __file__],
            input=order.encode(),
            cwd=cwd,
            env={**os.environ, **(environment or {})},
            stdout=stream,
            stderr=stream,
            check=False,
        )
    if done.returncode:
        raise RuntimeError(f"{commands[0]} failed:\n{log.read_text(errors='replace')[-3000:]}")
    return Cost(**json.loads(answer.read_text()))


class Sampler(threading.Thread):
    """Looks at all processes below this one: their memory, and what CPU time they had."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.peak = 0
        self.seen: dict[tuple[int, str], float] = {}
        self.over = threading.Event()

    def run(self) -> None:
        tick = os.sysconf("SC_CLK_TCK")
        while not self.over.wait(SAMPLE_SECONDS):
            total = 0
            for pid in descendants(os.getpid()):
                with suppress(OSError, ValueError, IndexError, StopIteration):
                    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
                    # 11, 12 and 19 behind the name: user and system time, start.
                    self.seen[pid, fields[19]] = (int(fields[11]) + int(fields[12])) / tick
                    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
                    pss = next(line for line in rollup if line.startswith("Pss:"))
                    total += int(pss.split()[1]) * 1024
            self.peak = max(self.peak, total)


def descendants(pid: int) -> set[int]:
    found: set[int] = set()
    todo = [pid]
    while todo:
        for file in Path(f"/proc/{todo.pop()}/task").glob("*/children"):
            with suppress(OSError):
                children = set(map(int, file.read_text().split())) - found
                found |= children
                todo += children
    return found


def run(commands: Sequence[Sequence[str]], at_once: int) -> int:
    """Run the commands and wait for all their descendants; the number that failed."""
    waiting, running, failed = list(commands), set(), 0
    while True:
        while waiting and len(running) < at_once:
            running.add(subprocess.Popen(waiting.pop(0), stdin=subprocess.DEVNULL).pid)
        try:
            pid, status = os.waitpid(-1, 0)
        except ChildProcessError:
            return failed
        if pid in running:
            running.remove(pid)
            failed += status != 0


def main() -> int:
    """Do what standard input says, as JSON, and write the costs to the file that it names."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    order = json.load(sys.stdin)
    sampler = Sampler()
    sampler.start()
    began = time.monotonic()
    failed = run(order["commands"], order["at_once"])
    wall = time.monotonic() - began
    sampler.over.set()
    sampler.join()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu, seen = used.ru_utime + used.ru_stime, sum(sampler.seen.values())
    if cpu < seen * (1 - NOT_WAITED_FOR):
        # Whoever ignores SIGCHLD, or is killed before it waits, keeps its children's time.
        print(f"{seen:.1f} CPU seconds were seen, {cpu:.1f} accounted for", file=sys.stderr)
        return 1
    Path(order["answer"]).write_text(json.dumps(asdict(Cost(cpu, wall, sampler.peak))))
    return failed


if __name__ == "__main__":
    sys.exit(main())
