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
        self._due = time.time() + self._interval
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
        now = time.time()
        if self._process is not None:
            if self._process.poll() is None:
                return
            self._process = None
            self._due = now + max(self._interval, SHARE * (now - self._began))
        if not self._outdated or now < self._due:
            return
        self._due = self._written() + self._interval
        if now >= self._due:
            self._outdated = False
            self._began = now
            refresh = [sys.executable, "-m", "nbbatch", "refresh", str(self._folder.root)]
            self._process = subprocess.Popen(refresh, stdin=subprocess.DEVNULL)

    def _written(self) -> float:
        with suppress(OSError):
            return self._folder.report_index.stat().st_mtime
        return 0.0

    def end(self) -> None:
        """Stop: no file is ever half written."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
