"""Properties of every grid: size, order, types, ids, and errors that are never tracebacks."""

from __future__ import annotations

import io
import json
import math
import re
import string
from datetime import date
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from nbbatch.errors import GridError, NbbatchError, NoPoints
from nbbatch.grid import (
    Grid,
    Overrides,
    canonical,
    load_grid,
    parse_collect,
    parse_duration,
    parse_expression,
    parse_memory,
    point_id,
    point_ids,
)
from nbbatch.grid.points_file import parse_points
from nbbatch.grid.typed import Types
from nbbatch.grid.written import write_yaml
from nbbatch.grid.yaml_source import read_yaml

# ------------------------------------------------------------------------ what grids are made of

names = st.one_of(
    st.sampled_from(["a", "b", "sigma", "n.sim", "x_1", "on", "y", "σ", "range_"]),
    st.text(string.ascii_lowercase, min_size=1, max_size=4).map(lambda s: f"p_{s}"),
)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
tricky = st.sampled_from(
    ["1e-3", "on", "null", "~", "", "012", "1_0", "true", ".nan", "- a", "a: b", "#x", "'", '"',
     "[1", "*x", "&x", "!x", "%a", "\u2028", "\x85", "\x00", "\ufeff", "😀", "2024-01-31", "<<"]
)  # fmt: skip
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-(10**290), 10**290),
    st.floats(allow_nan=False, allow_infinity=False),
    texts,
    tricky,
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.one_of(texts, tricky), inner, max_size=3)
    ),
    max_leaves=6,
)
axes = st.lists(values, min_size=1, max_size=4, unique_by=lambda v: json.dumps(v, sort_keys=True))
distinct = st.lists(st.one_of(st.integers(), texts), min_size=1, max_size=4, unique=True)
grids = st.dictionaries(names, axes, min_size=1, max_size=4)


def params(grid: Grid) -> list[dict[str, Any]]:
    return [point.params for point in grid.points]


def load(document: Any, **overrides: Any) -> Grid:
    return load_grid(document, overrides=Overrides(**overrides), today=date(2024, 3, 10))


def reload(text: str) -> Grid:
    return load_grid("-", stdin=io.StringIO(text), today=date(1999, 1, 1))


def typed(points: list[dict[str, Any]]) -> list[str]:
    """Equal texts: equal values of equal types."""
    return [canonical(point) for point in points]


fewer = settings(max_examples=40)  # of large values: the whole file stays at a few seconds

# ------------------------------------------------------------------------------ size and order


