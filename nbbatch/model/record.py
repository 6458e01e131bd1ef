"""How an attempt at a point ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import Enum
from typing import Any

from .work import FORMAT, Value


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
    ``cpu_seconds`` are of the kernel's process tree; ``worker_memory`` (bytes) is what the job
    held beside it: its worker and what that keeps ready. ``metric_errors`` says which
    ``collect`` expressions could not be evaluated and why. ``truncated`` lists the
    cells whose text output was cut at the cap. ``reused`` names the sweep folder that a
    result was taken from, relative to this one; times and host are of that run.
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
    reused: str = ""
    worker_memory: int | None = None
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
