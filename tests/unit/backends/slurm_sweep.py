"""A sweep as the Slurm backend is given it."""

from __future__ import annotations

from pathlib import Path

from nbbatch.backends.base import Batch
from nbbatch.model import Header, Launch, Resources, Settings

HEADER = Header(
    id="1a2b3c4d",
    name="mass scan",
    created="2026-11-21T12:00:00.000Z",
    user="ada",
    host="login1",
    notebook="/home/ada/scan.ipynb",
    notebook_sha256="",
    kernel="python3",
    language="python",
    backend="slurm",
    nbbatch="1.0",
    python="3.11.2",
    resources=Resources(cpus=4, memory=2 * 10**9, time=1800, gpus=1, disk=10**9),
    settings=Settings(),
    launch=Launch(
        python="/opt/venv/bin/python",
        setup="module load root\n",
        options={"partition": "short", "exclusive": "", "comment": "two words"},
    ),
)
BATCH = Batch(Path("/data/my sweeps/scan"), HEADER, 1, 1, [["a"], ["b"]], {"JUPYTER_PATH": "/k"})
