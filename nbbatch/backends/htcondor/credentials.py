"""Whether what opens the pool's door lasts as long as the sweep. Nothing secret is shown."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from ...errors import BackendError


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


TICKET = re.compile(r"^(.+?\S)\s{2,}(\S.*?)\s{2,}krbtgt/", re.MULTILINE)
"""A line of klist: valid from, expires, a ticket-granting ticket; two blanks between them."""

# MIT's with a year of two or four digits, Heimdal's.
TICKET_TIMES = ("%m/%d/%Y %H:%M:%S", "%m/%d/%y %H:%M:%S", "%b %d %H:%M:%S %Y")


def ticket_expires(klist: str) -> float | None:
    """When the Kerberos ticket that ``klist`` shows ends; None where it shows none."""
    for _, end in TICKET.findall(klist):
        for form in TICKET_TIMES:
            with suppress(ValueError):
                return datetime.strptime(" ".join(end.split()), form).astimezone().timestamp()
    return None


def _clock(moment: float) -> str:
    return datetime.fromtimestamp(moment).astimezone().strftime("%Y-%m-%d %H:%M")


def cautions(param: Mapping[str, Any], seconds: float, clock: float | None = None) -> list[str]:
    """What to tell before a sweep that takes ``seconds`` at least is submitted."""
    moment = time.time() if clock is None else clock
    said = []
    end = tokens_expire(token_files(param))
    if end is not None and end < moment + seconds:
        verb = "expired" if end < moment else "expires"
        said.append(
            f"Your HTCondor token {verb} at {_clock(end)}, before the sweep can end: "
            "`condor_token_fetch` gets a new one."
        )
    methods = str(param.get("SEC_CLIENT_AUTHENTICATION_METHODS", ""))
    klist = shutil.which("klist")
    if "KERBEROS" in methods.upper() and klist is not None:
        # Its date format is the locale's; without a ticket it prints nothing on stdout.
        environment = {**os.environ, "LC_ALL": "C"}
        shown = subprocess.run(
            [klist], capture_output=True, text=True, check=False, env=environment
        ).stdout
        end = ticket_expires(shown)
        if end is None or end < moment:
            said.append("You have no valid Kerberos ticket: `kinit` gets one.")
        elif end < moment + seconds:
            said.append(
                f"Your Kerberos ticket expires at {_clock(end)}, before the sweep can end: "
                "`kinit` gets a new one."
            )
    return said


def issue_credentials(issue: Callable[[], str | None]) -> None:
    """Get the jobs the credentials that pool and description want; nothing where none is.

    ``issue`` is the submit description's own, which asks the user's credential daemon. Raises
    BackendError with the address to visit when the user has to log in first.
    """
    address = issue()
    if address:
        raise BackendError(
            "This pool wants you to log in for the credentials that the jobs use.",
            hint=f"Visit {address} and run the same command again.",
        )
