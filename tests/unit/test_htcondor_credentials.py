"""A token that ends before the sweep is told of before the sweep is submitted."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from nbbatch.backends.htcondor_credentials import cautions

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
