"""What commands cost as sweeps grow: ``python tests/bench/scale_bench.py [POINTS …]``.

Sweep folders of 1,000, 10,000 and 100,000 points with 12 parameters and 8 metrics are
made, with the records of workers that nobody ran. Each line is one command in a process of
its own, as a user types it: wall time and CPU time with Python's start in them, peak memory,
and how many files it opened and folders it listed inside the sweep folder.

plan, submit   a grid of so many points, checked, written and noted, but given to nobody
bundles        the same with a file for each job, as farms need it
cold           the first look at all records: nothing has read them before
changed        one point ran anew since the last look
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from nbbatch.folder import SweepFolder
from nbbatch.model import Failure, Outcome, Point, Record
from nbbatch.model.record import Cause
from tests.notebooks import write_notebook
from tests.views import TRACEBACK, a_header

# Runs a command line of nbbatch; says on stderr what it cost.
MEASURED = """
import atexit, json, resource, sys
root, *sys.argv = sys.argv[1:]
seen = {"open": 0, "os.scandir": 0, "os.listdir": 0}

def hook(event, args):
    if event in seen and args and isinstance(args[0], str) and args[0].startswith(root):
        seen[event] += 1

def say():
    used = resource.getrusage(resource.RUSAGE_SELF)
    cpu = used.ru_utime + used.ru_stime
    facts = {**seen, "memory": used.ru_maxrss * 1024, "cpu": cpu}
    print(json.dumps(facts), file=sys.__stderr__)

sys.addaudithook(hook)
atexit.register(say)
"""
COMMAND = "from nbbatch.cli import main\nmain()\n"
SUBMIT = """
from nbbatch.backends.local.backend import LocalBackend, array_of
from nbbatch.plan import Request, make_plan
from nbbatch.sweep import Sweep
LocalBackend.bundle_files = sys.argv[3] == "bundles"
LocalBackend.submit = lambda self, batch, accepted: accepted(
    array_of(batch.number, batch.first, len(batch.bundles)))
