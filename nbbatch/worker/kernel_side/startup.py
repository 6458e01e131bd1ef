"""Runs silently in a Python kernel before the first cell; ``SCRATCH`` is set by the worker.

Executed in a namespace of its own, so the notebook's is untouched. Each step may fail
(kernels differ); none may break the kernel. Syntax of Python 3.7.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
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


class Recorder:
    """Writes what is printed to the worker at once, so that a killed kernel loses none.

    A kernel publishes its text up to 0.2 s later, from a thread. The worker uses this
    copy for the text that the kernel printed and could not publish any more.
    """

    def __init__(self, path: Path) -> None:
        self.handle = os.open(path, os.O_WRONLY)

    def write(self, text: str) -> None:
        rest = text.encode("utf-8", "replace")
        with suppress(OSError):  # the worker is gone
            while rest:
                rest = rest[os.write(self.handle, rest) :]

    def flush(self) -> None:
        pass


def record_streams() -> None:
    """Use ipykernel's ``echo``, which is there to copy what is printed to a terminal."""
    for name in ("stdout", "stderr"):
        stream: Any = getattr(sys, name)
        path = Path(SCRATCH, name)
        if hasattr(stream, "pub_thread") and stream.echo is None and path.exists():
            stream.flush()
            stream.echo = Recorder(path)


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


def ask_for_children() -> None:
    """Ask the system whether the kernel has children, before it ends.

    ipykernel reads every process of the machine to find them, with a library that it imports
    for nothing else.
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
        return find() if some else []

    kernel._process_children = children


def offer_module() -> None:
    """Make ``import nbbatch`` work; at the end, so that an installed one comes first."""
    sys.path.append(f"{SCRATCH}/importable")


for step in (
    keep_all_messages,
    send_any_text,
    record_streams,
    leave_in_order,
    ask_for_children,
    offer_module,
):
    try:
        step()
    except Exception as error:
        print(f"nbbatch: {step.__name__}: {error!r}", file=sys.__stderr__)
