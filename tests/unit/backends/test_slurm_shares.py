"""--jobs N is the sweep's, not each array's: who may run how many."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from nbbatch.backends.slurm.places import Places
from nbbatch.backends.slurm.queue import Queue
from nbbatch.backends.slurm.shares import (
    Change,
    LiveArray,
    allot,
    live_arrays,
    rebalanced,
    surplus,
)
from nbbatch.backends.slurm.states import parse_queue


@pytest.mark.parametrize(
    ("limit", "needs", "shares"),
    [
        (10, [101, 101, 98], [4, 3, 3]),
        (10, [2, 100], [2, 8]),  # nobody gets more than it needs
        (10, [3, 4], [3, 4]),
        (2, [5, 5, 5], [1, 1, 0]),  # the last has to wait
        (5, [], []),
    ],
)
def test_fair_shares(limit: int, needs: list[int], shares: list[int]) -> None:
    assert allot(limit, needs) == shares


def test_what_is_alive_in_squeues_words() -> None:
    found = parse_queue(
        "48_0|COMPLETED|n|None\n48_1|RUNNING|n|None\n48_2|COMPLETING|n|None\n"
        "48_3|PENDING||JobArrayTaskLimit\n48_4|PENDING||BeginTime\n49_0|COMPLETED|n|None\n"
        "107_0|PENDING||Dependency\n107_1|PENDING||Dependency\n"
    )
    assert live_arrays(found, {"48": 2, "9": 1}) == [
        LiveArray("48", running=(1, 2), waiting=2, throttle=2),
        LiveArray("107", waiting=2, blocked=True),
    ]


def test_new_arrays_wait_for_what_runs_beyond_the_old_ones_share() -> None:
    """Ten run, five of the places are to be the new array's: it begins when five have ended."""
    old = LiveArray("48", running=tuple(range(10)), waiting=30, throttle=10)
    assert surplus([old], {"48": 5}) == ("48_0", "48_1", "48_2", "48_3", "48_4")
    assert surplus([old], {"48": 10}) == ()


def running(count: int) -> tuple[int, ...]:
    return tuple(range(count))


@pytest.mark.parametrize(
    ("arrays", "changes"),
    [
        # One alone, or two with room for all: nothing to share.
        ([LiveArray("1", running(3), 5, 10)], []),
        # The old one gives; the new one has to wait until the ten have become fewer ...
        (
            [LiveArray("1", running(10), 40, 10), LiveArray("2", (), 90, 5, blocked=True)],
            [Change("1", 5)],
        ),
        # ... and need not wait for its turn when it has come: what runs there is not all.
        (
            [LiveArray("1", running(7), 40, 5), LiveArray("2", (), 90, 5, blocked=True)],
            [Change("2", 3, unblock=True)],
        ),
        (
            [LiveArray("1", running(5), 36, 5), LiveArray("2", running(3), 87, 3)],
            [Change("2", 5)],
        ),
        # The old one comes to its end: its places go to the new one.
        (
            [LiveArray("1", running(2), 0, 5), LiveArray("2", running(5), 60, 5)],
            [Change("2", 8)],
        ),
        # It is alone again, and has all places.
        ([LiveArray("1", running(5), 9, 5)], [Change("1", 10)]),
        ([LiveArray("1", running(1), 3, 1)], [Change("1", 4)]),
        # Shares are right: nothing to say.
        ([LiveArray("1", running(5), 9, 5), LiveArray("2", running(5), 9, 5)], []),
        # Fewer places than arrays: the last goes on waiting.
        (
            [LiveArray(str(n), running(1), 5, 1) for n in range(10)]
            + [LiveArray("99", (), 5, 1, blocked=True)],
            [],
        ),
    ],
)
def test_sharing_anew(arrays: list[LiveArray], changes: list[Change]) -> None:
    assert rebalanced(10, arrays) == changes


def test_never_more_than_the_limit_and_never_stuck() -> None:
    """Played through: tasks end one by one, Slurm starts what the throttles allow."""
    limit, left = 4, {"1": 9, "2": 7, "3": 5}
    busy = {"1": 4, "2": 0, "3": 0}
    throttle: dict[str, int] = {"1": 4, "2": 1, "3": 1}
    blocked = {"2", "3"}
    for step in range(200):
        arrays = [
            LiveArray(n, running(busy[n]), left[n] - busy[n], throttle[n], n in blocked)
            for n in left
            if left[n]
        ]
        if not arrays:
            break
        for change in rebalanced(limit, arrays):
            throttle[change.array] = change.throttle
            blocked -= {change.array}
        for n in left:
            if n not in blocked:
                busy[n] = max(busy[n], min(left[n], throttle[n]))
        assert sum(busy.values()) <= limit
        ending = sorted(n for n in left if busy[n])[step % sum(1 for n in left if busy[n])]
        busy[ending] -= 1
        left[ending] -= 1
    assert left == {"1": 0, "2": 0, "3": 0}


def test_the_old_array_gives_a_place_before_the_new_one_is_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs, told = tmp_path / "bin", tmp_path / "told"
    programs.mkdir()
    answer = "48_0|RUNNING|n|None\n48_1|RUNNING|n|None\n48_2|PENDING||JobArrayTaskLimit"
    for name, line in (("squeue", f"echo '{answer}'"), ("scontrol", f'echo "$*" >>{told}')):
        (programs / name).write_text(f"#!/bin/sh\n{line}\n")
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    places = Places(tmp_path, Queue(tmp_path))

    assert places.make(2, [5], ["48"]) == ([1], ("48_0",))  # one place; free when 48_0 has ended
    assert told.read_text() == "update JobId=48 ArrayTaskThrottle=1\n"
    assert places.make(3, [5], ["48"]) == ([1], ())  # two for the old one, as it has; one is free
    assert places.make(1, [5], ["48"]) == ([1], ("48",))  # none at all until it has ended
    assert places.make(None, [5], ["48"]) == (None, ())
