"""Who runs what, where, from which commit: the facts that a sweep writes down."""

from __future__ import annotations

import getpass
import socket
import subprocess
from pathlib import Path

GIT_SECONDS = 10
"""On a slow shared filesystem `git status` may take long; the sweep does not wait for it."""


def user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a uid without a passwd entry, as in some containers
        return "unknown"


def host() -> str:
    return socket.gethostname()


def git_state(folder: Path) -> tuple[str, bool]:
    """The commit of the repository around ``folder`` and whether it is modified; ("", False)."""
    commit = _git(folder, "rev-parse", "HEAD")
    if not commit:
        return "", False
    return commit, bool(_git(folder, "status", "--porcelain", "--untracked-files=no"))


def _git(folder: Path, *words: str) -> str:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *words],
            capture_output=True,
            encoding="utf-8",
            errors="replace",  # names of files may be in any encoding
            timeout=GIT_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()
