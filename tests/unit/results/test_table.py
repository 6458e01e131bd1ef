from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from nbbatch.errors import UsageError
from nbbatch.model import Cause, Failure, PointState, Value
from nbbatch.results.files import write_csv, write_json, write_parquet
from nbbatch.results.table import columns, flatten, last_failure, rows, varying
from tests.views import a_view, failed, ok


def test_one_row_a_point(tmp_path: Path) -> None:
    (row,) = rows([ok(0, {"sigma": 8}, chi2=1.5)], tmp_path)
    assert row == {
        "id": "p0-0000",
        "index": 0,
        "params": {"sigma": 8},
        "metrics": {"chi2": 1.5},
        "state": "ok",
        "error": None,
        "seconds": 60.0,
        "host": "node1",
        "attempts": 1,
        "notebook": "points/p0-0000/executed.ipynb",
        "page": "points/p0-0000/notebook.html",
        "log": "points/p0-0000/output.log",
    }


@pytest.mark.parametrize(
    ("view", "error"),
    [
        (failed(0, {}, "ValueError: two\n  lines\tand a tab"), "ValueError: two lines and a tab"),
        (failed(0, {}, "KeyboardInterrupt"), "KeyboardInterrupt"),
        (failed(0, {}, "E: " + "x" * 1_000_000), "E: " + "x" * 296 + "…"),
        (a_view(0, {}, PointState.LOST, reason="job 4 left no record"), "job 4 left no record"),
        (a_view(0, {}, PointState.QUEUED), None),
        (ok(0, {}), None),
    ],
)
def test_the_error_is_one_line(view, error, tmp_path: Path) -> None:
    assert rows([view], tmp_path)[0]["error"] == error


def test_a_point_that_runs_again_does_not_show_its_last_attempt(tmp_path: Path) -> None:
    died = a_view(0, {}, PointState.DIED, Cause.KERNEL_START, Failure("KernelStart", "no answer"))
    again = type(died)(died.point, PointState.RUNNING, died.record, 2, "", "node7")
    (row,) = rows([again], tmp_path)
    assert (row["state"], row["seconds"], row["error"], row["host"]) == (
        "running",
        None,
        None,
        "node7",
    )


def test_files_are_looked_for_only_where_the_record_cannot_tell(tmp_path: Path) -> None:
    folder = tmp_path / "points" / "p1-0001"
    folder.mkdir(parents=True)
    (folder / "output.log").write_text("starting\n")
    views = [
        a_view(0, {}, PointState.QUEUED),
        a_view(1, {}, PointState.RUNNING),
        a_view(2, {}, PointState.DIED, Cause.KERNEL_START),
        failed(3, {}),
    ]
    found = [(row["notebook"], row["page"], row["log"]) for row in rows(views, tmp_path)]
    assert found == [
        (None, None, None),
        (None, None, "points/p1-0001/output.log"),
        (None, None, None),
        tuple(f"points/p3-0003/{n}" for n in ("executed.ipynb", "notebook.html", "output.log")),
    ]


def test_flat_columns_are_parameters_then_metrics_as_first_seen(tmp_path: Path) -> None:
    table = rows([ok(0, {"b": 1}, m=1), ok(1, {"b": 1, "a": 2}, n=2, m=3)], tmp_path)
    names = [column.name for column in columns(table)]
    assert names[:6] == ["id", "index", "b", "a", "m", "n"]
    assert names[6:8] == ["state", "error"]


def test_names_that_clash_get_a_prefix(tmp_path: Path) -> None:
    view = ok(0, {"sigma": 8, "state": "solid", "metric.sigma": 1}, sigma=0.1, seconds=3, id=7)
    flat = flatten(rows([view], tmp_path)[0])
    assert flat["sigma"] == 8
    assert flat["param.state"] == "solid"
    assert flat["state"] == "ok"
    assert flat["metric.sigma"] == 1
    assert flat["metric.metric.sigma"] == 0.1
    assert (flat["metric.seconds"], flat["seconds"]) == (3, 60.0)
    assert (flat["metric.id"], flat["id"]) == (7, "p0-0000")


