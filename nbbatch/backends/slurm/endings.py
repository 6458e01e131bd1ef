"""How a sweep's jobs ended, as squeue, their logs and accounting tell."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import cached_property

from ...errors import BackendError
from ...folder import SweepFolder, asked_in
from ...model import Ending, Header, Job, JobArray, JobPhase, JobStatus, Resources, Usage
from .. import command
from .queue import Ended, Memory, array_env
from .script import stem
from .states import Told, state_in_log, status_of
from .usage import USAGE_FORMAT, parse_usage

LOG_END = 4096


class Endings:
    """What is known of jobs that are gone; ``accounting`` tells whether the site keeps any."""

    def __init__(self, folder: SweepFolder, accounting: Callable[[], bool]) -> None:
        self.folder = folder
        self.memory = Memory(folder.logs)
        self._accounting = accounting
        self._asked: dict[str, Resources] = {}

    @cached_property
    def header(self) -> Header:
        return self.folder.header()

    def read(self) -> None:
        """Take in what another process has learnt."""
        self.memory.read()

    def are_final(self, jobs: Collection[Job]) -> bool:
        """Whether nothing new can be learnt of these."""
        return self.memory.is_final(jobs)

    def known(self, jobs: Iterable[Job]) -> dict[Job, JobStatus]:
        """Those of the jobs that are known to have ended."""
        return {job: self._status(job) for job in jobs if job in self.memory.jobs}

    def forget(self, job: Job) -> None:
        """It was requeued."""
        self.memory.forget(job)

    def note(self, job: Job, array: JobArray, told: Told) -> None:
        """Keep what squeue tells of a job's end."""
        raw = f"{told.state}|{told.reason}"
        known = self.memory.jobs.get(job)
        if known is not None and known.raw == raw:
            return
        state, words = told.state, ""
        if state == "FAILED":
            log = self._log_end(job, array)
            state = state_in_log(log) or state
            lines = [line for line in log.splitlines() if line.strip()]
            words = lines[-1].strip()[:200] if lines else ""
        self.memory.note(job, Ended(raw, state, words, told.host))

    def explain(self, jobs: Collection[Job], missing: Mapping[Job, JobArray]) -> None:
        """Learn what squeue cannot tell: of ``missing``, it has forgotten them, all."""
        unseen = {job: array for job, array in missing.items() if job not in self.memory.jobs}
        if unseen and self._can_ask():
            self._ask_sacct(unseen)
        else:
            for job, array in unseen.items():
                self.memory.note(job, Ended("", state_in_log(self._log_end(job, array))))
        self._ask_sacct(self.memory.cancelled_by_somebody(jobs))
        self._ask_peaks(self.memory.without_peak(jobs))
        self.memory.write()

    def usage(self, jobs: Collection[Job]) -> Mapping[Job, Usage]:
        """What accounting has measured of jobs; nothing where none is kept. BackendError."""
        if not jobs or not self._can_ask():
            return {}
        arrays = ",".join(sorted({job.array for job in jobs}))
        words = ("sacct", "-n", "-P", "-j", arrays, "-o", USAGE_FORMAT)
        text = command.run(words, env=array_env(os.environ))
        wanted = set(jobs)
        return {job: usage for job, usage in parse_usage(text).items() if job in wanted}

    def _can_ask(self) -> bool:
        return self._accounting() and shutil.which("sacct") is not None

    def _ask_sacct(self, jobs: Collection[Job]) -> None:
        if jobs and self._can_ask() and self.memory.sacct_is_due():
            self.memory.ask_sacct(jobs)

    def _ask_peaks(self, jobs: Collection[Job]) -> None:
        """Learn, once of each, how much memory those jobs used that ran out of it."""
        if jobs and self._can_ask() and self.memory.peaks_are_due():
            with suppress(BackendError):  # accounting explains; it is not needed
                self.memory.note_peaks(self.usage(jobs))

    def _log_end(self, job: Job, array: JobArray) -> str:
        name = f"{stem(self.header)}.{array.first}.{array.size}.{job.array}_{job.index}.log"
        try:
            with (self.folder.logs / name).open("rb") as log:
                size = log.seek(0, os.SEEK_END)
                log.seek(max(0, size - LOG_END))
                return log.read().decode(errors="replace")
        except OSError:
            return ""

    def _status(self, job: Job) -> JobStatus:
        ended = self.memory.jobs[job]
        if not ended.state:
            return JobStatus(JobPhase.GONE)
        cancelled = ended.state == "CANCELLED"
        told = Told(ended.state, ended.words if cancelled else "", ended.host)
        status = status_of(told, self._asked_for(job.array), {}, ended.peak or 0)
        if ended.state == "FAILED" and "JobLaunchFailure" in ended.raw:
            status = replace(status, ending=Ending.INFRASTRUCTURE)
        if ended.words and not cancelled:
            status = replace(status, reason=f"{status.reason}: {ended.words}")
        return status

    def _asked_for(self, array: str) -> Resources:
        """What an array's jobs asked for: those of a retry may ask for more than the sweep."""
        if array not in self._asked:
            first = self.header.resources
            for event in self.folder.events():
                if event["event"] == "accepted":
                    content = self.folder.batch(event["batch"])
                    self._asked[event["array"]] = asked_in(content, first)
            self._asked.setdefault(array, first)
        return self._asked[array]
