"""What was printed and not published is found by comparing two copies of one text."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbbatch.worker import blackbox
from nbbatch.worker.blackbox import BlackBox, make_tape
from nbbatch.worker.channels import Channels
from nbbatch.worker.kernel_side.startup import Tape
from nbbatch.worker.stop import Stop


@contextmanager
def both_ends(folder: Path) -> Iterator[tuple[Tape, BlackBox]]:
    """The kernel's end of stdout, and the worker's."""
    memory = make_tape(folder / "stdout")
    assert memory is not None
    box = BlackBox({"stdout": memory})
    tape = Tape(folder / "stdout", threading.RLock())
    yield tape, box
    box.close()
    os.close(tape.forks)


@pytest.fixture
def ends(tmp_path: Path) -> Iterator[tuple[Tape, BlackBox]]:
    with both_ends(tmp_path) as ends:
        yield ends


def test_the_end_that_was_not_published(ends: tuple[Tape, BlackBox]) -> None:
    tape, box = ends
    tape.write("published\nlöst\n")
    box.published("stdout", "published\n")

    assert box.unpublished("stdout") == "löst\n"
    assert box.unpublished("stdout") == ""
    assert box.unpublished("stderr") == ""


def pieces(room: int) -> st.SearchStrategy[list[tuple[bool, str]]]:
    return st.lists(st.tuples(st.booleans(), st.text(max_size=room // 4)), max_size=20)


@given(pieces(64), st.text(max_size=40))
def test_any_text_around_the_end_of_the_tape(texts: list[tuple[bool, str]], lost: str) -> None:
    """All that was ``late`` arrives with the next that is not, and ``lost`` not at all."""
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(blackbox, "ROOM", 64)
        with both_ends(Path(folder)) as (tape, box):
            waiting = ""
            for late, text in texts:
                tape.write(text)
                waiting += text
                if not late:
                    box.published("stdout", waiting)
                    waiting = ""
            box.published("stdout", waiting)
            tape.write(lost)
            rest = lost.encode("utf-8", "replace")[-64:]
            assert box.unpublished("stdout") == rest.decode("utf-8", "replace")


def test_a_text_that_is_longer_than_the_tape(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blackbox, "ROOM", 16)
    with both_ends(tmp_path) as (tape, box):
        for text in ("begin ", "0123456789 " * 5 + "end", "!"):
            tape.write(text)
        assert box.unpublished("stdout") == "9 0123456789 end!"[-16:]


def test_forgetting_after_a_cell(ends: tuple[Tape, BlackBox]) -> None:
    tape, box = ends
    tape.write("of a stream that a hook swallowed\n")
    box.forget()
    tape.write("new\n")

    assert box.unpublished("stdout") == "new\n"


def test_what_a_fork_prints_arrives_with_the_rest(ends: tuple[Tape, BlackBox]) -> None:
    tape, box = ends
    tape.write("kernel\n")
    child = os.fork()
    if child == 0:
        tape.write("fork\n")
        os._exit(0)
    os.waitpid(child, 0)
    box.published("stdout", "fork\n")

    assert box.unpublished("stdout") == "kernel\n"


def test_who_prints_much_waits_until_it_has_arrived(ends: tuple[Tape, BlackBox]) -> None:
    tape, box = ends
    text = "x" * (tape.limit + 1)
    tape.write(text)
    assert tape.written > tape.full

    tape.wait(publish=lambda: box.published("stdout", text))

    assert tape.behind() == 0
    assert tape.full == tape.written + tape.limit


def test_nobody_waits_for_what_never_arrives(
    ends: tuple[Tape, BlackBox], monkeypatch: pytest.MonkeyPatch
) -> None:
    tape, _ = ends
    monkeypatch.setattr("nbbatch.worker.kernel_side.startup.PATIENCE", 0.01)
    tape.write("x" * (tape.limit + 1))

    tape.wait(publish=lambda: None)
    assert tape.full > tape.written

    tape.write("x")
    monkeypatch.setattr("nbbatch.worker.kernel_side.startup.PATIENCE", 1e9)
    tape.wait(publish=lambda: None)  # not a second time


def test_a_disk_without_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_room(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", no_room)

    assert make_tape(tmp_path / "stdout") is None
    assert not (tmp_path / "stdout").exists()


class Heard:
    """A listener that keeps what a kernel's process wrote past the protocol."""

    def __init__(self) -> None:
        self.text = ""

    def words(self, text: str) -> None:
        self.text += text

    def pause(self) -> None:
        pass


def test_a_character_that_comes_in_two_pieces_is_one() -> None:
    """A program that writes much fills the pipe, wherever in a character that may be."""
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    kernel: Any = SimpleNamespace(words=reader)
    heard: Any = Heard()
    channels = Channels(kernel, Stop(), None, heard)

    for piece in (b"M\xc3", b"\xbcller \xe2", b"\x82", b"\xac", b" \xff torn\xc3"):
        os.write(writer, piece)
        assert channels._hear_words()
    os.close(writer)
    assert not channels._hear_words()

    assert heard.text == "Müller € \ufffd torn\ufffd"
    os.close(reader)