@given(grids)
def test_a_product_has_all_combinations_last_axis_fastest(grid: dict[str, list[Any]]) -> None:
    points = params(load({"grid": grid}))
    sizes = [len(axis) for axis in grid.values()]
    assert len(points) == math.prod(sizes)
    for number, point in enumerate(points):
        assert list(point) == list(grid)
        for (name, axis), size, stride in zip(
            grid.items(), sizes, (math.prod(sizes[n + 1 :]) for n in range(len(sizes))), strict=True
        ):
            assert canonical({"": point[name]}) == canonical({"": axis[number // stride % size]})


@fewer
@given(st.lists(grids, min_size=1, max_size=3))
def test_a_union_is_one_grid_after_the_other(parts: list[dict[str, list[Any]]]) -> None:
    separate = [point for part in parts for point in params(load({"grid": part}))]
    unique = list(dict.fromkeys(typed(separate)))
    assert typed(params(load({"grid": parts, "duplicates": "drop"}))) == unique
    if len(unique) < len(separate):
        with pytest.raises(GridError, match="is there twice"):
            load({"grid": parts})


@given(st.lists(st.tuples(values, values), min_size=1, max_size=5), st.integers(1, 3))
def test_a_zip_keeps_rows_together(rows: list[tuple[Any, Any]], more: int) -> None:
    unique = list({canonical({"a": a, "b": b}): (a, b) for a, b in rows}.values())
    columns = {"a": [a for a, _ in unique], "b": [b for _, b in unique]}
    points = params(load({"zip": columns, "grid": {"c": list(range(more))}}))
    assert len(points) == len(unique) * more
    assert typed([{"a": p["a"], "b": p["b"]} for p in points[::more]]) == typed(
        [{"a": a, "b": b} for a, b in unique]
    )


@fewer
@given(st.dictionaries(names, distinct, min_size=1, max_size=3), st.data())
def test_exclude_removes_exactly_what_matches(
    grid: dict[str, list[Any]], data: st.DataObject
) -> None:
    assume(sum(map(len, grid.values())) > len(grid))  # more than one point
    everything = params(load({"grid": grid}))
    victim = data.draw(st.sampled_from(everything))
    kept = params(load({"grid": grid, "exclude": [victim]}))
    assert kept == [point for point in everything if point != victim]


@fewer
@given(grids, st.integers(1, 30))
def test_a_sample_is_a_part_in_order(grid: dict[str, list[Any]], n: int) -> None:
    everything = typed(params(load({"grid": grid})))
    part = typed(params(load({"grid": grid}, sample=n)))
    assert len(part) == min(n, len(everything))
    assert [text for text in everything if text in set(part)] == part


# ---------------------------------------------------------------------------- types survive


@given(st.dictionaries(names, values, max_size=4))
def test_values_keep_their_types_through_the_written_grid(constants: dict[str, Any]) -> None:
    grid = load({"set": constants, "grid": {}})
    assert typed(params(grid)) == typed([constants])
    assert typed(params(reload(grid.resolved))) == typed([constants])


@fewer
@given(st.dictionaries(st.one_of(texts, tricky), values, max_size=4))
def test_the_writer_and_the_reader_agree(document: dict[str, Any]) -> None:
    again = read_yaml(write_yaml(document), "x").value or {}
    assert canonical(again) == canonical(document)  # type: ignore[arg-type]


@fewer
@given(st.lists(st.dictionaries(names, values, max_size=3), min_size=1, max_size=4))
def test_listed_points_come_back_as_they_were(points: list[dict[str, Any]]) -> None:
    unique = list({canonical(point): point for point in points}.values())
    grid = load({"points": unique})
    assert typed(params(grid)) == typed(unique)
    lines = "".join(json.dumps(point) + "\n" for point in unique)
    rows = parse_points(lines, "x", "jsonl", Types(), 100)
    assert typed([row.values for row in rows]) == typed(unique)


documents = st.fixed_dictionaries(
    {"grid": st.one_of(grids, st.lists(grids, min_size=1, max_size=2))},
    optional={
        "zip": st.just({"za": [1, 2, 2], "zb": ["x", "x", "y"]}),
        "sample": st.just({"method": "sobol", "n": 2, "space": {"sx": {"uniform": [0, 1]}}}),
        "points": st.just([{"q": 1}, {"q": 2, "r": None}]),
        "set": st.just({"c": {"deep": [1, {"er": None}]}, "d": "today-1d"}),
        "when": st.just(
            [{"if": {"q": 1}, "grid": {"w": [1, 2]}}, {"if": "q > 1", "set": {"c": 1}}]
        ),
        "exclude": st.just(["q == 1 and za == 2", {"q": 2, "za": [1, 7]}]),
        "include": st.just([{"extra": 1}]),
        "where": st.just("not (q > 1 and zb == 'y')"),
        "subset": st.integers(1, 9),
        "types": st.just({"d": "date"}),
        "id": st.just("x"),
        "collect": st.just(["m", "n=a+b"]),
        "resources": st.just({"memory": "2GB", "time": "01:30:00"}),
        "outputs": st.just(["*.csv"]),
        "duplicates": st.just("drop"),
    },
)
some_overrides = st.fixed_dictionaries(
    {},
    optional={
        "pins": st.lists(
            st.sampled_from(["za=9", "q=1", "c=5", "new=x", "sx=1", "a=1", "w=7"]),
            unique_by=lambda s: s.split("=")[0],
        ).map(tuple),
        "axes": st.lists(
            st.sampled_from(["zb=1,2", "r=1,2", "d=dates(today-1d,today)", "b=range(2)"]),
            unique_by=lambda s: s.split("=")[0],
        ).map(tuple),
        "where": st.sampled_from([("q == 1",), ("not (za > 1)",)]),
        "sample": st.integers(1, 5),
    },
)


@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=50)
@given(documents, some_overrides)
def test_the_resolved_grid_gives_the_same_on_any_day(
    document: dict[str, Any], overrides: dict[str, Any]
) -> None:
    try:
        grid = load(document, **overrides)
    except (GridError, NoPoints):
        return  # parts that do not go together: the refusals have tests of their own
    again = reload(grid.resolved)
    assert typed(params(again)) == typed(params(grid))
    assert again.axes == grid.axes
    assert (again.resources, again.inputs, again.outputs) == (
        grid.resources, grid.inputs, grid.outputs,
    )  # fmt: skip
    assert (again.collect, again.id_template) == (grid.collect, grid.id_template)
    assert again.resolved == grid.resolved


# -------------------------------------------------------------------------------------- ids


@fewer
@given(grids, st.randoms(use_true_random=False))
def test_ids_survive_reordering(grid: dict[str, list[Any]], random: Any) -> None:
    shuffled = [(name, random.sample(axis, len(axis))) for name, axis in grid.items()]
    random.shuffle(shuffled)
    ids = point_ids(load({"grid": grid}).points)
    assert sorted(ids) == sorted(point_ids(load({"grid": dict(shuffled)}).points))


@fewer
@given(grids, values)
def test_ids_survive_extension(grid: dict[str, list[Any]], more: Any) -> None:
    name = next(iter(grid))
    assume(json.dumps(more, sort_keys=True) not in
           {json.dumps(v, sort_keys=True) for v in grid[name]})  # fmt: skip
    before = point_ids(load({"grid": grid}).points)
    after = point_ids(load({"grid": {**grid, name: [*grid[name], more]}}).points)
    assert after[: len(before)] == before
    assert len(after) > len(before)


@fewer
@given(st.lists(st.dictionaries(names, values, max_size=4), max_size=6))
def test_ids_collide_only_for_equal_points(points: list[dict[str, Any]]) -> None:
    assert len({point_id(p).lower() for p in points}) == len(set(typed(points)))


@given(st.dictionaries(names, values, max_size=6), st.one_of(st.none(), texts))
def test_ids_are_safe_file_names(point: dict[str, Any], template: str | None) -> None:
    try:
        name = point_id(point, template)
    except GridError:
        return
    assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]*-[0-9a-f]{10}", name)
    assert len(name) <= 60


# ------------------------------------------------------------- errors are never tracebacks

words = st.sampled_from(
    ["grid", "zip", "sample", "points", "when", "exclude", "include", "set", "types", "id", "if",
     "max_points", "resources", "inputs", "outputs", "collect", "where", "subset", "duplicates",
     "n", "seed", "space", "method", "from", "rows", "format", "range", "linspace", "dates",
     "glob", "step", "min", "uniform", "choice", "memory", "time", "a", "b"]
)  # fmt: skip
leaves = st.one_of(
    scalars,
    st.floats(),
    st.sampled_from(
        ["a > 1", "b", "lhs", "random", "sobol", "today", "x.csv", "-", '{"a": 1}', "int", "path"]
    ),
)
wild = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.one_of(words, texts), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(st.one_of(st.dictionaries(words, wild, max_size=4), wild))
@example({"grid": None, "": None})
def test_any_document_loads_or_is_refused(document: Any) -> None:
    try:
        grid = load_grid(document, stdin=io.StringIO("a,b\n1,2\n"))
    except NbbatchError as error:
        assert error.message
        return
    assert typed(params(reload(grid.resolved))) == typed(params(grid))


@st.composite
def damaged(draw: st.DrawFn) -> Any:
    """A document that makes sense, with one part of it replaced by anything."""
    document = json.loads(json.dumps(draw(documents)))
    spot, keys = document, list(document)
    while True:
        key = draw(st.sampled_from(keys))
        inner = spot[key]
        if not isinstance(inner, (dict, list)) or not inner or draw(st.booleans()):
            spot[key] = draw(st.one_of(wild, axes))
            return document
        spot, keys = inner, list(inner) if isinstance(inner, dict) else list(range(len(inner)))


@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=60)
@given(damaged(), some_overrides)
def test_any_damaged_document_loads_or_is_refused(document: Any, overrides: dict[str, Any]) -> None:
    try:
        grid = load(document, **overrides)
    except NbbatchError as error:
        assert error.message
        return
    assert typed(params(reload(grid.resolved))) == typed(params(grid))


