"""What is sent to HTCondor: the submit description and the job's script. Pure.

Nothing of a point is in it: a job knows the number of its bundle, the rest is JSON.
"""

from __future__ import annotations

import json
import math
import shlex
import sys
from collections.abc import Collection, Mapping, Sequence
from enum import Enum
from pathlib import Path

from ...errors import UsageError
from ...model import Resources
from ..base import Batch, thread_environment
from .states import CURE, LAST_HOLD_MEMORY, MEMORY_HOLD

BUNDLE = "$INT(bundle,%04d)"
"""The number of a job's bundle as file names have it; ``bundle`` is the only item."""

LOG = "logs/htcondor.log"
WORKER = "submit/worker.pyz"
DEFAULT_MEMORY = 2**30
"""Bytes asked for without --memory. HTCondor's own default, 128 MB, is less than a kernel and
its worker use, and pools hold what uses more than it asked for."""

CONCURRENCY_LIMIT_DEFAULT = 2_308_032
"""What the negotiator takes for a limit that nobody defined; chosen to have many divisors
(HTCondor's manual, "Concurrency Limits")."""

PLACES = ("schedd", "pool")
"""Of ``--option``: which schedd gets the jobs, and which collector knows it. Not for the jobs."""

MEMORY_TRIES = 2
"""How often a job held for its memory is released with more."""

EXTRA_TRIES = 2
"""Beyond those that the worker counts: for jobs that never got so far."""


class Files(str, Enum):
    """How files get to a job and back."""

    SHARED = "shared"  # the node sees the sweep folder
    TRANSFER = "transfer"  # the schedd does, the node does not
    SPOOL = "spool"  # neither does


def literal(text: str) -> str:
    """``text`` as a value of a submit description, where ``$(…)`` would be a macro."""
    if "\n" in text:
        raise UsageError(f"{text!r} goes into a submit description and cannot have a line end.")
    return text.replace("$", "$(DOLLAR)")


def quoted(text: str) -> str:
    """``text`` as a ClassAd string."""
    return literal('"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"')


def names(batch: Batch) -> tuple[str, str]:
    """The job's script and its cargo list, relative to the sweep folder."""
    return f"submit/{batch.number:04d}.sh", f"submit/{batch.number:04d}.cargo.json"


