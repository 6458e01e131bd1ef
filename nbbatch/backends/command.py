"""Running a scheduler's programs: the one place where a backend starts another program."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence

from ..errors import BackendUnavailable, CommandFailed

PATIENCE = 300.0
"""Seconds for one command: sbatch alone waits up to 120 s for a full queue to drain."""


def run(
    command: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    hint: str = "",
    timeout: float = PATIENCE,
) -> str:
    """Standard output of a command.

    Raises CommandFailed when its exit code is not 0, BackendUnavailable when there is no
    such program or it does not come to an end within ``timeout`` seconds.
    """
    try:
        done = subprocess.run(
            command,
            env=scrubbed(os.environ) if env is None else env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout,
            check=False,
        )
    except FileNotFoundError:
        raise BackendUnavailable(f"There is no program {command[0]} on this machine.") from None
    except subprocess.TimeoutExpired:
        raise BackendUnavailable(
            f"{command[0]} gave no answer within {timeout:g} s.", hint="Try again later."
        ) from None
    if done.returncode:
        raise CommandFailed(list(command), done.returncode, done.stdout, done.stderr, hint=hint)
    return done.stdout


def need_programs(names: Sequence[str], *, hint: str) -> None:
    """Raise BackendUnavailable when one of these programs is not on PATH."""
    for name in names:
        if shutil.which(name) is None:
            raise BackendUnavailable(f"There is no program {name} on this machine.", hint=hint)


# Inside a job (JupyterHub under batchspawner) these describe *that* job, and sbatch would take
# them for options of ours: environment variables beat the #SBATCH lines of a script.
_FOREIGN = re.compile(r"(SLURM|SBATCH|SRUN|SALLOC|SQUEUE|SACCT|SCANCEL|SINFO|PBS|OMPI|PMI\w*)_\w+")
_ALWAYS_KEPT = frozenset({"SLURM_CONF", "SLURM_CONF_SERVER"})
# A user's own choices, set in a login shell; in a job they may be the job's.
_KEPT_OUTSIDE_JOBS = frozenset(
    f"SBATCH_{name}" for name in ("ACCOUNT", "PARTITION", "QOS", "CONSTRAINT", "RESERVATION")
)


def scrubbed(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment for a scheduler's program: without what a surrounding job has put there."""
    kept = _ALWAYS_KEPT
    if "SLURM_JOB_ID" not in environment:
        kept |= _KEPT_OUTSIDE_JOBS
    return {
        name: value
        for name, value in environment.items()
        if name in kept or not _FOREIGN.fullmatch(name)
    }
