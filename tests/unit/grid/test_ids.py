"""Ids of points: readable, safe as a file name, a function of the typed values."""

from __future__ import annotations

import pytest

from nbbatch.errors import GridError
from nbbatch.grid import GridPoint, canonical, point_id, point_ids


@pytest.mark.parametrize(
    ("params", "slug"),
    [
        ({"sigma": 10, "rho": 28}, "rho-28_sigma-10"),
        ({}, "point"),
        ({"x": 0.001}, "x-0.001"),
        ({"x": 1e-20}, "x-1e-20"),
        ({"x": -1.5}, "x--1.5"),
        ({"flag": True, "none": None}, "flag-true_none-null"),
        ({"f": "/data/long/way/run 12.root"}, "f-run-12.root"),
        ({"s": "a=b, c;d"}, "s-a-b-c-d"),
        ({"s": "../.."}, "s"),
        ({"s": "λ"}, "s"),
        ({"l": [1, 2]}, "l-1-2"),
        ({".start": 2}, "start-2"),
        ({"a" * 50: "b" * 50}, "a" * 16 + "-" + "b" * 16),
    ],
)
def test_slugs(params: dict[str, object], slug: str) -> None:
    made, _, digest = point_id(params).rpartition("-")  # type: ignore[arg-type]
    assert made == slug
    assert len(digest) == 10


def test_an_id_is_fixed_forever() -> None:
    # Folders of old sweeps are found by it: this value must never change.
    assert (
        point_id({"sigma": 10, "rho": 28.0, "name": "x"}) == "name-x_rho-28.0_sigma-10-24228a700c"
    )


def test_equal_values_of_other_types_are_other_points() -> None:
    values = [1, 1.0, True, "1", [1], "true", None, "null"]
    assert len({point_id({"a": value}) for value in values}) == len(values)  # type: ignore[dict-item]


def test_the_order_of_parameters_does_not_matter() -> None:
    assert point_id({"a": 1, "b": {"x": 1, "y": 2}}) == point_id({"b": {"y": 2, "x": 1}, "a": 1})
    assert canonical({"b": 1.0, "a": "é"}) == '{"a":"\\u00e9","b":1.0}'


@pytest.mark.parametrize(
    ("template", "slug"),
    [
        ("{det}-{sigma:.2f}", "A-10.00"),
        ("run_{n:03d}", "run_007"),
        ("{det:>4}", "A"),
        ("{{{det}}}", "A"),
        ("{f}", "x-y.root"),
        ("../{det}/x", "A-x"),
        ("{none}", "null"),
        ("...", "point"),
        ("x" * 100, "x" * 49),
    ],
)
def test_templates(template: str, slug: str) -> None:
    params = {"det": "A", "sigma": 10, "n": 7, "f": "/data/x y.root", "none": None}
    assert point_id(params, template).rpartition("-")[0] == slug  # type: ignore[arg-type]


def test_colliding_ids_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nbbatch.grid.ids.HASH_DIGITS", 0)
    points = [GridPoint({"s": "a b"}, "x:1"), GridPoint({"s": "A-b"}, "x:2")]
    with pytest.raises(GridError, match=r"two points have the id .*x:1.*x:2"):
        point_ids(points)
