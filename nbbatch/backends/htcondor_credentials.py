"""Whether what opens the pool's door lasts as long as the sweep. Nothing secret is shown."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any


def token_files(param: Mapping[str, Any]) -> Iterator[Path]:
    """The user's IDTOKENS, where HTCondor looks for them."""
    folder = param.get("SEC_TOKEN_DIRECTORY") or str(Path.home() / ".condor" / "tokens.d")
    try:
        yield from sorted(f for f in Path(str(folder)).iterdir() if f.is_file())
    except OSError:  # no such folder, or not ours to read
        return


def expiry(token: str) -> float | None:
    """When a token (a JWT) expires, in seconds since the epoch; None: never, or no token."""
    try:
        body = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        return float(claims["exp"])
    except (IndexError, KeyError, TypeError, ValueError):
        return None


def tokens_expire(files: Iterable[Path]) -> float | None:
    """When the last of the tokens expires; None when one lasts for ever, or there is none."""
    latest = None
    for file in files:
        try:
            lines = file.read_text().split()
        except OSError:
            continue
        for line in lines:
            when = expiry(line)
            if when is None:
                return None
            latest = max(latest or 0.0, when)
    return latest


def cautions(param: Mapping[str, Any], seconds: float, clock: float | None = None) -> list[str]:
    """What to tell before a sweep that takes ``seconds`` at least is submitted."""
    moment = time.time() if clock is None else clock
    said = []
    end = tokens_expire(token_files(param))
    if end is not None and end < moment + seconds:
        when = datetime.fromtimestamp(end).astimezone().strftime("%Y-%m-%d %H:%M")
        verb = "expired" if end < moment else "expires"
        said.append(
            f"Your HTCondor token {verb} at {when}, before the sweep can end: "
            "`condor_token_fetch` gets a new one."
        )
    methods = str(param.get("SEC_CLIENT_AUTHENTICATION_METHODS", ""))
    klist = shutil.which("klist")
    kerberos = "KERBEROS" in methods.upper() and klist is not None
    # -s: silent; 1 when there is no ticket, or only an expired one.
    if kerberos and subprocess.run([str(klist), "-s"], check=False).returncode:
        said.append("You have no valid Kerberos ticket: `kinit` gets one.")
    return said
