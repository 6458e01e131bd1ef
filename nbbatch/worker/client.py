"""Runs the cells of one notebook in one kernel; nothing that it prints is lost.

Outputs are nbclient's where they are not text: updates of displays, cleared outputs,
widgets. Text goes to ``outputs.CellText`` and to the log, also when it arrives after its
cell is done, from a thread (nbclient drops it then).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from jupyter_client.blocking.client import BlockingKernelClient
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionComplete
from nbformat import NotebookNode

from ..model import Failure, Settings, Value
from .channels import CellTimeout, Channels, KernelGone, NotebookTimeout, Stopped
from .engine import ExecutedNotebook
from .failure import failure_of_error
from .kernel import Kernel, KernelProblem
from .memory import high_water
from .metrics import collect_code, collect_expressions, parse_collected
from .outputs import CellText, OutputLog, keepable
from .stop import Stop

SETTLE_SECONDS = 5.0
"""How long a cell that was interrupted may take to say where it was."""
STOP_SECONDS = 3.0
"""The same when this process was told to stop: schedulers kill soon after."""
COLLECT_SECONDS = 30.0
SHUTDOWN_SECONDS = 5.0
WORDS_KEPT = 4_000


class CellError(Exception):
    """A cell raised, and was not expected to."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.value)
        self.failure = failure


