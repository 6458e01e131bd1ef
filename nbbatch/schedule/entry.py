"""What is scheduled, one file a name: ``$XDG_STATE_HOME/nbbatch/schedules/<name>.json``.

Cron's line names the schedule and nothing else, so that no parameter and no secret passes
through a shell, and nobody's process list shows them. The file may hold an address with a
password in it: only its owner can read it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ..catalogue import memory_file
from ..errors import NbbatchError, UsageError
from ..worker.files import write_atomic

KEPT_VARIABLES = (
    *("PATH", "LANG", "LC_ALL", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "PYTHONPATH", "VIRTUAL_ENV"),
    *("JUPYTER_PATH", "JUPYTER_DATA_DIR", "JUPYTER_CONFIG_DIR", "IPYTHONDIR"),
    *("KRB5CCNAME", "KRB5_CONFIG", "X509_USER_PROXY", "X509_CERT_DIR", "BEARER_TOKEN_FILE"),
    *("SLURM_CONF", "CONDOR_CONFIG", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"),
)
"""Variables of the shell that schedules, which cron would not have."""
KEPT_PREFIXES = ("NBBATCH_", "_CONDOR_", "CONDA_", "MAMBA_")
NOT_KEPT = ("NBBATCH_JOB", "NBBATCH_SWEEP")
NOT_KEPT_PREFIX = "NBBATCH_POINT_"
"""Of a run that is itself scheduled from."""


@dataclass(frozen=True)
class Entry:
    """A schedule. ``words`` is what follows ``nbbatch run``; ``since`` (ISO 8601 UTC) is
    when it was added or resumed; ``ticket``: a Kerberos ticket was there, so runs need one.
    """

    name: str
    when: str
    words: tuple[str, ...]
    cwd: str
    since: str
    python: str = sys.executable
    program: str = "crontab"
    paused: bool = False
    ticket: bool = False
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def home(self) -> Path:
        """Where its runs are."""
        return Path(self.cwd) / "sweeps" / self.name

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Entry:
        return cls(**{**data, "words": tuple(data["words"])})


def folder() -> Path:
    """Where schedules are kept."""
    return memory_file().parent / "schedules"


def save(entry: Entry) -> Path:
    """Write a schedule's file, for its owner's eyes only."""
    home = folder()
    home.mkdir(parents=True, exist_ok=True)
    file = home / f"{entry.name}.json"
    if not file.exists():
        os.close(os.open(file, os.O_WRONLY | os.O_CREAT, 0o600))
    before = os.umask(0o077)
    try:
        write_atomic(file, json.dumps(entry.to_json(), indent=1, ensure_ascii=False) + "\n")
    finally:
        os.umask(before)
    return file


def load(name: str) -> Entry:
    """The schedule of this name. Raises UsageError, naming those that there are."""
    try:
        return Entry.from_json(json.loads((folder() / f"{name}.json").read_bytes()))
    except FileNotFoundError:
        names = ", ".join(entry.name for entry in load_all())
        raise UsageError(
            f"Nothing is scheduled as {name!r}.",
            hint=f"There are: {names}." if names else "`nbbatch schedule add` schedules a run.",
        ) from None
    except (ValueError, KeyError, TypeError) as error:
        raise NbbatchError(f"{folder() / name}.json is damaged: {error}.") from None


def load_all() -> list[Entry]:
    """All schedules, by name."""
    names = sorted(file.stem for file in folder().glob("*.json"))
    return [load(name) for name in names]


def delete(entry: Entry) -> None:
    (folder() / f"{entry.name}.json").unlink(missing_ok=True)


def cron_command(entry: Entry) -> tuple[list[str], dict[str, str]]:
    """What cron runs, and the variables without which it would not find the schedule."""
    state = os.environ.get("XDG_STATE_HOME")
    variables = {"XDG_STATE_HOME": state} if state else {}
    return [entry.python, "-m", "nbbatch", "schedule", "run", entry.name], variables


def environment_to_keep(environ: Mapping[str, str], more: tuple[str, ...] = ()) -> dict[str, str]:
    """The variables that a scheduled run needs, of those that are set now."""
    return {
        name: value
        for name, value in environ.items()
        if (name in KEPT_VARIABLES or name in more or name.startswith(KEPT_PREFIXES))
        and not (name in NOT_KEPT or name.startswith(NOT_KEPT_PREFIX))
    }


def has_ticket() -> bool:
    """Whether there is a Kerberos ticket that is still valid; False without Kerberos."""
    klist = shutil.which("klist")
    if klist is None:
        return False
    try:
        return subprocess.run([klist, "-s"], check=False, timeout=30).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def check_ticket(entry: Entry) -> None:
    """Raises NbbatchError when the ticket that runs need has expired."""
    if entry.ticket and not has_ticket():
        where = os.environ.get("KRB5CCNAME", "the default cache")
        raise NbbatchError(
            f"The Kerberos ticket in {where} has expired; nothing was run.",
            hint="`kinit` renews it. For cron it has to be kept alive, from a keytab (`k5start`) "
            "or by your site's own way.",
        )
