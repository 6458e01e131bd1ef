"""Send one message: by mail, to a webhook, to a command, or by whatever apprise knows.

A target's address may hold a secret. It is in the schedule's own file and in memory, never
in a message, an error or the sweep folder: those name it by ``shown``.
"""

from __future__ import annotations

import http.client
import json
import re
import shlex
import shutil
import socket
import subprocess
import urllib.error
import urllib.parse
import urllib.request
import warnings
from collections.abc import Sequence
from email.message import EmailMessage
from importlib.util import find_spec
from pathlib import Path

from ..errors import NbbatchError, UsageError
from .news import Message

SECONDS = 60
"""Patience with a mail program, a webhook or a command."""

_ADDRESS = re.compile(r"[\w.+-]+@[\w.-]+")


def check_target(target: str) -> None:
    """Raises UsageError on a target to which nothing can be sent from here."""
    kind = _kind(target)
    if kind == "command":
        try:
            words = shlex.split(target)
        except ValueError as error:
            raise UsageError(f"--notify: a command that cannot be read: {error}.") from None
        if not words:
            raise UsageError(
                "--notify is empty.", hint="Give a mail address, https://… or a command."
            )
    if kind == "mail" and _sendmail() is None:
        raise UsageError(
            f"--notify {shown(target)}: there is no program `sendmail` on this machine.",
            hint="Use a webhook (https://…) or a command, or apprise's mailtos://… with a "
            'mail server (pip install "nbbatch[notify]").',
        )
    if kind == "command" and shutil.which(shlex.split(target)[0]) is None:
        raise UsageError(
            f"--notify {shown(target)}: there is no such program.",
            hint="Give a mail address, https://…, the path of a program, or an address of apprise.",
        )
    if kind == "apprise":
        _apprise(target)


def send(target: str, message: Message) -> None:
    """Send the message. Raises NbbatchError, which does not show the target's secrets."""
    how = {"mail": _mail, "webhook": _webhook, "command": _command, "apprise": _by_apprise}
    try:
        how[_kind(target)](target, message)
    except (OSError, subprocess.SubprocessError, http.client.HTTPException, ValueError) as error:
        # Texts of some of these errors have the address in them.
        said = getattr(error, "strerror", None) or getattr(error, "reason", None) or ""
        why = f"{type(error).__name__}: {said}" if said else type(error).__name__
        raise NbbatchError(f"No message could be sent to {shown(target)}: {why}.") from None


def send_all(targets: Sequence[str], message: Message) -> list[str]:
    """Send to every target; returns what went wrong, one sentence each."""
    wrong = []
    for target in targets:
        try:
            send(target, message)
        except NbbatchError as error:
            wrong.append(str(error))
    return wrong


def shown(target: str) -> str:
    """A target as it may be shown: without password, path, query and arguments."""
    kind = _kind(target)
    if kind == "mail":
        return target
    if kind == "command":
        return Path(shlex.split(target)[0]).name if target.strip() else "''"
    parts = urllib.parse.urlsplit(target)
    # With apprise the host can be the token: only well-known schemes show one.
    return (
        f"{parts.scheme}://{parts.hostname or ''}/…" if kind == "webhook" else f"{parts.scheme}://…"
    )


def _kind(target: str) -> str:
    text = target.strip()
    if text.startswith(("http://", "https://")):
        return "webhook"
    if _ADDRESS.fullmatch(text.removeprefix("mailto:")):
        return "mail"
    if re.match(r"[a-z][a-z0-9+.-]*://", text):
        return "apprise"
    return "command"


def _mail(target: str, message: Message) -> None:
    sendmail = _sendmail()
    if sendmail is None:
        raise FileNotFoundError(2, "there is no program sendmail")
    mail = EmailMessage()
    mail["To"] = target.strip().removeprefix("mailto:")
    # A newline in a header would start another header: the mail's own check refuses it.
    mail["Subject"] = " ".join(message.subject.split())
    mail["Auto-Submitted"] = "auto-generated"  # no out-of-office answers
    mail["X-Nbbatch-Event"] = message.kind.value
    mail["X-Nbbatch-Host"] = socket.gethostname()
    mail.set_content(message.body)
    _run([sendmail, "-i", "-t"], mail.as_bytes())


def _sendmail() -> str | None:
    found = shutil.which("sendmail")
    usual = ("/usr/sbin/sendmail", "/usr/lib/sendmail")
    return found or next((path for path in usual if Path(path).exists()), None)


def _webhook(target: str, message: Message) -> None:
    content = {**message.facts, "subject": message.subject, "text": message.body}
    request = urllib.request.Request(
        target.strip(),
        data=json.dumps(content).encode(),
        headers={"Content-Type": "application/json", "User-Agent": "nbbatch"},
        method="POST",
    )
    with urllib.request.urlopen(request, timeout=SECONDS):  # raises on 4xx and 5xx
        pass


def _command(target: str, message: Message) -> None:
    """The program gets the message as JSON on its standard input; no shell is involved."""
    content = {**message.facts, "subject": message.subject, "text": message.body}
    _run(shlex.split(target), json.dumps(content).encode() + b"\n")


def _run(words: list[str], content: bytes) -> None:
    done = subprocess.run(words, input=content, capture_output=True, timeout=SECONDS, check=False)
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
        raise OSError(done.returncode, f"exit code {done.returncode} {''.join(said)}".strip())


def _by_apprise(target: str, message: Message) -> None:
    kinds = {True: "success", False: "failure"}
    sender = _apprise(target)
    kind = kinds[bool(message.facts.get("ok"))]
    if not sender.notify(body=message.body, title=message.subject, notify_type=kind):
        raise OSError(1, "apprise says no")


def _apprise(target: str):  # type: ignore[no-untyped-def]  # apprise has no types
    if find_spec("apprise") is None:
        raise UsageError(
            f"--notify {shown(target)}: this needs apprise, which is not installed.",
            hint='Install it with: pip install "nbbatch[notify]", or use https://…, a mail '
            "address or a command.",
        )
    import apprise

    sender = apprise.Apprise()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # apprise imports imghdr
        understood = sender.add(target.strip())
    if not understood:
        raise UsageError(f"--notify {shown(target)}: apprise does not understand this address.")
    return sender
