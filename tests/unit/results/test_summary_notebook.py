"""The notebook that runs at the end, on the results of all points."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from nbbatch.collect.stamps import joint, stamp_of
from nbbatch.errors import NotebookError, UsageError
from nbbatch.folder import SweepFolder
from nbbatch.model import (
    Cause,
    Failure,
    Header,
    Outcome,
    PointState,
    PointView,
    Record,
    Summary,
)
from nbbatch.plan import Request, make_plan
from nbbatch.report import write_report, write_single_file
from nbbatch.results.summary_notebook import SummaryNotebook
from tests.notebooks import write_notebook
from tests.views import a_header, a_view, failed, ok

SUMMARY = Summary("/home/mara/summary.ipynb", "5d" * 32, "python3", ("results", "sweep"))
HOSTILE = '</script><script>alert(1)</script>"><img src=x onerror=alert(2)>'
ENDED = [ok(0, {"x": 1}), failed(1, {"x": 2})]


def with_record(root: Path, views: list[PointView], **facts: object) -> SummaryNotebook:
    """A sweep whose summary has run on these views and ended so."""
    summary = SummaryNotebook(SweepFolder(root), a_header(summary=SUMMARY))
    key = summary._key(SUMMARY, stamp(views))
    record = replace(Record("summary", key, 1, Outcome.OK), **facts)  # type: ignore[arg-type]
    (root / "summary").mkdir()
    (root / "summary" / "record.json").write_text(json.dumps(record.to_json()))
    return summary


def stamp(views: list[PointView]) -> str:
    return joint([stamp_of(views)])


@pytest.mark.parametrize(
    ("views", "due"),
    [
        (ENDED, True),
        ([ok(0, {}), a_view(1, {}, PointState.LOST)], True),
        ([ok(0, {}), a_view(1, {}, PointState.RUNNING)], False),
        ([ok(0, {}), a_view(1, {}, PointState.PENDING)], False),
        ([ok(0, {}), a_view(1, {}, PointState.CANCELLED)], False),
    ],
)
def test_it_runs_when_all_points_have_ended(
    tmp_path: Path, views: list[PointView], due: bool
) -> None:
    folder = SweepFolder(tmp_path)
    assert SummaryNotebook(folder, a_header(summary=SUMMARY)).due(views, stamp(views)) is due
    assert not SummaryNotebook(folder, a_header()).due(views, stamp(views))


def test_it_runs_again_only_when_the_results_changed(tmp_path: Path) -> None:
    summary = with_record(tmp_path, ENDED)
    assert not summary.due(ENDED, stamp(ENDED))
    changed = [ok(0, {"x": 1}, chi2=2.0), ENDED[1]]
    assert summary.due(changed, stamp(changed))
    edited = replace(summary.header, summary=replace(SUMMARY, sha256="00"))
    assert SummaryNotebook(summary.folder, edited).due(ENDED, stamp(ENDED))


def test_its_own_failure_is_a_result_and_an_interruption_is_not(tmp_path: Path) -> None:
    facts = {"outcome": Outcome.FAILED, "cause": Cause.CELL_ERROR}
    assert not with_record(tmp_path, ENDED, **facts).due(ENDED, stamp(ENDED))
    (tmp_path / "b").mkdir()
    stopped = {"outcome": Outcome.INTERRUPTED, "cause": Cause.SIGNALLED}
    assert with_record(tmp_path / "b", ENDED, **stopped).due(ENDED, stamp(ENDED))


def test_the_report_has_it_before_the_table(tmp_path: Path) -> None:
    metrics = {"best sigma": 10, HOSTILE: HOSTILE}
    figures = ("cell-02.png", "cell-02.thumb.webp", "../../secret.png", "gone.png")
    summary = with_record(tmp_path, ENDED, metrics=metrics, figures=figures)
    drawn = tmp_path / "summary" / "figures"
    drawn.mkdir()
    for name in ("cell-02.png", "cell-02.thumb.webp"):
        (drawn / name).write_bytes(b"\x89PNG")
    (tmp_path / "summary" / "notebook.html").write_text("page")
    text = write_report(tmp_path, summary.header, ENDED).read_text("utf-8")
    assert text.index("What went wrong") < text.index("Summary") < text.index("Results")
    assert "best sigma" in text and "made from all results" in text
    assert text.count("../summary/figures/") == 2  # the picture, and the link around it
    assert "../summary/notebook.html" in text
    assert "<script>alert" not in text and "<img src=x" not in text
    alone = write_single_file(tmp_path, summary.header, ENDED, tmp_path / "one.html")
    assert "data:image/png;base64,iVBORw==" not in text
    assert f'src="data:image/png;base64,{"iVBORw=="}"' in alone.read_text("utf-8")


def test_the_report_says_that_it_failed_or_is_old(tmp_path: Path) -> None:
    failure = Failure("ValueError", HOSTILE)
    facts = {"outcome": Outcome.FAILED, "cause": Cause.CELL_ERROR, "failure": failure}
    summary = with_record(tmp_path, ENDED, **facts)
    (tmp_path / "summary" / "notebook.html").write_text("page")
    text = write_report(tmp_path, summary.header, ENDED).read_text("utf-8")
    assert "The summary notebook failed" in text and "ValueError" in text
    assert "<script>alert" not in text
    changed = [ok(0, {"x": 1}, chi2=2.0), ENDED[1]]
    text = write_report(tmp_path, summary.header, changed).read_text("utf-8")
    assert "made from earlier results" in text


def test_the_header_keeps_it() -> None:
    header = a_header(summary=SUMMARY)
    assert Header.from_json(json.loads(json.dumps(header.to_json()))) == header


def test_it_must_take_the_results(tmp_path: Path) -> None:
    points = write_notebook(tmp_path / "scan.ipynb", "x", parameters="x = 1")
    other = write_notebook(tmp_path / "sum.ipynb", "1", parameters="table = ''")
    with pytest.raises(NotebookError, match=r"sum.ipynb declares no parameter `results`"):
        make_plan(Request(points, summary=other))
    good = write_notebook(tmp_path / "good.ipynb", "1", parameters="results = ''\nx = 1")
    found = make_plan(Request(points, summary=good)).summary
    assert found is not None and found.parameters == ("results",)


def test_a_sweep_without_one_cannot_run_it(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="has no summary notebook"):
        SummaryNotebook(SweepFolder(tmp_path), a_header()).run("", again=True, wait=0)


@pytest.mark.slow
def test_from_the_command_line_to_the_report(tmp_path: Path) -> None:
    """Two points, then the summary of both; a failing one hides nothing; again on demand."""
    points = write_notebook(
        tmp_path / "scan.ipynb", "import nbbatch; nbbatch.record('y', x * 2)", parameters="x = 1"
    )
    good = write_notebook(
        tmp_path / "good.ipynb",
        "import csv, nbbatch, os\n"
        "rows = list(csv.DictReader(open(results)))\n"
        "nbbatch.record('total', sum(float(row['y']) for row in rows))\n"
        "nbbatch.record('seen', os.path.isfile(f'{sweep}/sweep.json'))",
        parameters="results = 'results.csv'\nsweep = '.'",
    )
    bad = write_notebook(tmp_path / "bad.ipynb", "1/0", parameters="results = ''")
    env = {**os.environ, "XDG_STATE_HOME": str(tmp_path / "state")}

    def nbbatch(*words: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "nbbatch", *map(str, words)]
        return subprocess.run(command, env=env, cwd=tmp_path, capture_output=True, text=True)

    def attempts() -> int:
        lines = (tmp_path / "out/summary/attempts.jsonl").read_text().splitlines()
        return sum("started" in json.loads(line) for line in lines)

    run = nbbatch("run", points, "-g", "x=1,2", "--out", "out", "--summary", good)
    assert run.returncode == 0, run.stderr
    assert "now the summary notebook" in run.stdout and "out/summary/notebook.html" in run.stdout
    record = json.loads((tmp_path / "out/summary/record.json").read_bytes())
    assert record["outcome"] == "ok" and record["metrics"] == {"total": 6.0, "seen": True}
    assert (tmp_path / "out/summary.ipynb").read_bytes() == good.read_bytes()
    assert "total" in (tmp_path / "out/report/index.html").read_text()
    page = (tmp_path / "out/summary/notebook.html").read_text()
    assert 'href="../report/index.html"' in page

    assert nbbatch("status", "out").returncode == nbbatch("report", "out").returncode == 0
    assert attempts() == 1
    assert nbbatch("report", "out", "--summary").returncode == 0
    assert attempts() == 2

    run = nbbatch("run", points, "-g", "x=1,2", "--out", "out", "--summary", bad)
    assert run.returncode == 1
    assert "All 2 points are ok" in run.stdout
    assert "The summary notebook failed  ZeroDivisionError: division by zero" in run.stdout
    page = (tmp_path / "out/report/index.html").read_text()
    assert "The summary notebook failed" in page and "All 2 points are ok" in page
    assert nbbatch("wait", "out").returncode == 1


@pytest.mark.slow
def test_waiting_is_for_the_summary_too(tmp_path: Path) -> None:
    """Detached: the page is there at once; who waits finds the summary done, by whomever."""
    points = write_notebook(tmp_path / "scan.ipynb", "x", parameters="x = 1")
    late = "import nbbatch, time; time.sleep(2); nbbatch.record('seen', True)"
    summary = write_notebook(tmp_path / "summary.ipynb", late, parameters="results = ''")
    env = {**os.environ, "XDG_STATE_HOME": str(tmp_path / "state")}

    def nbbatch(*words: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "nbbatch", *map(str, words)]
        return subprocess.run(command, env=env, cwd=tmp_path, capture_output=True, text=True)

    run = nbbatch("run", points, "--out", "out", "--summary", summary, "--detach")
    assert run.returncode == 0 and "Detached" in run.stdout
    assert (tmp_path / "out/report/index.html").is_file()
    waited = nbbatch("wait", "out")
    assert (waited.returncode, waited.stdout) == (0, ""), waited.stderr
    assert '"seen": true' in (tmp_path / "out/summary/record.json").read_text()
