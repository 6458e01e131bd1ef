"""The detached process behind the local backend: ``python -m nbbatch.backends.local.supervisor``.

It feeds one bundle at a time to each of a few worker processes, starts a worker anew
when one is lost, and leaves when nothing is left to do. Its whole state is one small
file that is replaced before each step, so that after ``kill -9`` a new supervisor
knows which workers still run.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from ...folder import SweepFolder
from ...model import Bundle, Point
from ...worker.files import write_atomic
from ..base import thread_environment
from . import processes
from .backend import REQUESTS, STATE, array_of, workers_of
from .fresh_report import FreshReport

TICK = 0.25
BEAT = 15.0
STOP_SECONDS = 15.0
LOCK_SECONDS = 5.0
"""The lock of a killed supervisor is broken at the first try and had at the second."""
ORPHAN = ("slot", "pid", "start", "index", "array")
"""What the state says of a worker that an earlier supervisor left behind."""
EXTRA_TRIES = 2
"""A worker gives up on a point by itself; this bounds those that never get so far."""


@dataclass
class Worker:
    """A worker process that takes bundles from its standard input."""

    slot: int
    process: subprocess.Popen[bytes]
    start: float
    index: int | None = None
    stopping: float = 0.0

    def feed(self, index: int, bundle: Bundle, more: bool) -> None:
        """Give it a bundle; ``more``: it is likely to get another."""
        self.index = index
        assert self.process.stdin is not None
        order = {**bundle.to_json(), "more": more}
        line = json.dumps(order, ensure_ascii=False, allow_nan=False)
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    def dismiss(self) -> None:
        """Nothing is left for it: the end of its input ends it."""
        self.stopping = time.monotonic()
        assert self.process.stdin is not None
        self.process.stdin.close()

    def stop(self) -> None:
        """Ask it to save what it has and leave; kill it when that takes too long."""
        if not self.stopping:
            self.stopping = time.monotonic()
            self.process.terminate()
        elif time.monotonic() - self.stopping > STOP_SECONDS:
            self.process.kill()


class Supervisor:
    """Runs one batch of a sweep on this machine."""

    def __init__(self, root: Path, batch: int) -> None:
        self.folder = SweepFolder(root)
        self.header = self.folder.header()
        content = self.folder.batch(batch)
        self.bundles: list[list[str]] = content["bundles"]
        self.array = array_of(batch, content["first"], len(self.bundles))
        self.points = {point.id: point for point in self.folder.points()}
        self.slots = self.header.max_running or processes.usable_cpus()
        self.next = 0
        self.requeued: deque[int] = deque()
        self.held: set[int] = set()
        self.dropped: set[int] = set()  # held or cancelled before they were taken
        self.tries: dict[int, int] = {}
        self.workers: dict[int, Worker] = {}
        self.orphans: list[dict[str, Any]] = []
        self.report = FreshReport(self.folder)
        self.replies = selectors.DefaultSelector()
        self.requests_read = 0
        self.beat = 0.0
        self.stopping = False
        self.identity = processes.identity()

    # the loop

    def run(self, ready: Callable[[], None]) -> None:
        """Work until every bundle is done, given up or cancelled.

        ``ready`` is called once the state file says that this supervisor is at work.
        """
        signal.signal(signal.SIGTERM, self._on_signal)
        signal.signal(signal.SIGINT, self._on_signal)
        processes.adopt_descendants()
        self._adopt_orphans()
        self._write_state()
        ready()
        while True:
            self._read_requests()
            self.orphans = [worker for worker in self.orphans if processes.alive(worker)]
            self._start_work()
            if self.stopping:
                self._stop_work()
            if not self.workers and not self.orphans and not self._waiting():
                break
            for key, _ in self.replies.select(TICK):
                self._hear(self.workers[key.data])
            self.report.look()
            if time.time() - self.beat > BEAT:
                self._write_state()
        self.report.end()
        self._write_state(over=True)

    def _on_signal(self, *_: object) -> None:
        self.stopping = True

    def _waiting(self) -> bool:
        """True while a bundle is waiting for a worker; held ones wait too."""
        return not self.stopping and bool(
            self.next < len(self.bundles) or self.requeued or self.held
        )

    def _take(self) -> int | None:
        """The next bundle to run, if any is free to run."""
        if self.stopping:
            return None
        if self.requeued:
            return self.requeued.popleft()
        while self.next < len(self.bundles):
            self.next += 1
            if self.next - 1 not in self.dropped:
                return self.next - 1
        return None

    def _start_work(self) -> None:
        idle = [w for w in self.workers.values() if w.index is None and not w.stopping]
        room = self.slots - len(self.workers) - len(self.orphans)
        while idle or room > 0:
            index = self._take()
            if index is None:
                break
            if not idle:
                idle.append(self._spawn())
                room -= 1
            self._assign(idle.pop(), index)
        for worker in idle:
            worker.dismiss()

    def _stop_work(self) -> None:
        for worker in self.workers.values():
            worker.stop()
        now = time.monotonic()
        for orphan in self.orphans:
            if "stopping" not in orphan:  # once: the third signal ends it with nothing saved
                orphan["stopping"] = now
                processes.terminate(orphan)
            elif now - orphan["stopping"] > STOP_SECONDS:
                processes.terminate(orphan, signal.SIGKILL)

    def _assign(self, worker: Worker, index: int) -> None:
        worker.index = index
        self.report.outdated()
        self._write_state()  # before the point starts, so that nobody starts it twice
        with suppress(BrokenPipeError):  # it is gone: _hear will see the end of its output
            left = len(self.bundles) - self.next + len(self.requeued)
            worker.feed(index, self._bundle(index), more=left >= self.slots)

    def _bundle(self, index: int) -> Bundle:
        points: list[Point] = [self.points[name] for name in self.bundles[index]]
        return Bundle(
            number=self.array.first + index,
            sweep=self.header.id,
            root=str(self.folder.root),
            notebook=self.folder.notebook_file.name,
            points=tuple(points),
            settings=self.header.settings,
        )

    def _spawn(self) -> Worker:
        taken = {worker.slot for worker in self.workers.values()}
        slot = next(n for n in range(1, self.slots + 2) if n not in taken)
        log: IO[bytes]
        with (self.folder.logs / f"worker-{slot:02d}.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "nbbatch.worker", "-"],
                cwd=self.folder.root,
                env={
                    **thread_environment(self.header.resources.cpus),
                    **os.environ,
                    "NBBATCH_JOB": f"{self.array.id}.{slot}",
                },
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
            )
        worker = Worker(slot, process, processes.started(process.pid))
        self.workers[process.pid] = worker
        assert process.stdout is not None
        self.replies.register(process.stdout, selectors.EVENT_READ, process.pid)
        return worker

    # what workers say

    def _hear(self, worker: Worker) -> None:
        """One reply line of a worker, or its end."""
        assert worker.process.stdout is not None
        line = worker.process.stdout.readline()
        if not line:
            self._bury(worker)
            return
        code = json.loads(line)["exit"]
        index, worker.index = worker.index, None
        self.report.outdated()
        if index is not None and code != 0 and not worker.stopping:
            self._requeue(index)
        self._write_state()

    def _bury(self, worker: Worker) -> None:
        assert worker.process.stdout is not None
        self.replies.unregister(worker.process.stdout)
        worker.process.stdout.close()
        with suppress(BrokenPipeError):
            if worker.process.stdin:
                worker.process.stdin.close()
        worker.process.wait()
        del self.workers[worker.process.pid]
        processes.end_adopted(keep={*self.workers, *self.report.pids})
        if worker.index is not None and not worker.stopping:
            self._requeue(worker.index)
        self._write_state()

    def _requeue(self, index: int) -> None:
        tries = self.tries[index] = self.tries.get(index, 0) + 1
        if tries <= self.header.settings.retries + EXTRA_TRIES:
            self.requeued.append(index)
        else:
            self._say(f"bundle {self.array.first + index}: given up after {tries} lost workers")

    # workers that an earlier supervisor left behind

    def _adopt_orphans(self) -> None:
        """Wait for workers of a killed supervisor instead of starting their points again."""
        file = self.folder.logs / STATE
        if not file.exists():
            return
        state = json.loads(file.read_bytes())
        for worker in workers_of(state):
            known = {**worker, "host": state["host"]}
            if known["host"] == self.identity["host"] and processes.alive(known):
                self.orphans.append(known)

    # requests and state

    def _read_requests(self) -> None:
        file = self.folder.logs / REQUESTS
        if not file.exists() or file.stat().st_size <= self.requests_read:
            return
        with file.open("rb") as stream:
            stream.seek(self.requests_read)
            for line in stream:
                if not line.endswith(b"\n"):
                    break
                self.requests_read += len(line)
                request = json.loads(line)
                self._obey(request["do"], request["jobs"])
        self._write_state()

    def _obey(self, action: str, jobs: list[int] | None) -> None:
        if action == "cancel" and jobs is None:
            self.stopping = True
            return
        chosen = set(range(len(self.bundles))) if jobs is None else set(jobs)
        if action == "release":
            self.requeued.extend(sorted(self.held & chosen))
            self.held -= chosen
            return
        waiting = {index for index in chosen if index >= self.next} - self.dropped
        waiting |= chosen & set(self.requeued)
        self.requeued = deque(index for index in self.requeued if index not in chosen)
        self.dropped |= waiting
        if action == "hold":
            self.held |= waiting
        elif action == "cancel":
            self.held -= chosen
            for worker in self.workers.values():
                if worker.index in chosen:
                    worker.stop()

    def _write_state(self, *, over: bool = False) -> None:
        self.beat = time.time()
        workers = [
            {"slot": w.slot, "pid": w.process.pid, "start": w.start, "index": w.index}
            for w in self.workers.values()
        ]
        state = {
            **self.identity,
            "beat": self.beat,
            "array": self.array.id,
            "size": len(self.bundles),
            "next": self.next,
            "requeued": list(self.requeued),
            "held": sorted(self.held),
            "dropped": sorted(index for index in self.dropped if index >= self.next),
            "workers": workers,
            "orphans": [{name: orphan[name] for name in ORPHAN} for orphan in self.orphans],
            "over": over,
        }
        write_atomic(self.folder.logs / STATE, json.dumps(state), durable=False)

    def _say(self, text: str) -> None:
        print(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {text}", file=sys.stderr, flush=True)


def main(root: str, batch: str) -> None:
    """Run batch number ``batch`` of the sweep folder ``root`` in a process of its own.

    Returns, in the process that was called, as soon as the supervisor is at work, so that
    its caller is not its parent; exits with 1 when it did not come up.
    """
    reader, writer = os.pipe()
    if os.fork():
        os.close(writer)
        with os.fdopen(reader, "rb") as answer:
            sys.exit(0 if answer.read() == b"ready" else 1)
    os.close(reader)
    with os.fdopen(writer, "wb") as answer:
        supervise(SweepFolder(Path(root)), int(batch), lambda: _answer(answer))


def _answer(stream: IO[bytes]) -> None:
    stream.write(b"ready")
    stream.close()


def supervise(folder: SweepFolder, batch: int, ready: Callable[[], None]) -> None:
    """Run a batch, then build the sweep's results and report."""
    from filelock import SoftFileLock

    with SoftFileLock(folder.logs / "supervisor.lock", timeout=LOCK_SECONDS):
        Supervisor(folder.root, batch).run(ready)
    finish = [sys.executable, "-m", "nbbatch", "finish", str(folder.root)]
    subprocess.run(finish, cwd=folder.root, check=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
