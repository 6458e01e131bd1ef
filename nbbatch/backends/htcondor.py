"""HTCondor: one cluster for a batch, on the local schedd or on a remote one.

The queue is asked once for the whole sweep, its event log tells how those ended that
left it, and the history is asked for the rest. Bindings are the version-2 ones
(``htcondor2``); they are imported when they are needed.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from ..errors import BackendError, BackendUnavailable
from ..folder import SweepFolder
from ..model import Ending, Job, JobArray, JobPhase, JobStatus, Usage
from ..worker.files import write_atomic
from . import htcondor_personal
from .base import Batch
from .htcondor_credentials import cautions as credential_cautions
from .htcondor_endings import Endings
from .htcondor_files import bring_home, choose_files, pack, refill
from .htcondor_states import COMPLETED, HELD, IDLE, SPOOLING, ending_of, status_of
from .htcondor_submit import (
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
STATUS = (
    "JobStatus",
    "RemoteHost",
    "HoldReasonCode",
    "HoldReasonSubCode",
    "HoldReason",
    "RequestMemory",
    "MemoryProvisioned",
    "ResidentSetSize",
    "RequestDisk",
    "DiskUsage",
    "JobMaterializeNextProcId",
    "JobMaterializePaused",
)
JOB = ("ClusterId", "ProcId")

SITE = "submit/htcondor.json"
"""How this sweep's files travel, and by which schedd: decided at its first submission."""


