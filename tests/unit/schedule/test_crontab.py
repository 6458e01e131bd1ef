"""Our lines in a crontab, and nothing else touched."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbbatch.errors import UsageError
from nbbatch.schedule import entry
from nbbatch.schedule.crontab import (
    SCRON,
    change_table,
    command_of,
    cron_line,
    in_place,
    lines_of,
    with_lines,
    without_lines,
)
from nbbatch.schedule.nightly import Done
from tests.unit.conftest import Command

FOREIGN = (
    "# Edit this file to introduce tasks to be run by cron.\n"
    "MAILTO=ana@example.org\n\n"
    'PATH = "/opt/bin:/usr/bin"\n'
    '5  4\t* * *   /usr/bin/backup \\% "a b"   # daily # nbbatch: like\n'
    "@reboot  /usr/local/bin/thing\n"
    "#0 1 * * * /switched/off\n"
    "this is no line at all\n"
)


def test_a_line_for_cron() -> None:
    command = command_of(["/usr/bin/python3", "-m", "nbbatch", "a b%"], {"XDG_STATE_HOME": "/s s"})
    assert cron_line("0 6 * * 1-5", command, "nightly") == (
        r"0 6 * * 1-5 XDG_STATE_HOME='/s s' /usr/bin/python3 -m nbbatch 'a b\%' # nbbatch: nightly"
    )
    assert cron_line("@daily", "true", "n").split()[-4:] == ["true", "#", "nbbatch:", "n"]


@pytest.mark.parametrize("when", ["0 6 * * 1-7/2", "0 6 1-31 * 1", "0 6 * * 7-7", "0 6  * *\t5-7"])
def test_cron_reads_what_the_user_wrote(when: str) -> None:
    line = cron_line(when, "true", "nightly")
    assert line == f"{' '.join(when.split())} true # nbbatch: nightly"


def test_what_cron_would_not_understand_is_refused() -> None:
    with pytest.raises(UsageError):
        cron_line("0 6 * *", "true", "n")


@pytest.mark.parametrize("table", ["", FOREIGN, FOREIGN.rstrip("\n"), "\n\n# only a comment"])
def test_adding_and_removing_leaves_the_rest_as_it_was(table: str) -> None:
    line = cron_line("0 6 * * *", "true", "nightly")
    added = with_lines(table, "nightly", [line])
    assert added.startswith(table) and added.endswith(f"{line}\n")
    assert lines_of(added, "nightly") == [line]
    assert with_lines(added, "nightly", [line]) == added  # once, however often
    ended = table if table.endswith("\n") or not table else table + "\n"
    assert without_lines(added, "nightly") == ended


@settings(max_examples=40)
@given(st.lists(st.text(st.characters(exclude_characters="\n"), max_size=30)))
def test_whatever_is_there_stays(lines: list[str]) -> None:
    table = "".join(f"{line}\n" for line in lines if not line.rstrip().endswith("nbbatch: n"))
    ours = cron_line("0 6 * * *", "true", "n")
    kept = without_lines(with_lines(table, "n", [ours]), "n")
    assert kept == table or SCRON in table


def test_a_replaced_line_stays_in_its_place() -> None:
    first, second = (cron_line("0 6 * * *", "true", name) for name in ("a", "b"))
    table = with_lines(with_lines("", "a", [first]), "b", [second])
    earlier = cron_line("0 5 * * *", "true", "a")
    assert with_lines(table, "a", [earlier]) == f"{earlier}\n{second}\n"
    paused = in_place(table, "a", [f"# {first}"])
    assert paused == f"# {first}\n{second}\n"
    assert lines_of(paused, "a") == [f"# {first}"]


def test_options_of_scrontab_go_with_their_line() -> None:
    theirs = f"{SCRON}--mem=1G\n0 1 * * * theirs\n"
    ours = [f"{SCRON}--partition=cron", cron_line("0 6 * * *", "true", "n")]
    table = with_lines(theirs, "n", ours)
    assert table == theirs + "\n".join(ours) + "\n"
    assert with_lines(table, "n", ours) == table
    assert without_lines(table, "n") == theirs


# --------------------------------------------------------------------- the commands


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand-ins for `crontab` and `scrontab`, which keep their table in this file."""
    programs, file = tmp_path / "bin", tmp_path / "table"
    programs.mkdir()
    script = (
        f"#!/bin/sh\nt={file}\ncase $1 in\n"
        '-l) [ -e $t ] || { echo "no crontab for ana" >&2; exit 1; }; cat $t ;;\n'
        '*) cp "$1" $t ;;\n'
        "esac\n"
    )
    for name in ("crontab", "scrontab"):
        (programs / name).write_text(script)
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    return file


