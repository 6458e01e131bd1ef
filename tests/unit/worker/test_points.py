"""The worker on real notebooks and kernels: one bundle, and three ways to end."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from nbbatch.model import RECORD_MIME, Cause, Outcome, PointFiles
from tests.unit.worker.sweeps import PATIENCE, Sweep, make_sweep, processes_of, tagged

# One notebook that ends as its parameter says.
CELLS = (
    tagged("case = 'default'\nscale = 1.0", "parameters"),
    """
from nbbatch import record
import os, sys
record("twice", 2 * scale)
print("case is", case)
print("to stderr", file=sys.stderr)
os.environ["NBBATCH_POINT_ID"], os.path.basename(os.getcwd())
""",
    tagged("1 / 0", "raises-exception"),
    tagged("print('never printed')", "skip-execution"),
    """
if case == "failed":
    raise ValueError("too höt")
if case == "killed":
    print("flushed", flush=True)
    print("not flushed")
    os.kill(os.getpid(), 9)
""",
    "answer = 42",
)
OK, FAILED, KILLED = range(3)


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Sweep:
    """Points that end well, with an error, and by a kill; run by one worker through a pipe."""
    sweep = make_sweep(
        tmp_path_factory.mktemp("ended"),
        *CELLS,
        params=[{"case": case, "scale": 2.5} for case in ("ok", "failed", "killed")],
        collect={"answer": "answer", "missing": "no_such_name"},
    )
    with sweep.start("-", NBBATCH_JOB="17.3") as worker:
        bundle = json.dumps(sweep.bundle.to_json())
        said, _ = worker.communicate(f"{bundle}\nno bundle at all\n", PATIENCE)
    # Standard output has the replies and nothing else.
    assert [json.loads(line) for line in said.splitlines()] == [
        {"bundle": 1, "exit": 0},
        {"bundle": None, "exit": 75},
    ]
    assert worker.returncode == 0
    return sweep


def test_a_point_that_ends_well(ended: Sweep) -> None:
    record = ended.record(OK)

    assert (record.outcome, record.cause, record.failure) == (Outcome.OK, Cause.NONE, None)
    assert record.metrics == {"twice": 5.0, "answer": 42}
    assert list(record.metric_errors) == ["missing"]
    assert (record.key, record.job, record.kernel) == ("key0", "17.3", "python3")
    assert record.language == "python"
    assert record.peak_memory is not None
    assert record.peak_memory > 10_000_000
    assert record.worker_memory is not None
    assert record.worker_memory > 30_000_000  # no Python with papermill is smaller
    assert record.cpu_seconds is not None
    assert record.cpu_seconds > 0.05
    assert record.started < record.finished
    files = {path.name for path in ended.folder(OK).iterdir()}
    assert files == {
        PointFiles.EXECUTED,
        PointFiles.PAGE,
        PointFiles.LOG,
        PointFiles.RECORD,
        PointFiles.ATTEMPTS,
        PointFiles.FIGURES,
    }


def test_its_notebook_is_one_that_papermill_users_know(ended: Sweep) -> None:
    nb = ended.executed(OK)

    assert nb.cells[1].metadata.tags == ["injected-parameters"]
    assert nb.cells[1].source == '# Parameters\ncase = "ok"\nscale = 2.5\n'
    assert nb.metadata.papermill.parameters == {"case": "ok", "scale": 2.5}
    assert nb.metadata.papermill.output_path == str(ended.folder(OK) / PointFiles.EXECUTED)
    assert nb.metadata.papermill.exception is None
    assert nb.metadata.papermill.duration > 0
    assert nb.metadata.language_info.name == "python"
    assert ended.states(OK) == ["completed"] * 7
    assert [cell.execution_count for cell in nb.cells] == [1, 2, 3, 4, None, 5, 6]


def test_its_outputs(ended: Sweep) -> None:
    shown, out, err, value = ended.executed(OK).cells[2].outputs

    assert shown.data[RECORD_MIME] == {"name": "twice", "value": 5.0}
    assert (out.name, out.text) == ("stdout", "case is ok\n")
    assert (err.name, err.text) == ("stderr", "to stderr\n")
    assert value.data["text/plain"] == "('p0', 'p0')"


def test_its_log_has_all_text_of_all_cells(ended: Sweep) -> None:
    log = ended.log(OK).splitlines()

    begin, end = log.index("── cell 2 [In 3] ──"), log.index("── cell 3 [In 4] ──")
    assert log[begin + 1] == "twice = 5.0"
    assert set(log[begin + 2 : end - 1]) == {"case is ok", "to stderr"}
    assert log[end - 1] == "('p0', 'p0')"
    assert "ZeroDivisionError: division by zero" in log
    assert "\x1b" not in ended.log(OK)


def test_a_point_that_fails(ended: Sweep) -> None:
    record, nb = ended.record(FAILED), ended.executed(FAILED)

    assert (record.outcome, record.cause) == (Outcome.FAILED, Cause.CELL_ERROR)
    failure = record.failure
    assert failure is not None
    assert (failure.name, failure.value) == ("ValueError", "too höt")
    assert (failure.execution_count, failure.line) == (5, 3)
    assert failure.source == 'raise ValueError("too höt")'
    assert "too höt" in failure.traceback
    # The index counts papermill's two error notes, as it does in the notebook.
    assert failure.cell == 7
    assert nb.cells[7].metadata.papermill.exception is True
    assert ended.states(FAILED) == ["completed"] * 5 + ["failed", "pending"]
    assert nb.metadata.papermill.exception is True
    # What there is of the metrics is collected all the same.
    assert record.metrics == {"twice": 5.0}
    assert set(record.metric_errors) == {"answer", "missing"}


def test_a_kernel_that_is_killed_keeps_what_it_printed(ended: Sweep) -> None:
    record, nb = ended.record(KILLED), ended.executed(KILLED)

    assert (record.outcome, record.cause) == (Outcome.DIED, Cause.KERNEL_DIED)
    assert record.failure is not None
    assert record.failure.value == "The kernel was killed by SIGKILL."
    cell = nb.cells[record.failure.cell or 0]
    assert cell.outputs[0].text == "flushed\nnot flushed\n"
    assert "flushed\nnot flushed\n" in ended.log(KILLED)
    assert ended.states(KILLED) == ["completed"] * 5 + ["failed", "pending"]


def test_no_process_and_no_scratch_is_left(ended: Sweep) -> None:
    assert processes_of(ended) == []
    assert ended.scratch() == []


def test_each_page_is_there(ended: Sweep) -> None:
    for index in (OK, FAILED, KILLED):
        page = (ended.folder(index) / PointFiles.PAGE).read_text("utf-8")
        assert "case is" in page
        assert "../../report/assets/notebook.css" in page


def test_a_second_run_does_nothing(ended: Sweep) -> None:
    before = {path: path.stat().st_mtime_ns for path in ended.root.rglob("*") if path.is_file()}

    assert ended.run() == 0
    assert before == {path: path.stat().st_mtime_ns for path in before}


def test_a_record_of_another_key_is_archived_and_the_point_run_again(ended: Sweep) -> None:
    path = ended.folder(OK) / PointFiles.RECORD
    stale = json.loads(path.read_text("utf-8")) | {"key": "of an older notebook"}
    path.write_text(json.dumps(stale))
    half_written, in_use = ended.folder(OK) / ".a.node-1.tmp", ended.folder(OK) / ".b.node-2.tmp"
    half_written.touch()
    os.utime(half_written, (0, 0))
    in_use.touch()

    assert ended.run() == 0

    assert (half_written.exists(), in_use.exists()) == (False, True)
    in_use.unlink()
    assert ended.record(OK).key == "key0"
    assert ended.record(OK).attempt == 2
    first, archived, second = ended.attempts(OK)
    assert (first["attempt"], second["attempt"]) == (1, 2)
    assert archived == {"attempt": 1, "record": stale}


def test_a_folder_that_moved(ended: Sweep, tmp_path: Path) -> None:
    """On a node the sweep folder can have another name: ``--root``."""
    moved = tmp_path / "moved"
    ended.root.rename(moved)
    try:
        with ended.start(str(moved / "bundle.json"), "--root", str(moved)) as worker:
            worker.communicate(timeout=PATIENCE)
        assert worker.returncode == 0
        assert not ended.root.exists()
    finally:
        moved.rename(ended.root)
