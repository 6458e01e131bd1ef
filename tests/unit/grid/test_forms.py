"""The short and the full form: given this text, these points come out."""

from __future__ import annotations

import textwrap
from typing import Any

import pytest

from nbbatch.errors import GridError
from nbbatch.grid import Axis, load_grid
from tests.unit.grid.grids import column, grid_of, points_of

FORMS: dict[str, tuple[str, list[dict[str, Any]]]] = {
    "last axis fastest, constants after": (
        "sigma: [8, 10]\nname: lorenz\nrho: [1, 2]",
        [
            {"sigma": 8, "rho": 1, "name": "lorenz"},
            {"sigma": 8, "rho": 2, "name": "lorenz"},
            {"sigma": 10, "rho": 1, "name": "lorenz"},
            {"sigma": 10, "rho": 2, "name": "lorenz"},
        ],
    ),
    "only constants: one point": ("a: 1\nb: null", [{"a": 1, "b": None}]),
    "an empty mapping: one point": ("{}", [{}]),
    "a list of mappings: points": ("- {a: 1}\n- {a: 2, b: x}", [{"a": 1}, {"a": 2, "b": "x"}]),
    "grid with set": ("grid: {a: [1, 2]}\nset: {b: [3, 4]}", [
        {"a": 1, "b": [3, 4]}, {"a": 2, "b": [3, 4]},
    ]),
    "a list of grids: union": ("grid: [{a: [1, 2]}, {b: [3]}]", [{"a": 1}, {"a": 2}, {"b": 3}]),
    "zip: correlated": ("zip: {a: [1, 2], b: [x, y]}", [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]),
    "zip entries multiply each other, and the grid": (
        "zip: [{a: [1, 2], b: [x, y]}, {c: [5, 6]}]\ngrid: {d: [0]}",
        [
            {"a": 1, "b": "x", "c": 5, "d": 0},
            {"a": 1, "b": "x", "c": 6, "d": 0},
            {"a": 2, "b": "y", "c": 5, "d": 0},
            {"a": 2, "b": "y", "c": 6, "d": 0},
        ],
    ),
    "blocks multiply in the order of the document": (
        "points: [{a: 1}, {a: 2}]\ngrid: {b: [3, 4]}",
        [{"a": 1, "b": 3}, {"a": 1, "b": 4}, {"a": 2, "b": 3}, {"a": 2, "b": 4}],
    ),
    "when: a conditional axis is not passed elsewhere": (
        "grid: {det: [A, B]}\nwhen: [{if: {det: B}, grid: {thr: [1, 2]}}]",
        [{"det": "A"}, {"det": "B", "thr": 1}, {"det": "B", "thr": 2}],
    ),
    "when: a constant is replaced, by an expression": (
        "grid: {n: [1, 5]}\nset: {cut: 0}\nwhen: {if: n > 2, set: {cut: 9}}",
        [{"n": 1, "cut": 0}, {"n": 5, "cut": 9}],
    ),
    "when: a rule sees what earlier rules set": (
        "grid: {a: [1, 2]}\nwhen: [{if: {a: 2}, grid: {b: [3, 4]}}, {if: {b: 4}, set: {c: 1}}]",
        [{"a": 1}, {"a": 2, "b": 3}, {"a": 2, "b": 4, "c": 1}],
    ),
    "exclude: partial matches, a list means any of": (
        "grid: {a: [1, 2, 3], b: [x, y]}\nexclude: [{a: [1, 2], b: y}, {a: 3}]",
        [{"a": 1, "b": "x"}, {"a": 2, "b": "x"}],
    ),
    "exclude: an expression": (
        "grid: {thr: [1, 2], energy: [10, 20]}\nexclude: thr * energy > 30",
        [{"thr": 1, "energy": 10}, {"thr": 1, "energy": 20}, {"thr": 2, "energy": 10}],
    ),
    "exclude tells true from 1": (
        "grid: {a: [1, true]}\nexclude: {a: true}", [{"a": 1}],
    ),
    "include: extra points get the constants, and no exclusion": (
        "grid: {a: [1, 2]}\nset: {b: 0}\nexclude: {a: 2}\ninclude: [{a: 2, b: 7}, {a: 3}]",
        [{"a": 1, "b": 0}, {"a": 2, "b": 7}, {"a": 3, "b": 0}],
    ),
    "include alone: these points": ("include: [{a: 1}, {a: 2}]", [{"a": 1}, {"a": 2}]),
    "set alone: one point": ("set: {a: 1}", [{"a": 1}]),
    "duplicates dropped on request": (
        "grid: [{a: [1, 2]}, {a: [2, 3]}]\nduplicates: drop", [{"a": 1}, {"a": 2}, {"a": 3}],
    ),
    "values are lists and mappings": (
        "opt: [{a: 1}, [1, [2]]]", [{"opt": {"a": 1}}, {"opt": [1, [2]]}],
    ),
    "R's dotted names": ("n.sim: [1]\n.start: 2", [{"n.sim": 1, ".start": 2}]),
    "a parameter that is called like a word of ours": (
        "grid: {points: [1, 2]}", [{"points": 1}, {"points": 2}],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("text", "points"), FORMS.values(), ids=FORMS.keys())
def test_text_to_points(text: str, points: list[dict[str, Any]]) -> None:
    assert points_of(text) == points


def test_the_order_of_parameters_is_the_declared_one() -> None:
    (point,) = points_of("grid: {z: [1], a: [2]}\nset: {m: 3}")
    assert list(point) == ["z", "a", "m"]


def test_no_grid_is_one_point() -> None:
    grid = load_grid(None)
    assert [p.params for p in grid.points] == [{}]
    assert (grid.source, grid.axes) == ("<none>", [])


def test_axes_tell_the_factors_of_the_product() -> None:
    text = """
        zip: {a: [1, 2], b: [3, 4]}
        grid: {c: {range: 5}}
        when: [{if: {a: 1}, grid: {d: [1, 2]}}]
    """
    assert grid_of(textwrap.dedent(text)).axes == [Axis("a, b", 2), Axis("c", 5)]


def test_a_union_is_one_factor() -> None:
    assert grid_of("grid: [{a: [1, 2]}, {a: [3], b: [1]}]").axes == [Axis("a, b", 3)]


def test_the_rest_of_the_document() -> None:
    grid = grid_of(
        textwrap.dedent("""
            grid: {a: [1]}
            id: "{a:03d}"
            resources: {cpus: 2, memory: 2GB, disk: 1GB, gpus: 1, time: "01:30:00"}
            inputs: [/data/x.root]
            outputs: ["*.csv"]
            collect: [mean, fit.chi2, "ratio = a / b"]
        """)
    )
    assert grid.resources == {
        "cpus": 2, "memory": "2GB", "disk": "1GB", "gpus": 1, "time": "01:30:00",
    }  # fmt: skip
    assert grid.inputs == ("/data/x.root",)
    assert grid.outputs == ("*.csv",)
    assert grid.collect == {"mean": "mean", "fit.chi2": "fit.chi2", "ratio": "a / b"}
    assert grid.id_template == "{a:03d}"


def test_collect_as_a_mapping() -> None:
    grid = grid_of('grid: {}\ncollect: {best: "min(losses)", same: "a == b"}')
    assert grid.collect == {"best": "min(losses)", "same": "a == b"}


def test_origins_name_the_line() -> None:
    text = "points:\n  - {a: 1}\n  - {a: 2}\nset: {b: 1}\n"
    assert [p.origin for p in grid_of(text).points] == ["standard input:2", "standard input:3"]
    text = "grid:\n  - {a: [1]}\n  - {a: [2]}\n"
    assert [p.origin for p in grid_of(text).points] == ["standard input:2", "standard input:3"]


def test_types_make_values_one_type(tmp_path: Any) -> None:
    text = """
        grid: {run: [007, 012], n: [3.0], x: [1], b: [0], f: [a.root], d: [today-1d], j: ['[1]']}
        types: {run: str, n: int, x: float, b: bool, f: path, d: date, j: json}
    """
    first = points_of(textwrap.dedent(text), folder=tmp_path)[0]
    assert first == {
        "run": "007", "n": 3, "x": 1.0, "b": False,
        "f": str(tmp_path / "a.root"), "d": "2024-03-09", "j": [1],
    }  # fmt: skip
    assert [type(first[name]) for name in ("n", "x", "b")] == [int, float, bool]


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("int", "1.5"), ("int", "x"), ("int", "true"), ("float", "x"), ("bool", "2"),
        ("date", "x"), ("date", "'2024-02-30'"), ("path", "3"), ("json", "'{'"),
        ("json", "'NaN'"), ("str", "[1]"),
    ],
)  # fmt: skip
def test_types_refuse_what_does_not_fit(kind: str, value: str) -> None:
    with pytest.raises(GridError, match="'a'"):
        points_of(f"grid: {{a: [{value}]}}\ntypes: {{a: {kind}}}")


