"""The batch scripts that Slurm gets. Pure: text from values.

Nothing of a point goes into them: a job learns its number, and reads ``bundles/NNNN.json``.
"""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ...errors import UsageError
from ...model import Header
from ..base import Batch, thread_environment

MIB = 1024 * 1024

# sbatch's options that nbbatch writes itself → what to use instead.
OURS = {
    "job-name": "--name",
    "array": "--jobs and --points-per-job",
    "output": "the logs in the sweep's folder `logs`",
    "error": "the logs in the sweep's folder `logs`",
    "input": "nothing: the worker reads no input",
    "open-mode": "nothing: logs are appended",
    "chdir": "--cwd",
    "signal": "nothing: the worker is told ahead of the walltime",
    "requeue": "--retries",
    "no-requeue": "--retries 0",
    "parsable": "nothing: it is set",
    "wrap": "--setup",
    "test-only": "--dry-run",
    "wait": "`nbbatch run` without --detach",
}
SHORT = {"J": "job-name", "a": "array", "o": "output", "e": "error", "i": "input", "D": "chdir"}
SHORT |= {"W": "wait", "c": "cpus-per-task", "t": "time", "G": "gpus", "p": "partition"}
SHORT |= {"A": "account", "q": "qos", "C": "constraint", "w": "nodelist", "x": "exclude"}
SHORT |= {"L": "licenses", "d": "dependency", "n": "ntasks", "N": "nodes", "M": "clusters"}

# Options that the finishing job needs too, to be accepted where the others were.
SHARED = ("partition", "account", "qos", "reservation", "clusters", "comment", "wckey")

FINISH_SECONDS = 1800
FINISH_MEMORY = 1000 * MIB


@dataclass(frozen=True)
class Chunk:
    """One array of a batch: bundles ``first`` … ``first + size - 1``.

    ``throttle`` bounds how many of its tasks run at a time; ``after`` holds ids of arrays
    that must have ended before.
    """

    first: int
    size: int
    throttle: int | None = None
    after: tuple[str, ...] = field(default=())


def stem(header: Header) -> str:
    """The beginning of the names of a sweep's jobs; the sweep's id makes it unique."""
    return f"{re.sub(r'[^A-Za-z0-9_-]', '-', header.name)[:40] or 'sweep'}.{header.id}"


def job_name(header: Header, first: int, size: int) -> str:
    """The name of an array; ``parse_name`` reads it back."""
    return f"{stem(header)}.{first}.{size}"


def parse_name(name: str, sweep: str) -> tuple[int, int] | None:
    """First bundle and size from the name of one of the sweep's arrays; else None."""
    found = re.search(rf"\.{re.escape(sweep)}\.(\d+)\.(\d+)$", name)
    return (int(found[1]), int(found[2])) if found else None


def finish_name(header: Header) -> str:
    return f"{stem(header)}.finish"


def check_options(header: Header) -> None:
    """Raise UsageError for a passed-through option that would override one of nbbatch's own."""
    taken = dict(OURS)
    asked = header.resources
    taken["cpus-per-task"] = "--cpus"
    if asked.memory is not None:
        taken |= dict.fromkeys(("mem", "mem-per-cpu", "mem-per-gpu"), "--memory")
    if asked.time is not None:
        taken["time"] = "--time"
    if asked.disk is not None:
        taken["tmp"] = "--disk"
    if asked.gpus:
        taken |= dict.fromkeys(("gres", "gpus", "gpus-per-node", "gpus-per-task"), "--gpus")
    if header.launch.mail:
        taken |= dict.fromkeys(("mail-type", "mail-user"), "--mail")
    for key, value in header.launch.options.items():
        name = _long(key)
        if not re.fullmatch(r"[a-z][a-z0-9-]*|[A-Za-z]", name):
            raise UsageError(
                f"--option {key}={value}: {key!r} is not the name of an sbatch option.",
                hint="Write it without dashes in front, as in `--option partition=short`.",
            )
        if "\n" in value:
            raise UsageError(f"--option {key}: a value cannot have two lines.")
        if name in taken:
            raise UsageError(
                f"--option {key}={value}: nbbatch sets sbatch's --{name} itself.",
                hint=f"Use {taken[name]}.",
            )


def _long(key: str) -> str:
    key = key.lstrip("-")
    return SHORT.get(key, key)


def directives(header: Header, own: Mapping[str, str | None]) -> str:
    """``#SBATCH`` lines; None is an option without a value."""
    lines = [
        f"#SBATCH --{name}" if value is None else f"#SBATCH --{name}={_word(value)}"
        for name, value in own.items()
    ]
    return "\n".join(lines)


def _word(value: str) -> str:
    # sbatch takes apart a line as a shell would, quotes and backslashes included.
    return value if re.fullmatch(r"[\w.,:;=+@%/*&|()\[\]-]+", value) else shlex.quote(value)


