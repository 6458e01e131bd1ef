"""The conversation with one kernel: cells go out, outputs come back, nothing is lost.

One thread and one poll loop wait for everything that can happen: messages of the
kernel, its death, text that it prints past the protocol, a signal to this process, a
deadline. (nbclient asks once a second whether the kernel lives, and drops output that
arrives after its cell is done.)
"""

from __future__ import annotations

import select
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import zmq
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionComplete
from nbformat import NotebookNode

from ..model import Failure, Settings, Value
from .blackbox import BlackBox
from .engine import ExecutedNotebook
from .failure import failure_of_error
from .kernel import Kernel, KernelProblem
from .memory import high_water
from .metrics import collect_code, collect_expressions, parse_collected
from .outputs import CellText, OutputLog
from .stop import SIGNALS, Stop

BATCH = 500
"""Messages taken between two looks at everything else."""
IDLE_PATIENCE = 60.0
"""Seconds of silence after which a kernel's missing "idle" message is not waited for."""
SETTLE_SECONDS = 5.0
STOP_SECONDS = 3.0
COLLECT_SECONDS = 30.0
SHUTDOWN_SECONDS = 5.0


class KernelGone(Exception):
    """The kernel process ended while something was expected of it."""


class CellTimeout(Exception):
    """A cell ran longer than ``Settings.cell_timeout``."""


class NotebookTimeout(Exception):
    """The notebook ran longer than ``Settings.timeout``."""


class Stopped(Exception):
    """This process was told to stop."""


