"""What surrounds a kernel (a hub that runs as a job, say) does not get into its sweeps."""

from __future__ import annotations

from pathlib import Path

import pytest

from nbbatch.backends.command import scrubbed
from nbbatch.interactive.words import request_of
from nbbatch.plan import make_plan
from nbbatch.sweep import Sweep
from tests.notebooks import write_notebook
from tests.unit.interactive.driving import INSIDE_A_JOB

TOLD = ["of-the-hub", "/nowhere", "secret", "slot1_7", "4711", "jupyterhub"]


@pytest.mark.parametrize("backend", ["local", "slurm", "htcondor"])
def test_what_is_submitted_says_nothing_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, backend: str
) -> None:
    for name, value in INSIDE_A_JOB.items():
        monkeypatch.setenv(name, value)
    notebook = write_notebook(tmp_path / "scan.ipynb", parameters="x = 1")
    words = {"backend": backend, "out": tmp_path / "sweep"}
    text = Sweep.preview(make_plan(request_of(notebook, {"x": [1, 2]}, words)))
    assert text
    assert [told for told in TOLD if told in text] == []


def test_the_scheduler_s_programs_do_not_see_the_surrounding_job() -> None:
    kept = scrubbed({"PATH": "/bin", **INSIDE_A_JOB})
    # HTCondor's are no options of a submission; `_CONDOR_SCHEDD_HOST` may be the user's own.
    assert sorted(kept) == [
        *("JUPYTERHUB_API_TOKEN", "PATH"),
        *("_CONDOR_JOB_AD", "_CONDOR_SCRATCH_DIR", "_CONDOR_SLOT"),
    ]
