"""``%nbbatch`` and ``%%nbbatch``."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import nbbatch
from nbbatch.errors import GridError, UsageError
from nbbatch.interactive import launch, magics
from nbbatch.interactive.magics import _Magic, _Output, command, started, without_name
from nbbatch.plan import Plan, Request, make_plan
from tests.notebooks import write_notebook
from tests.unit.interactive.ended import a_sweep


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Plan]:
    """What would be launched; the notebook scan.ipynb is there."""
    monkeypatch.chdir(tmp_path)
    write_notebook(tmp_path / "scan.ipynb", parameters="x = 1\ny = 2")
    plans: list[Plan] = []

    def note(request: Request) -> Any:
        plans.append(make_plan(request))
        return "the handle"

    monkeypatch.setattr(launch, "launch", note)
    return plans


def test_a_cell_is_run_with_its_body_as_the_grid(asked: list[Plan]) -> None:
    words = [
        "scan.ipynb",
        "--detach",
        "--backend",
        "slurm",
        "-p",
        "y=3",
        "-o",
        "s",
        "--memory",
        "2GiB",
    ]
    handle, name = started(words, "x: [1, 1e1]\n")
    assert (handle, name) == ("the handle", "s")
    (plan,) = asked
    assert [point.params for point in plan.points] == [{"x": 1, "y": 3}, {"x": 10.0, "y": 3}]
    assert plan.request.backend == "slurm"
    assert plan.resources.memory == 2 << 30
    assert plan.request.retries == Request("scan.ipynb").retries


def test_the_word_run_may_be_there(asked: list[Plan]) -> None:
    started(["run", "scan.ipynb"], "x: [1, 2]")
    assert len(asked[0].points) == 2


def test_a_cell_without_a_grid_is_one_point(asked: list[Plan]) -> None:
    started(["scan.ipynb"], "  \n")
    assert len(asked[0].points) == 1


@pytest.mark.parametrize(
    ("words", "body", "said"),
    [
        (["scan.ipynb", "--grid", "a.yaml"], "x: [1]", "leave out --grid"),
        (["scan.ipynb", "--colour"], "x: [1]", "No such option.*\n.*%nbbatch run --help"),
        ([], "x: [1]", "Missing argument"),
        (["scan.ipynb", "--dry-run"], "x: [1]", "--dry-run is not for %%nbbatch"),
        (["scan.ipynb", "--keep-last", "3"], "x: [1]", "--keep-last is not for %%nbbatch"),
        (["scan.ipynb", "-o"], "x: [1]", "-o : give the name of a variable"),
        (["scan.ipynb", "-o", "not-a-name"], "x: [1]", "-o not-a-name: give the name"),
    ],
)
def test_what_is_refused(asked: list[Plan], words: list[str], body: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        started(words, body)
    assert not asked


def test_a_mistake_in_the_body_has_its_line(asked: list[Plan]) -> None:
    with pytest.raises(GridError, match="standard input:2"):
        started(["scan.ipynb"], "x: [1]\nx: [2]")


def test_a_name_for_the_sweep() -> None:
    assert without_name(["a.ipynb", "-o", "s", "-p", "x=1"]) == (["a.ipynb", "-p", "x=1"], "s")
    assert without_name(["a.ipynb"]) == (["a.ipynb"], "")


def test_the_cell_magic_assigns_and_returns(asked: list[Plan]) -> None:
    shell = SimpleNamespace(user_ns={})
    assert _Magic(shell)("scan.ipynb -o s", "x: [1]") == "the handle"  # IPython makes it _
    assert shell.user_ns == {"s": "the handle"}


def test_any_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    s = a_sweep(tmp_path, [1.0, -1.0])
    shell = SimpleNamespace(user_ns={})
    assert _Magic(shell)(f"status {s.folder}") is None
    said = capsys.readouterr().out
    assert "1 of 2 points is ok, 1 not" in said
    assert _Magic(shell)(f"wait {s.folder}") is None  # exit code 1: no SystemExit
    assert capsys.readouterr().err == "nbbatch: exit code 1\n"


def test_a_mistake_is_one_line_and_the_cell_fails(tmp_path: Path) -> None:
    from IPython.core.error import UsageError as ShownAsALine

    magic = _Magic(SimpleNamespace(user_ns={}))
    with pytest.raises(ShownAsALine, match="nbbatch: There is no sweep 'nowhere'"):
        magic("status nowhere")
    with pytest.raises(ShownAsALine, match="No such command 'nonsense'"):
        magic("nonsense")
    with pytest.raises(ShownAsALine, match="cannot be read: No closing quotation"):
        magic("plan scan.ipynb -p title=it's")


def test_output_in_bytes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    class KernelsOutput:  # has no `buffer`
        said = ""

        def write(self, text: str) -> int:
            self.said += text
            return len(text)

        def flush(self) -> None:
            pass

    s = a_sweep(tmp_path, [1.0])
    output = KernelsOutput()
    monkeypatch.setattr("sys.stdout", output)
    command(["logs", str(s.folder), "0"])
    assert output.said == "x = 1.0\n"
    half = _Output(output)
    for byte in "é".encode():  # a block may end in the middle of a character
        half.buffer.write(bytes([byte]))
    assert output.said.endswith("é")


def test_it_is_an_extension() -> None:
    registered: dict[str, str] = {}

    def register(magic: object, magic_kind: str, magic_name: str) -> None:
        registered[magic_name] = magic_kind

    nbbatch.load_ipython_extension(SimpleNamespace(register_magic_function=register))
    assert registered == {"nbbatch": "line_cell"}
    assert "status latest" in str(magics._Magic.__doc__)
