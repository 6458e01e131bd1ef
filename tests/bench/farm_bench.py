"""Points per minute on the schedulers of ``tests/farm``: nbbatch's bundles and others.

``tests/run bench slurm`` or ``htcondor``. All run the tiny notebook on the same pool, one
contestant after the other, from the first submission until the last result is there. nbbatch
makes pages, results and a report besides; the others only run papermill.
"""

from __future__ import annotations

import argparse
import os
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import nbformat

from tests.farm import slurm_pool

from . import notebooks
from .contestants import BIN, OTHERS, numbered, of_sweep

Run = Callable[[Path, int, Path], None]
"""Runs a notebook for ``x`` in ``range(points)`` in an empty folder."""

CPUS = os.cpu_count() or 1
"""That both pools say to have: ``tests/run`` makes them as large as the machine is."""

LIMIT = 900.0
"""Seconds after which a contestant has hung."""

SUBMITIT = """\
import sys
import papermill, submitit

notebook, points = sys.argv[2], int(sys.argv[3])
executor = submitit.SlurmExecutor(folder="log", python=sys.executable)
executor.update_parameters(time=10, cpus_per_task=1, mem="400M", array_parallelism=points)
jobs = executor.map_array(
    lambda x: papermill.execute_notebook(
        notebook, f"{x}.ipynb", parameters={"x": x}, progress_bar=False
    )
    and None,
    range(points),
)
for job in jobs:
    job.result()
"""


ONE_BY_ONE = """\
import os, sys, time
import htcondor2

papermill, notebook, points = sys.argv[1], sys.argv[2], int(sys.argv[3])
schedd = htcondor2.Schedd()
clusters = []
for x in range(points):
    job = {
        "executable": papermill,
        "arguments": f"{notebook} {x}.ipynb -p x {x}",
        "initialdir": os.getcwd(),
        "request_cpus": "1",
        "request_memory": "400MB",
        "should_transfer_files": "NO",
        "environment": f"HOME={os.environ['HOME']}",
        "output": f"{x}.out",
        "error": f"{x}.err",
    }
    clusters.append(schedd.submit(htcondor2.Submit(job)).cluster())
while schedd.query(" || ".join(f"ClusterId == {n}" for n in clusters), ["ClusterId"]):
    time.sleep(1)
"""

HTMAP = """\
import os, sys
import htmap

papermill, notebook, points = sys.argv[1], sys.argv[2], int(sys.argv[3])

def one(x):
    import os, subprocess
    environment = {**os.environ, "HOME": os.getcwd()}
    out = f"{here}/{x}.ipynb"
    subprocess.run([papermill, notebook, out, "-p", "x", str(x)], check=True, env=environment)

here = os.getcwd()
htmap.settings["DELIVERY_METHOD"] = "assume"
options = htmap.MapOptions(
    request_memory="400MB",
    request_cpus="1",
    environment=f"PATH={os.path.dirname(sys.executable)}:/usr/bin:/bin",
)
found = htmap.map(one, range(points), map_options=options)
found.wait(timeout=600)
list(found)
"""


