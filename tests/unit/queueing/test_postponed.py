"""Points that wait to be sent, as the journal tells: until they are sent or taken back."""

from __future__ import annotations

from typing import Any

import pytest

from nbbatch.queueing.postponed import on_hold, postponed

BATCHES: dict[int, dict[str, Any]] = {
    1: {"bundles": [["a"], ["b"]], "later": ["c", "d", "e"]},
    2: {"bundles": [["c", "d"], ["e"]], "later": []},
    3: {"bundles": [["d"]], "later": []},
}
FIRST = [
    {"event": "submitting", "batch": 1},
    {"event": "postponed", "batch": 1},
    {"event": "submitted", "batch": 1},
]


@pytest.mark.parametrize(
    ("then", "left"),
    [
        ([], "cde"),
        ([{"event": "submitting", "batch": 2}], ""),
        ([{"event": "submitting", "batch": 3}], "ce"),
        ([{"event": "cancelled", "points": None}], ""),
        ([{"event": "cancelled", "points": ["a", "c"]}], "de"),
        ([{"event": "held", "points": None}], "cde"),
    ],
)
def test_what_waits(then: list[dict[str, Any]], left: str) -> None:
    assert postponed([*FIRST, *then], BATCHES.__getitem__) == tuple(left)


def test_without_a_first_wave_no_batch_is_read() -> None:
    assert postponed([{"event": "submitting", "batch": 9}], BATCHES.__getitem__) == ()


def test_held_until_released() -> None:
    held, some = {"event": "held", "points": None}, {"event": "held", "points": ["a"]}
    released = {"event": "released", "points": None}
    assert [on_hold(e) for e in ([], [some], [held], [held, released], [released, held])] == [
        False,
        False,
        True,
        False,
        True,
    ]