ADD = ("schedule", "add", "0 6 * * 1-5", "scan.ipynb", "--name", "nightly")


def test_from_add_to_remove(nbbatch: Command, table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table.write_text(FOREIGN)
    monkeypatch.setenv("KRB5CCNAME", "FILE:/tmp/krb5cc_7")
    monkeypatch.setenv("SECRET_TOKEN", "hush")
    code, out, _ = nbbatch(*ADD, "-g", "x=1,2", "--notify", "cat --token hush")
    assert code == 0 and "nightly: next run" in out
    assert "hush" not in out and "hush" not in table.read_text()
    (line,) = table.read_text().removeprefix(FOREIGN).splitlines()
    assert line.startswith("0 6 * * 1-5 XDG_STATE_HOME=")
    assert line.endswith(f"{sys.executable} -m nbbatch schedule run nightly # nbbatch: nightly")

    kept = entry.load("nightly")
    assert kept.environment["KRB5CCNAME"] == "FILE:/tmp/krb5cc_7"
    assert "SECRET_TOKEN" not in kept.environment
    assert stat.S_IMODE((entry.folder() / "nightly.json").stat().st_mode) == 0o600

    _, out, _ = nbbatch("schedule", "list")
    assert "nightly" in out and "not run yet" in out
    nbbatch("schedule", "pause", "nightly")
    assert table.read_text() == f"{FOREIGN}# {line}\n"
    _, out, _ = nbbatch("schedule", "list", "--json")
    (told,) = json.loads(out)
    assert (told["paused"], told["next"], told["in_table"]) == (True, "", True)
    nbbatch("schedule", "resume", "nightly")
    assert table.read_text() == f"{FOREIGN}{line}\n"
    nbbatch("schedule", "remove", "nightly")
    assert table.read_text() == FOREIGN
    assert nbbatch("schedule", "remove", "nightly")[0] == 2


def test_two_changes_at_once_lose_nothing(
    table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    names = ["a", "b", "c"]

    def add(name: str) -> None:
        change_table(
            "crontab", lambda text: with_lines(text, name, [cron_line("@daily", "x", name)])
        )

    with ThreadPoolExecutor(len(names)) as pool:
        list(pool.map(add, names))
    assert all(lines_of(table.read_text(), name) for name in names)


def test_print_touches_nothing(nbbatch: Command, table: Path) -> None:
    code, out, _ = nbbatch(
        *ADD, "--cron-backend", "scrontab", "--cron-option", "-p cron", "--print"
    )
    assert code == 0
    first, line = out.splitlines()
    assert first == "#SCRON -p cron" and line.startswith("0 6 * * 1-5 ")
    assert not table.exists() and not entry.folder().exists()


def test_scrontab(nbbatch: Command, table: Path) -> None:
    nbbatch(*ADD, "--cron-backend", "scrontab", "--cron-option", "-p cron")
    assert table.read_text().startswith("#SCRON -p cron\n0 6 * * 1-5 ")
    nbbatch("schedule", "pause", "nightly")
    nbbatch("schedule", "resume", "nightly")
    assert table.read_text().startswith("#SCRON -p cron\n0 6 * * 1-5 ")
    nbbatch("schedule", "remove", "nightly")
    assert table.read_text() == ""


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["schedule", "add", "0 6 * *", "scan.ipynb", "--name", "n"], "has 4 fields"),
        (["schedule", "add", "0 6 31 2 *", "scan.ipynb", "--name", "n"], "never comes"),
        (["schedule", "add", "0 6 * * *", "scan.ipynb"], "needs a name"),
        (["schedule", "add", "0 6 * * *", "gone.ipynb", "--name", "n"], "gone.ipynb"),
        ([*ADD, "-g", "y=1"], "does not declare the parameter y"),
        ([*ADD, "--name", "a/b"], "a sweep's name"),
        ([*ADD, "--nonsense"], "--nonsense"),
        ([*ADD, "--detach"], "--detach is not for what is scheduled"),
        ([*ADD, "--grid", "-"], "standard input"),
        ([*ADD, "--out", "x"], "--out"),
        ([*ADD, "--notify", "no-such-program-here"], "no such program"),
        ([*ADD, "--metrics-file", "nowhere/x.prom"], "no such folder"),
        ([*ADD, "--cron-option", "-p cron"], "--cron-option is for"),
        ([*ADD, "--env", "NO_SUCH_VARIABLE"], "--env NO_SUCH_VARIABLE: there is no such"),
        (["schedule", "run", "nightly"], "Nothing is scheduled as 'nightly'"),
        (["prune", "nightly"], "Which runs of nightly"),
    ],
)
def test_mistakes_come_before_anything_is_scheduled(
    nbbatch: Command, table: Path, words: list[str], said: str
) -> None:
    code, _, err = nbbatch(*words)
    assert code == 2 and said in err and "Traceback" not in err
    assert not table.exists() and not list(entry.folder().glob("*"))


