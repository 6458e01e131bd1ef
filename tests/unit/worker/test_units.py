"""Bytes as people read them: in powers of 1024, as ``--memory`` takes them."""

from __future__ import annotations

import pytest

from nbbatch.grid import parse_memory
from nbbatch.worker.units import memory_text


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (None, ""),
        (12, "12 bytes"),
        (52_000, "50.8 kB"),
        (1000 * 2**20, "0.977 GB"),
        (1.5 * 2**30, "1.5 GB"),
        (5 * 2**40, "5 TB"),
    ],
)
def test_sizes(size: float | None, text: str) -> None:
    assert memory_text(size) == text


@pytest.mark.parametrize("text", ["600 MB", "1 GB", "2.5 GB"])
def test_what_was_asked_for_is_shown_as_it_was_asked(text: str) -> None:
    assert memory_text(parse_memory(text)) == text
