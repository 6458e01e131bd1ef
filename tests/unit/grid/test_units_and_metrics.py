"""Amounts as people write them, and the names of metrics."""

from __future__ import annotations

from typing import Any

import pytest

from nbbatch.errors import GridError
from nbbatch.grid import parse_collect, parse_duration, parse_memory

GB = 1024**3


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("2GB", 2 * GB), ("2 GiB", 2 * GB), ("2g", 2 * GB), ("1.5G", 3 * GB // 2),
        ("512MB", GB // 2), ("1T", 1024 * GB), ("2048K", 2 * 1024**2), (GB, GB), (str(GB), GB),
    ],
)  # fmt: skip
def test_memory(text: str | int, size: int) -> None:
    assert parse_memory(text) == size


@pytest.mark.parametrize(
    "text", ["", "GB", "2XB", "-1GB", "2", 2, "1e3GB", True, None, "9" * 99, []]
)
def test_no_memory(text: Any) -> None:
    with pytest.raises(GridError, match=r"\"2GB\""):
        parse_memory(text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90), ("1h30m", 5400), ("2 days", 172800), ("1.5h", 5400), ("01:30:00", 5400),
        ("1-12:00:00", 129600), ("36:00:00", 129600), (90, 90), ("90", 90), (0.2, 1),
        ("1H 30MIN", 5400), ("1w", 604800),
    ],
)  # fmt: skip
def test_durations(text: str | float, seconds: int) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        "",
        "h",
        "10:00",
        "1x",
        "-5s",
        0,
        -3,
        "1h2h",
        float("nan"),
        float("inf"),
        True,
        None,
        "1h" * 99,
    ],
)
def test_no_durations(text: Any) -> None:
    with pytest.raises(GridError, match="1h30m"):
        parse_duration(text, where="--timeout")


def test_metrics_have_the_name_of_what_they_are() -> None:
    texts = ["mean", "fit.chi2", "ratio = a / b", "fit$coef", "best=min(x, key=len)", "ok=a == b"]
    assert parse_collect(texts) == {
        "mean": "mean",
        "fit.chi2": "fit.chi2",
        "ratio": "a / b",
        "fit$coef": "fit$coef",
        "best": "min(x, key=len)",
        "ok": "a == b",
    }


@pytest.mark.parametrize("texts", [["a == b"], ["a + b"], [""], ["=1"], ["a="], ["a", "a"]])
def test_metrics_without_a_name(texts: list[str]) -> None:
    with pytest.raises(GridError, match="--collect"):
        parse_collect(texts)
