"""The report of a sweep that nobody watches: rebuilt now and then, while points run."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import suppress

from ...folder import SweepFolder

INTERVAL = 60.0
"""Seconds between two reports at the least (NBBATCH_REPORT_INTERVAL)."""

SHARE = 40
"""A report that took long is left alone for this many times as long."""


class FreshReport:
    """Has the report rebuilt by a process of its own, so that nothing waits for it.

    Not while it is young: whoever watches the sweep rebuilds it, too.
    """

    def __init__(self, folder: SweepFolder) -> None:
        self._folder = folder
        self._interval = float(os.environ.get("NBBATCH_REPORT_INTERVAL", INTERVAL))
        self._process: subprocess.Popen[bytes] | None = None
        self._began = 0.0
        self._due = time.monotonic() + self._interval
        self._outdated = False

    @property
    def pids(self) -> set[int]:
        """The process that is at it, if there is one."""
        return set() if self._process is None else {self._process.pid}

    def outdated(self) -> None:
        """Something has happened that the report does not tell."""
        self._outdated = True

    def look(self) -> None:
        """Begin a report if it is time for one; called again and again."""
        now = time.monotonic()
        if self._process is not None:
            if self._process.poll() is None:
                return
            self._process = None
            self._due = now + max(self._interval, SHARE * (now - self._began))
        if not self._outdated or now < self._due:
            return
        age = self._age()
        self._due = now + self._interval
        if 0 <= age < self._interval:
            self._due -= age
            return
        refresh = [sys.executable, "-m", "nbbatch", "refresh", str(self._folder.root)]
        with suppress(OSError):  # no process more for this user now: later, then
            self._process = subprocess.Popen(refresh, stdin=subprocess.DEVNULL)
            self._began = now
            self._outdated = False

    def _age(self) -> float:
        """Seconds since the report was written; negative when the clock was set back since."""
        with suppress(OSError):
            return time.time() - self._folder.report_index.stat().st_mtime
        return self._interval

    def end(self) -> None:
        """Stop: no file is ever half written."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
