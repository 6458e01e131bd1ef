"""HTCondor: one cluster for a batch, on the local schedd or on a remote one.

The queue is asked once for the whole sweep, its event log tells how those ended that
left it, and the history is asked for the rest. Bindings are the version-2 ones
(``htcondor2``); they are imported when they are needed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from ..errors import BackendError, BackendUnavailable
from ..folder import SweepFolder
from ..model import Ending, Job, JobArray, JobPhase, JobStatus, Usage
from ..worker.files import write_atomic
from . import htcondor_events as event_log
from .base import Batch
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

MEMORY = "logs/htcondor.json"
"""How far the event log was read, and what it told: what another process need not do again."""

HISTORY_TRIES = 3
"""How often the history is asked for a job of which neither queue nor log know anything."""


class HTCondorBackend:
    """Jobs of one sweep in an HTCondor queue."""

    name: ClassVar[str] = "htcondor"
    bundle_files: ClassVar[bool] = True
    grace: ClassVar[float] = 90.0  # NFS hides a new file for up to a minute

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder = SweepFolder(root)
        self._ends: dict[tuple[str, int], tuple[Ending, str]] = {}
        self._position = event_log.Position()
        self._asked: dict[tuple[str, int], int] = {}

    # where it is

    def check(self) -> None:
        try:
            self._ask(lambda: self._schedd.query("false", ["ClusterId"], limit=1))
        except BackendError as error:
            raise BackendUnavailable(
                f"No HTCondor schedd answers: {error.message}",
                hint="Submit from a machine where `condor_q` works, or name the schedd in "
                "_CONDOR_SCHEDD_HOST. `--personal` starts a pool of your own.",
            ) from None

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
        return htcondor2

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
        try:
            return Files(json.loads((self.root / SITE).read_bytes())["files"])
        except FileNotFoundError:
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
        write_atomic(self.root / SITE, json.dumps({"files": files.value}))
        self.folder.logs.mkdir(exist_ok=True)
        shipped = pack(batch, files)
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
        from dataclasses import replace

        limit = max(1, int(self._htcondor.param.get("MAX_JOBS_PER_SUBMISSION", 20_000)))
        for start in range(0, len(batch.bundles), limit):
            part = batch.bundles[start : start + limit]
            yield batch.first + start, replace(batch, first=batch.first + start, bundles=part)

    def _queue(self, lines: Mapping[str, str], part: Batch, files: Files) -> str:
        condor = self._htcondor
        numbers = range(part.first, part.first + len(part.bundles))
        items = iter([{"bundle": str(number)} for number in numbers])
        spooled = files is Files.SPOOL

        def send() -> str:
            result = self._schedd.submit(condor.Submit(dict(lines)), itemdata=items, spool=spooled)
            if spooled:
                self._schedd.spool(result)
            return str(result.cluster())

        answer: str = self._ask(send)
        return answer

    def find(self, batch: Batch) -> list[JobArray]:
        wanted = constraint(batch.header.id, NbbatchBatch=batch.number)
        names = ["ClusterId", "NbbatchFirst", "NbbatchJobs"]
        found = self._ask(lambda: self._schedd.query(wanted, names))
        # Those that have left the queue already: no further back than the batch itself.
        written = int((self.folder.submit / f"{batch.number:04d}.json").stat().st_mtime)
        since = f"EnteredCurrentStatus < {written - 3600}"
        found += self._ask(lambda: self._schedd.history(wanted, names, since=since))
        arrays = {
            JobArray(str(ad["ClusterId"]), ad["NbbatchFirst"], ad["NbbatchJobs"]) for ad in found
        }
        return sorted(arrays, key=lambda array: int(array.id))

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
        ads = self._ask(
            lambda: self._schedd.query(
                wanted, [*JOB, *STATUS], opts=condor.QueryOpts.IncludeClusterAd
            )
        )
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
        ends = self._endings(gone)
        for key in gone:
            ending, reason = ends.get(key, (Ending.UNTOLD, ""))
            statuses[Job(*key)] = JobStatus(JobPhase.GONE, reason, ending=ending)
        return statuses

    def _fetch(self) -> None:
        wanted = f"{constraint(self.folder.header().id)} && JobStatus == {COMPLETED}"
        self._ask(lambda: self._schedd.retrieve(wanted))

    def _endings(
        self, gone: Collection[tuple[str, int]]
    ) -> Mapping[tuple[str, int], tuple[Ending, str]]:
        """How these jobs ended: what the log says, else the history."""
        if not self._ends:
            self._remember()
        if any(key not in self._ends for key in gone):
            before = self._position
            events, self._position = event_log.read(self.root / LOG, before)
            self._ends.update(event_log.endings(events))
            missing = [
                key
                for key in gone
                if key not in self._ends and self._asked.get(key, 0) < HISTORY_TRIES
            ]
            if missing:
                self._ask_history(missing)
            if missing or self._position != before:
                self._note()
        return self._ends

    def _ask_history(self, missing: list[tuple[str, int]]) -> None:
        wanted = f"{constraint(self.folder.header().id)} && {job_constraint(missing)}"
        created = self.folder.header_file.stat().st_mtime
        since = f"EnteredCurrentStatus < {int(created) - 3600}"
        for ad in self._ask(lambda: self._schedd.history(wanted, [*JOB, *ENDED], since=since)):
            plain = _plain(ad)
            self._ends[str(plain["ClusterId"]), plain["ProcId"]] = ending_of(plain)
        for key in missing:
            self._asked[key] = self._asked.get(key, 0) + 1

    def _remember(self) -> None:
        """What an earlier process read of the log."""
        try:
            known = json.loads((self.root / MEMORY).read_bytes())
        except (FileNotFoundError, ValueError):
            return
        self._position = event_log.Position(**known["position"])
        for cluster, procs in known["well"].items():
            self._ends.update({(cluster, proc): (Ending.EXITED, "") for proc in procs})
        for cluster, proc, ending, reason in known["told"]:
            self._ends[cluster, proc] = Ending(ending), reason

    def _note(self) -> None:
        well: dict[str, list[int]] = {}
        told = []
        for (cluster, proc), (ending, reason) in self._ends.items():
            if ending is Ending.EXITED and not reason:
                well.setdefault(cluster, []).append(proc)
            else:
                told.append([cluster, proc, ending.value, reason])
        known = {"position": asdict(self._position), "well": well, "told": told}
        write_atomic(self.root / MEMORY, json.dumps(known), durable=False)

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
        for ad in self._ask(lambda: self._schedd.history(wanted, [*JOB, *ENDED, *USED])):
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


DROPPED = "htcondor-dropped"
HELD_BACK = "held by its owner: `nbbatch release` lets it start"


def _plain(ad: Any) -> dict[str, Any]:
    """An ad's values without expressions and undefined ones, which equal the integer 2."""
    return {name: value for name, value in ad.items() if type(value) in (int, float, str, bool)}


def _unseen(status: JobStatus) -> JobStatus:
    from dataclasses import replace

    return replace(status, unseen=status.phase is JobPhase.RUNNING)