def test_max_points_bounds_the_product_and_can_be_raised() -> None:
    text = "a: {range: 200}\nb: {range: 200}"
    with pytest.raises(GridError, match=r"40,000 points, but only 10,000 .*\(a 200 × b 200\)"):
        points_of(text)
    assert len(points_of(text, max_points=40_000)) == 40_000
    assert len(points_of("max_points: 10001\ngrid: {a: {range: 10001}}")) == 10_001


def test_rules_may_thin_out_a_product_that_is_too_large() -> None:
    text = "grid: {a: {range: 200}, b: {range: 200}}\nexclude: a != b"
    assert len(points_of(text)) == 200


def test_a_subset_of_an_enormous_grid_is_refused_before_memory_grows() -> None:
    axes = ", ".join(f"a{n}: {{range: 1000}}" for n in range(400))
    with pytest.raises(GridError, match=r"10\^1200 points"):
        points_of(f"{{{axes}}}", sample=10)


def test_yaml_values_keep_their_types() -> None:
    text = "a: [1, 1.0, 1e-3, true, 'true', '1', null, on, NO, 12:30:45, 2024-01-31, 012, 1_0]"
    values = column(text, "a")
    assert values == [
        1, 1.0, 0.001, True, "true", "1", None, "on", "NO", "12:30:45", "2024-01-31", 12, "1_0",
    ]  # fmt: skip
    assert [type(v) for v in values[:4]] == [int, float, float, bool]
