"""The values that flow through nbbatch, and their JSON form. No logic, no disk.

The worker imports this module and ``errors`` and nothing else of nbbatch, so that it
can be shipped to a node alone; keep it free of other imports.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import Enum
from typing import Any, Union

FORMAT = 1
"""Version of the sweep folder's format; a reader refuses a larger one."""

Value = Union[None, bool, int, float, str, "list[Value]", "dict[str, Value]"]
"""What a parameter or a metric can be: a JSON value. NaN and infinities are not."""

RECORD_MIME = "application/vnd.nbbatch.record+json"
"""Display data of this type, ``{"name": …, "value": …}``, is a metric."""


class PointFiles:
    """Names inside one point's folder. The worker writes them, all others only read."""

    EXECUTED = "executed.ipynb"
    PAGE = "notebook.html"
    LOG = "output.log"
    RECORD = "record.json"
    ATTEMPTS = "attempts.jsonl"
    FIGURES = "figures"


# ---------------------------------------------------------------- what is to run


@dataclass(frozen=True)
class Point:
    """One set of parameter values: one notebook execution.

    ``dir`` is relative to the sweep folder. ``key`` is a hash of everything that the
    result depends on (code, parameters, kernel, environment, input files): a record
    with the same key is still valid.
    """

    id: str
    index: int
    params: dict[str, Value]
    dir: str
    key: str

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Point:
        return cls(**{name: data[name] for name in ("id", "index", "params", "dir", "key")})

    def to_json(self) -> dict[str, Any]:
        # Not ``asdict``: it deep-copies, which costs at 100,000 points.
        return {
            "id": self.id,
            "index": self.index,
            "dir": self.dir,
            "key": self.key,
            "params": self.params,
        }


@dataclass(frozen=True)
class Resources:
    """What one job asks for. Memory and disk in bytes, time in seconds; None: site default."""

    cpus: int = 1
    memory: int | None = None
    disk: int | None = None
    gpus: int = 0
    time: int | None = None


@dataclass(frozen=True)
class Launch:
    """How a farm's job starts the worker.

    ``python`` is the interpreter on the node (empty: this one, on a shared filesystem);
    ``setup`` shell lines that run before it; ``container`` an image to run it in;
    ``options`` the scheduler's own, by name; ``mail`` an address to tell of the end.
    ``retry_memory`` multiplies the memory request of a point that ran out of it (0: no
    retry). HTCondor only: ``files`` is ``shared``, ``transfer``, ``spool`` or empty (chosen
    by itself), ``max_idle`` bounds the idle jobs that the schedd sees, ``personal`` starts
    a pool of one's own. Where nodes do not see the sweep folder, ``inputs`` (absolute)
    travel with each job and ``outputs`` (patterns, relative to the notebook's folder) come
    back.
    """

    python: str = ""
    setup: str = ""
    container: str = ""
    mail: str = ""
    options: dict[str, str] = field(default_factory=dict)
    retry_memory: float = 0.0
    files: str = ""
    max_idle: int | None = None
    personal: bool = False
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Settings:
    """How each point is executed; the same for all points of a sweep.

    ``kernel``        kernelspec name; None: what the notebook names
    ``cwd``           where the notebook runs: an absolute folder, or "point" for the
                      point's own folder
    ``timeout``       seconds for the whole notebook; ``cell_timeout`` for one cell
    ``collect``       metric name → expression, evaluated in the kernel after the last cell
    ``output_cap``    bytes of text output kept per cell; the rest is in ``output.log``
    ``memory``        bytes; the worker ends a kernel whose process tree uses more
                      (None on farms, where the scheduler does that)
    ``walltime``      seconds that the job may last; the worker stops taking points when
                      what is left is less than the longest point so far
    ``retries``       how often a point is tried again after an infrastructure failure
    ``stylesheet``    of the point pages, relative to the sweep folder
    """

    kernel: str | None = None
    cwd: str = "point"
    timeout: float | None = None
    cell_timeout: float | None = None
    startup_timeout: float = 120.0
    collect: dict[str, str] = field(default_factory=dict)
    output_cap: int = 10_000_000
    hide_input: bool = False
    memory: int | None = None
    walltime: int | None = None
    retries: int = 2
    stylesheet: str = "report/assets/notebook.css"

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Settings:
        return cls(**data)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Bundle:
    """The points that one job runs, one after another; all that a worker needs to know.

    ``root`` is the sweep folder as the node sees it; ``notebook`` is relative to it.
    """

    number: int
    sweep: str
    root: str
    notebook: str
    points: tuple[Point, ...]
    settings: Settings

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Bundle:
        return cls(
            number=data["number"],
            sweep=data["sweep"],
            root=data["root"],
            notebook=data["notebook"],
            points=tuple(Point.from_json(p) for p in data["points"]),
            settings=Settings.from_json(data["settings"]),
        )

    def to_json(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "number": self.number,
            "sweep": self.sweep,
            "root": self.root,
            "notebook": self.notebook,
            "settings": self.settings.to_json(),
            "points": [p.to_json() for p in self.points],
        }


# ------------------------------------------------------------- how an attempt ended