yaml_pieces = st.sampled_from(
    ["a: ", "- ", "\n", "  ", "[", "]", "{", "}", ", ", ": ", "&x ", "*x", "!!str ", "? ", "| ",
     ">", "'", '"', "#", "---\n", "...", "%YAML 1.1\n", "\t", "1", "grid:\n  ", "<<", "\\",
     "\ufeff", "points: ", "set: ", "null", "\r\n", "b: [1, 2]\n", "a: [3]\n", "@", "`"]
)  # fmt: skip


@given(st.one_of(st.text(max_size=60), st.lists(yaml_pieces, max_size=14).map("".join)))
@example("a: &x\n? *x")
@example("\ufeff\ufeff")
def test_any_text_loads_or_is_refused(text: str) -> None:
    try:
        grid = load_grid("-", stdin=io.StringIO(text))
    except NbbatchError as error:
        assert error.message
        return
    assert typed(params(reload(grid.resolved))) == typed(params(grid))


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return tmp_path_factory.mktemp("bytes")


@given(
    raw=st.binary(max_size=80), suffix=st.sampled_from(["yaml", "csv", "tsv", "jsonl", "parquet"])
)
def test_any_file_loads_or_is_refused(scratch: Any, raw: bytes, suffix: str) -> None:
    path = scratch / f"grid.{suffix}"
    path.write_bytes(raw)
    try:
        load_grid(path)
    except NbbatchError as error:
        assert str(path) in str(error)