class HTCondorBackend:
    """Jobs of one sweep in an HTCondor queue."""

    name: ClassVar[str] = "htcondor"
    bundle_files: ClassVar[bool] = True
    raises_memory: ClassVar[bool] = True
    grace: ClassVar[float] = 90.0  # NFS hides a new file for up to a minute

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder = SweepFolder(root)
        self._endings = Endings(root, root / LOG)

    # where it is

    def check(self) -> None:
        try:
            self._ask(lambda: self._schedd.query("false", ["ClusterId"], limit=1))
        except BackendError as error:
            if self.folder.exists() and self.folder.header().launch.personal:
                self._start_personal()
                return
            raise BackendUnavailable(
                f"No HTCondor schedd answers: {error.message}",
                hint="Submit from a machine where `condor_q` works, or name the schedd in "
                "_CONDOR_SCHEDD_HOST. `--personal` starts a pool of your own.",
            ) from None

    def _start_personal(self) -> None:
        config = htcondor_personal.start()
        self._note_site(config=str(config), stopped=False)
        self.__dict__.pop("_schedd", None)
        sys.stderr.write(
            f"No HTCondor schedd answers here: started a pool of your own ({config.parent}). "
            "The first `nbbatch status` after its last job stops it.\n"
        )

    def _stop_personal(self) -> None:
        """Stop a pool of our own, unless another sweep has jobs there."""
        if not self._ask(lambda: self._schedd.query("true", ["ClusterId"], limit=1)):
            self._note_site(stopped=True)
            htcondor_personal.stop()

    def _site(self) -> dict[str, Any]:
        try:
            site: dict[str, Any] = json.loads((self.root / SITE).read_bytes())
        except FileNotFoundError:
            return {}
        return site

    def _note_site(self, **facts: Any) -> None:
        self.folder.submit.mkdir(exist_ok=True)
        write_atomic(self.root / SITE, json.dumps({**self._site(), **facts}))

    def cautions(self) -> list[str]:
        """What the user should know before a submission; empty when all is well."""
        header = self.folder.header()
        return credential_cautions(self._htcondor.param, float(header.resources.time or 3600))

    def driver(self) -> str:
        return ""

    @cached_property
    def _htcondor(self) -> Any:
        try:
            import htcondor2
        except ImportError:
            raise BackendUnavailable(
                "HTCondor's Python bindings (htcondor2) are not installed.",
                hint="python -m pip install 'nbbatch[htcondor]'  (Linux only)",
            ) from None
        config = self._site().get("config")
        return htcondor_personal.use(Path(config)) if config else htcondor2

    @cached_property
    def _schedd(self) -> Any:
        return self._ask(self._htcondor.Schedd)

    def _ask(self, question: Callable[[], Any]) -> Any:
        """Ask HTCondor something; BackendError, in one line, when it does not answer."""
        condor = self._htcondor
        try:
            return question()
        except condor.HTCondorException as error:
            said = " ".join(str(error).split()) or type(error).__name__
            raise BackendError(f"HTCondor said: {said}") from None

    def files(self) -> Files:
        """How this sweep's files travel; decided once, then written down."""
        decided = self._site().get("files")
        if decided:
            return Files(decided)
        asked = self.folder.header().launch.files if self.folder.exists() else ""
        return choose_files(asked, self._htcondor)

    # sending

    def render(self, batch: Batch) -> str:
        asked = batch.header.launch.files
        try:
            files = choose_files(asked, self._htcondor)
        except BackendError:  # a preview where no pool is
            files = Files.SHARED
        size = len(batch.bundles)
        return (
            as_text(describe(batch, files), batch.first, size)
            + "\n# The job's script:\n"
            + script(batch, files, size)
        )

    def submit(self, batch: Batch, accepted: Callable[[JobArray], None]) -> None:
        files = self.files()
        self._note_site(files=files.value)
        self.folder.logs.mkdir(exist_ok=True)
        shipped = pack(batch, files)
        if files is Files.SPOOL:
            self._remove_unspooled()
        whole = len(self.folder.batch(batch.number)["bundles"])
        stem = self.folder.submit / f"{batch.number:04d}"
        write_atomic(stem.with_suffix(".sh"), script(batch, files, whole))
        for start, part in self._parts(batch):
            lines = describe(part, files, shipped)
            size = len(part.bundles)
            write_atomic(
                stem.with_name(f"{stem.name}-{start}.sub"), as_text(lines, part.first, size)
            )
            accepted(JobArray(self._queue(lines, part, files), part.first, size))

    def _parts(self, batch: Batch) -> Iterable[tuple[int, Batch]]:
        """The batch, cut where the schedd takes no more jobs at once."""
        limit = max(1, int(self._htcondor.param.get("MAX_JOBS_PER_SUBMISSION", 20_000)))
        for start in range(0, len(batch.bundles), limit):
            part = batch.bundles[start : start + limit]
            yield batch.first + start, replace(batch, first=batch.first + start, bundles=part)

    def _queue(self, lines: Mapping[str, str], part: Batch, files: Files) -> str:
        condor = self._htcondor
        numbers = range(part.first, part.first + len(part.bundles))
        items = iter([{"bundle": str(number)} for number in numbers])
        spooled = files is Files.SPOOL

        description = condor.Submit(dict(lines))
        if CREDENTIALS & {name.lower() for name in lines}:
            url = self._ask(description.issue_credentials)
            if url:
                raise BackendError(
                    "This pool wants you to log in for the credentials that the jobs use.",
                    hint=f"Visit {url}, then run the same command again.",
                )

        def send() -> str:
            result = self._schedd.submit(description, itemdata=items, spool=spooled)
            if spooled:
                self._schedd.spool(result)
            return str(result.cluster())

        answer: str = self._ask(send)
        return answer

    def find(self, batch: Batch) -> list[JobArray]:
        wanted = constraint(batch.header.id, NbbatchBatch=batch.number)
        if self.files() is Files.SPOOL:
            # Its submitter died before the files were there: that job can never run.
            wanted += " && StageInFinish isnt undefined"
        names = ["ClusterId", "NbbatchFirst", "NbbatchJobs"]
        found = [_plain(ad) for ad in self._ask(lambda: self._schedd.query(wanted, names))]
        written = (self.folder.submit / f"{batch.number:04d}.json").stat().st_mtime
        found += self._history(wanted, names, since=int(written))
        arrays = {
            JobArray(str(ad["ClusterId"]), ad["NbbatchFirst"], ad["NbbatchJobs"]) for ad in found
        }
        return sorted(arrays, key=lambda array: int(array.id))

    def _remove_unspooled(self) -> None:
        """Take back what a submitter left that died before its files were with the schedd.

        Only its holder of the sweep's lock submits, so nobody is at it now.
        """
        left = f"JobStatus == {HELD} && HoldReasonCode == {SPOOLING} && StageInFinish is undefined"
        self._act("Remove", None, left, "its files never came")

    # looking

    def poll(self, arrays: Collection[JobArray]) -> Mapping[Job, JobStatus]:
        try:
            return self._poll(arrays)
        except BackendError as error:
            # Nothing is known of any: records still decide, the rest is asked again.
            unknown = JobStatus(JobPhase.UNKNOWN, error.message)
            return {Job(a.id, index): unknown for a in arrays for index in range(a.size)}

    def _poll(self, arrays: Collection[JobArray]) -> Mapping[Job, JobStatus]:
        condor = self._htcondor
        files = self.files()
        wanted = constraint(self.folder.header().id)
        site = self._site()
        ads: list[Any] = []
        if not site.get("stopped"):
            options = condor.QueryOpts.IncludeClusterAd
            ads = self._ask(lambda: self._schedd.query(wanted, [*JOB, *STATUS], opts=options))
        plain = [_plain(ad) for ad in ads]
        statuses: dict[Job, JobStatus] = {}
        sizes = {array.id: array.size for array in arrays}
        dropped = self._dropped()
        ready = False
        for ad in plain:
            cluster = str(ad["ClusterId"])
            if "ProcId" in ad:
                job = Job(cluster, ad["ProcId"])
                ready = ready or ad["JobStatus"] == COMPLETED
                statuses[job] = status_of(ad, str(self.root))
            elif "JobMaterializeNextProcId" in ad:
                # Procs that the schedd has not made yet: absent from the queue, not gone.
                held = JobStatus(JobPhase.HELD, HELD_BACK)
                status = held if ad.get("JobMaterializePaused") else JobStatus(JobPhase.QUEUED)
                for index in range(ad["JobMaterializeNextProcId"], sizes.get(cluster, 0)):
                    if f"{cluster}.{index}" not in dropped:
                        statuses.setdefault(Job(cluster, index), status)
        if files is Files.SPOOL and ready:
            self._fetch()
        if files is not Files.SHARED:
            statuses = {job: _unseen(status) for job, status in statuses.items()}
            at_work = [job for job, status in statuses.items() if status.phase is not JobPhase.GONE]
            first = {array.id: array.first for array in arrays}
            busy = {first[job.array] + job.index for job in at_work if job.array in first}
            bring_home(self.root, self.folder.header().settings.cwd, busy)
        gone = [(a.id, i) for a in arrays for i in range(a.size) if Job(a.id, i) not in statuses]
        ends = self._endings.of(gone, self._ended)
        for key in gone:
            ending, reason = ends.get(key, (Ending.UNTOLD, ""))
            statuses[Job(*key)] = JobStatus(JobPhase.GONE, reason, ending=ending)
        if "config" in site and not ads and not site["stopped"]:
            self._stop_personal()
        return statuses

    def _fetch(self) -> None:
        wanted = f"{constraint(self.folder.header().id)} && JobStatus == {COMPLETED}"
        self._ask(lambda: self._schedd.retrieve(wanted))

    def _ended(self, missing: Collection[tuple[str, int]]) -> Iterable[Mapping[str, Any]]:
        """The history's ads of these jobs."""
        if self._site().get("stopped"):
            return []
        wanted = f"{constraint(self.folder.header().id)} && {job_constraint(missing)}"
        created = int(self.folder.header_file.stat().st_mtime)
        return self._history(wanted, [*JOB, *ENDED], since=created)

    def _history(self, wanted: str, names: list[str], since: int) -> list[dict[str, Any]]:
        # A busy schedd's history is long: no further back than need be.
        end = f"EnteredCurrentStatus < {since - 3600}"
        return [
            _plain(ad) for ad in self._ask(lambda: self._schedd.history(wanted, names, since=end))
        ]

    # acting

    def cancel(self, jobs: Collection[Job] | None) -> None:
        if jobs is not None:
            self._drop(jobs)
        self._act("Remove", jobs, "true", "cancelled with nbbatch")

    def hold(self, jobs: Collection[Job] | None) -> None:
        # Running jobs go on. The cluster's own ad has no ProcId: holding it keeps the schedd
        # from making more of its jobs.
        idle = f"(JobStatus == {IDLE} || ProcId =?= undefined)"
        self._act("Hold", jobs, idle, "held with nbbatch")

    def release(self, jobs: Collection[Job] | None) -> None:
        # Not those whose files are not spooled yet: they cannot be released.
        held = f"(JobStatus == {HELD} && HoldReasonCode =!= {SPOOLING})"
        self._act("Release", jobs, f"({held} || ProcId =?= undefined)", "released with nbbatch")

    def _act(self, action: str, jobs: Collection[Job] | None, which: str, reason: str) -> None:
        if jobs is not None and not jobs:
            return
        wanted = f"{constraint(self.folder.header().id)} && {which}"
        if jobs is not None:
            wanted += f" && {job_constraint([(job.array, job.index) for job in jobs])}"
        action = getattr(self._htcondor.JobAction, action)
        # A reason that is a plain string would be lost.
        answer = self._ask(lambda: self._schedd.act(action, wanted, (reason, 1)))
        denied = answer.get("TotalPermissionDenied", 0) + answer.get("TotalError", 0)
        if denied:
            raise BackendError(
                f"HTCondor refused it for {denied} jobs of {self.root}.",
                hint="They may be another user's: `condor_q -allusers` shows whose.",
            )

    def _drop(self, jobs: Collection[Job]) -> None:
        """Jobs that the schedd has not made yet cannot be removed: empty their bundles."""
        arrays = {e["array"]: e["first"] for e in self.folder.events() if e["event"] == "accepted"}
        known = self._dropped() | {f"{job.array}.{job.index}" for job in jobs}
        write_atomic(self.folder.logs / DROPPED, "\n".join(sorted(known)))
        for job in jobs:
            refill(self.folder.bundle_file(arrays[job.array] + job.index))

    def _dropped(self) -> set[str]:
        try:
            return set((self.folder.logs / DROPPED).read_text().split())
        except FileNotFoundError:
            return set()

    # accounting

    def usage(self, jobs: Collection[Job]) -> Mapping[Job, Usage]:
        if not jobs:
            return {}
        chosen = job_constraint([(job.array, job.index) for job in jobs])
        wanted = f"{constraint(self.folder.header().id)} && {chosen}"
        found: dict[Job, Usage] = {}
        names = [*JOB, *ENDED, *USED]
        for ad in self._ask(lambda: self._schedd.history(wanted, names)):
            plain = _plain(ad)
            memory: Any = ad.eval("MemoryUsage") if "MemoryUsage" in ad else None
            ending, words = ending_of(plain)
            found[Job(str(plain["ClusterId"]), plain["ProcId"])] = Usage(
                peak_memory=int(memory * 2**20) if isinstance(memory, (int, float)) else None,
                cpu_seconds=plain.get("RemoteUserCpu", 0.0) + plain.get("RemoteSysCpu", 0.0),
                wall_seconds=plain.get("RemoteWallClockTime"),
                host=str(plain.get("LastRemoteHost", "")).rpartition("@")[2],
                ended=words or ending.value,
            )
        return found


CREDENTIALS = {"use_oauth_services", "use_scitokens", "send_credential"}
"""Options of the user's that make the pool issue credentials to the jobs."""

DROPPED = "htcondor-dropped"
HELD_BACK = "held by its owner: `nbbatch release` lets it start"


def _plain(ad: Any) -> dict[str, Any]:
    """An ad's values without expressions and undefined ones, which equal the integer 2."""
    return {name: value for name, value in ad.items() if type(value) in (int, float, str, bool)}


def _unseen(status: JobStatus) -> JobStatus:
    return replace(status, unseen=status.phase is JobPhase.RUNNING)
