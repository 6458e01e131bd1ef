"""Text with cursor movements becomes what a terminal would show."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbbatch.worker.terminal import Terminal


def shown(*pieces: str, line_limit: int = 65_536) -> str:
    terminal = Terminal(line_limit)
    for piece in pieces:
        terminal.write(piece)
    return terminal.text()


@pytest.mark.parametrize(
    ("printed", "screen"),
    [
        ("one\ntwo\n", "one\ntwo\n"),
        ("10 %\r20 %\r100 %\n", "100 %\n"),
        ("long line\rshort\n", "shortline\n"),  # what is not written over stays
        ("half done\r", "half done"),
        ("windows\r\nlines\r\n", "windows\nlines\n"),
        ("abc\b\bX\n", "aXc\n"),
        ("\b\bstart", "start"),
        ("spinner |\b/\b-\b done", "spinner  done"),
        ("progress 100 %\r\x1b[Kdone\n", "done\n"),
        ("keep this\b\b\b\b\x1b[K\n", "keep \n"),
        ("all of it\x1b[2Kafter\n", "         after\n"),
        ("bar 1\nbar 2\x1b[A\rBAR\n", "BAR 1\nbar 2"),
        ("a\nb\nc\n\x1b[2AX\n", "a\nX\nc\n"),
        ("top\x1b[5A!", "top!"),
        ("\x1b[31mred\x1b[0m\n", "\x1b[31mred\x1b[0m\n"),
        ("\x1b[31mred\x1b[0m\rRED", "RED"),
        ("lonely \x1b escape\r", "lonely \x1b escape"),
        ("ünï😀\rÜ", "Ünï😀"),
    ],
)
def test_the_screen(printed: str, screen: str) -> None:
    assert shown(printed) == screen


def test_nested_progress_bars_of_tqdm_leave_one_line_each() -> None:
    terminal = Terminal()
    for outer in range(3):
        terminal.write(f"\router {outer + 1}/3")
        for inner in range(3):
            terminal.write(f"\n\rinner {inner + 1}/3\x1b[A")
    terminal.write("\n")

    assert terminal.text() == "outer 3/3\ninner 3/3"


PRINTED = st.text("ab \r\n\b\x1b[K2A31m", max_size=60)


@given(PRINTED, st.integers(0, 60))
def test_it_does_not_matter_how_text_was_cut(printed: str, cut: int) -> None:
    # Escape sequences are written in one piece by those who use them.
    if any(m.start() < cut < m.end() for m in re.finditer(r"\x1b(\[[\d;:]*.?)?|\r+\n?", printed)):
        return
    assert shown(printed[:cut], printed[cut:]) == shown(printed)


@given(st.text("ab \n", max_size=200), st.integers(1, 20))
def test_plain_text_is_kept_whatever_the_line_limit(printed: str, limit: int) -> None:
    assert shown(*printed, line_limit=limit) == printed


def test_long_lines_without_end_are_finished_in_parts() -> None:
    dots = Terminal(line_limit=100)
    for _ in range(1_000):
        dots.write(".")

    assert dots.text() == "." * 1_000
    assert dots.size > 800


def test_the_oldest_can_be_dropped_after_the_head() -> None:
    terminal = Terminal()
    terminal.write("head\n")
    terminal.close_head()
    for number in range(5):
        terminal.write(f"tail {number}\n")

    assert [terminal.drop_oldest() for _ in range(3)] == [7, 7, 7]
    text = terminal.text()
    assert text.startswith("head\n")
    assert "21 characters left out" in text
    assert text.endswith("tail 3\ntail 4\n")


def test_writing_takes_time_in_proportion_to_the_text() -> None:
    """Counted in pieces copied, not in seconds: finished text is never joined again."""
    terminal = Terminal()
    sizes = []
    for _ in range(5):
        for number in range(2_000):
            terminal.write(f"\r{number}")
        terminal.write("\n")
        sizes.append(terminal.size)

    assert {after - before for before, after in pairwise(sizes)} == {len("1999\n")}
