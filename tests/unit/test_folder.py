"""The sweep folder: what is written can be read, by anyone, after any crash."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from nbbatch.errors import NbbatchError, SweepLocked, SweepNotFound
from nbbatch.folder import Attempts, SweepFolder
from nbbatch.model import Header, Outcome, Point, PointFiles, Record

HEADER = Header(
    id="ab12cd34",
    name="scan",
    created="2026-01-02T03:04:05.000Z",
    user="me",
    host="here",
    notebook="/home/me/scan.ipynb",
    notebook_sha256="0",
    kernel="python3",
    language="python",
    backend="local",
    nbbatch="0.1.0",
    python="3.11.2",
)
POINTS = [
    Point("x-1-aa", 0, {"x": 1}, "points/x-1-aa", "k1"),
    Point("x-ü-bb", 1, {"x": "ü\n", "y": [1.5, None]}, "points/x-ü-bb", "k2"),
]


@pytest.fixture
def folder(tmp_path: Path) -> SweepFolder:
    made = SweepFolder(tmp_path / "sweep")
    made.root.mkdir()
    made.write_specification(HEADER, POINTS, notebook=b"{}", grid="x: [1]\n")
    return made


def test_what_is_written_is_read_back(folder: SweepFolder) -> None:
    assert folder.header() == HEADER
    assert folder.points() == POINTS


def test_a_revision_keeps_the_earlier_one(folder: SweepFolder) -> None:
    folder.write_specification(HEADER, POINTS[:1], notebook=b"{ }", grid="x: [2]\n")
    kept = folder.root / "revisions" / "001"
    assert (kept / "grid.yaml").read_text() == "x: [1]\n"
    assert len((kept / "points.jsonl").read_text().splitlines()) == 2
    assert folder.points() == POINTS[:1]


def test_a_point_that_is_to_run_again_has_not_begun_yet(folder: SweepFolder) -> None:
    point = POINTS[0]
    attempts = folder.root / point.dir / PointFiles.ATTEMPTS
    attempts.parent.mkdir(parents=True)
    line = {"attempt": 1, "started": "2026-01-02T03:05:00.000Z", "host": "node1"}
    attempts.write_text(json.dumps(line) + "\n")
    assert folder.attempts(point) == Attempts(1, "2026-01-02T03:05:00.000Z", "node1")
    folder.archive_record(point)
    assert folder.attempts(point) == Attempts(1)


def test_no_sweep(tmp_path: Path) -> None:
    with pytest.raises(SweepNotFound, match=r"no sweep\.json"):
        SweepFolder(tmp_path).header()


def test_newer_format(folder: SweepFolder) -> None:
    folder.header_file.write_text(json.dumps({**HEADER.to_json(), "format": 99}))
    with pytest.raises(NbbatchError, match="newer format"):
        folder.header()


def test_torn_journal_line_is_left_out_and_not_built_upon(folder: SweepFolder) -> None:
    folder.journal("created", revision=1)
    with folder.journal_file.open("a") as stream:
        stream.write('{"at": "2026", "event": "subm')  # the machine stopped here
    folder.journal("submitted", batch=1)
    assert [event["event"] for event in folder.events()] == ["created", "submitted"]


def test_half_a_record_is_no_record(folder: SweepFolder) -> None:
    home = folder.point_dir(POINTS[0])
    home.mkdir()
    (home / PointFiles.RECORD).write_text('{"point": "x-1-aa", "outcome"')
    assert folder.record(POINTS[0]) is None


def test_archiving_keeps_the_record_in_the_history(folder: SweepFolder) -> None:
    point = POINTS[1]
    home = folder.point_dir(point)
    home.mkdir()
    record = Record(point=point.id, key=point.key, attempt=3, outcome=Outcome.FAILED)
    (home / PointFiles.RECORD).write_text(json.dumps(record.to_json()))
    assert folder.record(point) == record

    folder.archive_record(point)

    assert folder.record(point) is None
    lines = [json.loads(line) for line in (home / PointFiles.ATTEMPTS).read_text().splitlines()]
    assert lines[0]["record"]["outcome"] == "failed"
    assert lines[1]["reset"] is True


def test_the_second_process_is_told_who_holds_the_sweep(folder: SweepFolder) -> None:
    other = SweepFolder(folder.root)
    with folder.lock("run points"), pytest.raises(SweepLocked) as told, other.lock("resume"):
        pass
    assert f"process {os.getpid()} on this host" in str(told.value)
    with folder.lock("resume"):  # and afterwards it is free
        pass


def test_the_lock_of_a_killed_process_is_broken(folder: SweepFolder) -> None:
    holder = (
        "import os, signal; from pathlib import Path; from nbbatch.folder import SweepFolder\n"
        f"lock = SweepFolder(Path({str(folder.root)!r})).lock('x'); lock.__enter__()\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", holder], check=False)
    assert (folder.lock_folder / "1").exists()
    with folder.lock("resume"):
        pass


def test_big_sweeps_are_sharded() -> None:
    assert SweepFolder.dir_of("x-1-0123456789", 10_000) == "points/x-1-0123456789"
    assert SweepFolder.dir_of("x-1-0123456789", 10_001) == "points/89/x-1-0123456789"
