"""What is done to the jobs of a sweep in an HTCondor queue: taken back, held, released."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from ...errors import BackendError
from ...model import Job
from ...worker.files import write_atomic
from .files import refill
from .site import JOB, Site
from .states import COMPLETED, HELD, IDLE, MEMORY_HOLD, SPOOLING
from .submit import constraint, job_constraint, memory_edits

DROPPED = "htcondor-dropped"


class Actions:
    """Each acts on some jobs, or with None on all of the sweep. Raises BackendError."""

    def __init__(self, site: Site) -> None:
        self.site = site

    def cancel(self, jobs: Collection[Job] | None) -> None:
        if jobs is not None:
            self._drop(jobs)
        # What has ended and waits to be fetched is kept.
        self.act("Remove", jobs, f"JobStatus =!= {COMPLETED}", "cancelled with nbbatch")

    def hold(self, jobs: Collection[Job] | None) -> None:
        # Running jobs go on. The cluster's own ad has no ProcId: holding it keeps the schedd
        # from making more of its jobs.
        idle = f"(JobStatus == {IDLE} || ProcId =?= undefined)"
        self.act("Hold", jobs, idle, "held with nbbatch")
        self._refuse_unmade(jobs, "held")

    def release(self, jobs: Collection[Job] | None) -> None:
        # Not those whose files are not spooled yet: they cannot be released.
        held = f"(JobStatus == {HELD} && HoldReasonCode =!= {SPOOLING})"
        self.act("Release", jobs, f"({held} || ProcId =?= undefined)", "released with nbbatch")
        self._refuse_unmade(jobs, "released")

    def _refuse_unmade(self, jobs: Collection[Job] | None, done: str) -> None:
        """Say so when jobs were named that the schedd has not made yet: they have no ad."""
        if not jobs:
            return
        made = {
            str(ad["ClusterId"]): ad["JobMaterializeNextProcId"]
            for ad in self.site.look()
            if "JobMaterializeNextProcId" in ad
        }
        unmade = [job for job in jobs if job.index >= made.get(job.array, job.index + 1)]
        if unmade:
            raise BackendError(
                f"{len(unmade)} of these points cannot be {done} one by one: with --jobs or "
                "--max-idle HTCondor makes a job when its turn comes, and theirs has not.",
                hint=f"`nbbatch hold {self.site.root}` and `nbbatch release …` are for all of "
                "them, `nbbatch cancel` takes single points back.",
            )

    def release_with_memory(self, jobs: Collection[Job] | None, memory: int) -> int:
        """Let jobs that are held for their memory start with so much (bytes); how many did."""
        which = f"({MEMORY_HOLD})"
        wanted = self._chosen(jobs, which)
        held = self.site.query(wanted, [*JOB])
        if not held:
            return 0

        def edit(schedd: Any) -> None:
            for name, value in memory_edits(memory).items():
                schedd.edit(wanted, name, value)

        self.site.ask(edit)
        self.act("Release", jobs, which, "released with more memory by nbbatch")
        return len(held)

    def _chosen(self, jobs: Collection[Job] | None, which: str) -> str:
        wanted = f"{constraint(self.site.folder.header().id)} && {which}"
        if jobs is not None:
            wanted += f" && {job_constraint([(job.array, job.index) for job in jobs])}"
        return wanted

    def act(self, action: str, jobs: Collection[Job] | None, which: str, reason: str) -> None:
        if jobs is not None and not jobs:
            return
        wanted = self._chosen(jobs, which)
        action = getattr(self.site.condor.JobAction, action)
        # A reason that is a plain string would be lost.
        answer = self.site.ask(lambda schedd: schedd.act(action, wanted, (reason, 1)))
        denied = answer.get("TotalPermissionDenied", 0) + answer.get("TotalError", 0)
        if denied:
            raise BackendError(
                f"HTCondor refused it for {denied} jobs of {self.site.root}.",
                hint="They may be another user's: `condor_q -allusers` shows whose.",
            )

    def _drop(self, jobs: Collection[Job]) -> None:
        """Jobs that the schedd has not made yet cannot be removed: empty their bundles."""
        arrays = {
            e["array"]: e["first"] for e in self.site.folder.events() if e["event"] == "accepted"
        }
        known = self.dropped() | {f"{job.array}.{job.index}" for job in jobs}
        write_atomic(self.site.folder.logs / DROPPED, "\n".join(sorted(known)))
        for job in jobs:
            refill(self.site.folder.bundle_file(arrays[job.array] + job.index))

    def dropped(self) -> set[str]:
        try:
            return set((self.site.folder.logs / DROPPED).read_text().split())
        except FileNotFoundError:
            return set()
