"""The command line: what is said, and the exit code."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import fields
from pathlib import Path

import pytest

from nbbatch.cli.app import app
from nbbatch.plan import Request
from tests.unit.conftest import Command


def test_plan_as_csv_and_json(nbbatch: Command) -> None:
    _, out, _ = nbbatch("plan", "scan.ipynb", "-g", "x=1,2,3", "--format", "csv")
    assert [row["x"] for row in csv.DictReader(io.StringIO(out))] == ["1", "2", "3"]
    _, out, _ = nbbatch("plan", "scan.ipynb", "-g", "x=1,2,3", "--where", "x > 1", "-f", "json")
    assert [point["params"] for point in json.loads(out)] == [{"x": 2}, {"x": 3}]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["plan", "gone.ipynb"], 2, "gone.ipynb"),
        (["plan", "scan.ipynb", "-g", "y=1,2"], 2, "does not declare the parameter y"),
        (["plan", "scan.ipynb", "--grid", "gone.yaml"], 2, "gone.yaml"),
        (["run", "scan.ipynb", "--backend", "pbs"], 2, "no backend named 'pbs'"),
        (["run", "scan.ipynb", "--name", "a/b"], 2, "--name a/b"),
        (["run", "scan.ipynb", "--name", "a", "--out", "b"], 2, "give one of the two"),
        (["run", "scan.ipynb", "--out", "."], 2, "is not a sweep folder"),
        (["run", "scan.ipynb", "--timeout", "soon"], 2, "soon"),
        (["run", "scan.ipynb", "--detach", "--keep-last", "3"], 2, "after --detach"),
        (["run", "scan.ipynb", "--detach", "--notify", "cat"], 2, "after --detach"),
        (["status", "nowhere"], 2, "There is no sweep 'nowhere'"),
        (["wait", "latest"], 2, "none was started here yet"),
        (["plan", "scan.ipynb", "-g", "x=1,2", "--where", "x > 5"], 5, ""),
    ],
)
def test_mistakes_are_one_sentence_and_an_exit_code(
    nbbatch: Command, tmp_path: Path, words: list[str], code: int, said: str
) -> None:
    got, out, err = nbbatch(*words)
    assert (got, out) == (code, "")
    assert said in err and "Traceback" not in err
    assert not (tmp_path / "sweeps").exists()


def test_inspect(nbbatch: Command) -> None:
    _, out, _ = nbbatch("inspect", "scan.ipynb", "--json")
    told = json.loads(out)
    assert told["kernel"] == "python3"
    assert [(p["name"], p["default"]) for p in told["parameters"]] == [("x", 1)]


def test_dry_run_writes_nothing(nbbatch: Command, tmp_path: Path) -> None:
    before = sorted(tmp_path.iterdir())
    code, out, _ = nbbatch("run", "scan.ipynb", "-g", "x=1,2", "--dry-run")
    assert code == 0 and "2 points" in out and "nbbatch.backends.local.supervisor" in out
    assert sorted(tmp_path.iterdir()) == before


def test_from_run_to_results(nbbatch: Command, tmp_path: Path) -> None:
    code, out, _ = nbbatch("run", "scan.ipynb", "-g", "x=1,2", "--collect", "y")
    assert code == 0
    assert "2 points to run" in out and "report/index.html" in out

    _, out, _ = nbbatch("results", "scan", "--format", "json")
    rows = json.loads(out)
    assert [(row["params"], row["metrics"]) for row in rows] == [
        ({"x": 1}, {"y": 2}),
        ({"x": 2}, {"y": 4}),
    ]
    assert list(rows[0]) == [
        *("id", "index", "params", "metrics", "state", "error", "seconds", "host"),
        *("attempts", "notebook", "page", "log"),
    ]
    latest = tmp_path / "sweeps" / "scan" / "latest"
    for row in rows:
        assert all((latest / row[file]).exists() for file in ("notebook", "page", "log"))

    code, _, err = nbbatch("results", "--output", "table.txt")
    assert code == 2 and "--format csv" in err  # the table goes to the terminal only

    _, out, _ = nbbatch("logs", "latest", "1")
    assert "y is 4" in out
    _, out, _ = nbbatch("status", "--json")
    assert json.loads(out)["counts"] == {"ok": 2}
    _, out, _ = nbbatch("list", "--json")
    assert [sweep["name"] for sweep in json.loads(out)] == ["scan"]
    assert nbbatch("wait", "latest") == (0, "", "")
    _, out, _ = nbbatch("report", "latest")
    assert Path(out.strip()).is_file()


def test_every_field_of_a_request_is_an_option_of_run() -> None:
    """One definition: what ``Request`` knows the command line offers, by the same name."""
    import typer

    run = typer.main.get_command(app).commands["run"]  # type: ignore[attr-defined]
    offered = {parameter.name for parameter in run.params}
    assert {field.name for field in fields(Request)} <= offered
