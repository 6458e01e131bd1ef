"""Where a job or a point is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from .record import Record
from .work import Point


class JobPhase(str, Enum):
    """Where the scheduler says a job is. It never says whether a point is ok."""

    QUEUED = "queued"
    RUNNING = "running"
    HELD = "held"
    GONE = "gone"  # not in the queue any more
    UNKNOWN = "unknown"  # the query failed, or the word is new to us: ask again


@dataclass(frozen=True, order=True)
class Job:
    """One HTCondor proc, one Slurm array task, one place in the local queue."""

    array: str
    index: int


@dataclass(frozen=True)
class JobArray:
    """Jobs submitted together: job ``index`` runs bundle ``first + index``.

    ``id`` is the scheduler's: a Slurm array job id, an HTCondor cluster.
    """

    id: str
    first: int
    size: int

    def job_of(self, bundle: int) -> Job:
        return Job(self.id, bundle - self.first)


class Ending(str, Enum):
    """Why a job is gone, where the scheduler tells. It never says that a point is ok."""

    UNTOLD = ""
    EXITED = "exited"  # by itself, whatever its exit code
    TIMEOUT = "timeout"  # its walltime was over
    OUT_OF_MEMORY = "out-of-memory"
    CANCELLED = "cancelled"  # by its owner or an administrator
    INFRASTRUCTURE = "infrastructure"  # node failed, preempted, never booted


@dataclass(frozen=True)
class Transfer:
    """Seconds for which a job's files were on their way: inputs to its node, outputs back."""

    inputs: float = 0.0
    outputs: float = 0.0


@dataclass(frozen=True)
class JobStatus:
    """A job's phase, the scheduler's reason in words, the node, and how it ended if gone.

    ``unseen``: the job works where its files cannot be seen, so that the phase alone tells
    that its points have begun. ``transfer`` is known of jobs that are gone, where files travel.
    """

    phase: JobPhase
    reason: str = ""
    host: str = ""
    ending: Ending = Ending.UNTOLD
    unseen: bool = False
    transfer: Transfer | None = None


@dataclass(frozen=True)
class Usage:
    """What a scheduler's accounting knows of a job. Memory in bytes, times in seconds."""

    peak_memory: int | None = None
    cpu_seconds: float | None = None
    wall_seconds: float | None = None
    host: str = ""
    ended: str = ""


class PointState(str, Enum):
    """The state of a point, decided by ``collect`` from records and job phases."""

    PENDING = "pending"  # not submitted yet
    QUEUED = "queued"
    RUNNING = "running"
    HELD = "held"
    OK = "ok"
    FAILED = "failed"
    TIMEOUT = "timeout"
    DIED = "died"
    INTERRUPTED = "interrupted"
    LOST = "lost"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"

    @property
    def over(self) -> bool:
        """True when nothing will change this state by itself."""
        return self in _OVER


_OVER = frozenset(
    {
        PointState.OK,
        PointState.FAILED,
        PointState.TIMEOUT,
        PointState.DIED,
        PointState.INTERRUPTED,
        PointState.LOST,
        PointState.CANCELLED,
    }
)


@dataclass(frozen=True)
class PointView:
    """A point with all that is known of it: one row of results, status and report.

    ``transfer`` is its job's: inputs came before the job's first point, outputs left after
    its last, and points between them have none.
    """

    point: Point
    state: PointState
    record: Record | None = None
    attempts: int = 0
    reason: str = ""
    host: str = ""
    started: str = ""
    transfer: Transfer | None = None
