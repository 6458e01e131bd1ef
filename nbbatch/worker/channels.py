"""All ways between a kernel and us, and one poll loop that waits on them.

The loop wakes for messages of the kernel, its death, text that it prints past the
protocol, a signal to this process, a deadline. (nbclient asks once a second whether the
kernel lives.)
"""

from __future__ import annotations

import select
import signal
import time
from codecs import getincrementaldecoder
from collections.abc import Callable
from typing import Any, Protocol

import zmq
from jupyter_client.blocking.client import BlockingKernelClient

from .blackbox import read_all
from .kernel import Kernel
from .stop import SIGNALS, Stop

BATCH = 500
"""Messages taken between two looks at everything else."""
ASK_AFTER = 2.0
"""Seconds of silence after a reply without its "idle" message: the kernel is asked then."""
GLANCE_SECONDS = 0.25
"""The listener has its pause at least so often: the log waits for ends of lines."""
IDLE_PATIENCE = 60.0
"""Seconds of silence after which a kernel's missing "idle" message is not waited for."""


class KernelGone(Exception):
    """The kernel process ended while something was expected of it."""


class CellTimeout(Exception):
    """A cell ran longer than ``Settings.cell_timeout``."""


class NotebookTimeout(Exception):
    """The notebook ran longer than ``Settings.timeout``."""


class Stopped(Exception):
    """This process was told to stop."""


class Listener(Protocol):
    """Whoever is told what the kernel says."""

    def published(self, message: dict[str, Any]) -> None:
        """A message of the IOPub channel."""

    def unpublished(self, stream: str, text: str) -> None:
        """Text that a kernel printed but did not live to publish."""

    def words(self, text: str) -> None:
        """Text that the kernel's process wrote past the protocol."""

    def pause(self) -> None:
        """All that was there has been dealt with, for now."""


