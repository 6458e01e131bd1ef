"""Slurm: a sweep is one job array, or as few as the site's limits allow."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import ClassVar

from ...errors import BackendError, BackendUnavailable, CommandFailed
from ...folder import SweepFolder
from ...model import Header, Job, JobArray, JobPhase, JobStatus, Usage
from ...worker.files import write_atomic
from .. import command
from ..base import Batch
from .endings import Endings
from .limits import (
    LISTING_FORMAT,
    NO_ROOM,
    Cluster,
    Queued,
    arrays_of,
    chunks,
    parse_listing,
    room,
)
from .places import NOT_THERE, Places
from .queue import Queue, array_env
from .script import (
    Chunk,
    array_script,
    check_options,
    finish_name,
    finish_script,
    parse_name,
    stem,
)
from .site import Site, read_cluster, user_name
from .states import ENDINGS, expressions, status_of

SILENT = re.compile(
    r"Unable to contact slurm controller|timed out|Connection refused|Zero Bytes were transmitted"
    r"|controller in standby|Communication connection failure|Unexpected message received",
    re.IGNORECASE,
)
"""slurmctld did not answer: whether it did what it was asked for is unknown."""


class SlurmBackend:
    """sbatch, squeue, scancel, scontrol; sacct and sacctmgr where accounting is kept."""

    name: ClassVar[str] = "slurm"
    bundle_files: ClassVar[bool] = True
    raises_memory: ClassVar[bool] = False
    goes_on: ClassVar[bool] = True
    grace: ClassVar[float] = 90.0  # NFS hides a new file for up to a minute

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder = SweepFolder(root)
        self.queue = Queue(self.folder.logs)
        self.endings = Endings(self.folder, lambda: self.cluster.accounting)
        self.places = Places(self.folder.logs, self.queue)

    # what is there

    def check(self) -> None:
        command.need_programs(
            ("sbatch", "squeue", "scancel", "scontrol"),
            hint="Log in to a machine of the site from which jobs are submitted.",
        )
        if self.folder.exists():
            check_options(self.header)

    def driver(self) -> str:
        return ""  # slurmctld: nothing of ours has to stay alive

    @cached_property
    def header(self) -> Header:
        return self.folder.header()

    @cached_property
    def site(self) -> Site:
        return Site(self.header.launch.options, self.cluster)

    @cached_property
    def cluster(self) -> Cluster:
        return read_cluster()  # also of use where the sweep is not written: --dry-run

    def longest(self) -> int | None:
        return self.site.longest()

    # submitting

    def render(self, batch: Batch) -> str:
        check_options(batch.header)
        limit = batch.header.max_running
        count = len(batch.bundles)
        first, *others = self._chunks(
            batch, count, self.places.among_new(limit, self._sizes(count))
        )
        text = array_script(batch, first)
        if others:
            text += "\n# The same again for " + ", ".join(
                f"bundles {chunk.first} to {chunk.first + chunk.size - 1}" for chunk in others
            )
            text += f": this cluster's arrays have at most {self.cluster.max_array_size} tasks.\n"
        return text

    def _chunks(self, batch: Batch, count: int, shares: Sequence[int] | None) -> list[Chunk]:
        size = self.cluster.max_array_size
        return chunks(batch.first, count, max_array_size=size, shares=shares)

    def _sizes(self, count: int) -> list[int]:
        """Of the arrays for so many bundles."""
        size = self.cluster.max_array_size
        return [min(size, count - start) for start in range(0, count, size)]

    def submit(self, batch: Batch, accepted: Callable[[JobArray], None]) -> None:
        self.folder.logs.mkdir(exist_ok=True)
        listing = self._listing()
        count = min(len(batch.bundles), room(self.cluster, self.site.allowance, listing))
        if not count:
            return
        live = arrays_of(job for job in self._ours(listing) if not job.over)
        limit = batch.header.max_running
        ids = [array.id for array in live]
        shares, before = self.places.make(limit, self._sizes(count), ids)
        sent: list[str] = []
        for chunk in self._chunks(batch, count, shares):
            after = tuple(sent[int(position)] for position in chunk.after) or before
            array = self._send(batch, replace(chunk, after=after))
            if array is None:
                break
            accepted(array)
            if chunk.throttle is not None:
                self.places.note({array.id: chunk.throttle})
            sent.append(array.id)
            if array.size < chunk.size:
                break
        if sent:
            self.queue.forget()
            self._submit_finish(batch, [*ids, *sent], listing)

    def balance(self) -> None:
        if self.header.max_running is not None:
            self.places.balance(self.header.max_running)

    def _send(self, batch: Batch, chunk: Chunk) -> JobArray | None:
        """Submit one array, smaller if it has to be; None when there is no room."""
        while chunk.size:
            script = self._write(f"{batch.number:04d}-{chunk.first}.sh", array_script(batch, chunk))
            try:
                number = self._sbatch(script)
                return JobArray(number, chunk.first, chunk.size)
            except BackendError as error:
                if _silent(error):
                    return self._after_silence(batch, chunk, error)
                if not isinstance(error, CommandFailed) or not NO_ROOM.search(_said(error)):
                    raise
                if "temporarily" in _said(error):  # MaxJobCount: sbatch has waited 120 s already
                    return None
            # A limit that could not be read: an array is accepted whole or not at all.
            chunk = replace(chunk, size=chunk.size // 2)
        return None

    def _after_silence(self, batch: Batch, chunk: Chunk, error: BackendError) -> JobArray:
        """Slurmctld did not answer sbatch; perhaps it took the array all the same."""
        for pause in (0, 5, 15):
            time.sleep(pause)
            with suppress(BackendError):
                for array in self.find(batch):
                    if (array.first, array.size) == (chunk.first, chunk.size):
                        return array
                break
        raise BackendUnavailable(
            f"slurmctld did not answer: {error.message}",
            hint=f"Nothing is lost: `nbbatch resume {self.root}` submits what is not in the queue.",
        ) from error

    def _sbatch(self, script: Path) -> str:
        text = self._run("sbatch", "--parsable", str(script))
        numbers = re.findall(r"(?m)^(\d+)(?:;.*)?$", text)  # sites print chatter around it
        if not numbers:
            raise BackendError(f"sbatch printed no job number, but: {text.strip()[:300]!r}.")
        return str(numbers[-1])

    def _write(self, name: str, text: str) -> Path:
        file = self.folder.submit / name
        write_atomic(file, text)
        return file

    def _submit_finish(
        self, batch: Batch, arrays: Sequence[str], listing: Sequence[Queued]
    ) -> None:
        """Queue the job that builds the report when all arrays have ended; one at a time."""
        name = finish_name(batch.header)
        script = self._write(f"{batch.number:04d}-finish.sh", finish_script(batch, arrays))
        older = {job.array for job in listing if job.name == name and job.state == "PENDING"}
        try:
            self._sbatch(script)
            if older:
                self._run("scancel", *sorted(older))
        except BackendError as error:
            # The points are what counts, and they are in the queue.
            print(
                f"nbbatch: the job that builds the report at the end was not accepted: "
                f"{error.message}; `nbbatch report {self.root}` builds it.",
                file=sys.stderr,
            )

    # looking

    def _listing(self) -> list[Queued]:
        text = self._run("squeue", "-h", "-r", "-t", "all", "-o", LISTING_FORMAT)
        return parse_listing(text)

    def _ours(self, listing: Iterable[Queued]) -> list[Queued]:
        header = self.header
        return [job for job in listing if parse_name(job.name, header.id) is not None]

    def find(self, batch: Batch) -> list[JobArray]:
        last = batch.first + len(batch.bundles)
        text = self._run("squeue", "-h", "-t", "all", "-u", user_name(), "-o", LISTING_FORMAT)
        found = {*arrays_of(self._ours(parse_listing(text))), *self._arrays_in_logs()}
        mine = (array for array in found if batch.first <= array.first < last)
        return sorted(mine, key=lambda array: array.first)

    def _arrays_in_logs(self) -> set[JobArray]:
        """Arrays whose tasks have begun: squeue may have forgotten them, their logs have not."""
        pattern = re.compile(re.escape(stem(self.header)) + r"\.(\d+)\.(\d+)\.(\d+)_\d+\.log")
        names = [log.name for log in self.folder.logs.glob("*.log")]
        found = filter(None, map(pattern.fullmatch, names))
        return {JobArray(m[3], int(m[1]), int(m[2])) for m in found}

    def poll(self, arrays: Collection[JobArray]) -> Mapping[Job, JobStatus]:
        self.endings.read()
        jobs = {Job(a.id, index): a for a in arrays for index in range(a.size)}
        if self.endings.are_final(jobs):
            return self.endings.known(jobs)
        answer = self.queue.ask({array.id for array in arrays})
        if answer.failed:
            unknown = JobStatus(JobPhase.UNKNOWN, f"Slurm does not answer: {answer.failed}")
            return {**dict.fromkeys(jobs, unknown), **self.endings.known(jobs)}
        found = self.queue.parse(answer)
        statuses: dict[Job, JobStatus] = {}
        missing: dict[Job, JobArray] = {}
        for job, array in jobs.items():
            told = found.get(job)
            if told is None:
                missing[job] = array
            elif told.state in ENDINGS:
                self.endings.note(job, array, told)
            else:
                self.endings.forget(job)
                limits = self.site.allowance.running if "Assoc" in told.reason else {}
                statuses[job] = status_of(told, self.header.resources, limits)
        self.endings.explain(jobs, missing)
        for job, ended in self.endings.known(jobs).items():
            statuses.setdefault(job, ended)
        return statuses

    # acting

    def cancel(self, jobs: Collection[Job] | None) -> None:
        if jobs is None:
            text = self._run("squeue", "-h", "-u", user_name(), "-o", LISTING_FORMAT)
            names = sorted({job.array for job in self._ours(parse_listing(text))})
        else:
            names = expressions(jobs)
        if names:
            self._run("scancel", *names)
        self.queue.forget()

    def hold(self, jobs: Collection[Job] | None) -> None:
        # Only what has not begun: Slurm would mark a running job, and hold it when it is
        # queued again.
        self._steer("hold", jobs, JobPhase.QUEUED)

    def release(self, jobs: Collection[Job] | None) -> None:
        self._steer("release", jobs, JobPhase.HELD)

    def _steer(self, verb: str, jobs: Collection[Job] | None, phase: JobPhase) -> None:
        self.queue.forget()
        events = self.folder.events()
        arrays = [
            JobArray(event["array"], event["first"], event["size"])
            for event in events
            if event["event"] == "accepted"
        ]
        statuses = self.poll(arrays) if arrays else {}
        chosen = [
            job
            for job, status in statuses.items()
            if status.phase is phase and (jobs is None or job in jobs)
        ]
        for expression in expressions(chosen):
            try:
                self._run("scontrol", verb, expression)
            except CommandFailed as error:
                if not NOT_THERE.search(_said(error)):
                    raise
        self.queue.forget()

    # accounting

    def usage(self, jobs: Collection[Job]) -> Mapping[Job, Usage]:
        return self.endings.usage(jobs)

    def _run(self, *words: str) -> str:
        return command.run(words, env=array_env(os.environ))


def _said(error: CommandFailed) -> str:
    return f"{error.stdout}\n{error.stderr}"


def _silent(error: BackendError) -> bool:
    if isinstance(error, CommandFailed):
        return bool(SILENT.search(_said(error)))
    return isinstance(error, BackendUnavailable)
