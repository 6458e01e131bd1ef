"""Points from CSV, TSV, JSON lines and Parquet."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

from nbbatch.errors import GridError
from nbbatch.grid import Overrides, load_grid
from tests.unit.grid.grids import points_of


def read(tmp_path: Path, name: str, content: str | bytes, extra: str = "") -> list[dict[str, Any]]:
    raw = content if isinstance(content, bytes) else content.encode()
    (tmp_path / name).write_bytes(raw)
    return points_of(f"points: {{from: {name}}}\n{extra}", folder=tmp_path)


ROWS = [{"a": 1, "b": "x"}, {"a": 2.5, "b": "y z"}]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("p.csv", "a,b\n1,x\n2.5,y z\n"),
        ("p.csv", "a,b\r\n1,x\r\n2.5,y z"),
        ("p.csv", "\ufeffa,b\n1,x\n2.5,y z\n"),
        ("p.csv", "a;b\n1;x\n2.5;y z\n"),
        ("p.CSV", " a , b \n\n1, x\n2.5,\"y z\"\n\n"),
        ("p.tsv", "a\tb\n1\tx\n2.5\ty z\n"),
        ("p.jsonl", '{"a": 1, "b": "x"}\n\n{"a": 2.5, "b": "y z"}\n'),
        ("p.ndjson", '\ufeff{"a": 1, "b": "x"}\r\n{"a": 2.5, "b": "y z"}'),
    ],
)  # fmt: skip
def test_all_kinds_of_text(tmp_path: Path, name: str, content: str) -> None:
    assert read(tmp_path, name, content) == ROWS


def test_cells_are_typed_as_yaml_scalars(tmp_path: Path) -> None:
    (point,) = read(tmp_path, "p.csv", "a,b,c,d,e,f\n1e-3,on,true,null,007,2024-01-31\n")
    assert point == {"a": 0.001, "b": "on", "c": True, "d": None, "e": 7, "f": "2024-01-31"}


def test_declared_types_win(tmp_path: Path) -> None:
    text = 'run,x,f,j\n007,1,a.root,"[1, 2]"\n'
    (point,) = read(tmp_path, "p.csv", text, "types: {run: str, x: float, f: path, j: json}")
    assert point == {"run": "007", "x": 1.0, "f": str(tmp_path / "a.root"), "j": [1, 2]}
    assert type(point["x"]) is float


def test_quoted_cells_may_hold_line_breaks(tmp_path: Path) -> None:
    text = 'a,b\n1,"x\ny"\n2,\n'
    with pytest.raises(GridError, match=r"p\.csv:4: the cell of column 'b' is empty"):
        read(tmp_path, "p.csv", text)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("p.csv", "a,b\n1,x\n2,\n", "p.csv:3: the cell of column 'b' is empty"),
        ("p.csv", "a,b\n1\n", "p.csv:2: the cell of column 'b' is empty"),
        ("p.csv", "a,b\n1,2,3\n", "p.csv:2: 3 cells, but the header names 2"),
        ("p.csv", "a,a\n1,2\n", "p.csv:1: two columns are called 'a'"),
        ("p.csv", "a,\n1,2\n", "p.csv:1: column 2 has no name"),
        ("p.csv", "a,b\n1,nope\n2,.nan\n", "p.csv:3: column 'b': .nan"),
        ("p.csv", "", "p.csv: has no points"),
        ("p.csv", "a,b\n", "p.csv: has no points"),
        ("p.csv", "if\n1\n", "'if' cannot be the name of a parameter"),
        ("p.csv", 'a\n"1\n', "p.csv:2: not valid CSV"),
        ("p.csv", b"a\n\xff\n", "p.csv:2: the text is not UTF-8"),
        ("p.jsonl", '{"a": 1}\n{"a": NaN}\n', "p.jsonl:2: NaN"),
        ("p.jsonl", '{"a": 1}\n{"a": 1e999}\n', "p.jsonl:2: inf"),
        ("p.jsonl", '{"a": 1}\n[1]\n', "p.jsonl:2: [1] is not a JSON object"),
        ("p.jsonl", '{"a": 1, "a": 2}\n', "p.jsonl:1: the key 'a' is written twice"),
        ("p.jsonl", '{"a": ' + "[" * 3000 + "]" * 3000 + "}\n", "p.jsonl:1"),
        ("p.jsonl", '{"a": ' + "9" * 5000 + "}\n", "p.jsonl:1"),
        ("p.jsonl", '{"a": "\\ud800"}\n', "p.jsonl:1"),
        ("p.jsonl", "{", "p.jsonl:1: not valid JSON"),
        ("p.csv", "a\n1\n1\n", "p.csv:2 and from p.csv:3"),
        ("p.parquet", b"PAR1 not really", "cannot be read as Parquet"),
    ],
)
def test_defects_have_their_line(
    tmp_path: Path, name: str, content: str | bytes, message: str
) -> None:
    with pytest.raises(GridError) as caught:
        read(tmp_path, name, content)
    assert message in str(caught.value)


def test_parquet_keeps_types(tmp_path: Path) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    table = pa.table({"n": [1, 2], "x": [1.0, 2.0], "s": ["a", "b"], "l": [[1], [2, 3]]})
    parquet.write_table(table, tmp_path / "p.parquet")
    points = points_of("points: {from: p.parquet}", folder=tmp_path)
    assert points == [
        {"n": 1, "x": 1.0, "s": "a", "l": [1]}, {"n": 2, "x": 2.0, "s": "b", "l": [2, 3]},
    ]  # fmt: skip
    assert type(points[0]["x"]) is float


def test_parquet_nulls_are_missing_cells(tmp_path: Path) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    parquet.write_table(pa.table({"n": [1, None]}), tmp_path / "p.parquet")
    with pytest.raises(GridError, match=r"p\.parquet row 1: the cell of column 'n' is empty"):
        points_of("points: {from: p.parquet}", folder=tmp_path)


def test_a_points_file_is_a_grid_by_itself(tmp_path: Path) -> None:
    (tmp_path / "scan.csv").write_text("a,b\n1,2\n3,4\n")
    grid = load_grid(tmp_path / "scan.csv", overrides=Overrides(pins=("c=5",)))
    assert [p.params for p in grid.points] == [{"a": 1, "b": 2, "c": 5}, {"a": 3, "b": 4, "c": 5}]
    assert grid.points[1].origin.endswith("scan.csv:3")


@pytest.mark.parametrize("text", ["a,b\n1,2\n", '{"a": 1, "b": 2}\n'])
def test_points_from_standard_input(tmp_path: Path, text: str) -> None:
    (tmp_path / "params.yaml").write_text("points: {from: '-'}\n")
    grid = load_grid(tmp_path / "params.yaml", stdin=io.StringIO(text))
    assert [p.params for p in grid.points] == [{"a": 1, "b": 2}]
    assert load_grid("-", stdin=io.StringIO(grid.resolved)).points[0].params == {"a": 1, "b": 2}


def test_the_resolved_grid_holds_the_values_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text("run,f\n007,x.root\n")
    text = "points: {from: p.csv}\ntypes: {run: str, f: path}"
    (tmp_path / "params.yaml").write_text(text)
    grid = load_grid(tmp_path / "params.yaml")
    (tmp_path / "p.csv").unlink()
    (tmp_path / "sweep").mkdir()
    kept = tmp_path / "sweep" / "grid.yaml"
    kept.write_text(grid.resolved)
    assert load_grid(kept).points[0].params == grid.points[0].params
    assert grid.points[0].params == {"run": "007", "f": str(tmp_path / "x.root")}


def test_more_rows_than_allowed_stop_the_reading(tmp_path: Path) -> None:
    rows = "".join(f"{n}\n" for n in range(10_001))
    with pytest.raises(GridError, match="more than 10,000 points"):
        read(tmp_path, "p.csv", f"a\n{rows}")


def test_a_quote_behind_a_space_is_a_quote(tmp_path: Path) -> None:
    found = read(tmp_path, "p.csv", 'a, b\n1, "x"\n2, "y, z"\n')
    assert found == [{"a": 1, "b": "x"}, {"a": 2, "b": "y, z"}]


def test_a_bad_name_of_a_column_is_told_with_the_headers_line(tmp_path: Path) -> None:
    with pytest.raises(GridError, match=r"^p\.csv:1: 'my run' cannot be the name"):
        read(tmp_path, "p.csv", "a,my run\n\n1,2\n")


def test_parquet_that_pandas_wrote_may_hold_its_index(tmp_path: Path) -> None:
    """``frame[frame.a > 1].to_parquet(…)`` keeps the rows' numbers in a column."""
    import pyarrow as pa
    from pyarrow import parquet

    table = pa.table({"a": [2, 3], "__index_level_0__": [4, 7]})
    parquet.write_table(table, tmp_path / "p.parquet")
    assert points_of("points: {from: p.parquet}", folder=tmp_path) == [{"a": 2}, {"a": 3}]


def test_parquet_cells_that_cannot_be_passed_are_told_with_their_column(tmp_path: Path) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    parquet.write_table(pa.table({"a": [1, 2], "b": [0.5, float("nan")]}), tmp_path / "p.pq")
    with pytest.raises(GridError, match=r"p\.pq row 1: nan cannot be a parameter.*'b'"):
        points_of("points: {from: p.pq}", folder=tmp_path)


def test_parquet_with_two_columns_of_one_name(tmp_path: Path) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    columns = [pa.array([1, 2]), pa.array([3, 4])]
    parquet.write_table(pa.Table.from_arrays(columns, ["a", "a"]), tmp_path / "p.pq")
    with pytest.raises(GridError, match="two columns are called 'a'"):
        points_of("points: {from: p.pq}", folder=tmp_path)
