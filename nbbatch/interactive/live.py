"""Blocks that stay up to date in a notebook, whatever cell runs.

A block is shown once, under a display id of its own, and updated from a background
thread by that id. An update never makes output: front ends look the id up, and one that
they do not know (a cell that was cleared) is nothing.
"""

from __future__ import annotations

import secrets
import sys
import threading
from typing import Any

from .block import Block


class LiveBlocks:
    """Where one sweep is shown. Safe to use from any thread."""

    def __init__(self) -> None:
        self._shown: list[tuple[Any, str]] = []
        self._lock = threading.Lock()

    def __bool__(self) -> bool:
        return bool(self._shown)

    def show(self, block: Block) -> bool:
        """Show the block in the running cell; False where there is no IPython.

        In a terminal, and in output that is being captured, it stays as it is.
        """
        shell = _shell()
        if shell is None:
            return False
        # Kept: `%%capture` in a later cell replaces the shell's publisher for a while, and our
        # updates would end up among that cell's outputs.
        publisher = shell.display_pub
        name = f"nbbatch-{secrets.token_hex(8)}"
        content = block()
        publisher.publish(data=content, metadata={}, transient={"display_id": name})
        if _updates(shell, publisher):
            with self._lock:
                self._shown.append((publisher, name))
            _clock_of(shell).shows(self, block)
        return True

    def update(self, content: dict[str, str]) -> None:
        """Replace the block wherever it is shown."""
        with self._lock:
            shown = list(self._shown)
        for publisher, name in shown:
            publisher.publish(
                data=content, metadata={}, transient={"display_id": name}, update=True
            )
        for clock in list(_clocks.values()):
            clock.updated(self)


class _CellClock:
    """Knows whether a cell runs, and repeats at the next cell what was said in between.

    Programs that execute notebooks (nbclient, papermill) listen only while a cell runs: an
    update between two cells would be lost, and the saved notebook tell an old state.
    """

    def __init__(self, shell: Any) -> None:
        self.shell = shell  # kept, so that nothing else gets its id
        self._busy = True  # made while a cell shows its first block
        self._blocks: dict[LiveBlocks, Block] = {}
        self._unheard: set[LiveBlocks] = set()
        shell.events.register("pre_run_cell", self._begin)
        shell.events.register("post_run_cell", self._end)

    def shows(self, blocks: LiveBlocks, block: Block) -> None:
        self._blocks[blocks] = block

    def updated(self, blocks: LiveBlocks) -> None:
        if not self._busy and blocks in self._blocks:
            self._unheard.add(blocks)

    def _begin(self, *_: Any) -> None:
        self._busy = True
        unheard, self._unheard = self._unheard, set()
        for blocks in unheard:
            blocks.update(self._blocks[blocks]())

    def _end(self, *_: Any) -> None:
        self._busy = False


_clocks: dict[int, _CellClock] = {}


def _clock_of(shell: Any) -> _CellClock:
    if id(shell) not in _clocks:
        _clocks[id(shell)] = _CellClock(shell)
    return _clocks[id(shell)]


def _shell() -> Any:
    """The running IPython, if this is one; IPython is not imported for the question."""
    ipython = sys.modules.get("IPython")
    return None if ipython is None else ipython.get_ipython()


def in_kernel() -> bool:
    """Whether this is the kernel of a notebook."""
    return getattr(_shell(), "kernel", None) is not None


def running_cell() -> int | None:
    """The number in the ``In [ ]`` of the cell that runs; None outside of IPython."""
    shell = _shell()
    return None if shell is None else int(shell.execution_count)


def _updates(shell: Any, publisher: Any) -> bool:
    """Whether what was published can be updated: in a kernel, and not while captured."""
    from IPython.core.displaypub import CapturingDisplayPublisher

    captured = isinstance(publisher, CapturingDisplayPublisher)
    return getattr(shell, "kernel", None) is not None and not captured
