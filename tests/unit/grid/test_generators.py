"""Generated axes: numpy's meanings, 12 digits, dates, files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from nbbatch.errors import GridError
from tests.unit.grid.grids import column

AXES: list[tuple[str, list[Any]]] = [
    ("{range: 3}", [0, 1, 2]),
    ("{range: [1, 4]}", [1, 2, 3]),
    ("{range: [10, 0, -4]}", [10, 6, 2]),
    ("{range: [0, 0.3, 0.1]}", [0.0, 0.1, 0.2]),
    ("{range: [0.5, 2]}", [0.5, 1.5]),
    ("{linspace: [20, 30, 5]}", [20.0, 22.5, 25.0, 27.5, 30.0]),
    ("{linspace: [0, 0.9, 10]}", [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]),
    ("{linspace: [0, 1, 2], endpoint: false}", [0.0, 0.5]),
    ("{linspace: [-1, 1, 3]}", [-1.0, 0.0, 1.0]),
    ("{geomspace: [1, 1000, 4]}", [1.0, 10.0, 100.0, 1000.0]),
    ("{geomspace: [-1, -4, 3]}", [-1.0, -2.0, -4.0]),
    ("{geomspace: [1e-200, 1e-190, 3]}", [1e-200, 1e-195, 1e-190]),
    ("{logspace: [-2, 0, 3]}", [0.01, 0.1, 1.0]),
    ("{logspace: [0, 3, 4], base: 2}", [1.0, 2.0, 4.0, 8.0]),
    ("{dates: [2024-02-28, 2024-03-01]}", ["2024-02-28", "2024-02-29", "2024-03-01"]),
    ("{dates: [2024-01-01, 2024-01-20], step: 1w}", ["2024-01-01", "2024-01-08", "2024-01-15"]),
    ("{dates: [2024-01-31, 2024-03-31, 1mo]}", ["2024-01-31", "2024-02-29", "2024-03-31"]),
    ("{dates: [2024-02-29, 2026-03-01], step: 1y}", ["2024-02-29", "2025-02-28", "2026-02-28"]),
    ("{dates: [today-2d, today]}", ["2024-03-08", "2024-03-09", "2024-03-10"]),
    ("{dates: {start: yesterday, stop: tomorrow, step: 2d}}", ["2024-03-09", "2024-03-11"]),
    ("{dates: [9999-12-30, 9999-12-31]}", ["9999-12-30", "9999-12-31"]),
]


@pytest.mark.parametrize(("axis", "values"), AXES)
def test_generated_values(axis: str, values: list[Any]) -> None:
    made = column(f"a: {axis}", "a")
    assert made == values
    assert [type(value) for value in made] == [type(value) for value in values]


@pytest.mark.parametrize(
    ("axis", "message"),
    [
        ("{range: [1, 2, 0]}", "step of range is 0"),
        ("{range: [1, 2, 3, 4]}", "one to three numbers"),
        ("{range: [a, b]}", "'a' is not a number"),
        ("{range: [true, 2]}", "True is not a number"),
        ("{linspace: [0, 1]}", "three numbers"),
        ("{linspace: [0, 1, 2.5]}", "positive whole number"),
        ("{linspace: [0, 1, 0]}", "positive whole number"),
        ("{linspace: [0, 1, 5], endpoint: 3}", "true or false"),
        ("{linspace: [0, 1, 5], base: 3}", "no option 'base'"),
        ("{geomspace: [-1, 1, 5]}", "both ends"),
        ("{geomspace: [0, 1, 5]}", "both ends"),
        ("{logspace: [0, 5000, 5]}", "too large"),
        ("{range: 3, linspace: [0, 1, 2]}", "one generator"),
        ("{dates: [2024-02-30, today]}", "no date"),
        ("{dates: [today, soon]}", "no date"),
        ("{dates: [today-9999999y, today]}", "no date"),
        ("{dates: [today-999999y, today]}", "calendar"),
        ("{dates: [today-1h, today]}", "no unit of dates"),
        ("{dates: [today, today], step: 1h}", "no unit of dates"),
        ("{dates: [today, today], step: 0d}", "no step"),
        ("{dates: today}", "a first and a last date"),
        ("{glob: [1]}", "no file pattern"),
        ("{glob: '*', min: 0}", "min of glob"),
    ],
)
def test_wrong_arguments_are_told(axis: str, message: str) -> None:
    with pytest.raises(GridError, match=r"standard input:1: the axis 'a'") as caught:
        column(f"a: {axis}", "a")
    assert message in str(caught.value)


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    folder = tmp_path / "odd [name] {x}"
    (folder / "deep").mkdir(parents=True)
    for name in ("run10.root", "run2.root", "run1.root", "notes.txt", "deep/run3.root"):
        (folder / name).touch()
    return folder


def test_glob_sorts_numbers_as_numbers(runs: Path) -> None:
    files = column("f: {glob: '*.root'}", "f", folder=runs)
    assert files == [str(runs / f"run{n}.root") for n in (1, 2, 10)]


def test_glob_of_several_patterns_lists_each_file_once(runs: Path) -> None:
    files = column("f: {glob: ['run1*', '**/*.root']}", "f", folder=runs)
    assert [Path(file).name for file in files] == [
        "run3.root", "run1.root", "run2.root", "run10.root",
    ]  # fmt: skip


def test_glob_of_too_few_files(runs: Path) -> None:
    with pytest.raises(GridError, match=r"only 3 files match .*, fewer than min: 4"):
        column("f: {glob: '*.root', min: 4}", "f", folder=runs)


def test_input_patterns_are_looked_up(runs: Path) -> None:
    from tests.unit.grid.grids import grid_of

    inputs = grid_of("grid: {}\ninputs: ['run?.root', notes.txt]", folder=runs).inputs
    assert [Path(path).name for path in inputs] == ["run1.root", "run2.root", "notes.txt"]


def test_a_file_whose_name_is_not_unicode_is_refused(tmp_path: Path) -> None:
    """No YAML or JSON file could hold it; it was found only when the sweep was written."""
    (tmp_path / os.fsdecode(b"caf\xe9.root")).touch()
    with pytest.raises(GridError, match="is not UTF-8"):
        column("f: {glob: '*.root'}", "f", folder=tmp_path)
