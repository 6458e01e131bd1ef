"""The sweep folder: the only module that knows the names in it.

Reading needs no lock. What is written is written atomically (``write_atomic``) or
appended in one call and fsynced (the journal), so a reader never sees half of it.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from itertools import islice
from pathlib import Path
from typing import Any

from .errors import NbbatchError, SweepLocked, SweepNotFound
from .model import FORMAT, Bundle, Header, Point, PointFiles, Record, Resources
from .worker.files import append_line, write_atomic

SHARD_ABOVE = 10_000
"""Sweeps with more points than this put point folders into 256 sub-folders."""


def now() -> str:
    """The present time, ISO 8601 UTC, to the millisecond."""
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass(frozen=True)
class Attempts:
    """What ``attempts.jsonl`` says of one point.

    How many attempts began, and of the last one since the point was made ready to run when
    and where; empty when none has begun since.
    """

    count: int = 0
    started: str = ""
    host: str = ""


class SweepFolder:
    """One sweep folder, by its path. Creating the object reads nothing."""

    def __init__(self, root: Path) -> None:
        self.root = root

    # names

    @property
    def header_file(self) -> Path:
        return self.root / "sweep.json"

    @property
    def grid_file(self) -> Path:
        return self.root / "grid.yaml"

    @property
    def notebook_file(self) -> Path:
        return self.root / "notebook.ipynb"

    @property
    def summary_file(self) -> Path:
        """The frozen copy of the summary notebook, where there is one."""
        return self.root / "summary.ipynb"

    @property
    def points_file(self) -> Path:
        return self.root / "points.jsonl"

    @property
    def journal_file(self) -> Path:
        return self.root / "journal.jsonl"

    @property
    def lock_folder(self) -> Path:
        return self.root / ".lock"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def submit(self) -> Path:
        return self.root / "submit"

    @property
    def bundles(self) -> Path:
        return self.root / "bundles"

    @property
    def kernels(self) -> Path:
        """A data folder in Jupyter's sense: kernelspecs that the sweep brings along."""
        return self.root / "jupyter"

    def worker_environment(self) -> dict[str, str]:
        """What a worker needs beside its submitter's environment: those kernelspecs, first."""
        if not self.kernels.is_dir():
            return {}
        known = filter(None, [os.environ.get("JUPYTER_PATH")])
        return {"JUPYTER_PATH": os.pathsep.join([str(self.kernels), *known])}

    @property
    def results_file(self) -> Path:
        return self.root / "results.csv"

    @property
    def settled_file(self) -> Path:
        return self.root / "state" / "settled.jsonl"

    @property
    def report_index(self) -> Path:
        return self.root / "report" / "index.html"

    def point_dir(self, point: Point) -> Path:
        return self.root / point.dir

    @staticmethod
    def dir_of(point_id: str, total: int) -> str:
        """Where a new point's folder goes, relative to the sweep folder."""
        if total <= SHARD_ABOVE:
            return f"points/{point_id}"
        return f"points/{point_id[-2:]}/{point_id}"

    # the specification

    def exists(self) -> bool:
        return self.header_file.is_file()

    def header(self) -> Header:
        """Raises SweepNotFound where there is no sweep, NbbatchError on a newer format."""
        try:
            data = json.loads(self.header_file.read_bytes())
        except FileNotFoundError:
            raise SweepNotFound(
                f"{self.root} is not a sweep folder: it has no sweep.json.",
                hint="`nbbatch list` shows the sweeps that are known here.",
            ) from None
        except ValueError as error:
            raise NbbatchError(f"{self.header_file} is damaged: {error}.") from None
        if data.get("format", 0) > FORMAT:
            raise NbbatchError(
                f"{self.root} was written by nbbatch {data.get('nbbatch')}, in a newer format.",
                hint="Upgrade nbbatch to read it.",
            )
        return Header.from_json(data)

    def points(self) -> list[Point]:
        found: list[Point] = []
        with self.points_file.open("rb") as lines:
            # In blocks: a parser shares the names of what it reads in one go.
            while block := list(islice(lines, 1_000)):
                found.extend(map(Point.from_json, json.loads(b"[%s]" % b",".join(block))))
        return found

    def write_specification(
        self,
        header: Header,
        points: Iterable[Point],
        *,
        notebook: bytes,
        grid: str,
        summary: bytes | None = None,
    ) -> None:
        """Write all that describes the sweep; ``sweep.json`` last, as it makes it a sweep.

        What an earlier revision had is copied to ``revisions/NNN/`` first.
        """
        for folder in (self.logs, self.submit, self.root / "points"):
            folder.mkdir(parents=True, exist_ok=True)
        if self.exists():
            self._keep_revision(self.header().revision)
        write_atomic(self.notebook_file, notebook)
        write_atomic(self.grid_file, grid)
        if summary is not None:
            write_atomic(self.summary_file, summary)
        lines = [json.dumps(p.to_json(), ensure_ascii=False, allow_nan=False) for p in points]
        write_atomic(self.points_file, "".join(f"{line}\n" for line in lines))
        write_atomic(self.header_file, _pretty(header.to_json()))

    def _keep_revision(self, revision: int) -> None:
        kept = self.root / "revisions" / f"{revision:03d}"
        kept.mkdir(parents=True, exist_ok=True)
        files = (self.grid_file, self.notebook_file, self.summary_file, self.points_file)
        for file in (self.header_file, *files):
            if file.exists():
                shutil.copy2(file, kept / file.name)

    def write_kernelspec(self, name: str, spec: Mapping[str, Any]) -> None:
        """Add a kernelspec that the sweep brings along."""
        home = self.kernels / "kernels" / name
        home.mkdir(parents=True, exist_ok=True)
        write_atomic(home / "kernel.json", _pretty(spec))

    # what was submitted

    def write_batch(self, number: int, content: Mapping[str, Any]) -> Path:
        """Keep exactly what batch ``number`` is: its bundles' points, resources, options."""
        file = self.submit / f"{number:04d}.json"
        write_atomic(file, _pretty(content))
        return file

    def batch(self, number: int) -> dict[str, Any]:
        content: dict[str, Any] = json.loads((self.submit / f"{number:04d}.json").read_bytes())
        return content

    def bundle_file(self, number: int) -> Path:
        return self.bundles / f"{number:04d}.json"

    def write_bundle(self, bundle: Bundle) -> Path:
        self.bundles.mkdir(exist_ok=True)
        file = self.bundle_file(bundle.number)
        text = json.dumps(bundle.to_json(), ensure_ascii=False, allow_nan=False)
        # Not synced: there may be 10,000 of them, and the batch in ``submit/``, which is
        # synced, says the same. A network filesystem has it when the file is closed.
        write_atomic(file, text, durable=False)
        return file

    # the journal

    def journal(self, event: str, **facts: Any) -> None:
        """Append one event, in one write, fsynced."""
        append_line(self.journal_file, json.dumps({"at": now(), "event": event, **facts}))

    def events(self) -> list[dict[str, Any]]:
        """All events of the journal, oldest first; a torn last line is left out."""
        return list(_json_lines(self.journal_file))

    # the points' folders

    def record(self, point: Point) -> Record | None:
        """The record of a point; None when there is none or it is not of this format."""
        try:
            content = (self.root / point.dir / PointFiles.RECORD).read_bytes()
            return Record.from_json(json.loads(content))
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (ValueError, KeyError, TypeError):
            return None

    def attempts(self, point: Point) -> Attempts:
        """What began at a point, finished or not."""
        count: int = 0
        last: dict[str, Any] = {}
        for line in _json_lines(self.root / point.dir / PointFiles.ATTEMPTS):
            if "reset" in line:
                last = {}
            elif "started" in line:
                count, last = count + 1, line
        return Attempts(count, str(last.get("started", "")), str(last.get("host", "")))

    def archive_record(self, point: Point) -> None:
        """Make a point ready to run again: its record goes to ``attempts.jsonl``.

        The notebook, page and log stay until the new attempt replaces them.
        """
        folder = self.root / point.dir
        if not folder.is_dir():
            return
        attempts = folder / PointFiles.ATTEMPTS
        record = self.record(point)
        if record is not None:
            archived = {"attempt": record.attempt, "record": record.to_json()}
            append_line(attempts, json.dumps(archived, ensure_ascii=False))
        append_line(attempts, json.dumps({"reset": True, "at": now()}))
        (folder / PointFiles.RECORD).unlink(missing_ok=True)

    def gone(self) -> dict[str, float]:
        """When (seconds since the epoch) the job of a point was first missed, by point id."""
        try:
            found: dict[str, float] = json.loads((self.logs / "gone.json").read_bytes())
        except (FileNotFoundError, ValueError):
            return {}
        return found

    def write_gone(self, since: Mapping[str, float]) -> None:
        write_atomic(self.logs / "gone.json", json.dumps(since), durable=False)

    # who drives it

    @contextmanager
    def lock(self, purpose: str, *, wait: float = 1.0) -> Iterator[None]:
        """Hold the sweep for this process. Raises SweepLocked, saying who holds it.

        The lock of a process that is gone is broken by itself (see ``locks``); to know that
        of one on another host takes minutes of watching it.
        """
        from .locks import Lock

        lock = Lock(self.lock_folder)
        try:
            tenure = lock.acquire(purpose, wait=wait, watch=True)
        except SweepLocked:
            raise SweepLocked(
                f"{self.root} is in use by {lock.holder() or 'another process'}; "
                f"it cannot be used to {purpose} now.",
                hint=f"`nbbatch watch {self.root}` follows it, `nbbatch cancel {self.root}` "
                "stops it.",
            ) from None
        with tenure:
            yield


