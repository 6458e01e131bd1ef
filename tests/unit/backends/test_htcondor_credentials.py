"""A token that ends before the sweep is told of before the sweep is submitted."""

from __future__ import annotations

import base64
import json
from datetime import datetime
from pathlib import Path

import pytest

from nbbatch.backends.htcondor.credentials import cautions, issue_credentials, ticket_expires
from nbbatch.errors import BackendError

HOUR = 3600.0


def token(**claims: object) -> str:
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"e30.{body}.signature"


@pytest.mark.parametrize(
    ("tokens", "told"),
    [
        ([], ""),
        ([token(sub="ada")], ""),  # for ever
        ([token(exp=10 * HOUR)], ""),
        ([token(exp=2 * HOUR)], "expires"),
        ([token(exp=1)], "expired"),
        ([token(exp=2 * HOUR), token(exp=10 * HOUR)], ""),
        (["no token at all"], ""),
    ],
)
def test_a_token_that_ends_too_early(tmp_path: Path, tokens: list[str], told: str) -> None:
    for number, text in enumerate(tokens):
        (tmp_path / str(number)).write_text(text + "\n")
    said = cautions({"SEC_TOKEN_DIRECTORY": str(tmp_path)}, seconds=5 * HOUR, clock=HOUR)
    assert len(said) == bool(told)
    assert told in "".join(said)
    assert "signature" not in "".join(said)


MIT = """Ticket cache: FILE:/tmp/krb5cc_1000
Default principal: ada@EXAMPLE.ORG

Valid starting       Expires              Service principal
{begin}  {end}  krbtgt/EXAMPLE.ORG@EXAMPLE.ORG
\trenew until 11/28/2026 09:00:00
"""
HEIMDAL = """Credentials cache: FILE:/tmp/krb5cc_1000
        Principal: ada@EXAMPLE.ORG

  Issued                Expires               Principal
Nov 21 09:00:00 2026  Nov 21 19:00:00 2026  krbtgt/EXAMPLE.ORG@EXAMPLE.ORG
"""


@pytest.mark.parametrize(
    ("klist", "end"),
    [
        (MIT.format(begin="11/21/2026 09:00:00", end="11/21/2026 19:00:00"), (2026, 11, 21, 19)),
        (MIT.format(begin="11/21/26 09:00:00", end="11/21/26 19:00:00"), (2026, 11, 21, 19)),
        (HEIMDAL, (2026, 11, 21, 19)),
        ("", None),
        ("klist: No credentials cache found", None),
    ],
)
def test_when_a_ticket_ends(klist: str, end: tuple[int, int, int, int] | None) -> None:
    expected = None if end is None else datetime(*end).astimezone().timestamp()
    assert ticket_expires(klist) == expected


@pytest.mark.parametrize(
    ("hours", "told"),
    [(10, []), (2, ["Your Kerberos ticket expires at "]), (None, ["You have no valid Kerberos"])],
)
def test_a_ticket_that_ends_too_early(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hours: int | None, told: list[str]
) -> None:
    now = datetime(2026, 11, 21, 9).astimezone().timestamp()
    shown = ""
    if hours is not None:
        end = datetime.fromtimestamp(now + hours * HOUR).strftime("%m/%d/%Y %H:%M:%S")
        shown = MIT.format(begin="11/21/2026 09:00:00", end=end)
    klist = tmp_path / "klist"
    klist.write_text(f"#!/bin/sh\ncat <<'END'\n{shown}\nEND\n")
    klist.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    param = {
        "SEC_TOKEN_DIRECTORY": str(tmp_path / "none"),
        "SEC_CLIENT_AUTHENTICATION_METHODS": "KERBEROS, IDTOKENS",
    }
    said = cautions(param, seconds=5 * HOUR, clock=now)
    assert [sentence[: len(start)] for sentence, start in zip(said, told, strict=True)] == told


def test_credentials_are_issued_before_the_submission() -> None:
    """With the description's own ``issue_credentials``: None, or where to log in."""
    issue_credentials(lambda: None)
    with pytest.raises(BackendError, match="wants you to log in") as error:
        issue_credentials(lambda: "https://pool.example.org/key/1234")
    assert "Visit https://pool.example.org/key/1234 and run" in error.value.hint
