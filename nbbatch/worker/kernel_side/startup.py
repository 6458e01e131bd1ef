"""Runs silently in a Python kernel before the first cell; ``SCRATCH`` is set by the worker.

Executed in a namespace of its own, so the notebook's is untouched. Each step may fail
(kernels differ); none may break the kernel. Syntax of Python 3.7.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import partial
from pathlib import Path
from typing import Any

SCRATCH: str = globals().get("SCRATCH", "")


def keep_all_messages() -> None:
    """Make the publisher wait for us: it drops messages above a mark of 1,000 otherwise."""
    import zmq
    from IPython import get_ipython

    # A ZMQ socket belongs to one thread: the option is set in the publisher's.
    thread = get_ipython().kernel.iopub_socket.io_thread
    thread.schedule(lambda: thread.socket.setsockopt(zmq.XPUB_NODROP, 1))


def send_any_text() -> None:
    """Send "?" for half a surrogate pair: ipykernel fails on it, in its publishing thread.

    It then loses the text, and at times what waited behind it: the end of the cell.
    """
    from IPython import get_ipython

    session = get_ipython().kernel.session
    pack = session.pack

    def pack_any(content: Any) -> Any:
        try:
            return pack(content)
        except UnicodeEncodeError:
            return pack(sendable(content))

    session.pack = pack_any


def sendable(value: Any) -> Any:
    """The same with "?" for what UTF-8 cannot say."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, dict):
        return {sendable(name): sendable(inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [sendable(inner) for inner in value]
    return value


HEAD = 32
WRITTEN, ARRIVED, FORKED = 0, 1, 2
"""Counts of bytes at the begin of a tape's file, eight bytes each: what was written on it,
what of the stream has arrived at the worker, what forks of the kernel have printed."""
PATIENCE = 10.0
"""Seconds to wait for a worker to which nothing arrives: somebody's hook may swallow it."""


class Tape:
    """The last that a stream was given, in memory that is the worker's, too.

    A kernel publishes its text up to 0.2 s later, from a thread. What it could not publish
    because it was killed, the worker finds here. The text is a ring behind the counts; who
    prints waits before text is lost from it that has not arrived.

    It is what ipykernel calls an ``echo``, which is there to copy what is printed to a
    terminal.
    """

    def __init__(self, path: Path, lock: Any) -> None:
        with path.open("r+b") as file:
            self.memory = mmap.mmap(file.fileno(), 0)
            self.forks = os.dup(file.fileno())
        self.counts = memoryview(self.memory)[:HEAD].cast("Q")
        self.size = len(self.memory)
        self.room = self.size - HEAD
        self.limit = self.room // 2
        self.written = 0
        self.full = self.limit
        """What may be written before somebody has to look whether it arrives."""
        self.in_vain = -1
        """What had arrived when somebody waited in vain: nobody does again until it is more."""
        self.lock = lock
        self.heard: Callable[[str], None] | None = None
        """Who wants to know all that is printed."""
        self.in_fork = False
        os.register_at_fork(after_in_child=self._leave)

    def _leave(self) -> None:
        self.in_fork = True

    def write(self, text: str) -> None:
        if self.in_fork:
            self._add_of_fork(len(text.encode("utf-8", "replace")))
        else:
            with self.lock:
                self.add(text)

    def flush(self) -> None:
        pass

    def add(self, text: str) -> None:
        """Write, with the lock held."""
        content = text.encode("utf-8", "replace")
        written = self.written
        start = HEAD + written % self.room
        end = start + len(content)
        if end <= self.size:
            self.memory[start:end] = content
        else:
            self._write_around(content)
        self.written = self.counts[WRITTEN] = written + len(content)

    def _write_around(self, content: bytes) -> None:
        end = (self.written + len(content)) % self.room
        content = content[-self.room :]
        start = (end - len(content)) % self.room
        before = content[: self.room - start]
        self.memory[HEAD + start : HEAD + start + len(before)] = before
        self.memory[HEAD : HEAD + len(content) - len(before)] = content[len(before) :]

    def _add_of_fork(self, size: int) -> None:
        # It is published at once, through the kernel, and so arrives with the rest.
        with suppress(OSError):
            fcntl.lockf(self.forks, fcntl.LOCK_EX)
            self.counts[FORKED] += size
            fcntl.lockf(self.forks, fcntl.LOCK_UN)

    def behind(self) -> int:
        """Bytes that have not arrived."""
        return self.written + self.counts[FORKED] - self.counts[ARRIVED]

    def wait(self, publish: Callable[[], None]) -> None:
        """Publish, and wait until it has arrived, if there is much of it."""
        if self.behind() > self.limit:
            publish()
        last, since = self.counts[ARRIVED], time.monotonic()
        while self.behind() > self.limit // 2 and last != self.in_vain:
            if self.counts[ARRIVED] != last:
                last, since = self.counts[ARRIVED], time.monotonic()
            elif time.monotonic() - since > PATIENCE:
                self.in_vain = last
            time.sleep(0.002)
        self.full = self.written + max(self.limit // 4, self.limit - max(0, self.behind()))


def record_streams() -> None:
    for name in ("stdout", "stderr"):
        stream: Any = getattr(sys, name)
        path = Path(SCRATCH, name)
        if hasattr(stream, "pub_thread") and stream.echo is None and path.exists():
            stream.flush()
            tape = Tape(path, getattr(stream, "_buffer_lock", None) or threading.RLock())
            stream.echo = tape
            stream.write = printing(stream, tape)
            remember(name, stream, stream.write, tape)
            os.register_at_fork(
                before=partial(publish_first, stream),
                after_in_child=partial(forget_inherited, stream),
            )


def publish_first(stream: Any) -> None:
    """Publish before a fork what was printed before it.

    The fork would publish it once more, and as much of the kernel's last text be missed as
    has arrived twice.
    """
    if getattr(stream, "_buffers", True):
        stream.flush()


def forget_inherited(stream: Any) -> None:
    """Leave to the kernel what another thread of it has printed since."""
    # No lock is taken: who held it at the fork is not there to give it back.
    if isinstance(getattr(stream, "_buffers", None), defaultdict):
        stream._buffers = defaultdict(stream._buffers.default_factory)


def printing(stream: Any, tape: Tape) -> Callable[[str], Any]:
    """``stream.write``, which does the same three times as fast, and waits for the tape.

    ipykernel's own looks up anew at each call whose text it is. It is asked when that may
    have changed; otherwise what it does then is done here, if it is as we know it.
    """
    slow, add, lock, publisher = stream.write, tape.add, tape.lock, stream.pub_thread.thread
    header: Any = getattr(stream, "_parent_header", None)
    familiar = (
        isinstance(header, ContextVar)
        and isinstance(getattr(stream, "_buffers", None), defaultdict)
        and getattr(stream, "_buffer_lock", None) is lock
        and hasattr(stream, "_flush_pending")
        and hasattr(stream, "_schedule_flush")
    )
    last: tuple[Any, Any] = (tape, None)  # a header, and its key among the buffers

    def write(string: str) -> Any:
        nonlocal last
        if tape.in_fork:
            return slow(string)
        parent = header.get(None) if familiar else None
        owner, key = last
        if parent is owner and type(string) is str and stream.pub_thread is not None:
            with lock:
                stream._buffers[key].write(string)
                add(string)
            if not stream._flush_pending:
                stream._schedule_flush()
            done = len(string)
        else:
            done = slow(string)
            if parent is not None:
                last = (parent, frozenset(parent.items()))
        if tape.heard is not None and string:
            tape.heard(string)
        if tape.written > tape.full and threading.current_thread() is not publisher:
            tape.wait(stream.flush)
        return done

    return write


def remember(name: str, stream: Any, write: Callable[[str], Any], tape: Tape) -> None:
    """Have what cells print go into IPython's history, for ``%notebook``, by a shorter way.

    From version 9 on, IPython puts a ``write`` of its own around the stream's for each cell,
    and the one that was there before (of a cell in which this runs) back at its end.
    """
    from IPython import get_ipython

    shell: Any = get_ipython()
    theirs = getattr(shell, "_tee", None)
    if theirs is None or not hasattr(shell.history_manager, "outputs"):
        return
    from IPython.core.history import HistoryOutput

    kind: Any = {"stdout": "out_stream", "stderr": "err_stream"}[name]

    def listener() -> Callable[[str], None]:
        outputs, count = shell.history_manager.outputs, shell.execution_count

        def heard(text: str) -> None:
            said = outputs[count]
            if not said or said[-1].output_type != kind:
                said.append(HistoryOutput(output_type=kind, bundle={"stream": []}))
            said[-1].bundle["stream"].append(text)

        return heard

    @contextmanager
    def tee(channel: str) -> Iterator[None]:
        if channel != name or getattr(sys, name) is not stream:
            with theirs(channel):
                yield
            return
        stream.write = write
        before, tape.heard = tape.heard, listener()
        try:
            yield
        finally:
            tape.heard = before

    shell._tee = tee


def leave_in_order() -> None:
    """At the end, stop the control thread first.

    It waits up to 10 s for the publisher to take what was printed, and for ever if that was
    stopped before.
    """
    import atexit

    from IPython import get_ipython

    thread = getattr(get_ipython().kernel, "control_thread", None)

    def stop() -> None:
        if thread is not None and thread.is_alive():
            thread.stop()
            thread.join(2)

    atexit.register(stop)  # runs before ipykernel's own, which was registered before


TRACKERS = (
    "multiprocessing.resource_tracker",
    "joblib.externals.loky.backend.resource_tracker",
)
"""Of shared memory and semaphores: each has a process that ends by itself, after the kernel."""


def ask_for_children() -> None:
    """Ask the system whether the kernel has children, before it ends.

    ipykernel reads every process of the machine to find them, with a library that it imports
    for nothing else. It waits for them, in vain for those that clean up when it has gone.
    """
    from IPython import get_ipython

    kernel = get_ipython().kernel
    find = kernel._process_children

    def children() -> Any:
        try:
            tasks = list(Path("/proc/self/task").iterdir())
            some = any((task / "children").read_text() for task in tasks)
        except OSError:  # not this system, or a thread that has just ended
            some = True
        found = find() if some else []
        cleaners = {tracker_pid(name) for name in TRACKERS} if found else set()
        return [child for child in found if child.pid not in cleaners]

    kernel._process_children = children


def tracker_pid(module: str) -> Any:
    """The process of a resource tracker; None where there is none."""
    tracker = getattr(sys.modules.get(module), "_resource_tracker", None)
    return getattr(tracker, "_pid", None)


def offer_module() -> None:
    """Make ``import nbbatch`` work; at the end, so that an installed one comes first."""
    sys.path.append(f"{SCRATCH}/importable")


STEPS = (
    keep_all_messages,
    send_any_text,
    record_streams,
    leave_in_order,
    ask_for_children,
    offer_module,
)
for step in STEPS if SCRATCH else ():
    try:
        step()
    except Exception as error:
        print(f"nbbatch: {step.__name__}: {error!r}", file=sys.__stderr__)
