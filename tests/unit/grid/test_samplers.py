"""Drawn points: reproducible, inside the space, correlated with nothing."""

from __future__ import annotations

import builtins
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from nbbatch.errors import GridError
from tests.unit.grid.grids import column, grid_of, points_of

SPACE = "space: {x: {uniform: [2, 4]}, y: {loguniform: [1e-3, 10]}, k: {choice: [a, b]}}"


@pytest.mark.parametrize("method", ["random", "lhs", "sobol"])
def test_draws_stay_in_the_space_and_repeat(method: str) -> None:
    text = f"sample: {{method: {method}, n: 20, seed: 3, {SPACE}}}"
    points = points_of(text)
    assert len(points) == 20
    assert all(2 <= p["x"] <= 4 and 1e-3 <= p["y"] <= 10 for p in points)
    assert {p["k"] for p in points} == {"a", "b"}
    assert points == points_of(text)
    assert points != points_of(text.replace("seed: 3", "seed: 4"))


def test_floats_have_twelve_digits() -> None:
    for x in column("sample: {n: 50, space: {x: {uniform: [0, 1]}}}", "x"):
        assert x == float(f"{x:.12g}")


def test_random_columns_do_not_depend_on_each_other() -> None:
    alone = column("sample: {n: 5, space: {x: {uniform: [0, 1]}}}", "x")
    both = column("sample: {n: 5, space: {w: {uniform: [0, 1]}, x: {uniform: [0, 1]}}}", "x")
    assert alone == both


def test_a_latin_hypercube_has_one_draw_in_each_slice() -> None:
    x = column("sample: {method: lhs, n: 10, space: {x: {uniform: [0, 10]}}}", "x")
    assert sorted(int(each) for each in x) == list(range(10))


def test_integers_include_both_ends() -> None:
    text = "sample: {n: 60, space: {k: {integers: [1, 3]}, x: {uniform: [0, 1]}}}"
    assert set(column(text, "k")) == {1, 2, 3}


def test_samples_multiply_the_grid() -> None:
    assert len(points_of("grid: {a: [1, 2]}\nsample: {n: 3, space: {x: {uniform: [0, 1]}}}")) == 6


def test_what_was_drawn_is_written_down() -> None:
    grid = grid_of("sample: {method: sobol, n: 4, space: {x: {uniform: [0, 1]}}}")
    drawn = [p.params["x"] for p in grid.points]
    shifted = grid.resolved.replace("seed: 0", "seed: 99")  # nothing is drawn again
    assert column(shifted, "x") == drawn


def test_without_scipy_the_error_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without_scipy(
        name: str,
        globals: Mapping[str, object] | None = None,
        locals: Mapping[str, object] | None = None,
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> Any:
        if name.startswith("scipy"):
            raise ImportError(name)
        return real(name, globals, locals, fromlist or (), level)

    monkeypatch.setattr(builtins, "__import__", without_scipy)
    with pytest.raises(GridError, match=r"needs scipy\s+Run `pip install"):
        points_of(f"sample: {{method: lhs, n: 2, {SPACE}}}")
    assert len(points_of(f"sample: {{method: random, n: 2, {SPACE}}}")) == 2
