"""A real cron daemon runs scheduled sweeps; the second of each name overlaps the first."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from nbbatch.history import History, read_history
from tests.contract.conftest import until
from tests.notebooks import write_notebook

FOREIGN = '# mine\nMAILTO=""\n5  4\t* * 0  /usr/bin/true "100\\%"  # weekly\n'


@pytest.fixture
def cron() -> Iterator[None]:
    """A cron daemon, and a crontab of the user's own that is put back afterwards."""
    if shutil.which("crontab") is None or shutil.which("cron", path="/usr/sbin:/usr/bin") is None:
        pytest.skip("There is no cron: `bash tests/install cron` installs it.")
    running = any(process.info["name"] == "cron" for process in psutil.process_iter(["name"]))
    if not running and os.geteuid() != 0:
        pytest.skip("No cron daemon runs, and only root can start one.")
    before = subprocess.run(["crontab", "-l"], capture_output=True, check=False)
    daemon = None if running else subprocess.Popen(["/usr/sbin/cron", "-f"])
    try:
        subprocess.run(["crontab", "-"], input=FOREIGN.encode(), check=True)
        yield
    finally:
        if before.returncode == 0:
            subprocess.run(["crontab", "-"], input=before.stdout, check=True)
        else:
            subprocess.run(["crontab", "-r"], check=True)
        if daemon is not None:
            daemon.terminate()
            daemon.wait()


def nbbatch(folder: Path, *words: str) -> str:
    command = [sys.executable, "-m", "nbbatch", *words]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def scheduled(name: str) -> list[int]:
    """Processes that cron has started for a name."""
    words = ["schedule", "run", name]
    found = psutil.process_iter(["pid", "cmdline"])
    return [p.info["pid"] for p in found if (p.info["cmdline"] or [])[-3:] == words]


def history(folder: Path, name: str) -> History:
    return read_history(folder / "sweeps" / name)


@pytest.mark.slow
@pytest.mark.waits
def test_cron_runs_a_sweep_and_the_next_finds_it_running(tmp_path: Path, cron: None) -> None:
    """One name for each ``--if-running``; the first run of each lasts until cron came again."""
    go = tmp_path / "go"
    write_notebook(
        tmp_path / "scan.ipynb",
        f"import os, time\nwhile not os.path.exists({str(go)!r}): time.sleep(0.05)",
    )
    policies = ("skip", "wait", "fail")
    for policy in policies:
        # A percent sign ends a line of a crontab: it must not get there.
        words = ["--if-running", policy, "--collect", "left=100 % 7", "--name", policy]
        nbbatch(tmp_path, "schedule", "add", "* * * * *", "scan.ipynb", *words)
    table = subprocess.run(["crontab", "-l"], capture_output=True, text=True, check=True).stdout
    assert table.startswith(FOREIGN) and table.count("\n") == FOREIGN.count("\n") + 3

    def second_came() -> bool:
        skipped, refused = history(tmp_path, "skip").events, history(tmp_path, "fail").events
        return bool(skipped and refused and len(scheduled("wait")) >= 2)

    until(second_came)
    go.touch()
    until(lambda: len(history(tmp_path, "wait").ended()) >= 2)
    for policy in policies:
        nbbatch(tmp_path, "schedule", "remove", policy)
    until(lambda: not any(map(scheduled, policies)))  # cron may have come once more

    for policy, said in (("skip", "skipped"), ("fail", "refused")):
        told = history(tmp_path, policy)
        assert told.runs[0].ok and told.runs[0].metrics == {"left": 2}
        assert told.events[0].kind == said and "process" in told.events[0].why
        # What came in between was no run; one that came after the first had ended was.
        assert all(run.created > told.runs[0].ended for run in told.runs[1:])
        page = (tmp_path / "sweeps" / policy / "index.html").read_text()
        assert told.runs[0].folder in page and f">{said}<" in page

    waited = history(tmp_path, "wait")
    assert all(run.ok for run in waited.runs) and waited.events == ()
    assert waited.runs[1].created > waited.runs[0].ended  # one after the other
    page = (tmp_path / "sweeps" / "wait" / "index.html").read_text()
    assert all(run.folder in page for run in waited.runs[:2])

    table = subprocess.run(["crontab", "-l"], capture_output=True, text=True, check=True).stdout
    assert table == FOREIGN
