"""Grids given as Python objects: dicts, lists of dicts, data frames."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
from decimal import Decimal
from enum import IntEnum
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from nbbatch.errors import GridError
from nbbatch.grid import load_grid


class Level(IntEnum):
    HIGH = 3


HERE = Path.cwd()


@pytest.mark.parametrize(
    ("given", "value"),
    [
        (np.int64(3), 3), (np.float64(0.5), 0.5), (np.bool_(True), True), (np.str_("x"), "x"),
        (Path("x.root"), str(HERE / "x.root")), (Path("/data/../x"), "/x"),
        (dt.date(2024, 1, 31), "2024-01-31"), (dt.datetime(2024, 1, 31, 12), "2024-01-31T12:00:00"),
        (np.datetime64("2024-01-31"), "2024-01-31"),
        (pd.Timestamp("2024-01-31 12:00"), "2024-01-31T12:00:00"),
        (Level.HIGH, 3), ((1, (2,)), [1, [2]]), ({"k": np.int8(1)}, {"k": 1}), (None, None),
        (np.array([1, 2]), [1, 2]), (range(3), [0, 1, 2]), (True, True),
    ],
)  # fmt: skip
def test_values_become_plain(given: object, value: object) -> None:
    (point,) = load_grid([{"p": given}]).points
    assert point.params == {"p": value}
    assert type(point.params["p"]) is type(value)


@pytest.mark.parametrize(
    ("given", "values"),
    [
        ([1, 2], [1, 2]), ((1, 2), [1, 2]), (range(1, 3), [1, 2]), (np.arange(1, 3), [1, 2]),
        (np.linspace(0, 1, 3), [0.0, 0.5, 1.0]), (pd.Series([1, 2]), [1, 2]),
        (pd.Index(["a", "b"]), ["a", "b"]), ({"linspace": [0, 1, 2]}, [0.0, 1.0]),
        (np.array(["2024-01-31"], "M8[ns]"), ["2024-01-31T00:00:00"]),
        (pd.to_datetime(["2024-01-31"]), ["2024-01-31T00:00:00"]),
        ([range(2)], [[0, 1]]),
    ],
)  # fmt: skip
def test_axes_of_a_dict(given: object, values: list[Any]) -> None:
    assert [p.params["a"] for p in load_grid({"a": given}).points] == values


@pytest.mark.parametrize(
    "given",
    [
        1j, {1, 2}, b"x", Decimal(1), object(), float("nan"), np.float64("inf"), np.nan, pd.NA,
        pd.NaT, np.datetime64("NaT", "ns"), np.array([np.datetime64("NaT", "ns")]), dt.timedelta(1),
        len, {1: 2}, 10**400, "\ud800", (n for n in range(3)),
    ],
)  # fmt: skip
def test_what_cannot_be_passed_is_refused_with_point_and_name(given: object) -> None:
    with pytest.raises(GridError, match=r"<dict> \[1\]\.p"):
        load_grid([{"p": 1}, {"p": given}])


def test_a_value_that_contains_itself_is_refused() -> None:
    loop: list[object] = []
    loop.append(loop)
    with pytest.raises(GridError, match="levels deep"):
        load_grid({"a": [loop]})


def test_a_dict_has_the_words_of_the_file() -> None:
    grid = load_grid({"grid": {"a": range(3)}, "exclude": [{"a": 1}], "set": {"b": (1, 2)}})
    assert [p.params for p in grid.points] == [{"a": 0, "b": [1, 2]}, {"a": 2, "b": [1, 2]}]
    assert grid.source == "<dict>"


def test_a_data_frame_is_points_with_types() -> None:
    frame = pd.DataFrame({"n": [1, 2], "x": [1.0, 2.5], "s": ["a", "b"], "ok": [True, False]})
    points = [p.params for p in load_grid(frame).points]  # type: ignore[arg-type]
    assert points == [
        {"n": 1, "x": 1.0, "s": "a", "ok": True},
        {"n": 2, "x": 2.5, "s": "b", "ok": False},
    ]
    assert [type(value) for value in points[0].values()] == [int, float, str, bool]
    nested = load_grid({"points": frame, "grid": {"k": [1, 2]}})
    assert len(nested.points) == 4


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame({"a": [1.0, None]}),
        pd.DataFrame({"a": ["x", None]}),
        pd.DataFrame([[1, 2]], columns=["a", "a"]),
        pd.DataFrame({0: [1]}),
        pd.DataFrame({"a": []}),
    ],
)
def test_data_frames_with_holes_are_refused(frame: Any) -> None:
    with pytest.raises(GridError):
        load_grid(frame)


@pytest.mark.parametrize("source", [5, object(), {1, 2}, b"a: [1]", [1, 2], [["a"]]])
def test_what_is_no_grid(source: Any) -> None:
    with pytest.raises(GridError):
        load_grid(source)


def test_a_huge_range_costs_nothing() -> None:
    with pytest.raises(GridError, match="1,000,000,000,000 points"):
        load_grid({"a": range(10**12)})
    with pytest.raises(GridError, match="too long for one value"):
        load_grid([{"a": range(10**12)}])


def test_the_package_is_light_to_import() -> None:
    heavy = "{'pydantic', 'ruamel', 'numpy', 'pandas', 'scipy', 'pyarrow'}"
    code = f"import sys, nbbatch.grid; print(*sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_a_missing_cell_of_a_nullable_column_is_refused_as_any_other() -> None:
    frame = pd.DataFrame({"a": pd.array([1, None], dtype="Int64"), "b": ["x", "y"]})
    with pytest.raises(GridError, match=r"\[1\]\.a: nan cannot be a parameter"):
        load_grid(frame)
    assert load_grid(frame.head(1)).points[0].params == {"a": 1, "b": "x"}