class Outcome(str, Enum):
    """How an attempt ended, as its record says."""

    OK = "ok"
    FAILED = "failed"  # a cell raised
    TIMEOUT = "timeout"  # --timeout or --cell-timeout
    DIED = "died"  # the kernel is gone, or never came up
    INTERRUPTED = "interrupted"  # the worker was told to stop


class Cause(str, Enum):
    """Why an attempt did not end ok; finer than the outcome."""

    NONE = ""
    CELL_ERROR = "cell-error"
    CELL_TIMEOUT = "cell-timeout"
    NOTEBOOK_TIMEOUT = "notebook-timeout"
    WALLTIME = "walltime"  # the job's time was over, and this point had nearly all of it
    KERNEL_DIED = "kernel-died"
    OUT_OF_MEMORY = "out-of-memory"
    KERNEL_START = "kernel-start"  # the kernel never answered
    NOTEBOOK_INVALID = "notebook-invalid"  # the frozen notebook cannot be executed at all
    SIGNALLED = "signalled"  # SIGTERM, SIGINT, SIGUSR1
    WORKER_ERROR = "worker-error"  # disk full, a defect of ours


INFRASTRUCTURE = frozenset({Cause.KERNEL_START, Cause.SIGNALLED, Cause.WORKER_ERROR})
"""Causes that say nothing about the notebook: tried again, a bounded number of times."""


@dataclass(frozen=True)
class Failure:
    """What went wrong, and where. ``traceback`` has no ANSI codes.

    ``cell`` is the 0-based index of the cell in the executed notebook,
    ``execution_count`` the number in its ``In [ ]``, ``line`` the 1-based line of the
    cell (where the traceback tells it), ``source`` that line's text.
    """

    name: str
    value: str
    traceback: str = ""
    cell: int | None = None
    execution_count: int | None = None
    line: int | None = None
    source: str = ""


@dataclass(frozen=True)
class Record:
    """How an attempt at a point ended: ``record.json``, written last, by the worker.

    Times are ISO 8601 UTC; ``seconds`` is wall time; ``peak_memory`` (bytes) and
    ``cpu_seconds`` are of the kernel's process tree. ``metric_errors`` says which
    ``collect`` expressions could not be evaluated and why. ``truncated`` lists the
    cells whose text output was cut at the cap.
    """

    point: str
    key: str
    attempt: int
    outcome: Outcome
    cause: Cause = Cause.NONE
    failure: Failure | None = None
    metrics: dict[str, Value] = field(default_factory=dict)
    metric_errors: dict[str, str] = field(default_factory=dict)
    started: str = ""
    finished: str = ""
    seconds: float = 0.0
    host: str = ""
    pid: int = 0
    job: str = ""
    python: str = ""
    kernel: str = ""
    language: str = ""
    peak_memory: int | None = None
    cpu_seconds: float | None = None
    truncated: tuple[int, ...] = ()
    figures: tuple[str, ...] = ()
    format: int = FORMAT

    @property
    def infrastructure(self) -> bool:
        """True when the attempt says nothing about the notebook."""
        return self.cause in INFRASTRUCTURE

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Record:
        fields = dict(data)
        fields["outcome"] = Outcome(fields["outcome"])
        fields["cause"] = Cause(fields.get("cause", ""))
        if fields.get("failure") is not None:
            fields["failure"] = Failure(**fields["failure"])
        fields["truncated"] = tuple(fields.get("truncated", ()))
        fields["figures"] = tuple(fields.get("figures", ()))
        return cls(**fields)

    def to_json(self) -> dict[str, Any]:
        data = asdict(self)
        data["outcome"] = self.outcome.value
        data["cause"] = self.cause.value
        return data


# ---------------------------------------------------------- where a job or a point is


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
class JobStatus:
    """A job's phase, the scheduler's reason in words, the node, and how it ended if gone.

    ``unseen``: the job works where its files cannot be seen, so that the phase alone tells
    that its points have begun.
    """

    phase: JobPhase
    reason: str = ""
    host: str = ""
    ending: Ending = Ending.UNTOLD
    unseen: bool = False


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
    """A point with all that is known of it: one row of results, status and report."""

    point: Point
    state: PointState
    record: Record | None = None
    attempts: int = 0
    reason: str = ""
    host: str = ""
    started: str = ""


@dataclass(frozen=True)
class Header:
    """``sweep.json``: what a sweep is. ``created`` is ISO 8601 UTC.

    ``revision`` counts the changes of notebook, grid or options since ``created``; what
    an earlier revision was is kept in ``revisions/``.
    """

    id: str
    name: str
    created: str
    user: str
    host: str
    notebook: str
    notebook_sha256: str
    kernel: str
    language: str
    backend: str
    nbbatch: str
    python: str
    resources: Resources = field(default_factory=Resources)
    settings: Settings = field(default_factory=Settings)
    launch: Launch = field(default_factory=Launch)
    max_running: int | None = None
    points_per_job: int = 1
    git_commit: str = ""
    git_dirty: bool = False
    revision: int = 1
    format: int = FORMAT

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Header:
        fields = dict(data)
        fields["resources"] = Resources(**fields["resources"])
        fields["settings"] = Settings.from_json(fields["settings"])
        launch = dict(fields["launch"])
        for name in ("inputs", "outputs"):
            launch[name] = tuple(launch.get(name, ()))
        fields["launch"] = Launch(**launch)
        return cls(**fields)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)
