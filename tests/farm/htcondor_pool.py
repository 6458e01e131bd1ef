"""What the tests on a real pool share: an administrator, the queue as it is.

``tests/farm/htcondor/pytest-as-user [--files MODE]`` runs them.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from nbbatch.sweep import Sweep
from tests.contract.conftest import Bench

FILES = os.environ.get("NBBATCH_FARM_FILES", "")
SEEING = FILES == "shared"


def order(*words: str) -> None:
    """Have an administrator do it: ``kill starter``, ``restart schedd``, ``vacate 7.0`` …"""
    work = Path(os.environ["NBBATCH_FARM_WORK"])
    with (work / "orders").open("w") as orders:
        orders.write(" ".join(words) + "\n")
    with (work / "answers").open() as answers:
        assert answers.readline() == "0\n", words


def wait_for_go(bench: Bench) -> str:
    go = str(bench.channel / "go")
    return f"import os, time\nwhile not os.path.exists({go!r}): time.sleep(0.05)"


def jobs(sweep: Sweep) -> str:
    """The constraint that finds the sweep's jobs."""
    return f'NbbatchSweep == "{sweep.header.id}"'


def schedd() -> Any:
    import htcondor2

    return htcondor2.Schedd()


def remove(constraint: str) -> None:
    import htcondor2

    schedd().act(htcondor2.JobAction.Remove, constraint, ("by another hand", 1))


def reason(sweep: Sweep) -> str:
    return sweep.views()[0].reason
