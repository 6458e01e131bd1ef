"""What a backend is, and what it is given."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Protocol, runtime_checkable

from ..model import Header, Job, JobArray, JobStatus, Usage

THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "JULIA_NUM_THREADS",
)


@dataclass(frozen=True)
class Batch:
    """One submission: some of a sweep's points, put into bundles, on their way to a scheduler.

    ``bundles`` holds point ids; bundle ``first + k`` is ``bundles[k]``. A batch is on disk
    (``submit/NNNN.json``, and ``bundles/`` where ``bundle_files``) before it is sent.
    ``environment`` holds variables that workers need besides those of the user. ``more`` says
    that other points wait for what these show: their jobs end with ``nbbatch go-on``.
    """

    root: Path
    header: Header
    number: int
    first: int
    bundles: Sequence[Sequence[str]]
    environment: Mapping[str, str] = field(default_factory=dict)
    more: bool = False


class Backend(Protocol):
    """A scheduler, for one sweep folder. Methods raise BackendError, never guess."""

    name: ClassVar[str]
    bundle_files: ClassVar[bool]
    """Whether a job reads its bundle from ``bundles/NNNN.json``."""

    raises_memory: ClassVar[bool]
    """Whether the scheduler by itself retries with more memory (``Launch.retry_memory``)."""

    goes_on: ClassVar[bool]
    """Whether jobs that end can submit others (``Batch.more``)."""

    grace: ClassVar[float]
    """Seconds after a job left the queue before a missing record means lost."""

    def check(self) -> None:
        """Raise BackendUnavailable, with a hint, when the scheduler cannot be used here."""

    def driver(self) -> str:
        """The process that the jobs depend on, in words; empty where there is none."""

    def render(self, batch: Batch) -> str:
        """The text that submits the batch. Pure: what ``--dry-run`` prints."""

    def submit(self, batch: Batch, accepted: Callable[[JobArray], None]) -> None:
        """Queue the batch; call ``accepted`` for each job array as soon as it is queued.

        What the scheduler has no room for now is left out; ``Sweep`` sends it again later.
        """

    def find(self, batch: Batch) -> list[JobArray]:
        """The batch's job arrays as the scheduler knows them by name.

        Used after a crash between the submission and the journal's note of it.
        """

    def poll(self, arrays: Collection[JobArray]) -> Mapping[Job, JobStatus]:
        """Where the jobs are: one query for all. A job that is not in the answer is gone.

        A gone job may be in the answer, to tell its ending.
        """

    def cancel(self, jobs: Collection[Job] | None) -> None:
        """Take these jobs, or all of the sweep, out of the queue."""

    def hold(self, jobs: Collection[Job] | None) -> None:
        """Keep these queued jobs, or all, from starting."""

    def release(self, jobs: Collection[Job] | None) -> None:
        """Let held jobs start again."""

    def balance(self) -> None:
        """Share the sweep's limit of running jobs anew, where each array has its own."""

    def longest(self) -> int | None:
        """Seconds that a job may last here at the most; None: not known."""

    def usage(self, jobs: Collection[Job]) -> Mapping[Job, Usage]:
        """What the scheduler's accounting knows of jobs; empty when it knows nothing."""


@runtime_checkable
class Foreseeing(Protocol):
    """A backend that knows beforehand what may go wrong before a sweep has ended."""

    def cautions(self) -> list[str]:
        """Sentences to show before a submission; none when all is well."""


@runtime_checkable
class HoldingForMemory(Protocol):
    """A backend whose scheduler holds jobs that use more memory than they asked for."""

    def release_with_memory(self, jobs: Collection[Job] | None, memory: int) -> int:
        """Let those of these jobs start that are so held, with this much (bytes); how many."""


def thread_environment(cpus: int) -> dict[str, str]:
    """Variables that keep numeric libraries to the CPUs that the job asked for."""
    return {name: str(cpus) for name in THREAD_VARIABLES}
