"""What an end means, as a table."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nbbatch.model import Cause, Failure, Outcome, Settings
from nbbatch.worker.channels import CellTimeout, KernelGone, NotebookTimeout, Stopped
from nbbatch.worker.client import CellError
from nbbatch.worker.ending import Facts, judge
from nbbatch.worker.kernel import KernelProblem
from nbbatch.worker.prepare import NotebookInvalid

SETTINGS = Settings(timeout=60, cell_timeout=5, memory=2**30)
CELL = {"source": "wait()", "execution_count": 7, "outputs": []}
NOTHING = Facts(None, SETTINGS, cell=CELL, index=3)
MISSING = KernelProblem("no kernel", words="No module named ipykernel")
ERROR = CellError(Failure("ValueError", "v", cell=3))


@pytest.mark.parametrize(
    ("facts", "outcome", "cause", "name", "value"),
    [
        (NOTHING, Outcome.OK, Cause.NONE, None, None),
        # A signal that came when all was done changes nothing.
        (replace(NOTHING, signal="SIGTERM"), Outcome.OK, Cause.NONE, None, None),
        (replace(NOTHING, problem=ERROR), Outcome.FAILED, Cause.CELL_ERROR, "ValueError", "v"),
        (
            replace(NOTHING, problem=NotebookInvalid("n.ipynb is not a notebook")),
            Outcome.FAILED,
            Cause.NOTEBOOK_INVALID,
            "NotebookInvalid",
            "n.ipynb is not a notebook",
        ),
        (
            replace(NOTHING, problem=Stopped(), signal="SIGUSR1"),
            Outcome.INTERRUPTED,
            Cause.SIGNALLED,
            "Interrupted",
            "The worker was told to stop by SIGUSR1.",
        ),
        # The walltime is near, and the point had the job for itself: a result, not bad luck.
        (
            replace(NOTHING, problem=Stopped(), signal="SIGUSR1", had_the_job=True),
            Outcome.TIMEOUT,
            Cause.WALLTIME,
            "Walltime",
            "The job's time was over, and this point had nearly all of it.",
        ),
        (
            replace(NOTHING, problem=Stopped(), signal="SIGTERM", had_the_job=True),
            Outcome.INTERRUPTED,
            Cause.SIGNALLED,
            "Interrupted",
            "The worker was told to stop by SIGTERM.",
        ),
        # The scheduler signalled the kernel, too.
        (
            replace(NOTHING, problem=KernelGone(), signal="SIGTERM", death="was killed"),
            Outcome.INTERRUPTED,
            Cause.SIGNALLED,
            "Interrupted",
            "The worker was told to stop by SIGTERM.",
        ),
        (
            replace(NOTHING, problem=CellTimeout()),
            Outcome.TIMEOUT,
            Cause.CELL_TIMEOUT,
            "CellTimeout",
            "The cell ran longer than 5 s.",
        ),
        (
            replace(NOTHING, problem=NotebookTimeout()),
            Outcome.TIMEOUT,
            Cause.NOTEBOOK_TIMEOUT,
            "NotebookTimeout",
            "The notebook ran longer than 60 s.",
        ),
        (
            replace(NOTHING, problem=KernelGone(), death="was killed by SIGSEGV"),
            Outcome.DIED,
            Cause.KERNEL_DIED,
            "KernelDied",
            "The kernel was killed by SIGSEGV.",
        ),
        (
            replace(NOTHING, problem=KernelGone(), used=int(1.3 * 2**30)),
            Outcome.DIED,
            Cause.OUT_OF_MEMORY,
            "OutOfMemory",
            "The kernel used 1.3 GB of memory, asked for were 1 GB.",
        ),
        (
            replace(NOTHING, problem=KernelGone(), system_oom=True, peak=64 * 2**20),
            Outcome.DIED,
            Cause.OUT_OF_MEMORY,
            "OutOfMemory",
            "The system ended the kernel because memory ran out; it had used 64 MB.",
        ),
        (
            replace(NOTHING, problem=MISSING),
            Outcome.DIED,
            Cause.KERNEL_START,
            "KernelDidNotStart",
            "no kernel",
        ),
    ],
)
def test_how_it_ended(
    facts: Facts, outcome: Outcome, cause: Cause, name: str | None, value: str | None
) -> None:
    found, why, failure = judge(facts)

    assert (found, why) == (outcome, cause)
    assert (failure.name if failure else None) == name
    assert (failure.value if failure else None) == value


def test_an_interrupted_cell_says_where_it_was() -> None:
    interrupt = {
        "output_type": "error",
        "ename": "KeyboardInterrupt",
        "evalue": "",
        "traceback": ["Cell In[7], line 1", "KeyboardInterrupt:"],
    }
    facts = replace(NOTHING, problem=CellTimeout(), cell={**CELL, "outputs": [interrupt]})

    _, _, failure = judge(facts)

    assert failure is not None
    assert failure.name == "CellTimeout"
    assert failure.traceback.startswith("Cell In[7], line 1")
    assert (failure.cell, failure.line, failure.source) == (3, 1, "wait()")


def test_what_the_process_said_itself_is_kept() -> None:
    _, _, died = judge(replace(NOTHING, problem=KernelGone(), words="free(): invalid pointer\n"))
    _, _, never = judge(replace(NOTHING, problem=MISSING))

    assert died is not None
    assert died.traceback == "free(): invalid pointer"
    assert never is not None
    assert never.traceback == "No module named ipykernel"