def describe(batch: Batch, files: Files, shipped: Sequence[str] = ()) -> dict[str, str]:
    """The submit description. ``shipped`` are the user's files that travel with each job."""
    header = batch.header
    script, cargo = names(batch)
    longest = max(map(len, batch.bundles))
    lines = {
        "universe": "vanilla",
        "executable": "/bin/bash",
        "transfer_executable": "false",
        "arguments": f"{script} $(bundle) $(ClusterId).$(ProcId)",
        "initialdir": literal(str(batch.root)),
        "output": f"logs/{BUNDLE}.out",
        "error": f"logs/{BUNDLE}.err",
        "batch_name": literal(header.name),
        "MY.NbbatchSweep": quoted(header.id),
        "MY.NbbatchName": quoted(header.name),
        "MY.NbbatchNotebook": quoted(header.notebook),
        "MY.NbbatchBatch": str(batch.number),
        "MY.NbbatchBundle": "$(bundle)",
        "MY.NbbatchFirst": str(batch.first),
        "MY.NbbatchJobs": str(len(batch.bundles)),
        "MY.NbbatchPoints": str(sum(map(len, batch.bundles))),
        **_resources(header.resources),
        **_memory(header.resources.memory or DEFAULT_MEMORY, header.launch.retry_memory),
        # A worker that is killed, or says 75: another try, perhaps on another node. One that
        # leaves for want of time has done a point at least.
        "max_retries": str(header.settings.retries + EXTRA_TRIES + longest - 1),
        "job_lease_duration": "1200",
    }
    if files is Files.SHARED:
        lines["should_transfer_files"] = "NO"
        # What the user's kernels and tools are found by.
        lines["getenv"] = "HOME, USER, LOGNAME, PATH, LANG, LC_ALL, JUPYTER_PATH"
    else:
        inputs = [script, cargo, WORKER, f"bundles/{BUNDLE}.json", "notebook.ipynb", *shipped]
        lines |= {
            "arguments": f"{Path(script).name} $(bundle) $(ClusterId).$(ProcId)",
            "should_transfer_files": "YES",
            # An evicted job's partial notebooks are there when it runs again.
            "when_to_transfer_output": "ON_EXIT_OR_EVICT",
            "transfer_input_files": ", ".join(map(_listed, inputs)),
            "transfer_output_files": ", ".join(OUTPUTS),
            # "Not finished" keeps what there is with the schedd and goes on from there.
            "checkpoint_exit_code": "75",
            "transfer_checkpoint_files": ", ".join(OUTPUTS),
        }
    if files is not Files.SPOOL:
        # With spooling each job's log would come home under this one name.
        lines["log"] = literal(str(batch.root / LOG))
        # Late materialisation cannot be spooled.
        if header.max_running:
            lines["max_materialize"] = str(header.max_running)
        if header.launch.max_idle:
            lines["max_idle"] = str(header.launch.max_idle)
    elif header.max_running:
        # A limit of the sweep's own, of which each job takes an n-th.
        share = CONCURRENCY_LIMIT_DEFAULT // header.max_running
        lines["concurrency_limits"] = f"nbbatch_{header.id}:{share}"
    if header.launch.container:
        lines["container_image"] = literal(header.launch.container)
    if header.launch.mail:
        lines |= {"notify_user": literal(header.launch.mail), "notification": "Error"}
    return _with_options(lines, header.launch.options)


OUTPUTS = ("points", "home")
"""What comes back from a node: the points' folders, and files for the user's own places."""


def _resources(asked: Resources) -> dict[str, str]:
    lines = {"request_cpus": str(asked.cpus)}
    if asked.disk is not None:
        lines["request_disk"] = f"{math.ceil(asked.disk / 2**10)}KB"
    if asked.gpus:
        lines["request_gpus"] = str(asked.gpus)
    if asked.time is not None:
        # Not allowed_execute_duration: on 23.9 it does nothing for a job without transfers, nor
        # for one with checkpoint_exit_code.
        lines["allowed_job_duration"] = str(asked.time)
    return lines


def _memory(size: int, factor: float) -> dict[str, str]:
    """The request, and when a held job is released; ``factor`` as in ``--retry-memory``.

    The schedd itself asks for more and releases: nobody of ours has to be there.
    """
    base = math.ceil(size / 2**20)
    if not factor:
        return {"request_memory": f"{base}MB", "periodic_release": CURE}
    most = math.ceil(base * factor**MEMORY_TRIES)
    more = (
        f"ifThenElse({LAST_HOLD_MEMORY}, int({factor:g} * (MemoryProvisioned ?: {base})), {base})"
    )
    return {
        "request_memory": f"min({{{most}, {more}}})",
        "periodic_release": f"({CURE}) || ({ENDED_MEMORY_HOLD} && MemoryProvisioned < {most})",
    }


# A while later, for a held job is still ending.
ENDED_MEMORY_HOLD = f"{MEMORY_HOLD} && time() - EnteredCurrentStatus > 5"


def memory_edits(size: int) -> dict[str, str]:
    """What to change in a held job so that it asks for this much (bytes), and no other rule does.

    With the rule of ``--retry-memory`` left in force a hold below its limit would be released
    for ever.
    """
    return {"RequestMemory": str(math.ceil(size / 2**20)), "PeriodicRelease": CURE}


