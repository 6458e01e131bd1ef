"""How many tries count, and what is run again."""

from __future__ import annotations

from typing import Any

import pytest

from nbbatch.worker.bundle import History

RESET = {"reset": True}


def began(number: int, key: str = "k") -> dict[str, Any]:
    return {"attempt": number, "started": "2030-01-01T00:00:00Z", "key": key}


def archived(number: int) -> dict[str, Any]:
    return {"attempt": number, "record": {"attempt": number}}


@pytest.mark.parametrize(
    ("lines", "last", "tried"),
    [
        ([], 0, 0),
        ([began(1)], 1, 1),
        ([began(1), archived(1), began(2)], 2, 2),
        ([began(1), began(2), RESET], 2, 0),
        ([began(1), RESET, began(2)], 2, 1),
        # Tries at the point as it was before the notebook changed do not count.
        ([began(1, "old"), began(2, "old"), began(3)], 3, 1),
        # Written by something that knows no keys.
        ([{"attempt": 4, "started": "x"}], 4, 1),
    ],
)
def test_history(lines: list[dict[str, Any]], last: int, tried: int) -> None:
    assert History.of(lines, "k") == History(last=last, tried=tried)