class Channels:
    """The connection to one kernel.

    ``deadline`` (``time.monotonic``) is the notebook's. ``gone`` is True once the
    kernel's process has ended.
    """

    def __init__(
        self, kernel: Kernel, stop: Stop, deadline: float | None, listener: Listener
    ) -> None:
        self.kernel = kernel
        self.stop = stop
        self.gone = False
        self.replies: dict[str, dict[str, Any]] = {}
        self._deadline = deadline
        self._listener = listener
        self._idle: set[str] = set()
        self._asked: dict[str, str] = {}
        self._last_message = 0.0
        # A character may come in two pieces.
        self._decoder = getincrementaldecoder("utf-8")("replace")
        self._poller = zmq.Poller()
        self._rest = zmq.Poller()

    def connect(self, client: BlockingKernelClient) -> None:
        """Listen to a kernel that was just started."""
        self._client = client
        self._session = client.session
        self._shell: zmq.Socket[bytes] = client.shell_channel.socket
        self._iopub: zmq.Socket[bytes] = client.iopub_channel.socket
        for source in (self._shell, self._iopub, self.stop.fd, self.kernel.words):
            self._poller.register(source, zmq.POLLIN)
        if self.kernel.pidfd is not None:
            self._poller.register(self.kernel.pidfd, zmq.POLLIN)
        self._hangup = self._iopub.get_monitor_socket(zmq.EVENT_DISCONNECTED)
        for source in (self._iopub, self._hangup):
            self._rest.register(source, zmq.POLLIN)

    def close(self) -> None:
        """Let go of the connection."""
        self._iopub.disable_monitor()
        self._client.stop_channels()

    # ------------------------------------------------------------------ waiting

    def idle(self, request: str) -> bool:
        """The kernel is done with ``request``, and all that it published for it is here."""
        return request in self._idle

    def answered(self, request: str) -> bool:
        """The kernel replied, and is idle.

        What a kernel publishes comes in order: once the "idle" of a later question is here,
        that of ``request`` was lost in the kernel and will not come.
        """
        if request not in self.replies:
            return False
        if self.idle(request):
            return True
        silence = time.monotonic() - self._last_message
        if request not in self._asked:
            if silence > ASK_AFTER:
                self._asked[request] = self._client.kernel_info()
            return False
        return self.idle(self._asked[request]) or silence > IDLE_PATIENCE

    def wait(self, done: Callable[[], bool], deadline: float | None = None) -> None:
        """Poll until ``done``; raise what comes first instead.

        Stopped, KernelGone, NotebookTimeout, or CellTimeout for ``deadline``.
        """
        while not done():
            if self.stop:
                raise Stopped
            if self.gone:
                self.drain()
                if done():
                    return
                raise Stopped if self._signalled_too() else KernelGone
            now = time.monotonic()
            if self._deadline is not None and now >= self._deadline:
                raise NotebookTimeout
            if deadline is not None and now >= deadline:
                raise CellTimeout
            limits = [limit - now for limit in (deadline, self._deadline) if limit is not None]
            self._step(min([1.0, *limits]))

    def settle(self, done: Callable[[], bool], seconds: float) -> bool:
        """Poll until ``done``, but not for long; one more signal cuts it short."""
        end = time.monotonic() + seconds
        signals = self.stop.count
        while not done():
            now = time.monotonic()
            if self.gone or now >= end or self.stop.count > signals:
                return done()
            self._step(min(0.5, end - now))
        return True

    def _signalled_too(self) -> bool:
        """A scheduler may signal all processes of a job: ours can hear it after the kernel."""
        fatal = {-number for number in (*SIGNALS, signal.SIGHUP)}
        if not self.stop and self.kernel.returncode() in fatal:
            select.select([self.stop.fd], [], [], 1.0)
        return bool(self.stop)

    def _step(self, seconds: float) -> None:
        """Wait for something to happen, and deal with all of it."""
        seconds = min(seconds, GLANCE_SECONDS)
        ready = dict(self._poller.poll(max(0, int(seconds * 1000) + 1)))
        # What stays readable (a signal that came, a pipe at its end) would keep the loop awake.
        if self.stop.fd in ready:
            self._poller.unregister(self.stop.fd)
        if self.kernel.words in ready and not self._hear_words():
            self._poller.unregister(self.kernel.words)
        if self._iopub in ready:
            self._receive(self._iopub, self._on_published)
        if self._shell in ready:
            self._receive(self._shell, self._on_reply)
        if self.kernel.pidfd is not None:
            self.gone = self.gone or self.kernel.pidfd in ready
        elif not ready or not self.replies:
            self.gone = self.gone or self.kernel.gone()
        self._listener.pause()

    # ------------------------------------------------------------------ hearing

    def _receive(self, socket: zmq.Socket[bytes], handle: Callable[[Any], None]) -> int:
        """Take the messages that are there, at most one batch."""
        for count in range(BATCH):
            try:
                parts = socket.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return count
            _, signed = self._session.feed_identities(parts)
            handle(self._session.deserialize(signed))
        return BATCH

    def _on_reply(self, message: dict[str, Any]) -> None:
        request = message["parent_header"].get("msg_id")
        if request:
            self.replies[request] = message
            self._last_message = time.monotonic()

    def _on_published(self, message: dict[str, Any]) -> None:
        self._last_message = time.monotonic()
        content = message["content"]
        if message["msg_type"] == "stream":
            self.kernel.blackbox.published(content.get("name", ""), content.get("text", ""))
        elif message["msg_type"] == "status" and content.get("execution_state") == "idle":
            self._idle.add(message["parent_header"].get("msg_id", ""))
        self._listener.published(message)

    def _hear_words(self) -> bool:
        content = read_all(self.kernel.words)
        text = self._decoder.decode(content, final=not content)
        if text:
            self._listener.words(text)
        return bool(content)

    def settle_text(self) -> None:
        """All text that was printed so far has arrived: start counting anew."""
        self.kernel.blackbox.forget()

    def drain(self) -> None:
        """Take what a dead kernel left behind on all ways to us."""
        hung_up = False
        quiet = time.monotonic() + 0.1
        while not hung_up and time.monotonic() < quiet:
            ready = dict(self._rest.poll(50))
            # What was on its way is here before this socket says that the other end is gone.
            hung_up = self._hangup in ready or not ready
            while self._receive(self._iopub, self._on_published):
                quiet = time.monotonic() + 0.1
        self._receive(self._shell, self._on_reply)
        for stream in ("stdout", "stderr"):
            rest = self.kernel.blackbox.unpublished(stream)
            if rest:
                self._listener.unpublished(stream, rest)
        self._hear_words()
        self._listener.pause()