def _with_options(lines: dict[str, str], options: Mapping[str, str]) -> dict[str, str]:
    """``--option KEY=VALUE``, as they are; ``+Attr`` is ``MY.Attr``. They win."""
    known = {name.lower(): name for name in lines}
    for name, value in options.items():
        if name in PLACES:
            continue
        key = f"MY.{name[1:]}" if name.startswith("+") else name
        if key.lower() in ("queue", "initialdir", "arguments", "executable"):
            raise UsageError(f"--option {name}: nbbatch needs to set that itself.")
        lines[known.get(key.lower(), key)] = value
    return lines


def _listed(path: str) -> str:
    if BUNDLE in path:
        return path
    if "," in path or path != path.strip():
        raise UsageError(
            f"{path!r} cannot be shipped: HTCondor lists files with commas between them.",
            hint="Rename it, or ship the folder that it is in.",
        )
    return literal(path)


def script(batch: Batch, files: Files, total: int) -> str:
    """The bash script that is each job: it gets the number of its bundle and its own name.

    ``total`` is the number of bundles of the whole batch: the job that ends as the last
    of them builds the report, where it can see the sweep folder.
    """
    header = batch.header
    lines = [
        "#!/bin/bash",
        f"# Runs bundle $1 of sweep {header.id}, batch {batch.number}. $2 is the job's name.",
        "export NBBATCH_JOB=$2",
    ]
    variables = {**thread_environment(header.resources.cpus), **batch.environment}
    if files is Files.SHARED:
        lines.append(f"cd {shlex.quote(str(batch.root))} || exit 75")
    else:
        # Made before anything else: an eviction asks for them.
        lines.append(f"mkdir -p {' '.join(OUTPUTS)}")
        variables.pop("JUPYTER_PATH", None)  # a folder of another machine
        lines.append('export HOME="${HOME:-$PWD}" PATH="${PATH:-/usr/local/bin:/usr/bin:/bin}"')
    lines += [f"export {name}={shlex.quote(value)}" for name, value in variables.items()]
    lines += header.launch.setup.splitlines()
    lines.append(f"exec {_command(batch, files, total)}")
    return "\n".join(lines) + "\n"


def _command(batch: Batch, files: Files, total: int) -> str:
    if files is Files.SHARED:
        python = batch.header.launch.python or sys.executable
        root = shlex.quote(str(batch.root))
        module = "nbbatch.backends.htcondor.node"
        return f'{shlex.quote(python)} -m {module} {root} "$1" {batch.number} {total}'
    python = shlex.quote(batch.header.launch.python or "python3")
    return f'{python} {Path(WORKER).name} {Path(names(batch)[1]).name} "$1"'


def as_text(description: Mapping[str, str], first: int, size: int) -> str:
    """The description as a submit file: what ``--dry-run`` prints and ``submit/`` keeps."""
    lines = [f"{name} = {value}" for name, value in description.items()]
    return "\n".join([*lines, f"queue bundle from seq {first} {first + size - 1} |", ""])


def constraint(sweep: str, **attributes: int) -> str:
    """Which jobs are of a sweep, and have these attributes."""
    parts = [f"NbbatchSweep =?= {json.dumps(sweep)}"]
    parts += [f"{name} =?= {value}" for name, value in attributes.items()]
    return " && ".join(parts)


def job_constraint(jobs: Collection[tuple[str, int]]) -> str:
    """These jobs, as few comparisons as their clusters and runs of procs allow."""
    parts = []
    for cluster in sorted({cluster for cluster, _ in jobs}, key=int):
        procs = sorted({proc for c, proc in jobs if c == cluster})
        start = previous = procs[0]
        spans = []
        for proc in [*procs[1:], -1]:
            if proc != previous + 1:
                spans.append(
                    f"ProcId == {start}"
                    if start == previous
                    else f"(ProcId >= {start} && ProcId <= {previous})"
                )
                start = proc
            previous = proc
        parts.append(f"(ClusterId == {int(cluster)} && ({' || '.join(spans)}))")
    return "(" + " || ".join(parts) + ")"
