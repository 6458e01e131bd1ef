"""``--jobs N`` bounds the running jobs of the sweep, not of each of its arrays.

Slurm knows a limit for one array only (``ArrayTaskThrottle``). So the arrays that are alive share
N, and share it anew when one is added, or has less to do than its share. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from ...model import Job, JobPhase
from .states import PHASES, Told

MANY = 100
"""Tasks that an array waits for at the most: each costs slurmctld a look at every start."""


@dataclass(frozen=True)
class LiveArray:
    """An array that has not ended: its running tasks, how many wait, and its ``%N``.

    ``blocked`` says that it waits for other jobs to end first.
    """

    id: str
    running: tuple[int, ...] = ()
    waiting: int = 0
    throttle: int | None = None
    blocked: bool = False

    @property
    def need(self) -> int:
        return len(self.running) + self.waiting

    def may_run(self, limit: int) -> int:
        """How many of its tasks may run, if nothing is changed."""
        return min(self.need, self.throttle or limit)


def live_arrays(found: Mapping[Job, Told], throttles: Mapping[str, int]) -> list[LiveArray]:
    """The arrays that are alive, the oldest first; ``throttles`` is what they were given."""
    arrays: dict[str, LiveArray] = {}
    for job, told in sorted(found.items()):
        phase = PHASES.get(told.state)
        if phase is None:
            continue
        array = arrays.get(job.array, LiveArray(job.array, throttle=throttles.get(job.array)))
        if phase is JobPhase.RUNNING:
            array = replace(array, running=(*array.running, job.index))
        else:
            blocked = array.blocked or told.reason.startswith("Dependency")
            array = replace(array, waiting=array.waiting + 1, blocked=blocked)
        arrays[job.array] = array
    return sorted(arrays.values(), key=lambda array: int(array.id))


def allot(limit: int, needs: Sequence[int]) -> list[int]:
    """``limit`` running jobs shared fairly: nobody gets more than its need, the first come first.

    Where there are more arrays than that, the last of them get 0.
    """
    shares = [0] * len(needs)
    left = limit
    while left > 0:
        hungry = [place for place, need in enumerate(needs) if shares[place] < need]
        if not hungry:
            break
        for place in hungry[:left]:
            shares[place] += 1
            left -= 1
    return shares


def surplus(arrays: Iterable[LiveArray], shares: Mapping[str, int]) -> tuple[str, ...]:
    """The running tasks that arrays have beyond their shares: when these have ended, all keep to
    theirs. Those that began first, as they will end first.
    """
    over: list[str] = []
    for array in arrays:
        more = len(array.running) - shares[array.id]
        over.extend(f"{array.id}_{index}" for index in array.running[: max(0, more)])
    return tuple(over[:MANY])


@dataclass(frozen=True)
class Change:
    """What to tell Slurm of an array: another throttle, and perhaps to wait no more."""

    array: str
    throttle: int
    unblock: bool = False


def rebalanced(limit: int, arrays: Sequence[LiveArray]) -> list[Change]:
    """What to change so that these arrays use ``limit`` and never more.

    A share that others still use is given when they have let go of it: at a later look.
    """
    needs = [array.need for array in arrays]
    free = all(not array.blocked and array.may_run(limit) == array.need for array in arrays)
    if free and sum(needs) <= limit:
        return []
    wanted = dict(zip((array.id for array in arrays), allot(limit, needs), strict=True))
    used = {
        array.id: max(len(array.running), 0 if array.blocked else array.may_run(limit))
        for array in arrays
    }
    changes = []
    # Who gives first, then who takes.
    for array in sorted(arrays, key=lambda array: wanted[array.id] - used[array.id]):
        if not array.waiting or (not wanted[array.id] and array.blocked):
            continue
        others = sum(count for name, count in used.items() if name != array.id)
        # A throttle of 0 would be none at all.
        share = max(1, min(wanted[array.id], limit - others))
        if array.blocked and limit - others < 1:
            continue
        if share == array.throttle and not array.blocked:
            continue
        changes.append(Change(array.id, share, unblock=array.blocked))
        used[array.id] = max(len(array.running), share)
    return changes