def test_a_name_of_another_folder_is_not_taken_over(
    nbbatch: Command, table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nbbatch(*ADD)
    (tmp_path / "other").mkdir()
    shutil.copy("scan.ipynb", "other")
    monkeypatch.chdir(tmp_path / "other")
    code, _, err = nbbatch(*ADD)
    assert code == 2 and f"is scheduled in {tmp_path} already" in err


def test_a_folder_that_is_gone_is_one_sentence(
    nbbatch: Command, table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "project").mkdir()
    shutil.copy("scan.ipynb", "project")
    monkeypatch.chdir(tmp_path / "project")
    nbbatch(*ADD)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "project").rename(tmp_path / "moved")
    code, out, err = nbbatch("schedule", "run", "nightly")
    assert (code, out) == (2, "")
    assert f"{tmp_path / 'project'}, which cannot be entered" in err


def test_a_schedule_from_within_a_run_is_not_taken_for_that_run() -> None:
    inside = {"NBBATCH_POINT_ID": "x-1", "NBBATCH_POINT_DIR": "/s", "NBBATCH_SWEEP": "s"}
    kept = entry.environment_to_keep({**inside, "NBBATCH_POLL_INTERVAL": "5"})
    assert kept == {"NBBATCH_POLL_INTERVAL": "5"}


def test_the_rules_of_another_folder_delete_nothing(
    nbbatch: Command, table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nbbatch(*ADD, "--keep-last", "1")
    (tmp_path / "other" / "sweeps" / "nightly").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "other")
    code, _, err = nbbatch("prune", "nightly")
    assert code == 2 and "Which runs of nightly are to stay?" in err


def test_a_folder_for_figures_that_is_gone_keeps_nothing_from_running(
    nbbatch: Command, table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told after the run, as is a message that cannot be sent."""
    (tmp_path / "prom").mkdir()
    nbbatch(*ADD, "--metrics-file", str(tmp_path / "prom" / "nightly.prom"))
    (tmp_path / "prom").rmdir()
    monkeypatch.setattr("nbbatch.schedule.nightly.run_entry", lambda *_: Done(0, "it has run"))
    code, out, err = nbbatch("schedule", "run", "nightly", "--json")
    assert (code, err) == (0, "") and "it has run" in out


def test_without_cron_there_is_one_sentence(
    nbbatch: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    code, _, err = nbbatch(*ADD)
    assert code == 3 and "There is no program 'crontab'" in err and "--print" in err


def test_a_line_that_somebody_deleted_is_told(nbbatch: Command, table: Path) -> None:
    nbbatch(*ADD)
    table.write_text(FOREIGN)
    _, out, _ = nbbatch("schedule", "list")
    assert "its line is gone from the crontab" in out
    code, _, err = nbbatch("schedule", "pause", "nightly")
    assert code == 2 and "not in your crontab any more" in err


def test_the_stand_in_is_like_crontab(table: Path) -> None:
    """What it says without a table is what Debian's crontab says."""
    done = subprocess.run(["crontab", "-l"], capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "no crontab for" in done.stderr