@dataclass
class Told:
    """What a run found out. ``problem`` ended it, if it did not end well, at ``cell``."""

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
    """Starts the kernel with ``start``, runs the notebook, and ends the kernel.

    ``meanwhile`` is called once, while the kernel is busy with its first answer.
    ``execute`` raises nothing that happens in the notebook or to the kernel: see ``told``.
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
        start: Callable[[], BlockingKernelClient],
        meanwhile: Callable[[], None],
        startup_code: str,
    ) -> None:
        super().__init__(executed.nb, km=kernel.km)
        self.told = Told()
        self._executed = executed
        self._kernel = kernel
        self._settings = settings
        self._output_log = log
        self._start = start
        self._meanwhile = meanwhile
        self._startup_code = startup_code
        self._channels = Channels(kernel, stop, deadline, self)
        self._ready = False
        self._current: int | None = None
        self._texts: dict[int, CellText] = {}
        self._cell_of: dict[str, int] = {}
        self._displays: dict[str, list[Mapping[str, Any]]] = {}
        self._log_cell: int | None = None
        self._headed: set[int] = set()
        executed.before_save = self._render_text

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
        self._render_text()
        self.told.truncated = tuple(i for i, text in self._texts.items() if text.truncated)
        return self.nb

    def _run_cells(self) -> None:
        for index, cell in enumerate(self.nb.cells):
            if self._channels.stop:
                raise Stopped
            self._current = index
            self._executed.cell_start(cell, index)
            leave = self._runs(cell) and self._run_cell(index, cell)
            self._end_cell()
            if leave:
                return

    def _runs(self, cell: NotebookNode) -> bool:
        tags = cell.metadata.get("tags", ())
        skipped = self.skip_cells_with_tag in tags
        return cell.cell_type == "code" and bool(cell.source.strip()) and not skipped

    def _end_cell(self, failed: bool = False) -> None:
        if self._current is None:
            return
        cell = self.nb.cells[self._current]
        if failed:
            self._executed.cell_exception(cell, self._current)
        self._executed.cell_complete(cell, self._current)
        self._current = None

    def _run_cell(self, index: int, cell: NotebookNode) -> bool:
        """Run one cell; True when it asked to leave the notebook here, which is no error."""
        assert self.kc is not None
        cell.outputs = []
        cell.metadata["execution"] = {}
        self._texts[index] = CellText(cell.outputs, self._settings.output_cap)
        self.clear_before_next_output = False
        self._channels.settle_text()
        # Never "stop on error": only one request is on its way, and what a kernel aborts
        # after an error could be the question for the metrics.
        request = self.kc.execute(cell.source, allow_stdin=False, stop_on_error=False)
        self._cell_of[request] = index
        limit = self._settings.cell_timeout
        deadline = None if limit is None else time.monotonic() + limit
        self._channels.wait(lambda: self._channels.answered(request), deadline)
        content = self._channels.replies[request]["content"]
        if content.get("status") == "ok":
            return any(p.get("source") == "ask_exit" for p in content.get("payload") or ())
        if content.get("ename") == "SystemExit" and content.get("evalue") in ("", "0"):
            return True  # papermill's rule: sys.exit(0) ends a notebook well
        if "raises-exception" in cell.metadata.get("tags", ()):
            return False
        errors = [output for output in cell.outputs if output.output_type == "error"]
        raise CellError(
            failure_of_error(
                errors[-1] if errors else content,
                source=cell.source,
                cell=index,
                count=cell.get("execution_count"),
            )
        )

    # ------------------------------------------------------------------ begin and end

    def _connect(self) -> None:
        """Start the kernel, wait until it answers on all channels, prepare it."""
        limit = self._settings.startup_timeout
        deadline = time.monotonic() + limit
        self.kc = self._start()
        self._channels.connect(self.kc)
        name = self._kernel.name
        try:
            self._await_ready(deadline)
        except KernelGone:
            problem = f"Kernel {name!r} {self._kernel.death()} before it answered."
            raise KernelProblem(problem, words=self.told.words) from None
        except CellTimeout:
            problem = f"Kernel {name!r} did not answer within {limit:g} s."
            raise KernelProblem(problem, words=self.told.words) from None
        self._ready = True

    def _await_ready(self, deadline: float) -> None:
        assert self.kc is not None
        channels = self._channels
        request = self.kc.kernel_info()
        self._meanwhile()
        # The subscription may be younger than the first answer: ask until it is heard.
        while not self._heard(request, deadline):
            request = self.kc.kernel_info()
        language = channels.replies[request]["content"].get("language_info", {})
        if language.get("name"):
            self.nb.metadata["language_info"] = language
        self.told.language = str(language.get("name", ""))
        self.told.version = str(language.get("version", ""))
        if self.told.language == "python" and self._kernel.fork is None:
            startup = self.kc.execute(
                self._startup_code, silent=True, store_history=False, allow_stdin=False
            )
            channels.wait(lambda: channels.answered(startup), deadline)

    def _heard(self, request: str, deadline: float) -> bool:
        """Wait for the reply; True if what is published for it arrives, too."""
        self._channels.wait(lambda: request in self._channels.replies, deadline)
        return self._channels.settle(lambda: self._channels.idle(request), 0.3)

    def _settle(self) -> bool:
        """After a timeout or a signal: interrupt, keep what comes of it; True if it obeyed."""
        problem = self.told.problem
        if self._channels.gone:
            return False
        if problem is None or isinstance(problem, CellError) or self._current is None:
            return True
        request = next(r for r, i in self._cell_of.items() if i == self._current)
        self._kernel.interrupt()
        seconds = STOP_SECONDS if isinstance(problem, Stopped) else SETTLE_SECONDS
        return self._channels.settle(lambda: self._channels.answered(request), seconds)

    def _collect(self) -> None:
        """Ask the kernel for the metrics. Whatever happens, the outcome stays as it is."""
        asked = self._settings.collect
        if not asked:
            return
        assert self.kc is not None
        channels, language = self._channels, self.told.language
        code = collect_code(asked, language)
        request = self.kc.execute(
            code,
            silent=not code,
            store_history=False,
            user_expressions=collect_expressions(asked, language),
            allow_stdin=False,
            stop_on_error=False,
        )
        shown = self._displays[request] = []
        if channels.settle(lambda: channels.answered(request), COLLECT_SECONDS):
            reply = channels.replies[request]["content"]
            told = parse_collected(asked, reply, language, shown)
            self.told.metrics, self.told.metric_errors = told
            return
        reason = "the kernel died" if channels.gone else "no answer in time"
        self.told.metric_errors = dict.fromkeys(asked, reason)
        if channels.stop and self.told.problem is None:
            self.told.problem = Stopped()  # another attempt can have them

    def _shut_down(self, polite: bool) -> None:
        """End the kernel, politely if it listens, so that its exit handlers run."""
        if self.kc is None:
            return
        channels = self._channels
        self.told.high_water = high_water(self._kernel.pid)
        if polite and not channels.gone:
            self.kc.shutdown()
            seconds = 1.0 if isinstance(self.told.problem, Stopped) else SHUTDOWN_SECONDS
            channels.settle(lambda: channels.gone, seconds)
        if not channels.gone:
            self._kernel.kill()
            channels.settle(lambda: channels.gone, 2.0)
        channels.drain()
        channels.close()
        self.kc = None

    # ------------------------------------------------------------------ what is heard

    def published(self, message: dict[str, Any]) -> None:
        """Put what a kernel published where it belongs (see ``channels.Listener``)."""
        request = message["parent_header"].get("msg_id", "")
        kind = message["msg_type"]
        content = message["content"]
        if kind == "stream":
            stream, text = content.get("name", "stdout"), content.get("text", "")
            if request in self._displays:
                self._output_log.write(text, stream)
            else:
                self._print(stream, text, self._cell_of.get(request, self._current), message)
            return
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
            self._output_log.shown(content)
        elif kind == "error":
            self._output_log.error(content)
        try:
            self.process_message(message, self.nb.cells[index], index)
        except CellExecutionComplete:
            pass
        except Exception:  # nbclient cannot read it, most often a widget's: do without it
            self.log.exception("a %s message could not be shown", kind)
        self._executed.changed()

    def unpublished(self, stream: str, text: str) -> None:
        self._print(stream, text, self._current)

    def words(self, text: str) -> None:
        self._output_log.write(text, "words")
        self.told.words = (self.told.words + text)[-WORDS_KEPT:]

    def pause(self) -> None:
        self._output_log.flush()
        self._executed.tick()

    def _head(self, index: int) -> None:
        """Say in the log whose text follows, if that is not clear."""
        if index != self._log_cell:
            self._log_cell = index
            later = index in self._headed
            self._headed.add(index)
            self._output_log.header(index, self.nb.cells[index].get("execution_count"), later)

    def _print(
        self, stream: str, text: str, index: int | None, message: dict[str, Any] | None = None
    ) -> None:
        """Text of a stream goes to the log, and to the outputs of its cell."""
        if index is not None:
            self._head(index)
        self._output_log.write(text, stream)
        if index is None or index not in self._texts:
            return
        self._executed.changed()
        if message and self.output_hook_stack.get(message["parent_header"].get("msg_id", "")):
            # An Output widget takes what is printed while it is entered.
            super().output(self.nb.cells[index].outputs, message, None, index)
            return
        if self.clear_before_next_output and index == self._current:
            self.nb.cells[index].outputs[:] = []
            self.clear_display_id_mapping(index)
            self._texts[index].clear()
            self.clear_before_next_output = False
        self._texts[index].write(stream, text)

    # nbclient calls these two for what is not text

    def output(self, outs: Any, msg: Any, display_id: Any, cell_index: int) -> Any:
        if "data" in msg["content"]:
            msg = {**msg, "content": {**msg["content"], "data": keepable(msg["content"]["data"])}}
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

    def _render_text(self) -> None:
        """Bring the texts in the notebook up to date."""
        for text in self._texts.values():
            text.render()
