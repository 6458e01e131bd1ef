"""-p, -g, --where, --sample on top of a grid."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nbbatch.errors import GridError, NoPoints
from nbbatch.grid import Overrides, load_grid
from tests.unit.grid.grids import column, grid_of, points_of

BASE = "sigma: [8, 10, 12]\nname: x\nrho: [1, 2]"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("10", 10), ("1e-3", 0.001), ("true", True), ("null", None), ("on", "on"), ("", ""),
        ("[1, a]", [1, "a"]), ("{k: 1}", {"k": 1}), ("'10'", "10"),
        ('"a\\nb"', "a\nb"), ("a: b # c", "a: b # c"), ("a=b", "a=b"), ("50%", "50%"),
        ("*x", "*x"), ("2024-01-31", "2024-01-31"), (" 7 ", 7), ("-", "-"), ("007", 7),
    ],
)  # fmt: skip
def test_pinned_values(text: str, value: Any) -> None:
    (point,) = points_of("{}", pins=(f"p={text}",))
    assert point == {"p": value}
    assert type(point["p"]) is type(value)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("1,2,3", [1, 2, 3]),
        ("5", [5]),
        ("a b, c", ["a b", "c"]),
        ("[1, 2]", [1, 2]),
        ("[1, 2],[3]", [[1, 2], [3]]),
        ("[[1, 2]]", [[1, 2]]),
        ("{a: 1},{a: 2}", [{"a": 1}, {"a": 2}]),
        ("'1,5',x", ["1,5", "x"]),
        ("{range: 2}", [0, 1]),
        ("range(0,5,2)", [0, 2, 4]),
        ("range(3)", [0, 1, 2]),
        ("linspace(0, 1, 3)", [0.0, 0.5, 1.0]),
        ("linspace(0, 1, 2, endpoint=false)", [0.0, 0.5]),
        ("geomspace(1, 100, 3)", [1.0, 10.0, 100.0]),
        ("logspace(0, 1, 2)", [1.0, 10.0]),
        ("dates(today-1d, today)", ["2024-03-09", "2024-03-10"]),
        ("dates(2024-01-01, 2024-01-09, step=1w)", ["2024-01-01", "2024-01-08"]),
        ("null,1", [None, 1]),
    ],
)
def test_axes_of_the_command_line(text: str, values: list[Any]) -> None:
    assert column("{}", "p", axes=(f"p={text}",)) == values


def test_a_glob_of_the_command_line_may_hold_commas_and_brackets(tmp_path: Any) -> None:
    for name in ("a,1.txt", "a,2.txt"):
        (tmp_path / name).touch()
    files = column("{}", "f", axes=("f=glob(a,[12].txt)",), folder=tmp_path)
    assert files == [str(tmp_path / "a,1.txt"), str(tmp_path / "a,2.txt")]


def test_paths_of_the_command_line_are_relative_to_where_it_was_typed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "grids").mkdir()
    (tmp_path / "a.root").touch()
    grid = tmp_path / "grids" / "params.yaml"
    grid.write_text("grid: {f: [x.root], g: [1]}\ntypes: {f: path}\n")
    monkeypatch.chdir(tmp_path)

    def values(name: str, **overrides: Any) -> list[Any]:
        loaded = load_grid(grid, overrides=Overrides(**overrides))
        return [point.params[name] for point in loaded.points]

    assert values("f") == [str(tmp_path / "grids" / "x.root")]
    assert values("f", pins=("f=x.root",)) == [str(tmp_path / "x.root")]
    assert values("f", axes=("f=y.root",)) == [str(tmp_path / "y.root")]
    assert values("g", axes=("g=glob(*.root)",)) == [str(tmp_path / "a.root")]
    assert values("g", axes=("g={glob: '*.root'}",)) == [str(tmp_path / "a.root")]


def test_declared_types_hold_for_the_command_line() -> None:
    text = "grid: {run: [001]}\ntypes: {run: str}"
    assert column(text, "run", pins=("run=007",)) == ["007"]
    assert column(text, "run", axes=("run=007,012",)) == ["007", "012"]


def test_a_pin_replaces_an_axis_or_a_constant_or_adds_one() -> None:
    assert points_of(BASE, pins=("sigma=5", "name=y", "new=1")) == [
        {"rho": 1, "sigma": 5, "name": "y", "new": 1},
        {"rho": 2, "sigma": 5, "name": "y", "new": 1},
    ]


def test_an_axis_is_replaced_in_its_place() -> None:
    points = points_of(BASE, axes=("sigma=1,2",))
    assert [(p["sigma"], p["rho"]) for p in points] == [(1, 1), (1, 2), (2, 1), (2, 2)]


def test_a_new_axis_is_the_fastest() -> None:
    points = points_of("a: [1, 2]", axes=("b=1,2",))
    assert [(p["a"], p["b"]) for p in points] == [(1, 1), (1, 2), (2, 1), (2, 2)]


def test_an_axis_instead_of_a_constant() -> None:
    assert points_of("a: 1", axes=("a=1,2",)) == [{"a": 1}, {"a": 2}]


def test_a_pin_leaves_the_zip_and_equal_rows_become_one() -> None:
    text = "zip: {det: [A, A, B], thr: [1, 2, 3]}"
    assert points_of(text, pins=("thr=9",)) == [{"det": "A", "thr": 9}, {"det": "B", "thr": 9}]
    assert points_of(text, axes=("thr=7,8",)) == [
        {"det": "A", "thr": 7}, {"det": "A", "thr": 8},
        {"det": "B", "thr": 7}, {"det": "B", "thr": 8},
    ]  # fmt: skip


def test_a_pin_replaces_a_column_of_points() -> None:
    text = "points: [{a: 1, b: 2}, {a: 1, b: 3}, {a: 2, b: 3}]"
    assert points_of(text, pins=("b=0",)) == [{"a": 1, "b": 0}, {"a": 2, "b": 0}]


def test_a_pinned_sample_draws_the_others_as_before() -> None:
    text = "sample: {n: 4, space: {x: {uniform: [0, 1]}, y: {uniform: [0, 1]}}}"
    assert column(text, "y", pins=("x=0",)) == column(text, "y")
    assert set(column(text, "x", pins=("x=0",))) == {0}
    assert points_of(text, pins=("x=0", "y=1")) == [{"x": 0, "y": 1}]


def test_a_conditional_parameter_stays_conditional() -> None:
    text = "grid: {det: [A, B]}\nwhen: [{if: {det: B}, grid: {thr: [1, 2]}}]"
    assert points_of(text, pins=("thr=5",)) == [{"det": "A"}, {"det": "B", "thr": 5}]
    assert points_of(text, axes=("thr=5,6",)) == [
        {"det": "A"}, {"det": "B", "thr": 5}, {"det": "B", "thr": 6},
    ]  # fmt: skip


def test_a_constant_that_rules_change_is_pinned_everywhere() -> None:
    text = "grid: {n: [1, 2]}\nset: {cut: 0}\nwhen: [{if: {n: 2}, set: {cut: 9}}]"
    assert column(text, "cut", pins=("cut=5",)) == [5, 5]
    assert column(text, "cut", axes=("cut=5,6",)) == [5, 6, 5, 6]


def test_included_points_are_pinned_too() -> None:
    text = "grid: {a: [1, 2], b: [0]}\ninclude: [{a: 9, b: 1}]"
    assert points_of(text, pins=("b=7",)) == [{"a": 1, "b": 7}, {"a": 2, "b": 7}, {"a": 9, "b": 7}]
    assert points_of(text, pins=("a=7", "b=7")) == [{"a": 7, "b": 7}]


def test_a_rule_about_an_overridden_name_may_match_nothing() -> None:
    text = "grid: {a: [1, 2], b: [3, 4]}\nexclude: [{a: 1, b: 3}]"
    assert len(points_of(text, pins=("a=2",))) == 2
    with pytest.raises(GridError, match="matches no point"):
        points_of(text.replace("a: 1,", "a: 7,"), pins=("c=2",))


def test_where_keeps_what_matches() -> None:
    points = points_of(BASE, where=("sigma > 8", "rho == 1"))
    assert [(p["sigma"], p["rho"]) for p in points] == [(10, 1), (12, 1)]
    with pytest.raises(NoPoints):
        points_of(BASE, where=("sigma > 99",))
    with pytest.raises(GridError, match=r"--where 'tau > 1': no point has a parameter 'tau'"):
        points_of(BASE, where=("tau > 1",))


def test_a_sample_of_the_points_keeps_their_order_and_survives_extension() -> None:
    text = "a: {range: 100}\nb: {range: 10}"
    few = points_of(text, sample=50)
    everything = points_of(text)
    assert len(few) == 50
    assert few == [p for p in everything if p in few] == points_of(text, sample=50)
    extended = points_of(text.replace("100", "110"), sample=50)
    assert len([p for p in extended if p in few]) > 35


def test_a_sample_larger_than_the_grid_is_the_grid() -> None:
    assert points_of(BASE, sample=100) == points_of(BASE)


def test_a_sample_makes_a_large_product_possible() -> None:
    assert len(points_of("a: {range: 300}\nb: {range: 300}", sample=5)) == 5


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"pins": ("a",)}, "-p a: there is no ="),
        ({"pins": ("a=1", "a=2")}, "twice with -p"),
        ({"pins": ("a=1",), "axes": ("a=2",)}, "-g a=2: 'a' is given with -p and with -g"),
        ({"pins": ("if=1",)}, "-p if=1: 'if' cannot be the name"),
        ({"pins": ("=1",)}, "it is empty"),
        ({"pins": ("a=[1",)}, "-p a=[1: cannot be read"),
        ({"axes": ("a=arange(0,3)",)}, "-g a=arange(0,3): a comma cuts the brackets"),
        ({"axes": ("a=range(0,3),7",)}, "-g a=range(0,3),7: a comma cuts the brackets"),
        ({"axes": ("a=range(0,3",)}, "-g a=range(0,3: a comma cuts the brackets"),
        ({"pins": ("a=.nan",)}, "no NaN"),
        ({"pins": ("a=\udcff",)}, "surrogate"),
        ({"axes": ("a=",)}, "-g a=: the axis 'a' has no values"),
        ({"axes": ("a=1,1",)}, "the value 1 twice"),
        ({"axes": ("a={x: 1}",)}, "no generator"),
        ({"axes": ("a=range(0,1,0)",)}, "-g a=range(0,1,0): the axis 'a': the step"),
        ({"axes": ("a=range(1e12)",)}, "more than 10,000"),
        ({"where": ("open('x')",)}, "function call"),
        ({"sample": 0}, "--sample"),
        ({"max_points": -1}, "--max-points"),
        ({"max_points": 2}, "only 2 are allowed"),
    ],
)
def test_mistakes_on_the_command_line(overrides: dict[str, Any], message: str) -> None:
    with pytest.raises(GridError) as caught:
        points_of(BASE, **overrides)
    assert message in str(caught.value)


def test_origins_of_a_grid_from_the_command_line() -> None:
    (one, _) = grid_of("{}", axes=("sigma=1,2",)).points
    assert one.origin == "-g sigma=1,2"
    (pinned,) = grid_of("{}", pins=("a=1",)).points
    assert pinned.origin == "-p a=1"