def test_varying_names_and_constants(tmp_path: Path) -> None:
    table = rows([ok(0, {"a": 1, "b": 1, "c": 1}), ok(1, {"a": 1, "b": 1.0})], tmp_path)
    assert varying(table, "params") == (["b", "c"], {"a": 1})
    assert varying(table[:1], "params") == (["a", "b", "c"], {})


def as_csv(params: dict[str, Value], tmp_path: Path) -> dict[str, str]:
    text = io.StringIO()
    write_csv(rows([ok(0, params)], tmp_path), text)
    (row,) = csv.DictReader(io.StringIO(text.getvalue(), newline=""))
    return row


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        (None, ""),
        (True, "true"),
        (-3, "-3"),
        (1e-3, "0.001"),
        ([1, "a"], '[1, "a"]'),
        ({"k": None}, '{"k": null}'),
        ('plain, with "quotes"\nand lines', 'plain, with "quotes"\nand lines'),
        ("=1+1", "'=1+1"),
        ("+cmd", "'+cmd"),
        ("-3", "'-3"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        ("\r=1", "'\r=1"),
        ("a\rb", "a\rb"),
        ("a=1", "a=1"),
    ],
)
def test_csv_cells(value: Value, cell: str, tmp_path: Path) -> None:
    assert as_csv({"x": value}, tmp_path)["x"] == cell


def test_csv_headings_are_no_formulas_either(tmp_path: Path) -> None:
    assert as_csv({"=HYPERLINK(1)": 5}, tmp_path)["'=HYPERLINK(1)"] == "5"


def test_files_are_utf8_even_where_a_file_name_is_not(tmp_path: Path) -> None:
    table = rows([ok(0, {"file": "caf\u00e9-\udcff.root"})], tmp_path)
    write_csv(table, tmp_path / "r.csv")
    write_json(table, tmp_path / "r.json")
    write_parquet(table, tmp_path / "r.parquet")
    assert "café-\\udcff.root" in (tmp_path / "r.csv").read_text("utf-8")
    assert "café" in (tmp_path / "r.json").read_text("utf-8")


def test_json_is_a_list_of_rows_and_knows_no_nan(tmp_path: Path) -> None:
    table = rows([ok(0, {"a": [1, None]}, bad=float("nan"), worse=[float("inf")])], tmp_path)
    text = io.StringIO()
    write_json(table, text)
    (row,) = json.loads(text.getvalue(), parse_constant=pytest.fail)
    assert row["params"] == {"a": [1, None]}
    assert row["metrics"] == {"bad": None, "worse": [None]}
    empty = io.StringIO()
    write_json([], empty)
    assert json.loads(empty.getvalue()) == []


def test_parquet_keeps_types(tmp_path: Path) -> None:
    from pyarrow import parquet

    first = {"i": 1, "f": 1, "s": "a", "b": True, "l": [1, 2], "mixed": 1, "big": 2**70}
    other = {"i": None, "f": 2.5, "s": "b", "b": False, "l": None, "mixed": "x", "big": 1}
    table = rows([ok(0, first), ok(1, other), a_view(2, {}, PointState.QUEUED)], tmp_path)
    write_parquet(table, tmp_path / "r.parquet")
    found = parquet.read_table(tmp_path / "r.parquet")
    assert {name: str(found.schema.field(name).type) for name in [*first, "seconds"]} == {
        "i": "int64",
        "f": "double",
        "s": "string",
        "b": "bool",
        "l": "string",
        "mixed": "string",
        "big": "string",
        "seconds": "double",
    }
    assert found["l"].to_pylist() == ["[1, 2]", None, None]
    assert found["big"].to_pylist() == [str(2**70), "1", None]


def test_parquet_without_pyarrow_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(UsageError, match=r"nbbatch\[pandas\]"):
        write_parquet(rows([ok(0, {})], tmp_path), tmp_path / "r.parquet")


def test_the_last_failure_is_the_one_that_ended_last() -> None:
    views = [failed(5, {}, "ValueError: late"), failed(3, {}, "ValueError: early"), ok(9, {})]
    assert last_failure(views) == "p5-0005: ValueError: late"
    assert last_failure([ok(9, {})]) is None
