"""What the end of a run means: outcome, cause and failure. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..model import Cause, Failure, Outcome, Settings
from .channels import CellTimeout, KernelGone, NotebookTimeout, Stopped
from .client import CellError
from .failure import failure_of_error
from .kernel import KernelProblem
from .prepare import NotebookInvalid
from .units import memory_text


@dataclass(frozen=True)
class Facts:
    """What is known when a run has ended.

    ``problem`` is the exception that ended it; ``cell`` the notebook cell that was
    running, ``index`` its position; ``signal`` the signal that this process got;
    ``used`` the memory at which our own watch ended the kernel; ``system_oom`` that the
    system counted an out-of-memory kill; ``death`` how the kernel ended, in words;
    ``words`` what its process wrote past the protocol; ``had_the_job`` that the point had
    nearly all of the job's time for itself.
    """

    problem: Exception | None
    settings: Settings
    cell: Mapping[str, Any] | None = None
    index: int | None = None
    signal: str = ""
    used: int | None = None
    system_oom: bool = False
    death: str = ""
    words: str = ""
    peak: int = 0
    had_the_job: bool = False


def judge(facts: Facts) -> tuple[Outcome, Cause, Failure | None]:
    """Outcome, cause and failure of a run that ended so."""
    problem = facts.problem
    if problem is None:
        return Outcome.OK, Cause.NONE, None
    if isinstance(problem, CellError):
        return Outcome.FAILED, Cause.CELL_ERROR, problem.failure
    if isinstance(problem, NotebookInvalid):
        return Outcome.FAILED, Cause.NOTEBOOK_INVALID, Failure("NotebookInvalid", str(problem))
    if facts.used is not None:
        used, asked = memory_text(facts.used), memory_text(facts.settings.memory or 0)
        text = f"The kernel used {used} of memory, asked for were {asked}."
        return Outcome.DIED, Cause.OUT_OF_MEMORY, _failure(facts, "OutOfMemory", text)
    if facts.signal == "SIGUSR1" and facts.had_the_job:
        # What a scheduler sends ahead of the walltime: another job would end the same way.
        text = "The job's time was over, and this point had nearly all of it."
        return Outcome.TIMEOUT, Cause.WALLTIME, _failure(facts, "Walltime", text)
    if isinstance(problem, Stopped) or facts.signal:
        text = f"The worker was told to stop by {facts.signal or 'a signal'}."
        return Outcome.INTERRUPTED, Cause.SIGNALLED, _failure(facts, "Interrupted", text)
    if isinstance(problem, CellTimeout):
        text = f"The cell ran longer than {facts.settings.cell_timeout:g} s."
        return Outcome.TIMEOUT, Cause.CELL_TIMEOUT, _failure(facts, "CellTimeout", text)
    if isinstance(problem, NotebookTimeout):
        text = f"The notebook ran longer than {facts.settings.timeout:g} s."
        return Outcome.TIMEOUT, Cause.NOTEBOOK_TIMEOUT, _failure(facts, "NotebookTimeout", text)
    if isinstance(problem, KernelProblem):
        words = problem.words.strip()
        return (
            Outcome.DIED,
            Cause.KERNEL_START,
            Failure("KernelDidNotStart", str(problem), words),
        )
    assert isinstance(problem, KernelGone), problem
    if facts.system_oom:
        used = memory_text(facts.peak)
        text = f"The system ended the kernel because memory ran out; it had used {used}."
        return Outcome.DIED, Cause.OUT_OF_MEMORY, _failure(facts, "OutOfMemory", text)
    text = f"The kernel {facts.death}."
    return Outcome.DIED, Cause.KERNEL_DIED, _failure(facts, "KernelDied", text)


def _failure(facts: Facts, name: str, value: str) -> Failure:
    """A failure that is not an exception of the notebook, in the cell that was running."""
    if facts.cell is None or facts.index is None:
        return Failure(name, value, facts.words.strip())
    found = Failure(
        name=name,
        value=value,
        traceback=facts.words.strip(),
        cell=facts.index,
        execution_count=facts.cell.get("execution_count"),
    )
    # An interrupted cell says where it was.
    errors = [o for o in facts.cell.get("outputs", ()) if o["output_type"] == "error"]
    if not errors:
        return found
    where = failure_of_error(
        errors[-1],
        source=facts.cell["source"],
        cell=facts.index,
        count=facts.cell.get("execution_count"),
    )
    return replace(where, name=name, value=value)
