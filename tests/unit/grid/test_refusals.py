"""What is refused, with the place, before anything runs."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from nbbatch.errors import GridError, NoPoints
from nbbatch.grid import load_grid
from tests.unit.grid.grids import points_of

REFUSED: dict[str, tuple[str, int, str]] = {
    # name: (text, line of the error, part of the message)
    "empty file": ("", 1, "the grid is empty"),
    "a text": ("hello", 1, "the grid is only 'hello'"),
    "no points": ("[]", 1, "the list of points is empty"),
    "empty axis": ("a: [1]\nb: []", 2, "'b' has no values"),
    "empty generated axis": ("a: {range: 0}", 1, "'a' has no values"),
    "scalar as an axis": ("grid:\n  a: [1]\n  b: foo", 3, "not a list\n  Write b: [foo]"),
    "forgotten brackets": ("a: 8, 10, 12", 1, "Write a: [8, 10, 12]"),
    "a call as text": ("a: range(0, 5)", 1, "Write a: {range: [0, 5]}"),
    "a call as an axis": ("grid: {a: 'linspace(0, 1, 5)'}", 1, "Write a: {linspace: [0, 1, 5]}"),
    "empty zip": ("zip: []", 1, "'zip' is an empty list"),
    "mistyped word of points": ("points: {from: a.csv, fromat: csv}", 1, "Did you mean 'format'"),
    "mapping that is no generator": ("a: {x: 1}", 1, "no generator"),
    "value twice in an axis": ("a: [1, 2, 1]", 1, "the value 1 twice"),
    "same key twice": ("a: [1]\nb: 2\na: [2]", 3, "the first is in line 1"),
    "same name in two blocks": ("grid: {a: [1]}\nzip: {a: [1]}", 2, "'a' is given twice"),
    "same name in grid and set": ("grid: {a: [1]}\nset:\n  a: 1", 3, "'a' is given twice"),
    "unequal zip": ("zip:\n  - {a: [1, 2], b: [1]}", 2, "a has 2, b has 1"),
    "keyword": ("lambda: [1]", 1, "a word of the Python language"),
    "no identifier": ("a: 1\n2b: [1]", 2, "cannot be the name of a parameter"),
    "name with a space": ("'a b': 1", 1, "cannot be the name"),
    "our own names": ("nbbatch_id: 1", 1, "reserved"),
    "dunder": ("__name__: 1", 1, "belong to Python"),
    "name that Python would change": ("\ufb01t: 1", 1, "'fit'"),
    "key that is a number": ("1: [1]", 1, "Quote the key"),
    "NaN": ("a: [1,\n  .nan]", 2, "no NaN"),
    "infinity by size": ("a: [1e999]", 1, "infinity"),
    "absurd integer": (f"a: [{'9' * 5000}]", 1, "300 digits"),
    "tag": ("a: !!python/object/apply:os.system [ls]", 1, "tag"),
    "tag on a scalar": ("a: !!str 1", 1, "tag"),
    "merge key": ("b: &b {x: 1}\na:\n  <<: *b", 3, "merge key"),
    "unknown alias": ("a: *x", 1, "nothing is called &x"),
    "alias inside itself": ("a: &x [*x]", 1, "inside itself"),
    "second document": ("a: [1]\n---\nb: [1]", 2, "second document"),
    "broken YAML": ("a: [1\nb: 2", 2, "not valid YAML"),
    "control character": ("a: \x00", 0, "not valid YAML"),
    "bad escape": ('a: "\\UFFFFFFFF"', 0, "not valid YAML"),
    "half a character": ('a: "\\ud800"', 1, "surrogate"),
    "too deep": ("a: " + "[" * 500 + "]" * 500, 1, "levels deep"),
    "reserved word among axes": ("a: [1]\nexclude: [{a: 1}]", 2, "word of the full form"),
    "reserved word alone, ambiguous": ("id: [1, 2]", 1, "Put the axes under grid:"),
    "unknown word": ("grid: {a: [1]}\nexlude: [{a: 1}]", 2, "Did you mean 'exclude'?"),
    "axis beside grid": ("grid: {a: [1]}\nsigma: [1]", 2, "Put an axis under grid: {sigma: […]}"),
    "points of numbers": ("points: [1, 2]", 1, "must be a list of mappings"),
    "points as a parameter": ("points: 100", 1, "write grid: {points: …}"),
    "empty block": ("grid:", 1, "'grid' is empty"),
    "empty zip entry": ("zip: [{}]", 1, "empty"),
    "sample without n": ("sample: {space: {x: {uniform: [0, 1]}}}", 1, "'n' is missing"),
    "unknown sampler": ("sample: {method: grid, n: 1, space: {}}", 1, "random, lhs or sobol"),
    "unknown distribution": ("sample: {n: 2, space: {x: {normal: [0, 1]}}}", 1, "{uniform:"),
    "uniform backwards": ("sample: {n: 2, space: {x: {uniform: [1, 0]}}}", 1, "smaller"),
    "loguniform of zero": ("sample: {n: 2, space: {x: {loguniform: [0, 1]}}}", 1, "above zero"),
    "rule that matches nothing": ("grid: {a: [1]}\nexclude: [{a: 2}]", 2, "matches no point"),
    "expression that matches nothing": ("grid: {a: [1]}\nexclude: a > 5", 2, "matches no point"),
    "condition that matches nothing": (
        "grid: {a: [1]}\nwhen: [{if: {a: 2}, set: {b: 1}}]", 2, "matches no point",
    ),
    "rule with an unknown name": ("grid: {a: [1]}\nexclude: [{b: 2}]", 2, "no point has"),
    "expression with an unknown name": ("grid: {a: [1]}\nexclude: b > 2", 2, "no point has"),
    "rule that would match all": ("grid: {a: [1]}\nexclude: [{}]", 2, "every point"),
    "broken expression": ("grid: {a: [1]}\nexclude: a >", 2, "not an expression"),
    "expression without meaning": (
        "grid: {a: [x]}\nexclude: a > 2", 2, "'x' > 2 has no meaning",
    ),
    "when sets an axis": (
        "grid: {a: [1, 2]}\nwhen: [{if: {a: 1}, set: {a: 3}}]", 2, "a rule cannot set it",
    ),
    "when adds an axis that is there": (
        "grid: {a: [1, 2]}\nwhen: [{if: {a: 1}, grid: {a: [3]}}]", 2, "an axis already",
    ),
    "two rules add one axis": (
        "grid: {a: [1]}\nwhen:\n"
        "  - {if: {a: 1}, grid: {b: [1]}}\n  - {if: a > 0, grid: {b: [2]}}",
        4, "two rules of 'when' add the axis 'b'",
    ),
    "when without consequence": ("grid: {a: [1]}\nwhen: [{if: {a: 1}}]", 2, "neither set:"),
    "when without condition": ("grid: {a: [1]}\nwhen: [{set: {b: 1}}]", 2, "'if' is missing"),
    "types of nothing": ("grid: {a: [1]}\ntypes: {b: int}", 2, "which no point has"),
    "unknown type": ("grid: {a: [1]}\ntypes: {a: integer}", 2, "int, float, bool"),
    "memory without a unit": ("grid: {}\nresources: {memory: 2}", 2, '"2GB"'),
    "unknown resource": ("grid: {}\nresources: {mem: 2GB}", 2, "Did you mean 'memory'?"),
    "ambiguous time": ("grid: {}\nresources: {time: 10:00}", 2, "time span"),
    "nameless metric": ("grid: {}\ncollect: [a + b]", 2, "name=expression"),
    "metric twice": ("grid: {}\ncollect: [a, a=b]", 2, "twice"),
    "missing points file": ("points: {from: /nowhere/x.csv}", 0, "No such file"),
    "points file of unknown kind": ("points: {from: x.xls}", 0, ".parquet"),
    "glob without files": ("a: {glob: '/nowhere/*.root'}", 1, "no file matches"),
    "input pattern without files": ("grid: {}\ninputs: ['/nowhere/*']", 2, "no file matches"),
    "both from standard input": ("points: {from: '-'}", 1, "standard input cannot give both"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "line", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_refused_with_its_line(text: str, line: int, message: str) -> None:
    with pytest.raises(GridError) as caught:
        points_of(text)
    assert message in str(caught.value)
    if line:
        assert str(caught.value).startswith(f"standard input:{line}")


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{b}", "names 'b'"),
        ("{a.__class__}", "names 'a.__class__'"),
        ("{a[0]}", "names 'a[0]'"),
        ("{a!r}", "not valid"),
        ("{}", "not valid"),
        ("{a", "not valid"),
        ("{a:999999999}", "not valid"),
        ("{a:{a}}", "not valid"),
        ("{a:d}", "cannot show"),
    ],
)
def test_id_templates_are_checked_before_anything_runs(template: str, message: str) -> None:
    with pytest.raises(GridError) as caught:
        points_of(f"grid: {{a: [x]}}\nid: '{template}'")
    assert message in str(caught.value)
    assert str(caught.value).startswith("standard input:2: ")


def test_duplicate_points_name_both_origins() -> None:
    with pytest.raises(GridError) as caught:
        points_of("points:\n  - {a: 1}\n  - {a: 2}\n  - {a: 1}")
    assert "from standard input:2 and from standard input:4" in str(caught.value)


def test_values_of_different_types_are_no_duplicates() -> None:
    assert len(points_of("a: [1, 1.0, true, '1']")) == 4


def test_nothing_left_is_an_error_of_its_own() -> None:
    with pytest.raises(NoPoints):
        points_of("grid: {a: [1, 2]}\nexclude: a > 0")


def test_an_alias_bomb_stops_before_memory_grows() -> None:
    lines = ["a0: &a0 [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 30)]
    with pytest.raises(GridError, match="more than 1,000,000 values"):
        points_of("\n".join(lines))


@pytest.mark.parametrize(
    "axis",
    [
        "{range: 1000000000000}",
        "{range: [0, 1, 1.0e-15]}",
        "{linspace: [0, 1, 1000000000000]}",
        "{geomspace: [1, 2, 1000000000000]}",
        "{logspace: [1, 2, 1000000000000]}",
        "{dates: [0001-01-01, 9999-12-31]}",
    ],
)
def test_huge_generators_are_counted_before_they_are_made(axis: str) -> None:
    with pytest.raises(GridError, match=r"more than 10,000 values[\s\S]*--max-points"):
        points_of(f"a: {axis}")


def test_a_huge_sample_is_refused() -> None:
    with pytest.raises(GridError, match="1,000,000,000 points"):
        points_of("sample: {n: 1000000000, space: {x: {uniform: [0, 1]}}}")


@pytest.mark.parametrize(
    "raw", [b"\xff\xfe\x00a", b"a: \xe9", b"\x00\x01\x02", "a: [1]".encode("utf-16")]
)
def test_files_that_are_no_text(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "params.yaml"
    path.write_bytes(raw)
    with pytest.raises(GridError, match=r"params\.yaml"):
        load_grid(path)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    for source in (tmp_path, tmp_path / "nothing.yaml", "nul\0.yaml", "x" * 5000):
        with pytest.raises(GridError, match="cannot be read"):
            load_grid(source)


def test_a_broken_standard_input() -> None:
    stream = io.TextIOWrapper(io.BytesIO(b"a: \xff"), encoding="utf-8")
    with pytest.raises(GridError, match="not UTF-8"):
        load_grid("-", stdin=stream)


def test_a_control_character_is_told_with_its_line() -> None:
    with pytest.raises(GridError, match=r"^standard input:3: not valid YAML: unacceptable"):
        points_of('a: [1]\nb: [2]\nc: ["\x01"]\n')
