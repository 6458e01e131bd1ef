"""What comes home from nodes that do not see the sweep folder: fetched once, by one process.

A schedd that spools keeps what a job left until somebody fetches it. To fetch the same job
again, after its point was submitted anew, would put the earlier record in the way of the
new one: a job that was fetched is marked by the schedd (``StageOutFinish``), and looked
for and fetched by one process at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ...errors import BackendError
from .files import bring_home
from .states import COMPLETED

PATIENCE = 600.0
"""Seconds that a process waits for another one that fetches results of the same sweep."""

FAILURES = 3
"""After so many jobs whose results cannot be fetched the others are left for the next look."""

UNFETCHED = f"JobStatus == {COMPLETED} && (StageOutFinish ?: 0) < EnteredCurrentStatus"
FETCHED = f"JobStatus == {COMPLETED} && StageOutFinish >= EnteredCurrentStatus"
ATTRIBUTES = ("StageOutFinish", "EnteredCurrentStatus")


def unfetched(ad: Mapping[str, Any]) -> bool:
    """Whether the schedd still keeps what this job of the queue left."""
    fetched = ad.get("StageOutFinish", 0) >= ad.get("EnteredCurrentStatus", 0)
    return ad.get("JobStatus") == COMPLETED and not fetched


class Arrivals:
    """The way home of one sweep's files."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Wait until no other process fetches or moves results of this sweep."""
        from filelock import SoftFileLock, Timeout

        lock = SoftFileLock(self.root / "logs" / "fetch.lock", timeout=PATIENCE)
        try:
            lock.acquire()
        except Timeout:
            raise BackendError(
                f"Another process has been fetching results of {self.root} for more than "
                f"{PATIENCE / 60:.0f} minutes.",
                hint=f"If it is on a host that is gone, delete {lock.lock_file}.",
            ) from None
        try:
            yield
        finally:
            lock.release()

    def put_away(self, cwd: str, busy: Collection[int]) -> None:
        """Move files for the notebook's own folder there; not of the ``busy`` bundles."""
        if cwd != "point" and any(path.is_dir() for path in self.root.glob("home/*")):
            with self.alone():
                bring_home(self.root, cwd, busy)


def fetch(
    jobs: Sequence[str], wanted: str, retrieve: Callable[[str | list[str]], None]
) -> dict[str, str]:
    """Fetch what these jobs left; return what HTCondor said of those that could not be.

    ``jobs`` are ``cluster.proc``; ``wanted`` is the constraint that finds them. One question
    for all of them; only if that fails one for each, as the files of a single job can be
    the trouble.
    """
    try:
        retrieve(f"({wanted}) && {UNFETCHED}")
        return {}
    except BackendError as error:
        said = error.message
    failed: dict[str, str] = {}
    for job in jobs:
        if len(failed) >= FAILURES:
            failed[job] = said
            continue
        try:
            retrieve([job])
        except BackendError as error:
            failed[job] = said = error.message
    return failed