def walltime(seconds: int) -> str:
    """Seconds as Slurm's D-HH:MM:SS."""
    days, rest = divmod(seconds, 86400)
    clock = f"{rest // 3600:02d}:{rest % 3600 // 60:02d}:{rest % 60:02d}"
    return f"{days}-{clock}" if days else clock


def mebibytes(size: int) -> str:
    return f"{-(-size // MIB)}M"


def warning_seconds(time: int | None) -> int:
    """How long before the walltime the worker is told to save and leave.

    Slurm's clock is coarse (a signal may come a minute early, never late), and a notebook
    with much output takes its time to be written.
    """
    return 180 if time is None else max(30, min(180, time // 5))


def array_script(batch: Batch, chunk: Chunk, python: str = sys.executable) -> str:
    """The script of one array."""
    header, asked = batch.header, batch.header.resources
    last = chunk.size - 1
    limit = f"%{chunk.throttle}" if chunk.throttle and chunk.throttle < chunk.size else ""
    warning = warning_seconds(asked.time)
    own: dict[str, str | None] = {
        "job-name": job_name(header, chunk.first, chunk.size),
        "array": f"0-{last}{limit}",
        "chdir": str(batch.root),
        "output": "logs/%x.%A_%a.log",
        "open-mode": "append",
        "requeue": None,
        "signal": f"B:USR1@{warning}",
        "nodes": "1",
        "ntasks": "1",
        "cpus-per-task": str(asked.cpus),
    }
    if asked.memory is not None:
        own["mem"] = mebibytes(asked.memory)
    if asked.time is not None:
        own["time"] = walltime(asked.time)
    if asked.disk is not None:
        own["tmp"] = mebibytes(asked.disk)
    if asked.gpus:
        own["gres"] = f"gpu:{asked.gpus}"  # not --gpus: that needs select/cons_tres
    if chunk.after:
        own["dependency"] = "afterany:" + ":".join(chunk.after)
    passed = {_long(key): value or None for key, value in header.launch.options.items()}
    for name in ("nodes", "ntasks"):
        if name in passed:
            del own[name]
    points = max(map(len, batch.bundles))
    # Each point may be begun retries + 1 times; the worker itself gives up on it then.
    restarts = (header.settings.retries + 1) * points
    # With a known walltime a USR1 long before its end is a preemption's (PreemptParameters
    # or preempt_send_user_signal), which is no fault of the point: TERM for the worker.
    early = "" if asked.time is None else str(max(0, asked.time - warning - 90))
    return _ARRAY.format(
        directives=directives(header, {**own, **passed}),
        what=f"bundles {chunk.first} to {chunk.first + last} of the sweep {header.name} "
        f"({header.id})",
        root=shlex.quote(str(batch.root)),
        first=chunk.first,
        restarts=restarts,
        retries=header.settings.retries,
        early=early or 0,
        environment=_exports({**thread_environment(asked.cpus), **batch.environment}),
        setup=header.launch.setup.rstrip("\n") or ":",
        worker=worker_command(batch, python),
        go_on=_go_on(batch, python),
    )


def _go_on(batch: Batch, python: str) -> str:
    if not batch.more:
        return "exit 0"
    command = worker_command(batch, python).removesuffix(".worker")
    return f"{command} go-on {shlex.quote(str(batch.root))} || true; exit 0"


def _exports(variables: Mapping[str, str]) -> str:
    return "\n".join(f"export {name}={shlex.quote(text)}" for name, text in variables.items())


def worker_command(batch: Batch, python: str) -> str:
    """The shell words that start the worker, up to the name of its bundle."""
    launch = batch.header.launch
    if not launch.container:
        return f"{shlex.quote(launch.python or python)} -m nbbatch.worker"
    folders = [str(batch.root)]
    cwd = batch.header.settings.cwd
    if Path(cwd).is_absolute():
        folders.append(cwd)
    words = [f"--bind {shlex.quote(folder)}" for folder in folders]
    if batch.header.resources.gpus:
        words.append("--nv")
    words.append(shlex.quote(launch.container))
    words.append(shlex.quote(launch.python or "python3"))
    return f'"$(command -v apptainer || command -v singularity)" exec {" ".join(words)}' + (
        " -m nbbatch.worker"
    )


# Facts that shaped it (Slurm 22.05, tests/farm/slurm/README.md):
# * Signals go to the batch shell only, and bash runs a trap while it waits, not while a program
#   is in the foreground. So the worker is in the background, and the shell hands signals on.
# * Slurm sends CONT and then TERM. No trap for CONT: of two trapped signals that come at once
#   while bash waits, the one with the lower number is lost (bash leaves the handler of the other
#   by a jump), and the worker would learn nothing until it is killed. Of USR1 and TERM the latter
#   is kept.
# * `scontrol requeue $SLURM_JOB_ID` can requeue every task of the array: the last task to
#   start has the array's own number.
# * requeue sends TERM at once: ignored from there on.
# * After a TERM (scancel, preemption, requeue by an administrator) Slurm decides what follows: a
#   requeue by ourselves would bring a cancelled job back.
_ARRAY = """#!/bin/bash
{directives}
# Written by nbbatch: {what}.

nb_root={root} nb_first={first}
nb_task=${{SLURM_ARRAY_JOB_ID}}_$SLURM_ARRAY_TASK_ID
nb_bundle=$(printf 'bundles/%04d.json' $((nb_first + SLURM_ARRAY_TASK_ID)))
nb_restarts=${{SLURM_RESTART_COUNT:-0}}
nb_told='' nb_worker=''

hand_on() {{  # SIGNAL: to the worker, which saves what it has and leaves
    if [ "$1" = USR1 ] && [ "$SECONDS" -lt {early} ]; then set -- TERM; fi
    nb_told=$1
    if [ -n "$nb_worker" ]; then
        kill -s "$1" "$nb_worker" 2>/dev/null
        kill -s CONT "$nb_worker" 2>/dev/null
    fi
}}
trap 'hand_on USR1' USR1
trap 'hand_on TERM' TERM

again() {{  # LIMIT CODE: queue this task again, unless that was done LIMIT times before
    if [ "$nb_told" != TERM ] && [ "$nb_restarts" -lt "$1" ]; then
        trap '' TERM
        echo "nbbatch: $nb_task is queued again (exit code $2, restart $((nb_restarts + 1)) of $1)"
        # slurmctld may be away for a moment: once more, later.
        scontrol requeue "$nb_task" || {{ sleep 30; scontrol requeue "$nb_task"; }}
    fi
    exit "$2"
}}

echo "nbbatch: $nb_task, $nb_bundle, on $(hostname), $(date '+%Y-%m-%d %H:%M:%S %z')"
{environment}
export NBBATCH_JOB=$nb_task
cd "$nb_root" || {{ echo "nbbatch: $nb_root is not on this node"; again {retries} 74; }}

# --setup
{setup}

cd "$nb_root" || again {retries} 74
if [ -n "$nb_told" ]; then exit 75; fi
{worker} "$nb_bundle" &
nb_worker=$!
if [ -n "$nb_told" ]; then hand_on "$nb_told"; fi
while kill -0 "$nb_worker" 2>/dev/null; do wait "$nb_worker"; done
wait "$nb_worker"  # a trap ends the first wait; this one has the worker's own exit code
nb_code=$?
if [ "$nb_code" = 0 ]; then {go_on}; fi
# 75: not finished, run me again. Above 128: killed by a signal. Anything else: it never began.
if [ "$nb_code" = 75 ] || [ "$nb_code" -gt 128 ]; then again {restarts} "$nb_code"; fi
again {retries} "$nb_code"
"""


def finish_script(batch: Batch, arrays: Sequence[str], python: str = sys.executable) -> str:
    """The script of the job that builds results and report when these arrays have ended."""
    header = batch.header
    own: dict[str, str | None] = {
        "job-name": finish_name(header),
        "chdir": str(batch.root),
        "output": "logs/%x.%j.log",
        "open-mode": "append",
        "dependency": "afterany:" + ":".join(arrays),
        "nodes": "1",
        "ntasks": "1",
        "cpus-per-task": "1",
        "mem": mebibytes(FINISH_MEMORY),
        "time": walltime(min(FINISH_SECONDS, max(600, header.resources.time or FINISH_SECONDS))),
    }
    if header.launch.mail:
        own |= {"mail-type": "END,FAIL", "mail-user": header.launch.mail}
    options = {_long(key): value for key, value in header.launch.options.items()}
    own |= {name: options[name] for name in SHARED if name in options}
    command = worker_command(batch, python).removesuffix(".worker")
    return _FINISH.format(
        directives=directives(header, own),
        what=f"{header.name} ({header.id})",
        setup=header.launch.setup.rstrip("\n") or ":",
        root=shlex.quote(str(batch.root)),
        command=command,
    )


# It asks Slurm anew, and waits for no record: on this node nobody has looked for one before,
# so that no cache says it is missing.
_FINISH = """#!/bin/bash
{directives}
# Written by nbbatch: results and report of the sweep {what}, when its jobs have ended.

# --setup
{setup}

cd {root} || exit 74
export NBBATCH_POLL_INTERVAL=0 NBBATCH_GRACE=0
{command} finish {root}
nb_code=$?
# 75: more was submitted, and another such job after it. The mail is that one's.
if [ "$nb_code" = 75 ]; then nb_code=0; scontrol update "JobId=$SLURM_JOB_ID" MailType=NONE; fi
exit "$nb_code"
"""