plan = make_plan(Request(sys.argv[1], sys.argv[2], out=root, max_points=10**9))
Sweep.create(plan).submit()
"""


def a_point(number: int, total: int) -> Point:
    params = {f"p{k}": round((number * 7919 + k * 104_729) % 1000 / 7, 6) for k in range(8)}
    params |= {"det": "ABCD"[number % 4], "seed": number, "cut": 0.5, "tag": f"run{number % 25}"}
    name = f"det-{'ABCD'[number % 4]}_seed-{number}-{number * 2654435761 % 2**40:010x}"
    return Point(name, number, params, SweepFolder.dir_of(name, total), "k" * 32)


def a_record(point: Point, shift: float = 0.0) -> Record:
    """A record as a worker writes it; one point in fifty has failed."""
    number = point.index
    hour, minute, second = 12 + number // 3600 % 12, number // 60 % 60, number % 60
    record = Record(
        point=point.id,
        key=point.key,
        attempt=1,
        outcome=Outcome.OK,
        metrics={f"m{k}": (number * 31 + k) % 9973 / 3 + shift for k in range(8)},
        started=f"2024-05-01T{hour:02d}:{minute:02d}:{second:02d}.000Z",
        finished=f"2024-05-01T{hour:02d}:{minute:02d}:{second:02d}.500Z",
        seconds=20 + number % 17 / 3,
        cpu_seconds=15.25,
        peak_memory=200_000_000 + number % 977 * 100_000,
        host=f"node{number % 40:02d}",
        python="3.11.2",
        kernel="python3",
        language="python",
        figures=("cell-07.png", "cell-09.png"),
    )
    if number % 50 != 7:
        return record
    failure = Failure("ValueError", f"step {number}", TRACEBACK, 4, 3, 2, "raise ValueError")
    return replace(
        record, outcome=Outcome.FAILED, cause=Cause.CELL_ERROR, failure=failure, metrics={}
    )


def write_record(root: Path, point: Point, record: Record) -> None:
    """As a worker does it: a line of what began, and a record that replaces what was there."""
    place = root / point.dir
    line = {"attempt": 1, "started": record.started, "host": record.host, "key": record.key}
    (place / "attempts.jsonl").write_text(json.dumps(line) + "\n")
    (place / "record.tmp").write_text(json.dumps(record.to_json(), indent=1) + "\n")
    (place / "record.tmp").replace(place / "record.json")


def make_sweep(root: Path, total: int) -> list[Point]:
    """A sweep whose points have all ended, an hour ago."""
    folder = SweepFolder(root)
    points = [a_point(number, total) for number in range(total)]
    folder.write_specification(a_header(), points, notebook=b"{}", grid="")
    names = [[point.id] for point in points]
    folder.write_batch(1, {"batch": 1, "first": 1, "memory": None, "bundles": names})
    folder.journal("submitting", batch=1, first=1)
    folder.journal("accepted", batch=1, array="local-1", first=1, size=total)
    folder.journal("submitted", batch=1)
    folder.journal("finished", counts={})
    ago = time.time() - 3600
    for point in points:
        (root / point.dir).mkdir(parents=True)
        write_record(root, point, a_record(point))
        os.utime(root / point.dir, (ago, ago))
    return points


def measured(what: str, root: Path, code: str, *arguments: str) -> float:
    """Run a command, print what it cost, return its seconds."""
    command = [sys.executable, "-c", MEASURED + code, str(root), "nbbatch", *arguments]
    environment = {**os.environ, "XDG_STATE_HOME": f"{root}-state"}
    began = time.perf_counter()
    run = subprocess.run(command, capture_output=True, text=True, env=environment)
    seconds = time.perf_counter() - began
    if run.returncode:
        raise SystemExit(f"{what}: exit code {run.returncode}\n{run.stderr}")
    cost = json.loads(run.stderr.splitlines()[-1])
    listed = cost["os.scandir"] + cost["os.listdir"]
    print(
        f"  {what:18} {seconds:7.2f} s {cost['cpu']:7.2f} s {cost['memory'] / 1e6:6.0f} MB"
        f" {cost['open']:8,} opened {listed:6,} listed",
        flush=True,
    )
    return seconds


def measure(total: int) -> None:
    print(f"{total:,} points              wall       CPU   memory")
    home = Path(tempfile.mkdtemp(prefix="nbbatch-bench-"))
    try:
        measure_submit(home, total)
        root = home / "sweep"
        points = make_sweep(root, total)
        measured("status, cold", root, COMMAND, "status", str(root))
        status = measured("status", root, COMMAND, "status", str(root))
        assert status > 0
        measured("results", root, COMMAND, "results", str(root), "-f", "csv", "-o", f"{home}/csv")
        cold = measured("report, cold", root, COMMAND, "report", str(root))
        measured("report, as it was", root, COMMAND, "report", str(root))
        point = points[total // 2]
        write_record(root, point, a_record(point, shift=1.0))
        changed = measured("report, changed", root, COMMAND, "report", str(root))
        shutil.rmtree(root / "report")
        shutil.rmtree(root / "state", ignore_errors=True)
        cold = measured("report, all cold", root, COMMAND, "report", str(root))
        print(f"  one changed point is {cold / changed:.1f} times as fast as all cold")
    finally:
        shutil.rmtree(home)


def measure_submit(home: Path, total: int) -> None:
    parameters = "\n".join([*(f"p{k} = 0.0" for k in range(8)), "a = 0", "b = 0"])
    notebook = write_notebook(home / "scan.ipynb", "a + b", parameters=parameters)
    grid = home / "grid.yaml"
    constants = "\n".join(f"p{k}: 0.{k + 1}" for k in range(8))
    grid.write_text(f"a: {{range: [0, {total // 100}]}}\nb: {{range: [0, 100]}}\n{constants}\n")
    words = [str(notebook), "--grid", str(grid), "--max-points", str(total)]
    measured("plan", home, COMMAND, "plan", *words)
    for how in ("submit", "bundles"):
        measured(f"plan + {how}", home / how, SUBMIT, str(notebook), str(grid), how)
        shutil.rmtree(home / how)


def main(sizes: list[int]) -> None:
    for size in sizes:
        measure(size)


if __name__ == "__main__":
    main([int(size) for size in sys.argv[1:]] or [1_000, 10_000, 100_000])
