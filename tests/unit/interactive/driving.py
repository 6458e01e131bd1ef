"""Notebooks that launch sweeps, executed in a real kernel by nbclient."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

from tests.notebooks import write_notebook

LONG = 600
"""Seconds that a cell may take; never a claim of speed."""

INSIDE_A_JOB = {
    "SLURM_JOB_ID": "4711",
    "SLURM_JOB_NAME": "jupyterhub",
    "SLURM_MEM_PER_CPU": "1",
    "SLURM_NTASKS": "64",
    "SLURM_EXPORT_ENV": "NONE",
    "SBATCH_PARTITION": "of-the-hub",
    "SBATCH_TIMELIMIT": "1",
    "_CONDOR_JOB_AD": "/nowhere/.job.ad",
    "_CONDOR_SCRATCH_DIR": "/nowhere",
    "_CONDOR_SLOT": "slot1_7",
    "JUPYTERHUB_API_TOKEN": "secret",
}
"""What a hub leaves in the environment of a kernel that it started as a job."""

LAUNCH = """
import nbbatch
s = nbbatch.run("scan.ipynb", {"x": [4, 9, -1, 16]}, out="sweep", **words)
s
"""


def write_driver(folder: Path, words: Mapping[str, Any], *cells: str) -> Path:
    """A notebook that launches scan.ipynb over four values of x, one of which fails."""
    write_notebook(
        folder / "scan.ipynb",
        "import math\nroot = math.sqrt(x)",
        "import nbbatch\nnbbatch.record('root', root)",
        parameters="x = 1.0",
    )
    return write_notebook(folder / "driver.ipynb", f"words = {dict(words)!r}", LAUNCH, *cells)


def execute(notebook: Path) -> nbformat.NotebookNode:
    """The notebook as it is after all its cells ran; one that raises makes the test fail."""
    nb = nbformat.read(notebook, 4)
    client = NotebookClient(nb, timeout=LONG, resources={"metadata": {"path": notebook.parent}})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the libraries around the kernel
        client.execute()
    nbformat.validate(nb)
    return nb


def shown(cell: nbformat.NotebookNode) -> str:
    """All that a cell shows, as text."""
    texts = (out.get("text") or out.get("data", {}).get("text/plain", "") for out in cell.outputs)
    return "\n".join(texts)
