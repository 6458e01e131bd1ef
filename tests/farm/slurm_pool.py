"""The Slurm of ``tests/farm/slurm/slurm-farm``: is it there, and what tests tell it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

FARM = Path(__file__).parent / "slurm" / "slurm-farm"
FOLDER = Path(os.environ.get("NBBATCH_SLURM_FARM", "/var/tmp/nbbatch-farm/slurm"))
CONFIGURATION = FOLDER / "etc" / "slurm.conf"
MAIL = FOLDER / "log" / "mail"
"""A line for each mail that Slurm sent."""


def use_slurm(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this test, and what it starts, use the farm. Skips where the farm is not up."""
    monkeypatch.setenv("SLURM_CONF", str(CONFIGURATION))
    # On one machine a file is seen at once, and its slurmctld has nobody else to answer.
    monkeypatch.setenv("NBBATCH_GRACE", "2")
    monkeypatch.setenv("NBBATCH_POLL_INTERVAL", "0.5")
    if not CONFIGURATION.exists() or _answer("squeue", "-h", "-o", "%i") is None:
        pytest.skip(f"no Slurm answers: {FARM} up")


def accounting() -> bool:
    """Whether the farm keeps accounts, as ``slurm-farm up`` was told."""
    return "accounting_storage/slurmdbd" in CONFIGURATION.read_text()


@contextmanager
def configured(*settings: str) -> Iterator[None]:
    """The farm with other lines in slurm.conf (``KEY=VALUE``), and the default farm after it."""
    same = kept()
    farm("up", *same, *(word for setting in settings for word in ("--set", setting)))
    try:
        yield
    finally:
        farm("up", *same)


def kept() -> list[str]:
    """What ``slurm-farm up`` is told so that it keeps accounts, or none, as it does now."""
    return [] if accounting() else ["--no-accounting"]


def farm(*words: str) -> str:
    """Tell slurm-farm something; raises when it fails."""
    command = [str(FARM), *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def slurm(*words: str) -> str:
    """Output of one of Slurm's programs."""
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout


def _answer(*words: str) -> str | None:
    try:
        return slurm(*words)
    except (OSError, subprocess.CalledProcessError):
        return None
