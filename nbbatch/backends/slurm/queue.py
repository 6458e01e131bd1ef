"""What Slurm says of a sweep's jobs: one squeue for all of them, shared by all who look.

Two small files in ``logs/`` carry it between processes: the last answer of squeue, so that ten
people who watch cost one query, and how jobs ended, which squeue forgets after MinJobAge.
"""

from __future__ import annotations

import json
import os
import pwd
import re
import time
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ...errors import BackendError
from ...model import Job, Usage
from ...worker.files import write_atomic
from .. import command
from .states import ENDINGS, QUEUE_FORMAT, Told, first_word, parse_queue, parse_tasks

ANSWER = "slurm-queue.json"
ENDED = "slurm-ended.json"

INTERVAL = 10.0
LONGEST_INTERVAL = 60.0
GROWTH = 1.5
SACCT_INTERVAL = 300.0


def poll_interval() -> float:
    """Seconds between two questions to squeue at the least (NBBATCH_POLL_INTERVAL)."""
    return float(os.environ.get("NBBATCH_POLL_INTERVAL", INTERVAL))


def array_env(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment for programs whose output names array tasks: ranges are not cut short."""
    return {**command.scrubbed(environment), "SLURM_BITSTR_LEN": "0"}


@dataclass(frozen=True)
class Answer:
    """One answer of squeue; ``failed`` says why there is none."""

    asked: float
    interval: float
    arrays: frozenset[str]
    text: str = ""
    failed: str = ""

    def covers(self, arrays: Collection[str], now: float) -> bool:
        """True while the answer is good enough for a look at these arrays."""
        fresh = 0 <= now - self.asked < self.interval
        return fresh and self.arrays.issuperset(arrays)


class Queue:
    """squeue, for one sweep folder."""

    def __init__(self, logs: Path) -> None:
        self.file = logs / ANSWER
        self._parsed: tuple[str, dict[Job, Told]] = ("", {})

    def last(self) -> Answer | None:
        """The answer that was given last, however old."""
        return self._read()

    def ask(self, arrays: Collection[str]) -> Answer:
        """The shared answer while it is fresh, else a new one. Never raises."""
        last = self._read()
        now, shortest = time.time(), poll_interval()
        if last is not None and last.covers(arrays, now):
            return last
        wanted = frozenset(arrays)
        if last is not None and last.arrays >= wanted:
            self._write(Answer(now, last.interval, last.arrays, last.text, last.failed))
        text = failed = ""
        try:
            # "1,": with a single id that squeue has forgotten it fails; with two it does not.
            jobs = ",".join(("1", *sorted(wanted)))
            line = ["squeue", "-h", "-r", "-t", "all", "-j", jobs, "-o", QUEUE_FORMAT]
            text = command.run(line, env=array_env(os.environ))
        except BackendError as error:
            failed = error.message
        same = last is not None and (last.text, last.failed) == (text, failed)
        longest = min(LONGEST_INTERVAL, 6 * shortest)
        interval = min(longest, last.interval * GROWTH) if same and last else shortest
        answer = Answer(now, max(interval, shortest), wanted, text, failed)
        self._write(answer)
        return answer

    def forget(self) -> None:
        """The next look asks anew: something was submitted, cancelled, held or released."""
        with suppress(OSError):
            self.file.unlink()

    def parse(self, answer: Answer) -> dict[Job, Told]:
        """The jobs in an answer; parsed once for one text."""
        if self._parsed[0] != answer.text:
            self._parsed = (answer.text, parse_queue(answer.text))
        return self._parsed[1]

    def _read(self) -> Answer | None:
        found = read_json(self.file)
        with suppress(KeyError, TypeError):
            return Answer(**{**found, "arrays": frozenset(found["arrays"])})
        return None

    def _write(self, answer: Answer) -> None:
        with suppress(OSError):  # a reader who may not write asks for itself
            content = {**vars(answer), "arrays": sorted(answer.arrays)}
            write_atomic(self.file, json.dumps(content), durable=False)


@dataclass(frozen=True)
class Ended:
    """How a job ended: squeue's own words, the state that they mean, and more words.

    ``peak``: the memory that it used at the most, in bytes; 0 where accounting does not know,
    None while it has not told.
    """

    raw: str
    state: str
    words: str = ""
    host: str = ""
    peak: int | None = None


class Memory:
    """How the jobs of a sweep ended, kept past the time after which squeue forgets them."""

    def __init__(self, logs: Path) -> None:
        self.file = logs / ENDED
        self.jobs: dict[Job, Ended] = {}
        self.asked_sacct = 0.0
        self.asked_peaks = 0.0
        self.written = 0.0
        self._changed = False
        self._stamp: object = None

    def read(self) -> None:
        """Take in what other processes have written."""
        try:
            facts = self.file.stat()
        except OSError:
            return
        stamp = (facts.st_mtime_ns, facts.st_ino)
        if stamp == self._stamp:
            return
        self._stamp = stamp
        self.written = facts.st_mtime
        found = read_json(self.file)
        self.asked_sacct = max(self.asked_sacct, float(found.get("sacct", 0.0)))
        for name, ended in found.get("jobs", {}).items():
            for job in parse_tasks(name):
                self.jobs.setdefault(job, Ended(*ended))

    def is_final(self, jobs: Iterable[Job]) -> bool:
        """Whether all these jobs have ended, and so long ago that none is queued again."""
        old = time.time() - self.written > LONGEST_INTERVAL
        return old and all(job in self.jobs for job in jobs)

    def note(self, job: Job, ended: Ended) -> None:
        if self.jobs.get(job) != ended:
            self.jobs[job] = ended
            self._changed = True

    def forget(self, job: Job) -> None:
        """The job is in the queue again."""
        if self.jobs.pop(job, None) is not None:
            self._changed = True

    def write(self) -> None:
        if not self._changed:
            return
        self._changed = False
        jobs = {f"{job.array}_{job.index}": list(vars(e).values()) for job, e in self.jobs.items()}
        with suppress(OSError):
            content = json.dumps({"sacct": self.asked_sacct, "jobs": jobs})
            write_atomic(self.file, content, durable=False)

    def cancelled_by_somebody(self, jobs: Iterable[Job]) -> list[Job]:
        """Those that were cancelled; squeue does not tell by whom, accounting does."""
        ended = ((job, self.jobs[job]) for job in jobs if job in self.jobs)
        return [job for job, end in ended if end.state == "CANCELLED" and not end.words]

    def without_peak(self, jobs: Iterable[Job]) -> list[Job]:
        """Those that ran out of memory, and accounting has not told yet how much they used."""
        ended = ((job, self.jobs[job]) for job in jobs if job in self.jobs)
        return [job for job, end in ended if end.state == "OUT_OF_MEMORY" and end.peak is None]

    def peaks_are_due(self) -> bool:
        """Whether to ask for them. Not kept: what is written postpones when all is final."""
        now = time.time()
        if now - self.asked_peaks < 3 * poll_interval():
            return False
        self.asked_peaks = now
        return True

    def note_peaks(self, told: Mapping[Job, Usage]) -> None:
        """Take in what accounting tells of jobs whose end it knows."""
        for job, usage in told.items():
            if usage.ended in ENDINGS and job in self.jobs:
                self.note(job, replace(self.jobs[job], peak=usage.peak_memory or 0))

    def sacct_is_due(self) -> bool:
        return time.time() - self.asked_sacct >= min(SACCT_INTERVAL, 30 * poll_interval())

    def ask_sacct(self, jobs: Collection[Job]) -> None:
        """Note the ends of jobs that squeue has forgotten, as accounting tells them."""
        self.asked_sacct = time.time()
        self._changed = True
        arrays = ",".join(sorted({job.array for job in jobs}))
        # -D is left out: of a job that was queued again only the last run counts.
        line = ["sacct", "-X", "-n", "-P", "-j", arrays, "-o", "jobid,state,nodelist"]
        try:
            text = command.run(line, env=array_env(os.environ))
        except BackendError:
            return  # accounting explains; it is not needed
        wanted = set(jobs)
        for row in text.splitlines():
            name, state, host = (*row.split("|"), "", "")[:3]
            by, state = cancelled_by(state), first_word(state)
            if state in ENDINGS:
                for job in parse_tasks(name):
                    if job in wanted:
                        # squeue's words stay: the next look compares with them.
                        known = self.jobs.get(job, Ended(state, state, "", _host(host)))
                        self.note(job, replace(known, words=by or known.words))


def cancelled_by(state: str) -> str:
    """``by root`` from sacct's ``CANCELLED by 0``; empty where it does not tell."""
    found = re.fullmatch(r"CANCELLED by (\d+)", state.strip())
    if found is None:
        return ""
    try:
        return f"by {pwd.getpwuid(int(found[1])).pw_name}"
    except KeyError:  # a user of another machine
        return f"by user {found[1]}"


def _host(name: str) -> str:
    return "" if name == "None assigned" else name


def read_json(file: Path) -> dict[str, Any]:
    """The object in a small file; empty where it is missing or torn."""
    try:
        found = json.loads(file.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