class CellError(Exception):
    """A cell raised, and was not expected to."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.value)
        self.failure = failure


@dataclass
class Told:
    """What the conversation found out, whether or not it came to its end."""

    language: str = ""
    version: str = ""
    metrics: dict[str, Value] = field(default_factory=dict)
    metric_errors: dict[str, str] = field(default_factory=dict)
    truncated: tuple[int, ...] = ()
    words: str = ""
    high_water: int = 0
    problem: Exception | None = None
    cell: int | None = None


class PointClient(NotebookClient):
    """Runs the cells of one notebook in one kernel that was just started.

    ``execute`` never raises for what happens in the notebook or to the kernel: the
    exception that ended it is in ``told.problem``, the cell where it ended in ``told.cell``.
    """

    def __init__(
        self,
        executed: ExecutedNotebook,
        kernel: Kernel,
        *,
        settings: Settings,
        log: OutputLog,
        stop: Stop,
        deadline: float | None,
        start: Callable[[], Any],
        startup_code: str,
    ) -> None:
        super().__init__(executed.nb, km=kernel.km)
        self.executed = executed
        self.kernel = kernel
        self.settings = settings
        self.output_log = log
        self.stop = stop
        self.deadline = deadline
        self.told = Told()
        self._start = start
        self._startup_code = startup_code
        self._poller = zmq.Poller()
        self._texts: dict[int, CellText] = {}
        self._cell_of: dict[str, int] = {}
        self._replies: dict[str, dict[str, Any]] = {}
        self._idle: set[str] = set()
        self._headed: set[int] = set()
        self._displays: dict[str, list[Mapping[str, Any]]] = {}
        self._last_message = 0.0
        self._gone = False
        self._ready = False
        self._log_cell: int | None = None
        self._current: int | None = None
        self._blackbox = BlackBox()
        executed.before_save = self.render_text

    # ------------------------------------------------------------------ the whole run

    def execute(self, **_: Any) -> NotebookNode:
        """Run the notebook; what happened is in ``told``."""
        try:
            self._connect()
            self._run_cells()
        except (KernelProblem, KernelGone, CellTimeout, NotebookTimeout, Stopped, CellError) as end:
            self.told.problem = end
            self.told.cell = self._current
        settled = self._ready and self._settle()
        if settled and not isinstance(self.told.problem, Stopped):
            self._collect()
        self._end_cell(failed=self.told.problem is not None)
        self._shut_down(settled)
        self.set_widgets_metadata()
        for text in self._texts.values():
            text.finish()
        self.render_text()
        self.told.truncated = tuple(i for i, text in self._texts.items() if text.truncated)
        return self.nb

    def _run_cells(self) -> None:
        for index, cell in enumerate(self.nb.cells):
            if self.stop:
                raise Stopped
            self._begin_cell(index, cell)
            if self._runs(cell):
                leave = self._run_cell(index, cell)
                if leave:
                    self._end_cell()
                    return
            self._end_cell()

    def _runs(self, cell: NotebookNode) -> bool:
        tags = cell.metadata.get("tags", ())
        return bool(
            cell.cell_type == "code"
            and cell.source.strip()
            and self.skip_cells_with_tag not in tags
        )

    def _begin_cell(self, index: int, cell: NotebookNode) -> None:
        self._current = index
        self.executed.cell_start(cell, index)

    def _end_cell(self, failed: bool = False) -> None:
        if self._current is None:
            return
        cell = self.nb.cells[self._current]
        if failed:
            self.executed.cell_exception(cell, self._current)
        self.executed.cell_complete(cell, self._current)
        self._current = None

    def _run_cell(self, index: int, cell: NotebookNode) -> bool:
        """Run one cell; True when it asked to leave the notebook here, which is no error."""
        assert self.kc is not None
        cell.outputs = []
        cell.metadata["execution"] = {}
        self._texts[index] = CellText(cell.outputs, self.settings.output_cap)
        self.clear_before_next_output = False
        for name, fd in self.kernel.echoes.items():
            self._blackbox.read(name, fd)
        self._blackbox.forget()
        # Never "stop on error": only one request is on its way, and what a kernel aborts
        # after an error could be the question for the metrics.
        request = self.kc.execute(cell.source, allow_stdin=False, stop_on_error=False)
        self._cell_of[request] = index
        limit = self.settings.cell_timeout
        self._wait(
            lambda: self._answered(request),
            None if limit is None else time.monotonic() + limit,
        )
        content = self._replies[request]["content"]
        if content.get("status") == "ok":
            return any(p.get("source") == "ask_exit" for p in content.get("payload") or ())
        if content.get("ename") == "SystemExit" and content.get("evalue") in ("", "0"):
            return True  # papermill's rule: sys.exit(0) ends a notebook well
        if "raises-exception" in cell.metadata.get("tags", ()):
            return False
        raise CellError(self._failure(index, content))

    def _failure(self, index: int, reply: Mapping[str, Any]) -> Failure:
        cell = self.nb.cells[index]
        errors = [output for output in cell.outputs if output.output_type == "error"]
        content: Mapping[str, Any] = errors[-1] if errors else reply
        return failure_of_error(
            content, source=cell.source, cell=index, count=cell.get("execution_count")
        )

    # ------------------------------------------------------------------ begin and end

    def _connect(self) -> None:
        """Start the kernel, wait until it answers on all channels, prepare it."""
        startup = time.monotonic() + self.settings.startup_timeout
        self.kc = self._start()
        assert self.kc is not None
        self._shell = self.kc.shell_channel.socket
        self._iopub = self.kc.iopub_channel.socket
        for source in (self._shell, self._iopub, self.stop.fd, self.kernel.words):
            self._poller.register(source, zmq.POLLIN)
        for fd in (self.kernel.pidfd, *self.kernel.echoes.values()):
            if fd is not None:
                self._poller.register(fd, zmq.POLLIN)
        try:
            self._await_ready(startup)
        except KernelGone:
            raise KernelProblem(
                f"Kernel {self.kernel.name!r} {self.kernel.death()} before it answered.",
                words=self.told.words,
            ) from None
        except CellTimeout:
            raise KernelProblem(
                f"Kernel {self.kernel.name!r} did not answer within "
                f"{self.settings.startup_timeout:g} s.",
                words=self.told.words,
            ) from None

    def _await_ready(self, startup: float) -> None:
        assert self.kc is not None
        request = self.kc.kernel_info()
        self._wait(lambda: request in self._replies, startup)
        info = self._replies[request]["content"]
        # The subscription may be younger than the first answer: ask until it is heard.
        while request not in self._idle:
            self._settle_until(lambda r=request: r in self._idle, 0.3)  # type: ignore[misc]
            if request not in self._idle:
                request = self.kc.kernel_info()
                self._wait(lambda r=request: r in self._replies, startup)  # type: ignore[misc]
        language = info.get("language_info", {})
        if language.get("name"):
            self.nb.metadata["language_info"] = language
        self.told.language = str(language.get("name", ""))
        self.told.version = str(language.get("version", ""))
        if self.told.language == "python":
            request = self.kc.execute(
                self._startup_code, silent=True, store_history=False, allow_stdin=False
            )
            self._wait(lambda: self._answered(request), startup)
        self._ready = True

    def _settle(self) -> bool:
        """After a timeout or a signal: interrupt, keep what comes of it; True if it obeyed."""
        problem = self.told.problem
        if isinstance(problem, (KernelGone, KernelProblem)) or self._gone:
            return False
        if problem is None or isinstance(problem, CellError) or self._current is None:
            return True
        request = next(r for r, i in self._cell_of.items() if i == self._current)
        self.kernel.interrupt()
        seconds = STOP_SECONDS if isinstance(problem, Stopped) else SETTLE_SECONDS
        return self._settle_until(lambda: self._answered(request), seconds)

    def _collect(self) -> None:
        """Ask the kernel for the metrics. Whatever happens, the outcome stays as it is."""
        assert self.kc is not None
        asked = self.settings.collect
        if not asked:
            return
        code = collect_code(asked, self.told.language)
        request = self.kc.execute(
            code,
            silent=not code,
            store_history=False,
            user_expressions=collect_expressions(asked, self.told.language),
            allow_stdin=False,
            stop_on_error=False,
        )
        self._displays[request] = []
        if self._settle_until(lambda: self._answered(request), COLLECT_SECONDS):
            self.told.metrics, self.told.metric_errors = parse_collected(
                asked,
                self._replies[request]["content"],
                self.told.language,
                self._displays[request],
            )
            return
        reason = "the kernel died" if self._gone else "no answer in time"
        self.told.metric_errors = dict.fromkeys(asked, reason)
        if self.stop:
            self.told.problem = self.told.problem or Stopped()

    def _shut_down(self, polite: bool) -> None:
        """End the kernel, politely if it listens, so that its exit handlers run."""
        if self.kc is None:
            return
        self.told.high_water = high_water(self.kernel.pid)
        if polite and not self._gone:
            self.kc.shutdown()
            seconds = 1.0 if isinstance(self.told.problem, Stopped) else SHUTDOWN_SECONDS
            self._settle_until(lambda: self._gone, seconds)
        if not self._gone:
            self.kernel.kill()
            self._settle_until(lambda: self._gone, 2.0)
        self._drain()
        self.kc.stop_channels()
        self.kc = None

    # ------------------------------------------------------------------ the poll loop

    def _answered(self, request: str) -> bool:
        """The kernel replied, and everything that it published before is here."""
        if request not in self._replies:
            return False
        return request in self._idle or time.monotonic() - self._last_message > IDLE_PATIENCE

    def _wait(self, done: Callable[[], bool], deadline: float | None) -> None:
        """Poll until ``done``; raise what comes first instead."""
        while not done():
            if self.stop:
                raise Stopped
            if self._gone:
                self._drain()
                if done():
                    return
                if self._signalled_with_kernel():
                    raise Stopped
                raise KernelGone
            now = time.monotonic()
            if self.deadline is not None and now >= self.deadline:
                raise NotebookTimeout
            if deadline is not None and now >= deadline:
                raise CellTimeout
            limits = [limit - now for limit in (deadline, self.deadline) if limit is not None]
            self._step(min([1.0, *limits]))

    def _signalled_with_kernel(self) -> bool:
        """A scheduler may signal all processes of a job: ours can come after the kernel's."""
        code = self.kernel.returncode()
        if not self.stop and code in {-number for number in (*SIGNALS, signal.SIGHUP)}:
            select.select([self.stop.fd], [], [], 1.0)
        return bool(self.stop)

    def _settle_until(self, done: Callable[[], bool], seconds: float) -> bool:
        """Poll until ``done``, but not for long; a (second) signal cuts it short."""
        end = time.monotonic() + seconds
        hurry = self.stop.count
        while not done():
            now = time.monotonic()
            if self._gone or now >= end or self.stop.count > hurry:
                return done()
            self._step(min(0.5, end - now))
        return True

    def _step(self, seconds: float) -> None:
        """Wait for something to happen, and deal with all of it."""
        ready = dict(self._poller.poll(max(0, int(seconds * 1000) + 1)))
        if self.kernel.words in ready:
            self._hear_words()
        for name, fd in self.kernel.echoes.items():
            if fd in ready:
                self._blackbox.read(name, fd)
        if self._iopub in ready:
            self._receive(self._iopub, self._on_published)
        if self._shell in ready:
            self._receive(self._shell, self._on_reply)
        if self.kernel.pidfd is not None:
            self._gone = self._gone or self.kernel.pidfd in ready
        elif not ready or not self._replies:
            self._gone = self._gone or self.kernel.gone()
        self.output_log.flush()
        self.executed.tick()

    def _receive(self, socket: zmq.Socket[bytes], handle: Callable[[Any], None]) -> int:
        """Take the messages that are there, at most one batch."""
        assert self.kc is not None
        for count in range(BATCH):
            try:
                parts = socket.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return count
            _, signed = self.kc.session.feed_identities(parts)
            handle(self.kc.session.deserialize(signed))
        return BATCH

    def _drain(self) -> None:
        """Take what a dead kernel left behind on all ways to us."""
        quiet = time.monotonic() + 0.1
        while time.monotonic() < quiet and self._iopub.poll(50):
            if self._receive(self._iopub, self._on_published):
                quiet = time.monotonic() + 0.1
        self._receive(self._shell, self._on_reply)
        for name, fd in self.kernel.echoes.items():
            self._blackbox.read(name, fd)
            rest = self._blackbox.unpublished(name)
            if rest:
                self._print(name, rest, self._current)
        self._hear_words()
        self.output_log.flush()

    # ------------------------------------------------------------------ what is heard

    def _hear_words(self) -> None:
        text = BlackBox.read_all(self.kernel.words)
        if text:
            self.output_log.write(text)
            self.told.words = (self.told.words + text)[-4000:]

    def _on_reply(self, message: dict[str, Any]) -> None:
        request = message["parent_header"].get("msg_id")
        if request:
            self._replies[request] = message
            self._last_message = time.monotonic()

    def _on_published(self, message: dict[str, Any]) -> None:
        self._last_message = time.monotonic()
        request = message["parent_header"].get("msg_id", "")
        kind = message["msg_type"]
        content = message["content"]
        if kind == "stream":
            name, text = content.get("name", "stdout"), content.get("text", "")
            self._blackbox.published(name, text)
            if request in self._displays:
                self.output_log.write(text)
                return
            self._print(name, text, self._cell_of.get(request, self._current), message)
            return
        if kind == "status" and content.get("execution_state") == "idle":
            self._idle.add(request)
        if request in self._displays:
            if kind == "display_data":
                self._displays[request].append(content)
            return
        index = self._cell_of.get(request)
        if index is None:
            return
        if kind == "execute_input":
            self.nb.cells[index]["execution_count"] = content.get("execution_count")
            self._head(index)
        elif kind in ("display_data", "execute_result"):
            self.output_log.shown(content)
        elif kind == "error":
            self.output_log.error(content)
        try:
            self.process_message(message, self.nb.cells[index], index)
        except CellExecutionComplete:
            pass
        self.executed.changed()

    def _head(self, index: int) -> None:
        """Say in the log whose text follows, if that is not clear."""
        if index != self._log_cell:
            self._log_cell = index
            later = index in self._headed
            self._headed.add(index)
            self.output_log.header(index, self.nb.cells[index].get("execution_count"), later)

    def _print(
        self, name: str, text: str, index: int | None, message: dict[str, Any] | None = None
    ) -> None:
        """Text of a stream goes to the log, and to the outputs of its cell."""
        if index is not None:
            self._head(index)
        self.output_log.write(text)
        if index is None or index not in self._texts:
            return
        request = message["parent_header"].get("msg_id", "") if message else ""
        if self.output_hook_stack.get(request):
            # An Output widget takes what is printed; it shows it in the page instead.
            assert message is not None
            super().output(self.nb.cells[index].outputs, message, None, index)
            return
        if self.clear_before_next_output and index == self._current:
            self._clear(index)
        self._texts[index].write(name, text)
        self.executed.changed()

    # nbclient calls these for what is not text

    def output(self, outs: Any, msg: Any, display_id: Any, cell_index: int) -> Any:
        waiting = self.clear_before_next_output
        shown = super().output(outs, msg, display_id, cell_index)
        if waiting and not self.clear_before_next_output:
            self._texts[cell_index].clear()
        self._texts[cell_index].other_output()
        return shown

    def clear_output(self, outs: Any, msg: Any, cell_index: int) -> None:
        super().clear_output(outs, msg, cell_index)
        if not outs:
            self._texts[cell_index].clear()

    def _clear(self, index: int) -> None:
        self.nb.cells[index].outputs[:] = []
        self.clear_display_id_mapping(index)
        self._texts[index].clear()
        self.clear_before_next_output = False

    def render_text(self) -> None:
        """Bring the texts in the notebook up to date."""
        for text in self._texts.values():
            text.render()
