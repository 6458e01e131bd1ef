"""One run of a name at a time: the lock, and what to do when the one before still goes on."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import SweepLocked
from ..folder import now
from ..history import Event
from ..history.page import write_page
from ..history.runs import append_event
from ..locks import Lock, Tenure
from .refresh import going, refresh
from .words import IfRunning

LOCK = ".lock"
POLL = 5.0
"""Seconds between two looks whether the run before has ended."""
FOREVER = 10 * 365 * 86400.0


class StillRunning(SweepLocked):
    """The run before goes on; the message says which, and who runs it."""


@contextmanager
def hold_name(home: Path, policy: IfRunning) -> Iterator[Tenure]:
    """Be the only run of a name. Raises StillRunning if the policy is not to wait.

    What was learnt on the way is noted in the history: that this run was left out, that a
    dead process's lock was broken, that the run before was lost.
    """
    lock = Lock(home / LOCK)
    wait = FOREVER if policy is IfRunning.wait else 0.0
    try:
        tenure = lock.acquire("run it", wait=wait, watch=True)
    except SweepLocked:
        holder = lock.holder()
        driver = holder.anywhere() if holder else "another process"
        raise _refusal(home, policy, driver) from None
    with tenure:
        if tenure.broken:
            append_event(home, Event(now(), "lock broken", str(tenure.broken)))
        refresh(home)
        while (still := going(home)) is not None:
            if policy is not IfRunning.wait:
                raise _refusal(home, policy, still)
            time.sleep(POLL)
            tenure.check()
            refresh(home)
        yield tenure


def _refusal(home: Path, policy: IfRunning, driver: str) -> StillRunning:
    kind = "skipped" if policy is IfRunning.skip else "refused"
    append_event(home, Event(now(), kind, f"the run before still went on: {driver}"))
    write_page(home)
    return StillRunning(
        f"The run before of {home.name} still goes on: {driver}.",
        hint=f"`nbbatch watch {home.name}` follows it. `--if-running wait` lets the next one "
        "wait for it, `--if-running skip` leaves it out.",
    )
