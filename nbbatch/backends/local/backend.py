"""Jobs on this machine: a detached supervisor process feeds points to a few workers.

This side only starts the supervisor, reads its state file and leaves requests for it.
Everything survives the end of this process, of its terminal and of the supervisor.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, ClassVar

from ...errors import BackendError
from ...folder import SweepFolder
from ...model import Job, JobArray, JobPhase, JobStatus, Usage
from ...worker.files import append_line
from ..base import Batch
from . import processes

STATE = "supervisor.json"
REQUESTS = "supervisor.requests"
LOG = "supervisor.log"


class LocalBackend:
    """Worker processes of this machine, ``max_running`` at a time."""

    name: ClassVar[str] = "local"
    bundle_files: ClassVar[bool] = False
    raises_memory: ClassVar[bool] = False
    goes_on: ClassVar[bool] = False
    grace: ClassVar[float] = 0.0

    def __init__(self, root: Path) -> None:
        self.root = root
        self.logs = SweepFolder(root).logs

    def check(self) -> None:
        """This machine is always there."""

    def driver(self) -> str:
        state = self._state()
        if state and not state["over"] and processes.alive(state):
            return f"its supervisor, process {state['pid']} on {state['host']}"
        return ""

    def render(self, batch: Batch) -> str:
        jobs = batch.header.max_running or processes.usable_cpus()
        return f"# {jobs} worker processes on this machine take {len(batch.bundles)} points\n" + (
            " ".join(_command(batch)) + "\n"
        )

    def submit(self, batch: Batch, accepted: Callable[[JobArray], None]) -> None:
        self.logs.mkdir(exist_ok=True)
        (self.logs / REQUESTS).unlink(missing_ok=True)
        with (self.logs / LOG).open("ab") as log:
            # It forks, and returns when the supervisor has written its first state.
            started = subprocess.run(
                _command(batch),
                cwd=self.root,
                env={**os.environ, **batch.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                check=False,
            )
        if started.returncode:
            last = (self.logs / LOG).read_text(errors="replace").strip().splitlines()[-1:]
            raise BackendError(
                f"The supervisor of {self.root} did not start: {''.join(last)}",
                hint=f"Its whole output is in {self.logs / LOG}.",
            )
        accepted(array_of(batch.number, batch.first, len(batch.bundles)))

    def find(self, batch: Batch) -> list[JobArray]:
        array = array_of(batch.number, batch.first, len(batch.bundles))
        return [array] if (self._state() or {}).get("array") == array.id else []

    def poll(self, arrays: Collection[JobArray]) -> Mapping[Job, JobStatus]:
        state = self._state()
        if not state or state["over"]:
            return {}
        running = [w for w in workers_of(state) if w["index"] is not None]
        statuses: dict[Job, JobStatus] = {}
        if processes.alive(state):
            waiting = JobStatus(JobPhase.QUEUED)
            fresh = set(range(state["next"], state["size"])) - set(state["dropped"])
            for index in (*fresh, *state["requeued"]):
                statuses[Job(state["array"], index)] = waiting
            for index in state["held"]:
                statuses[Job(state["array"], index)] = JobStatus(JobPhase.HELD, "held by its owner")
        else:
            # A worker goes on to the end of its point when its supervisor is gone.
            running = [w for w in running if processes.alive({**w, "host": state["host"]})]
        for worker in running:
            status = JobStatus(JobPhase.RUNNING, host=state["host"])
            statuses[Job(worker["array"], worker["index"])] = status
        return statuses

    def cancel(self, jobs: Collection[Job] | None) -> None:
        self._request("cancel", jobs)
        state = self._state()
        if state and not processes.alive(state):
            for worker in workers_of(state):
                if jobs is None or Job(worker["array"], worker["index"]) in jobs:
                    processes.terminate({**worker, "host": state["host"]})

    def hold(self, jobs: Collection[Job] | None) -> None:
        self._request("hold", jobs)

    def release(self, jobs: Collection[Job] | None) -> None:
        self._request("release", jobs)

    def balance(self) -> None:
        """Nothing to do: the supervisor keeps to the limit."""

    def longest(self) -> int | None:
        return None  # no walltime

    def usage(self, jobs: Collection[Job]) -> Mapping[Job, Usage]:
        return {}  # the records say it

    def _request(self, action: str, jobs: Collection[Job] | None) -> None:
        indices = None
        if jobs is not None:
            # The supervisor knows its own jobs only; those of earlier batches have ended.
            array = (self._state() or {}).get("array")
            indices = sorted(job.index for job in jobs if job.array == array)
        append_line(self.logs / REQUESTS, json.dumps({"do": action, "jobs": indices}))

    def _state(self) -> dict[str, Any] | None:
        try:
            state: dict[str, Any] = json.loads((self.logs / STATE).read_bytes())
        except FileNotFoundError:
            return None
        return state


def workers_of(state: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A supervisor's workers, and those that earlier ones left behind, each with its array."""
    own = [{**worker, "array": state["array"]} for worker in state["workers"]]
    return [*own, *state.get("orphans", ())]


def array_of(batch: int, first: int, size: int) -> JobArray:
    """The name under which a batch runs here."""
    return JobArray(f"local-{batch}", first, size)


def _command(batch: Batch) -> list[str]:
    module = "nbbatch.backends.local.supervisor"
    return [sys.executable, "-m", module, str(batch.root), str(batch.number)]
