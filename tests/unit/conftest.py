"""The command line, called as a user calls it, in this process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from nbbatch.cli import main
from tests.notebooks import write_notebook

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def nbbatch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    """``nbbatch("plan", "scan.ipynb")`` → exit code, standard output, standard error."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("COLUMNS", "100")
    write_notebook(tmp_path / "scan.ipynb", "y = x * 2\nprint('y is', y)", parameters="x = 1")

    def call(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["nbbatch", *words])
        code = 0
        try:
            main()
        except SystemExit as end:
            code = int(end.code or 0)
        said = capsys.readouterr()
        return code, said.out, said.err

    return call
