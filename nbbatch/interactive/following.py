"""Following a sweep in the background: a thread reads what the watching process says.

The thread only reads lines, so the kernel is free for the user's cells; what goes wrong
in it is kept, never printed.
"""

from __future__ import annotations

import atexit
import json
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from ..errors import NbbatchError, WaitTimeout
from ..folder import now
from ..model import Point, PointView
from .wire import merged

PAUSES = (2.0, 5.0, 15.0, 60.0)
"""Seconds before a watching process that failed is started again; the last one repeats."""


@dataclass(frozen=True)
class Look:
    """What was known at a moment (``at``: ISO 8601 UTC).

    ``final``: the sweep has ended and its report is written. ``problem``: why there is
    nothing newer, in words; empty when all is well.
    """

    at: str
    views: Sequence[PointView]
    final: bool = False
    problem: str = ""


Heard = Callable[[Look], None]


class Follower:
    """Follows one sweep, from the first ``start`` until it has ended.

    ``heard`` is called in the thread for each look, before anybody who waits learns of it.
    Safe to use from any thread.
    """

    def __init__(self, root: Path, points: Sequence[Point], heard: Heard) -> None:
        self.root = root
        self.points = points
        self.problems: list[str] = []
        self._heard = heard
        self._afterwards: list[Callable[[], None]] = []
        self._changed = threading.Condition()
        self._look: Look | None = None
        self._failed = ""
        self._round = 0
        self._active = False
        self._process: subprocess.Popen[str] | None = None
        _followers.add(self)

    # what is known

    @property
    def active(self) -> bool:
        """Whether the thread is at work."""
        return self._active

    @property
    def failed(self) -> str:
        """Why it cannot be followed, in words; empty when it can."""
        return self._failed

    @property
    def latest(self) -> Look | None:
        return self._look

    # doing

    def start(self) -> None:
        """Begin to follow; does nothing while that is being done, or when it has ended."""
        with self._changed:
            if self._active or self._failed or (self._look is not None and self._look.final):
                return
            thread = threading.Thread(
                target=self._follow, args=(self._round,), name="nbbatch-follow", daemon=True
            )
            thread.start()  # first: where it cannot, nobody waits for it
            self._active = True

    def known(self, look: Look) -> None:
        """Take the final look from who has seen it, where nothing is being followed."""
        with self._changed:
            if not self._active:
                self._look = look
                self._changed.notify_all()

    def again(self) -> None:
        """Forget what was known, for points run again; follow again when somebody asks."""
        with self._changed:
            following = self._active
            self._round += 1
            self._look, self._active, self._failed = None, False, ""
            _end(self._process)
            self._changed.notify_all()
        if following:
            self.start()

    def stop(self) -> None:
        """End the watching process, for good; the sweep goes on."""
        with self._changed:
            self._round += 1
            self._active, self._failed = False, "this process comes to its end."
            _end(self._process)
            self._changed.notify_all()

    # waiting

    def wait(self, timeout: float | None = None) -> Look:
        """The last look, when the sweep has ended.

        Raises WaitTimeout, or NbbatchError when the sweep cannot be followed at all.
        """
        for look in self.looks(timeout):
            if look.final:
                return look
        raise NbbatchError(
            f"{self.root} is not followed any more.", hint="`wait()` again follows it again."
        )

    def looks(self, timeout: float | None = None) -> Iterator[Look]:
        """Each new look until the final one; some are left out when the reader is slow."""
        deadline = None if timeout is None else time.monotonic() + timeout
        seen: Look | None = None
        self.start()
        while seen is None or not seen.final:
            seen = self._next(seen, deadline, timeout)
            yield seen

    def _next(self, seen: Look | None, deadline: float | None, timeout: float | None) -> Look:
        with self._changed:
            while self._look is None or self._look is seen:
                self.check()
                self.start()
                left = None if deadline is None else deadline - time.monotonic()
                if left is not None and left <= 0:
                    raise WaitTimeout(
                        f"Not all points of {self.root} ended within {timeout:g} s.",
                        hint="They go on; `wait()` waits again.",
                    )
                self._changed.wait(left)
            return self._look

    def check(self) -> None:
        """Raises NbbatchError when the sweep cannot be followed."""
        if self._failed:
            raise NbbatchError(f"{self.root} cannot be followed: {self._failed}")

    def afterwards(self, call: Callable[[], None]) -> None:
        """Call in the thread, once, when the sweep has ended; now, if it has."""
        with self._changed:
            ended = self._look is not None and self._look.final
            if not ended:
                self._afterwards.append(call)
        if ended:
            self._guarded(call)
        else:
            self.start()

    # the thread

    def _follow(self, round_: int) -> None:
        failures = 0
        while self._is(round_):
            try:
                ended = self._listen(round_)
            except OSError as error:
                return self._give_up(round_, f"{sys.executable} cannot be started: {error}")
            except Exception as error:  # or a line cut off: whoever waits must not wait for ever
                self.problems.append(f"{now()} {type(error).__name__}: {error}")
                ended = False
            if ended:
                return None
            pause = PAUSES[min(failures, len(PAUSES) - 1)]
            failures += 1
            deadline = time.monotonic() + pause
            with self._changed:
                while self._round == round_ and time.monotonic() < deadline:
                    self._changed.wait(deadline - time.monotonic())
        return None

    def _listen(self, round_: int) -> bool:
        """Read one watching process to its end; True when no other one is needed."""
        command = [sys.executable, "-m", "nbbatch.interactive.watching", str(self.root)]
        # In a session of its own: an interrupt of the kernel is not meant for it. In the sweep's
        # folder: a module beside the notebook could bear the name of one of the library's.
        with subprocess.Popen(
            command,
            cwd=self.root,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            encoding="utf-8",
            start_new_session=True,
        ) as process:
            with self._changed:
                self._process = process
                if self._round != round_:
                    _end(process)
            assert process.stdout is not None
            problem = "the watching process ended"
            for line in process.stdout:
                if not self._is(round_):
                    break
                said = json.loads(line)
                if "error" in said:
                    problem = said["error"]
                    if said["lasting"]:
                        self._give_up(round_, problem)
                        return True
                elif said.get("final"):
                    self._end_well(round_, said["at"])
                    return True
                else:
                    before = () if self._look is None else self._look.views
                    self._tell(
                        round_, Look(said["at"], merged(before, said["points"], self.points))
                    )
            _end(process)
        if not self._is(round_):
            return True
        self.problems.append(f"{now()} {problem}")
        if self._look is not None:
            self._tell(round_, replace(self._look, problem=problem))
        return False

    def _is(self, round_: int) -> bool:
        return self._round == round_

    def _tell(self, round_: int, look: Look) -> None:
        self._guarded(lambda: self._heard(look))
        with self._changed:
            if self._round == round_:
                self._look = look
                self._changed.notify_all()

    def _end_well(self, round_: int, at: str) -> None:
        assert self._look is not None  # the first thing that is said
        final = Look(at, self._look.views, final=True)
        self._guarded(lambda: self._heard(final))
        with self._changed:
            if self._round != round_:
                return
            self._look, self._active = final, False
            calls, self._afterwards = self._afterwards, []
            self._changed.notify_all()
        for call in calls:
            self._guarded(call)

    def _give_up(self, round_: int, problem: str) -> None:
        self.problems.append(f"{now()} {problem}")
        look = None
        with self._changed:
            if self._round == round_:
                self._active, self._failed = False, problem
                look = self._look
                self._changed.notify_all()
        if look is not None:
            self._guarded(lambda: self._heard(replace(look, problem=problem)))

    def _guarded(self, call: Callable[[], None]) -> None:
        try:
            call()
        except Exception as error:  # of a front end or of the user: kept for whoever asks
            self.problems.append(f"{now()} {type(error).__name__}: {error}")


_followers: weakref.WeakSet[Follower] = weakref.WeakSet()


def _end(process: subprocess.Popen[str] | None) -> None:
    if process is not None and process.poll() is None:
        with suppress(ProcessLookupError):
            process.terminate()


@atexit.register
def _end_all() -> None:
    for follower in list(_followers):
        follower.stop()