def nbbatch(*options: str) -> Run:
    """A job for each of the pool's CPUs, all with as many points."""

    def run(notebook: Path, points: int, folder: Path) -> None:
        (folder / "grid.yaml").write_text(f"x: {{range: [0, {points}]}}\n")
        command = [str(BIN / "nbbatch"), "run", str(notebook), "--grid", "grid.yaml", "--yes"]
        command += ["--points-per-job", str(-(-points // CPUS)), "--memory", "400MB"]
        call([*command, "--time", "10m", "--out", "sweep", *options], folder)

    return run


def sbatch(notebook: Path, points: int, folder: Path) -> None:
    """One job for each papermill command."""
    for x in range(points):
        command = [str(BIN / "papermill"), str(notebook), f"{x}.ipynb", "-p", "x", f"{x}"]
        words = ["--job-name=bench", "--time=10", "--cpus-per-task=1", "--mem=400M"]
        wrap = f"--wrap={shlex.join(command)}"
        call(["sbatch", "--quiet", *words, f"--output={x}.log", wrap], folder)
    wait_until_idle("slurm")


def program(source: str, python: Path) -> Run:
    """A program that is given papermill, the notebook and the number of points."""

    def run(notebook: Path, points: int, folder: Path) -> None:
        (folder / "map.py").write_text(source)
        call([str(python), "map.py", str(BIN / "papermill"), str(notebook), str(points)], folder)

    return run


CONTESTANTS: dict[str, dict[str, Run]] = {
    "slurm": {
        "a job per papermill": sbatch,
        "submitit": program(SUBMITIT, OTHERS / "python"),
        "nbbatch": nbbatch("--backend", "slurm"),
    },
    "htcondor": {
        "a job per papermill": program(ONE_BY_ONE, BIN / "python"),
        "htmap": program(HTMAP, OTHERS / "python"),
        "nbbatch": nbbatch("--backend", "htcondor", "--python", str(BIN / "python")),
    },
}


def call(command: Sequence[str], folder: Path) -> None:
    environment = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    environment["NBBATCH_POLL_INTERVAL"] = "1"  # as often as we look at the other ones' queue
    log = folder / "call.log"
    with log.open("ab") as output:
        done = subprocess.run(
            command, cwd=folder, env=environment, stdout=output, stderr=output, timeout=LIMIT
        )
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed: {log.read_text(errors='replace')[-2000:]}")


def points_per_minute(name: str, run: Run, notebook: Path, points: int, folder: Path) -> float:
    """How many points a minute ``run`` makes; RuntimeError when a result is missing or wrong."""
    folder.mkdir()
    began = time.monotonic()
    run(notebook, points, folder)
    minutes = (time.monotonic() - began) / 60
    found = list((of_sweep if name == "nbbatch" else numbered)(folder))
    for x, file in enumerate(found):
        last = nbformat.read(file, as_version=4).cells[-1]
        if [output.text for output in last.outputs] != [f"x = {x}\n"]:
            raise RuntimeError(f"{file} does not say x = {x}")
    if len(found) != points:
        raise RuntimeError(f"{name} has made {len(found)} of {points} points")
    return points / minutes


def wait_until_idle(scheduler: str) -> None:
    """Return when no job is left: one that ends a sweep may still write to its folder."""
    end = time.monotonic() + LIMIT
    while waiting(scheduler):
        if time.monotonic() > end:
            raise RuntimeError(f"jobs are still queued after {LIMIT:g} s")
        time.sleep(0.2)


def waiting(scheduler: str) -> int:
    """How many jobs the scheduler has."""
    if scheduler == "slurm":
        return len(slurm_pool.slurm("squeue", "-h", "-o", "%i").split())
    import htcondor2

    return len(htcondor2.Schedd().query("true", ["ClusterId"]))


def main() -> None:
    parser = argparse.ArgumentParser(prog="farm_bench", description=__doc__)
    parser.add_argument("scheduler", choices=list(CONTESTANTS))
    parser.add_argument("--points", type=int, default=200, help="of nbbatch; default: 200")
    parser.add_argument("--singles", type=int, default=16, help="of the others; default: 16")
    options = parser.parse_args()
    if options.scheduler == "slurm":
        os.environ["SLURM_CONF"] = str(slurm_pool.CONFIGURATION)
    found = waiting(options.scheduler)
    if found:
        sys.exit(f"The farm is in use: {found} jobs. Try again when they have ended.")
    with tempfile.TemporaryDirectory(prefix="nbbatch-bench-") as folder:
        home = Path(folder)
        notebook = notebooks.write("tiny", home)
        first = 0.0
        for number, (name, run) in enumerate(CONTESTANTS[options.scheduler].items()):
            points = options.points if name == "nbbatch" else options.singles
            try:
                rate = points_per_minute(name, run, notebook, points, home / str(number))
            except RuntimeError as error:
                last = str(error).strip().splitlines()[-1]
                print(f"{name:20} does not run here: {last}", flush=True)
                continue
            finally:
                wait_until_idle(options.scheduler)
            first = first or rate
            print(
                f"{name:20} {points:4d} points {rate:7.1f} a minute, {rate / first:5.1f} x",
                flush=True,
            )


if __name__ == "__main__":
    main()
