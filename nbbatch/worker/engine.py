"""The papermill engine of nbbatch, and the executed notebook that it writes.

papermill's own engine saves the whole notebook two or three times a cell, not
atomically, and calls cells completed that never ran.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat
from nbformat import NotebookNode
from papermill.engines import Engine, NotebookExecutionManager, papermill_engines
from papermill.execute import ERROR_ANCHOR_MSG, ERROR_MARKER_TAG, ERROR_MESSAGE_TEMPLATE

from .files import write_atomic
from .notebook_json import notebook_json

if TYPE_CHECKING:
    from .client import PointClient

ENGINE = "nbbatch"
SAVE_EVERY = 10.0
SAVE_SHARE = 20.0
"""A save that took t seconds is followed by at least 20 t without one."""
LONG_CELL = 2.0


class ExecutedNotebook(NotebookExecutionManager):  # type: ignore[misc]  # papermill has no types
    """The notebook while it runs, and its file.

    The metadata is papermill's, with the states put right: a cell that never ran stays
    ``pending``; the cell at which the run ended otherwise than well is ``failed``.
    """

    def __init__(self, nb: NotebookNode, path: Path) -> None:
        super().__init__(nb, output_path=str(path), progress_bar=False)
        self.path = path
        self.before_save: Callable[[], None] | None = None
        self._saved_at = 0.0
        self._pause = SAVE_EVERY
        self._changed_at: float | None = None
        self._cell_started: float | None = None

    # papermill's events

    def notebook_start(self, **kwargs: Any) -> None:
        """Reset the notebook as papermill does, and write it, so that it is there."""
        super().notebook_start(**kwargs)
        for cell in self.nb.cells:
            cell.metadata.pop("execution", None)

    def cell_start(self, cell: NotebookNode, cell_index: int | None = None, **_: Any) -> None:
        cell.metadata.papermill["start_time"] = self.now().isoformat()
        cell.metadata.papermill["status"] = self.RUNNING
        cell.metadata.papermill["exception"] = False
        self._cell_started = time.monotonic()

    def cell_exception(self, cell: NotebookNode, cell_index: int | None = None, **_: Any) -> None:
        cell.metadata.papermill["exception"] = True
        cell.metadata.papermill["status"] = self.FAILED
        self.nb.metadata.papermill["exception"] = True

    def cell_complete(self, cell: NotebookNode, cell_index: int | None = None, **_: Any) -> None:
        end = self.now()
        facts = cell.metadata.papermill
        facts["end_time"] = end.isoformat()
        facts["duration"] = (end - datetime.fromisoformat(facts["start_time"])).total_seconds()
        if facts["status"] == self.RUNNING:
            facts["status"] = self.COMPLETED
        self._cell_started = None
        self.changed()

    def notebook_complete(self, **_: Any) -> None:
        """Note the end. The file is written once more by ``finish``, not here."""
        end = datetime.now(timezone.utc)
        self.nb.metadata.papermill["end_time"] = end.isoformat()
        self.nb.metadata.papermill["duration"] = (end - self.start_time).total_seconds()

    def autosave_cell(self) -> None:
        self.tick()

    # the file

    def changed(self) -> None:
        """The notebook is not as on disk any more."""
        if self._changed_at is None:
            self._changed_at = time.monotonic()

    def tick(self) -> None:
        """Save if it is time to: not often, and seldom when saving is slow."""
        now = time.monotonic()
        if self._cell_started is not None and now - self._cell_started > LONG_CELL:
            self._cell_started = None  # once, so that a reader sees where a long run is
            self.changed()
            if now - self._saved_at > LONG_CELL * 2:
                self.save()
                return
        if self._changed_at is not None and now - self._saved_at > self._pause:
            self.save()

    def save(self, **_: Any) -> None:
        """Write what there is; not durable, as only the final one has to be.

        A failure is left to ``finish``: the notebook may go on while the disk is full.
        """
        try:
            self._write(durable=False)
        except OSError:
            self._saved_at = time.monotonic()

    def finish(self) -> None:
        """Write the final notebook, durably. Raises OSError."""
        self._write(durable=True)

    def _write(self, *, durable: bool) -> None:
        start = time.monotonic()
        if self.before_save is not None:
            self.before_save()
        # A kernel may send half a surrogate pair, which no file can hold.
        content = notebook_json(self.nb).encode("utf-8", "replace")
        write_atomic(self.path, content, durable=durable)
        self._saved_at = time.monotonic()
        self._pause = max(SAVE_EVERY, (self._saved_at - start) * SAVE_SHARE)
        self._changed_at = None

    def mark_error(self, index: int) -> int:
        """Put papermill's two error notes in, at the top and before cell ``index``.

        Return the index that the cell has then.
        """
        count = self.nb.cells[index].get("execution_count")
        for place, text in (
            (index, ERROR_ANCHOR_MSG),
            (0, ERROR_MESSAGE_TEMPLATE % ("" if count is None else count)),
        ):
            note = nbformat.v4.new_markdown_cell(text)
            note.metadata["tags"] = [ERROR_MARKER_TAG]
            self.nb.cells.insert(place, note)
        return index + 2


class NbbatchEngine(Engine):  # type: ignore[misc]  # papermill has no types
    """Runs a notebook in a kernel through ``PointClient``; registered as ``nbbatch``.

    ``connect`` makes the client for the notebook; papermill passes it through.
    """

    @classmethod
    def execute_notebook(
        cls,
        nb: NotebookNode,
        kernel_name: str,
        output_path: str | None = None,
        *,
        connect: Callable[[ExecutedNotebook], PointClient],
        **kwargs: Any,
    ) -> NotebookNode:
        assert output_path is not None
        executed = ExecutedNotebook(nb, Path(output_path))
        executed.notebook_start()
        try:
            cls.execute_managed_notebook(executed, kernel_name, connect=connect)
        finally:
            executed.notebook_complete()
        done: NotebookNode = executed.nb
        return done

    @classmethod
    def execute_managed_notebook(
        cls,
        nb_man: ExecutedNotebook,
        kernel_name: str,
        *,
        connect: Callable[[ExecutedNotebook], PointClient],
        **kwargs: Any,
    ) -> None:
        connect(nb_man).execute()


papermill_engines.register(ENGINE, NbbatchEngine)