expression_pieces = st.sampled_from(
    ["a", "b", "x", "1", "2.5", "'t'", "[1, 2]", "(", ")", " + ", " - ", " * ", " ** ", " / ",
     " % ", " // ", " < ", " == ", " in ", " not ", " and ", " or ", ".", ",", "[", "]", "null",
     "true", ":"]
)  # fmt: skip


@given(
    st.one_of(st.text(max_size=40), st.lists(expression_pieces, max_size=12).map("".join)),
    st.dictionaries(st.sampled_from(["a", "b"]), values, max_size=2),
)
def test_any_expression_decides_or_is_refused(text: str, point: dict[str, Any]) -> None:
    try:
        assert parse_expression(text).matches(point) in (True, False)
    except GridError as error:
        assert error.message


@given(
    st.lists(st.one_of(st.text(max_size=30), texts.map(lambda t: f"a={t}")), max_size=3),
    st.sampled_from(["pins", "axes", "where"]),
)
def test_any_option_is_applied_or_refused(given_texts: list[str], option: str) -> None:
    document = {"grid": {"a": [1, 2], "b": [3, 4]}, "exclude": [{"a": 1, "b": 3}]}
    try:
        grid = load(document, **{option: tuple(given_texts)})
    except NbbatchError as error:
        assert error.message
        return
    assert typed(params(reload(grid.resolved))) == typed(params(grid))


@given(st.text(max_size=30))
def test_any_amount_is_read_or_refused(text: str) -> None:
    for parse in (parse_memory, parse_duration, lambda t: parse_collect([t])):
        try:
            parse(text)
        except GridError as error:
            assert error.message
