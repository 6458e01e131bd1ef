"""What was printed and not published is found by comparing two copies of one text."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbbatch.worker.blackbox import BlackBox


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    read, write = os.pipe()
    os.set_blocking(read, False)
    yield read, write
    os.close(read)
    os.close(write)


def test_the_end_that_was_not_published(pipe: tuple[int, int]) -> None:
    read, write = pipe
    box = BlackBox()
    os.write(write, "published\nlöst\n".encode())
    box.read("stdout", read)
    box.published("stdout", "published\n")

    assert box.unpublished("stdout") == "löst\n"
    assert box.unpublished("stderr") == ""


@given(st.lists(st.tuples(st.booleans(), st.text(max_size=5)), max_size=20), st.text(max_size=5))
def test_the_order_of_arrival_does_not_matter(pieces: list[tuple[bool, str]], lost: str) -> None:
    read, write = os.pipe()
    os.set_blocking(read, False)
    box = BlackBox()
    for copy_first, text in pieces:
        if not copy_first:
            box.published("stdout", text)
        os.write(write, text.encode("utf-8", "replace"))
        box.read("stdout", read)
        if copy_first:
            box.published("stdout", text)
    os.write(write, lost.encode("utf-8", "replace"))
    box.read("stdout", read)
    os.close(read)
    os.close(write)

    assert box.unpublished("stdout") == lost.encode("utf-8", "replace").decode()


def test_forgetting_after_a_cell(pipe: tuple[int, int]) -> None:
    read, write = pipe
    box = BlackBox()
    os.write(write, b"of a stream that a hook swallowed\n")
    box.read("stdout", read)
    box.forget()
    os.write(write, b"new\n")
    box.read("stdout", read)

    assert box.unpublished("stdout") == "new\n"
