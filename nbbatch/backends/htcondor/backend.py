"""HTCondor: one cluster for a batch, on the local schedd or on a remote one.

The queue is asked once for the whole sweep, its event log tells how those ended that
left it, and the history is asked for the rest. Bindings are the version-2 ones
(``htcondor2``); they are imported when they are needed.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from ...errors import BackendError, BackendUnavailable
from ...folder import SweepFolder
from ...model import Ending, Job, JobArray, JobPhase, JobStatus, Usage
from ...worker.files import write_atomic
from ..base import Batch
from . import personal
from .actions import Actions
from .arrivals import FETCHED, Arrivals, fetch, unfetched
from .credentials import cautions as credential_cautions
from .credentials import issue_credentials
from .endings import Endings
from .files import choose_files, pack
from .limits import room, send_parts
from .site import JOB, Site, plain
from .states import FETCHED_REASON, HELD, SPOOLING, ending_of, statuses_of
from .submit import (
    LOG,
    Files,
    as_text,
    constraint,
    describe,
    job_constraint,
    script,
)

ENDED = ("JobStatus", "ExitCode", "ExitBySignal", "ExitSignal", "RemoveReason")
USED = ("MemoryUsage", "RemoteWallClockTime", "RemoteUserCpu", "RemoteSysCpu", "LastRemoteHost")

AN_HOUR = 3600
"""How long a job is taken to last without --time, when it is asked what may expire meanwhile."""

STAGING_SECONDS = 10.0
"""For how long the schedd may still put away the files of a submitter that has died: it says
that they are there a second after it has taken them."""


class HTCondorBackend:
    """Jobs of one sweep in an HTCondor queue."""

    name: ClassVar[str] = "htcondor"
    bundle_files: ClassVar[bool] = True
    # A job that is held for its memory is released with more by the schedd. But where a cgroup
    # is the limit often only the kernel is killed, and the worker lives to record it.
    raises_memory: ClassVar[bool] = False
    goes_on: ClassVar[bool] = False
    grace: ClassVar[float] = 90.0  # NFS hides a new file for up to a minute

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder = SweepFolder(root)
        self.site = Site(root)
        self._actions = Actions(self.site)
        self._arrivals = Arrivals(root)
        self._endings = Endings(root, root / LOG)
        self._staged: set[int] = set()

    # where it is

    def check(self) -> None:
        try:
            self.site.ask(lambda schedd: schedd.query("false", ["ClusterId"], limit=1))
        except BackendError as error:
            if self.folder.exists() and self.folder.header().launch.personal:
                self._start_personal()
                return
            raise BackendUnavailable(
                f"No HTCondor schedd answers: {error.message}",
                hint="Submit from a machine where `condor_q` works, or name the schedd with "
                "`--option schedd=NAME`. `--personal` starts a pool of your own.",
            ) from None

    def _start_personal(self) -> None:
        config = personal.start()
        self.site.note(config=str(config), stopped=False)
        self.site.forget()
        end = "The first `nbbatch status` after its last job stops it."
        if self.folder.header().launch.keep_personal:
            end = f"It stays up: `CONDOR_CONFIG={config} condor_off -master` stops it."
        sys.stderr.write(
            "No HTCondor schedd answers here: a pool of your own is up now "
            f"({config.parent}). {end}\n"
        )

    def _stop_personal(self) -> None:
        """Stop a pool of our own, unless it shall stay or another sweep has jobs there."""
        if self.folder.header().launch.keep_personal:
            return
        if not self.site.ask(lambda schedd: schedd.query("true", ["ClusterId"], limit=1)):
            self.site.note(stopped=True)
            personal.stop()

    def cautions(self) -> list[str]:
        """What the user should know before a submission; empty when all is well."""
        header = self.folder.header()
        rounds = 1
        if header.max_running:
            jobs = math.ceil(len(self.folder.points()) / max(1, header.points_per_job))
            rounds = math.ceil(jobs / header.max_running)
        seconds = rounds * float(header.resources.time or AN_HOUR)
        said = credential_cautions(self.site.condor.param, seconds)
        if header.launch.max_idle:
            with suppress(BackendError):  # no pool answers: `check` says that
                if self.site.files() is Files.SPOOL:
                    said.append(
                        "--max-idle does nothing where files are spooled: all jobs are queued at "
                        "once. --jobs N keeps to N running ones."
                    )
        return said

    def driver(self) -> str:
        return ""

    # sending

    def render(self, batch: Batch) -> str:
        asked = batch.header.launch.files
        try:
            files = choose_files(asked, self.site.condor, lambda: self.site.location)
        except BackendError:  # a preview where no pool is
            files = Files.SHARED
        size = len(batch.bundles)
        return (
            as_text(describe(batch, files), batch.first, size)
            + "\n# The job's script:\n"
            + script(batch, files, size)
        )

    def submit(self, batch: Batch, accepted: Callable[[JobArray], None]) -> None:
        files = self.site.settle()
        self.folder.logs.mkdir(exist_ok=True)
        shipped = pack(batch, files)
        if files is Files.SPOOL:
            self._remove_unspooled()
        whole = len(self.folder.batch(batch.number)["bundles"])
        stem = self.folder.submit / f"{batch.number:04d}"
        write_atomic(stem.with_suffix(".sh"), script(batch, files, whole))
        space = self.site.ask(lambda schedd: room(self.site.condor, self.site.location, schedd))

        def send(start: int, bundles: Sequence[Sequence[str]]) -> None:
            part = replace(batch, first=batch.first + start, bundles=bundles)
            lines = describe(part, files, shipped)
            text = as_text(lines, part.first, len(bundles))
            write_atomic(stem.with_name(f"{stem.name}-{part.first}.sub"), text)
            accepted(JobArray(self._queue(lines, part, files), part.first, len(bundles)))

        send_parts(batch.bundles, space, send)

    def _queue(self, lines: Mapping[str, str], part: Batch, files: Files) -> str:
        numbers = range(part.first, part.first + len(part.bundles))
        items = iter([{"bundle": str(number)} for number in numbers])
        spooled = files is Files.SPOOL
        description = self.site.condor.Submit(dict(lines))
        issue_credentials(lambda: self.site.ask(lambda _: description.issue_credentials()))
        result = self.site.ask(
            lambda schedd: schedd.submit(description, itemdata=items, spool=spooled)
        )
        cluster = str(result.cluster())
        if spooled:
            try:
                self.site.ask(lambda schedd: schedd.spool(result))
            except BackendError:
                # It would stay, held, until somebody sends its files.
                self._actions.act("Remove", None, f"ClusterId == {cluster}", "its files never came")
                raise
        return cluster

    def find(self, batch: Batch) -> list[JobArray]:
        wanted = constraint(batch.header.id, NbbatchBatch=batch.number)
        names = ["ClusterId", "NbbatchFirst", "NbbatchJobs"]
        found = self._staged_ads(batch.number, wanted, names)
        written = (self.folder.submit / f"{batch.number:04d}.json").stat().st_mtime
        found += self._history(wanted, names, since=int(written))
        arrays = {
            JobArray(str(ad["ClusterId"]), ad["NbbatchFirst"], ad["NbbatchJobs"]) for ad in found
        }
        return sorted(arrays, key=lambda array: int(array.id))

    def _staged_ads(self, number: int, wanted: str, names: list[str]) -> list[dict[str, Any]]:
        """The batch's jobs in the queue whose files are with the schedd.

        A submitter that died before that left jobs that can never run. One that died
        right after it is waited for, once: the schedd is about to say that it has all.
        """
        deadline = time.monotonic() + STAGING_SECONDS
        while True:
            ads = self.site.query(wanted, [*names, "StageInStart", "StageInFinish"])
            if self.site.files() is not Files.SPOOL:
                return ads
            staged = [ad for ad in ads if "StageInFinish" in ad]
            begun = [ad for ad in ads if "StageInStart" in ad]
            if len(staged) == len(begun) or number in self._staged:
                return staged
            if time.monotonic() > deadline:
                self._staged.add(number)
            time.sleep(0.25)

    def _remove_unspooled(self) -> None:
        """Take back what a submitter left that died before its files were with the schedd.

        Only its holder of the sweep's lock submits, so nobody is at it now. What the journal
        knows was spooled: the schedd may not have said so yet.
        """
        left = f"JobStatus == {HELD} && HoldReasonCode == {SPOOLING} && StageInFinish is undefined"
        known = [e["array"] for e in self.folder.events() if e["event"] == "accepted"]
        if known:
            left += f" && !member(ClusterId, {{{', '.join(known)}}})"
        self._actions.act("Remove", None, left, "its files never came")

    # looking

    def poll(self, arrays: Collection[JobArray]) -> Mapping[Job, JobStatus]:
        try:
            return self._poll(arrays)
        except BackendError as error:
            # Nothing is known of any: records still decide, the rest is asked again.
            unknown = JobStatus(JobPhase.UNKNOWN, error.message)
            return {Job(a.id, index): unknown for a in arrays for index in range(a.size)}

    def _poll(self, arrays: Collection[JobArray]) -> Mapping[Job, JobStatus]:
        files = self.site.files()
        site = self.site.noted()
        ads: list[dict[str, Any]] = []
        failed: dict[str, str] = {}
        if not site.get("stopped"):
            ads = self.site.look()
            if files is Files.SPOOL and any(map(unfetched, ads)):
                with self._arrivals.alone():
                    ads, failed = self._fetch()
        statuses = statuses_of(ads, arrays, self._actions.dropped(), str(self.root))
        for name, said in failed.items():
            cluster, _, proc = name.partition(".")
            reason = f"its results could not be fetched, which is tried again: {said}"
            statuses[Job(cluster, int(proc))] = JobStatus(JobPhase.UNKNOWN, reason)
        if files is not Files.SHARED:
            statuses = {job: _unseen(status) for job, status in statuses.items()}
            at_work = [job for job, status in statuses.items() if status.phase is not JobPhase.GONE]
            first = {array.id: array.first for array in arrays}
            busy = {first[job.array] + job.index for job in at_work if job.array in first}
            self._arrivals.put_away(self.folder.header().settings.cwd, busy)
        gone = [(a.id, i) for a in arrays for i in range(a.size) if Job(a.id, i) not in statuses]
        ends = self._endings.of(gone, self._ended)
        for key in gone:
            ending, reason = ends.get(key, (Ending.UNTOLD, ""))
            moved = self._endings.transfer(key)
            statuses[Job(*key)] = JobStatus(JobPhase.GONE, reason, ending=ending, transfer=moved)
        if "config" in site and not ads and not site["stopped"]:
            self._stop_personal()
        return statuses

    def _fetch(self) -> tuple[list[dict[str, Any]], dict[str, str]]:
        """Bring home what jobs left with the schedd: the queue as it was before, and failures."""
        ads = self.site.look()  # again: another process may just have fetched
        ready = [f"{ad['ClusterId']}.{ad['ProcId']}" for ad in ads if unfetched(ad)]
        failed: dict[str, str] = {}
        if ready:
            failed = fetch(
                ready,
                constraint(self.folder.header().id),
                lambda jobs: self.site.ask(lambda schedd: schedd.retrieve(jobs)),
            )
            # By itself the schedd lets go of them later, perhaps minutes: until then they take
            # their owner's room and its disk.
            self._actions.act("Remove", None, FETCHED, FETCHED_REASON)
        return ads, failed

    def _ended(self, missing: Collection[tuple[str, int]]) -> Iterable[Mapping[str, Any]]:
        """The history's ads of these jobs."""
        if self.site.noted().get("stopped"):
            return []
        wanted = f"{constraint(self.folder.header().id)} && {job_constraint(missing)}"
        created = int(self.folder.header_file.stat().st_mtime)
        return self._history(wanted, [*JOB, *ENDED, *self.site.moves()], since=created)

    def _history(self, wanted: str, names: list[str], since: int) -> list[dict[str, Any]]:
        # A busy schedd's history is long: no further back than need be.
        end = f"EnteredCurrentStatus < {since - 3600}"
        ads = self.site.ask(lambda schedd: schedd.history(wanted, names, since=end))
        return [plain(ad) for ad in ads]

    # acting

    def cancel(self, jobs: Collection[Job] | None) -> None:
        self._actions.cancel(jobs)

    def hold(self, jobs: Collection[Job] | None) -> None:
        self._actions.hold(jobs)

    def release(self, jobs: Collection[Job] | None) -> None:
        self._actions.release(jobs)

    def release_with_memory(self, jobs: Collection[Job] | None, memory: int) -> int:
        return self._actions.release_with_memory(jobs, memory)

    # accounting

    def balance(self) -> None:
        """Nothing to do: a sweep is one cluster, or a concurrency limit keeps all of them."""

    def longest(self) -> int | None:
        return None  # it is not told

    def usage(self, jobs: Collection[Job]) -> Mapping[Job, Usage]:
        if not jobs:
            return {}
        chosen = job_constraint([(job.array, job.index) for job in jobs])
        wanted = f"{constraint(self.folder.header().id)} && {chosen}"
        found: dict[Job, Usage] = {}
        names = [*JOB, *ENDED, *USED]
        for ad in self.site.ask(lambda schedd: list(schedd.history(wanted, names))):
            told = plain(ad)
            memory: Any = ad.eval("MemoryUsage") if "MemoryUsage" in ad else None
            ending, words = ending_of(told)
            found[Job(str(told["ClusterId"]), told["ProcId"])] = Usage(
                peak_memory=int(memory * 2**20) if isinstance(memory, (int, float)) else None,
                cpu_seconds=told.get("RemoteUserCpu", 0.0) + told.get("RemoteSysCpu", 0.0),
                wall_seconds=told.get("RemoteWallClockTime"),
                host=str(told.get("LastRemoteHost", "")).rpartition("@")[2],
                ended=words or ending.value,
            )
        return found


def _unseen(status: JobStatus) -> JobStatus:
    return replace(status, unseen=status.phase is JobPhase.RUNNING)
