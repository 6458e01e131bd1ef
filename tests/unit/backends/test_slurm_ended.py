"""What is said of jobs that are gone."""

from __future__ import annotations

from pathlib import Path

import pytest

from nbbatch.backends.slurm.endings import Endings
from nbbatch.backends.slurm.states import Told
from nbbatch.folder import SweepFolder
from nbbatch.model import Ending, Job, JobArray

from .slurm_sweep import HEADER

GB = 2**30


@pytest.fixture
def endings(tmp_path: Path) -> Endings:
    """Of a sweep that asks for 2 GB, and in its second submission for 4 GB."""
    folder = SweepFolder(tmp_path)
    folder.write_specification(HEADER, [], notebook=b"{}", grid="")
    for number, memory in ((1, 2 * GB), (2, 4 * GB)):
        folder.write_batch(number, {"bundles": [["a"]], "memory": memory, "time": None})
        folder.journal("accepted", batch=number, array=f"{number}00", first=number, size=1)
    return Endings(folder, lambda: False)


@pytest.mark.parametrize(
    ("array", "asked", "next_time"), [("100", "2GB", "4GB"), ("200", "4GB", "8GB")]
)
def test_a_retry_that_asked_for_more_is_told_so(
    endings: Endings, array: str, asked: str, next_time: str
) -> None:
    job = Job(array, 0)
    endings.note(job, JobArray(array, 1, 1), Told("OUT_OF_MEMORY", "", "node7"))

    told = endings.known([job, Job(array, 1)])

    assert list(told) == [job]
    assert told[job].ending is Ending.OUT_OF_MEMORY
    words = f"out of memory: asked {asked}: resume with --memory {next_time}"
    assert told[job].reason == words


def test_who_is_not_missing_is_not_asked_about(tmp_path: Path) -> None:
    def accounting() -> bool:
        raise AssertionError("nothing is to be asked")

    Endings(SweepFolder(tmp_path), accounting).explain([Job("100", 0)], {})
