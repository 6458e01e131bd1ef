"""What a result depends on besides its parameters, as one hash."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import NbbatchError

if TYPE_CHECKING:
    from ..notebook import Notebook

CONTENT_HASH_BELOW = 256 * 1024 * 1024
"""Declared inputs up to this size (bytes) are hashed by content, larger by size and time."""


def fingerprint(
    notebook: Notebook, kernel: str, collect: Mapping[str, str], inputs: Sequence[str]
) -> str:
    """Hash of all that a result depends on besides its parameters.

    The environment counts as the interpreter's path and version, not as its packages: to
    install one more should not make a thousand results stale.
    """
    parts = {
        "code": notebook.code_sha256,
        "kernel": kernel,
        "environment": [sys.executable, sys.version] if notebook.language == "python" else [],
        "collect": dict(collect),
        "inputs": {name: _file_digest(Path(name)) for name in inputs},
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _file_digest(path: Path) -> str:
    try:
        facts = path.stat()
        if path.is_dir():
            return f"folder {facts.st_mtime_ns}"
        if facts.st_size > CONTENT_HASH_BELOW:
            return f"{facts.st_size} {facts.st_mtime_ns}"
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise NbbatchError(
            f"The declared input {path} cannot be read: {error.strerror}.",
            hint="Correct `inputs:` in the grid.",
        ) from None