class PointFolders:
    """Which points have a folder, by one listing for all that lie side by side.

    A listing is made when it is first needed: do not keep the object for another look.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._listings: dict[str, dict[str, os.DirEntry[str]]] = {}

    def changed(self, point: Point) -> int | None:
        """When something last appeared in the point's folder or went (ns); None: no folder."""
        above, _, name = point.dir.rpartition("/")
        listing = self._listings.get(above)
        if listing is None:
            listing = self._listings[above] = _listing(self._root / above)
        entry = listing.get(name)
        try:
            return None if entry is None else entry.stat().st_mtime_ns
        except OSError:  # removed since
            return None


def asked_in(batch: Mapping[str, Any], first: Resources) -> Resources:
    """What a batch asked for, by its file; what that leaves open is the sweep's (``first``)."""
    memory, time = batch.get("memory"), batch.get("time")
    return replace(
        first,
        memory=first.memory if memory is None else memory,
        time=first.time if time is None else time,
    )


def _listing(folder: Path) -> dict[str, os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return {entry.name: entry for entry in entries}
    except (FileNotFoundError, NotADirectoryError):
        return {}


def _json_lines(file: Path) -> Iterator[dict[str, Any]]:
    try:
        content = file.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return
    for line in content.splitlines():
        try:
            value = json.loads(line)
        except ValueError:
            continue  # torn by a crash in the middle of an append
        if isinstance(value, dict):
            yield value


def _pretty(value: Mapping[str, Any]) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
