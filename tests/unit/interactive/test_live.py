"""Where blocks are shown, and that their updates go nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from IPython.core.displaypub import CapturingDisplayPublisher

from nbbatch.interactive import live
from nbbatch.interactive.live import LiveBlocks
from tests.unit.interactive.ended import a_sweep


class Publisher:
    """Takes what a kernel would send to its front ends."""

    def __init__(self) -> None:
        self.said: list[tuple[str, str, bool]] = []

    def publish(
        self,
        data: dict[str, str],
        metadata: dict[str, Any],
        *,
        transient: dict[str, str],
        update: bool = False,
    ) -> None:
        self.said.append((data["text/plain"], transient["display_id"], update))


class Shell:
    """As much of IPython in a kernel as a block needs."""

    def __init__(self, publisher: Any) -> None:
        self.display_pub = publisher
        self.kernel = object()
        self.execution_count = 1
        self.events = self
        self.hooks: dict[str, Callable[..., None]] = {}

    def register(self, event: str, call: Callable[..., None]) -> None:
        self.hooks[event] = call

    def cell(self, work: Callable[[], object]) -> None:
        nothing = lambda: None  # noqa: E731
        self.hooks.get("pre_run_cell", nothing)()
        work()
        self.hooks.get("post_run_cell", nothing)()
        self.execution_count += 1


def bundled(text: str) -> dict[str, str]:
    return {"text/html": text, "text/plain": text}


@pytest.fixture
def publisher() -> Publisher:
    return Publisher()


@pytest.fixture
def shell(publisher: Publisher, monkeypatch: pytest.MonkeyPatch) -> Shell:
    made = Shell(publisher)
    monkeypatch.setattr(live, "_shell", lambda: made)
    return made


def test_a_block_is_shown_once_and_updated_by_its_id(shell: Shell, publisher: Publisher) -> None:
    blocks = LiveBlocks()
    assert not blocks
    shell.cell(lambda: blocks.show(lambda: bundled("0 done")))
    assert blocks
    shell.cell(lambda: blocks.update(bundled("1 done")))
    ((first, name, fresh), (second, same, updated)) = publisher.said
    assert (first, second) == ("0 done", "1 done")
    assert name == same and name.startswith("nbbatch-")
    assert (fresh, updated) == (False, True)


def test_two_cells_that_show_it_both_move(shell: Shell, publisher: Publisher) -> None:
    blocks = LiveBlocks()
    for _ in range(2):
        shell.cell(lambda: blocks.show(lambda: bundled("0 done")))
    shell.cell(lambda: blocks.update(bundled("1 done")))
    names = [name for text, name, _ in publisher.said if text == "1 done"]
    assert len(set(names)) == 2


def test_what_was_said_between_two_cells_is_repeated(shell: Shell, publisher: Publisher) -> None:
    blocks = LiveBlocks()
    state = ["0 done"]
    shell.cell(lambda: blocks.show(lambda: bundled(state[0])))
    state[0] = "all done"
    blocks.update(bundled(state[0]))  # no cell runs: who executes the notebook does not listen
    publisher.said.clear()
    shell.cell(lambda: None)
    assert [(text, update) for text, _, update in publisher.said] == [("all done", True)]
    publisher.said.clear()
    shell.cell(lambda: None)
    assert not publisher.said


def test_an_update_does_not_go_into_what_another_cell_captures(
    shell: Shell, publisher: Publisher
) -> None:
    blocks = LiveBlocks()
    shell.cell(lambda: blocks.show(lambda: bundled("0 done")))
    shell.display_pub = captured = CapturingDisplayPublisher()  # %%capture
    shell.cell(lambda: blocks.update(bundled("1 done")))
    assert publisher.said[-1][0] == "1 done" and not captured.outputs


def test_what_is_captured_stays_as_it_is(shell: Shell) -> None:
    shell.display_pub = captured = CapturingDisplayPublisher()
    blocks = LiveBlocks()
    shell.cell(lambda: blocks.show(lambda: bundled("0 done")))
    assert len(captured.outputs) == 1 and not blocks


def test_a_terminal_shows_it_once(shell: Shell, publisher: Publisher) -> None:
    shell.kernel = None  # type: ignore[assignment]
    blocks = LiveBlocks()
    assert blocks.show(lambda: bundled("0 done"))
    assert len(publisher.said) == 1 and not blocks


def test_without_ipython_nothing_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "_shell", lambda: None)
    assert not LiveBlocks().show(lambda: bundled("0 done"))
    assert live.running_cell() is None and not live.in_kernel()


def test_a_cell_that_waits_shows_the_sweep(
    shell: Shell, publisher: Publisher, tmp_path: Path
) -> None:
    s = a_sweep(tmp_path, [1.0, 4.0], reported=False)
    shell.cell(lambda: s.wait()._ipython_display_())  # the last line of a cell is shown
    fresh = [text for text, _, update in publisher.said if not update]
    assert len(fresh) == 1 and fresh[0].startswith("Sweep sweep: All 2 points are ok")
    shell.cell(s._ipython_display_)  # another cell shows it again
    assert len([name for _, name, update in publisher.said if not update]) == 2
