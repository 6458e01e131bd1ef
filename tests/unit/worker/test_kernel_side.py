"""``nbbatch.record`` and friends, as a notebook has them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nbbatch.model import RECORD_MIME
from nbbatch.worker.kernel_side import nbbatch as inside


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What was displayed."""
    bundles: list[dict[str, Any]] = []
    monkeypatch.setattr("IPython.display.display", lambda data, raw: bundles.append(data))
    return bundles


def test_the_name_of_the_message_is_the_one_that_is_read() -> None:
    assert inside.RECORD_MIME == RECORD_MIME


@pytest.mark.parametrize(
    ("value", "recorded"),
    [
        (1, 1),
        (True, True),
        (2.5, 2.5),
        ("text", "text"),
        (None, None),
        (float("nan"), None),
        (np.int64(3), 3),
        (np.float32(0.5), 0.5),
        (np.float64("inf"), None),
        (np.bool_(True), True),
        (np.array([1.5, np.nan]), [1.5, None]),
        ((1, "a", [2]), [1, "a", [2]]),
    ],
)
def test_what_is_recorded(shown: list[dict[str, Any]], value: Any, recorded: Any) -> None:
    inside.record("m", value)

    found = shown[0][RECORD_MIME]
    assert found == {"name": "m", "value": recorded}
    assert type(found["value"]) is type(recorded)
    assert shown[0]["text/plain"] == f"m = {recorded!r}"


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("m", {"a": 1}, "metric 'm' is a dict"),
        ("m", object(), "metric 'm' is a object"),
        ("m", 1j, "metric 'm' is a complex"),
        ("m", [1, {2}], "metric 'm' is a set"),
        ("m", range(3), "metric 'm' is a range"),
        ("m", np.zeros(101), "more than 100"),
        ("", 1, "not empty"),
        (3, 1, "is a string"),
    ],
)
def test_what_is_no_metric(shown: list[dict[str, Any]], name: Any, value: Any, says: str) -> None:
    with pytest.raises(TypeError, match=says):
        inside.record(name, value)
    assert shown == []


def test_a_notebook_can_ask_where_it_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("NBBATCH_POINT_ID", raising=False)
    monkeypatch.delenv("NBBATCH_POINT_DIR", raising=False)
    assert not inside.inside()
    assert inside.point_dir() == Path.cwd()

    monkeypatch.setenv("NBBATCH_POINT_ID", "p")
    monkeypatch.setenv("NBBATCH_POINT_DIR", str(tmp_path))
    assert inside.inside()
    assert inside.point_dir() == tmp_path
