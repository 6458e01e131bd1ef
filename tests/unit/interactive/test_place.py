"""In which notebook a cell is, and that no notebook launches itself for ever."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import nbbatch
from nbbatch.cli import main
from nbbatch.errors import UsageError
from nbbatch.interactive import place
from nbbatch.interactive.place import endless, refuse_recursion, told_by
from nbbatch.plan import Request, make_plan
from nbbatch.sweep import Sweep
from tests.notebooks import write_notebook

LAUNCH = "s = nbbatch.run(nbbatch.this(), grid={'x': [1, 2]})"


@pytest.fixture
def analysis(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    return write_notebook(tmp_path / "analysis.ipynb", "y = x", LAUNCH, parameters="x = 1")


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """An IPython that runs the launching cell."""
    history = SimpleNamespace(input_hist_raw=["", "import nbbatch", LAUNCH])
    made = SimpleNamespace(user_ns={}, history_manager=history)
    monkeypatch.setattr(place, "_shell", lambda: made)
    return made


def test_a_jupyter_server_tells(analysis: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JPY_SESSION_NAME", str(analysis))
    assert nbbatch.this() == analysis


def test_vs_code_tells(analysis: Path, shell: SimpleNamespace) -> None:
    shell.user_ns["__vsc_ipynb_file__"] = str(analysis)
    assert nbbatch.this() == analysis


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("analysis.ipynb", "analysis.ipynb"),
        ("RTC:analysis.ipynb", "analysis.ipynb"),  # jupyter-collaboration's drive
        ("/elsewhere/analysis.ipynb", "analysis.ipynb"),  # the server's name for it, not ours
        ("Console 1", None),
        ("script.py", None),
        (None, None),
    ],
)
def test_what_is_told(analysis: Path, said: str | None, found: str | None) -> None:
    environment = {} if said is None else {"JPY_SESSION_NAME": said}
    assert told_by(environment, {}) == (None if found is None else analysis.parent / found)


def test_nothing_tells(analysis: Path) -> None:
    with pytest.raises(UsageError, match=r"Nothing tells which notebook.*\n.*Give its path"):
        nbbatch.this()


def test_a_notebook_that_was_renamed(analysis: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JPY_SESSION_NAME", str(analysis.with_name("old.ipynb")))
    with pytest.raises(UsageError, match=r"was .*old\.ipynb when its kernel started"):
        nbbatch.this()


# ---------------------------------------------------------------------- inside of a run


@pytest.fixture
def run(analysis: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """As if this process were the kernel of a point of the analysis; returns the sweep."""
    request = Request(notebook=analysis, grid={"x": [1, 2]}, out=analysis.parent / "sweep")
    sweep = Sweep.create(make_plan(request))
    point = sweep.points[0]
    monkeypatch.setenv("NBBATCH_POINT_ID", point.id)
    monkeypatch.setenv("NBBATCH_POINT_DIR", str(sweep.root / point.dir))
    return sweep.root


def test_in_a_run_it_is_the_notebook_that_was_launched(run: Path, analysis: Path) -> None:
    assert nbbatch.inside()
    assert nbbatch.this() == analysis


def test_a_run_does_not_launch_its_own_notebook(run: Path, analysis: Path) -> None:
    with pytest.raises(UsageError, match=r"would launch itself again.*\n.*nbbatch\.inside"):
        nbbatch.run(nbbatch.this(), {"x": [1, 2]})


def test_nor_does_the_command_line_there(
    run: Path, analysis: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["nbbatch", "run", str(analysis), "--detach"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert "would launch itself again" in capsys.readouterr().err


def test_nor_the_copy_that_travels_with_the_jobs(run: Path, analysis: Path) -> None:
    moved = analysis.rename(analysis.with_name("renamed.ipynb"))
    assert nbbatch.this() == run / "notebook.ipynb"
    for notebook in (run / "notebook.ipynb", moved):
        with pytest.raises(UsageError, match="would launch itself again"):
            refuse_recursion(notebook, os.environ)


def test_a_run_may_launch_another_notebook(run: Path, tmp_path: Path) -> None:
    other = write_notebook(tmp_path / "other.ipynb", "1 + 1")
    refuse_recursion(other, os.environ)


# ------------------------------------------------------------------- before a self-launch


@pytest.mark.parametrize(
    ("cells", "wrong"),
    [
        ([LAUNCH], True),
        ([f"{LAUNCH}\n"], True),
        (["x = 1"], False),  # the launching cell is not saved
        ([LAUNCH, "if nbbatch.inside():\n    pass"], False),
        ([LAUNCH, "from nbbatch import inside\nif not inside(): run()"], False),
        ([LAUNCH, "# nbbatch.inside() would be of use here"], True),
        ([LAUNCH, "%matplotlib inline\nrun = not nbbatch.inside()"], False),
    ],
)
def test_whether_a_notebook_would_launch_itself_for_ever(cells: list[str], wrong: bool) -> None:
    assert endless(LAUNCH, [(source, []) for source in cells]) is wrong


def test_a_cell_that_points_skip_may_launch() -> None:
    assert not endless(LAUNCH, [(LAUNCH, ["skip-execution"])])


def test_an_endless_launch_is_refused_before_anything_runs(
    analysis: Path, shell: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JPY_SESSION_NAME", str(analysis))
    with pytest.raises(UsageError, match=r"each of its points would do so again"):
        nbbatch.run(nbbatch.this(), {"x": [1, 2]})
    assert not (analysis.parent / "sweeps").exists()


def test_a_notebook_that_is_not_saved_is_said(
    analysis: Path, shell: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JPY_SESSION_NAME", str(analysis))
    assert place.check_self_launch(analysis.with_name("other.ipynb")) == []
    shell.history_manager.input_hist_raw.append("if not nbbatch.inside(): nbbatch.run(…)")
    said = place.check_self_launch(analysis)
    assert said == [
        "analysis.ipynb was changed since it was last saved: what was saved is what runs."
    ]
