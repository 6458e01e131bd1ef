"""A schedd that takes less than all: what is sent, in which parts, and what is left for later."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from nbbatch.backends.htcondor.limits import Room, send_parts
from nbbatch.errors import BackendError

REFUSED = "HTCondor said: expected next ProcId to be {}, but Schedd says {}"


class Schedd:
    """Takes ``at_once`` jobs in a submission, ``most`` in all; refuses as the real one does."""

    def __init__(self, at_once: int, most: int) -> None:
        self.at_once = at_once
        self.most = most
        self.parts: list[tuple[int, int]] = []
        self.refusals = 0

    def take(self, start: int, part: Sequence[str]) -> None:
        if len(part) > self.at_once or sum(n for _, n in self.parts) + len(part) > self.most:
            self.refusals += 1
            raise BackendError(REFUSED.format(0, -4 if len(part) > self.at_once else -3))
        self.parts.append((start, len(part)))


@pytest.mark.parametrize(
    ("told", "at_once", "most", "parts"),
    [
        (Room(10, 100), 10, 100, [(0, 7)]),
        (Room(3, 100), 3, 100, [(0, 3), (3, 3), (6, 1)]),
        (Room(3, 5), 3, 5, [(0, 3), (3, 2)]),
        (Room(10, 0), 10, 0, []),
        # It did not tell its limits, or others of the user's jobs came in between.
        (Room(), 3, 100, [(0, 3), (3, 3), (6, 1)]),
        (Room(), 100, 5, [(0, 3), (3, 1), (4, 1)]),
        (Room(), 100, 0, []),
    ],
)
def test_what_is_sent(told: Room, at_once: int, most: int, parts: list[tuple[int, int]]) -> None:
    schedd = Schedd(at_once, most)
    sent = send_parts("abcdefg", told, schedd.take)
    assert schedd.parts == parts
    assert sent == sum(size for _, size in parts)
    if told != Room():
        assert schedd.refusals == 0


def test_any_other_refusal_is_an_error() -> None:
    def refuse(start: int, part: Sequence[str]) -> None:
        raise BackendError("HTCondor said: no permission")

    with pytest.raises(BackendError, match="no permission"):
        send_parts("abc", Room(), refuse)
