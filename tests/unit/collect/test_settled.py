"""What a new process needs to read of a sweep that others have looked at before."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nbbatch.collect.views import Views
from nbbatch.folder import SweepFolder
from nbbatch.model import (
    Cause,
    Job,
    JobPhase,
    JobStatus,
    Outcome,
    Point,
    PointState,
    Record,
    Transfer,
    Value,
)
from nbbatch.sweep import Sweep
from tests.views import a_header

LONG_AGO = time.time() - 3600


def make(root: Path, total: int, shards: bool = False) -> list[Point]:
    """A sweep of so many points that have all ended an hour ago."""
    points = []
    for n in range(total):
        place = f"points/{n % 3:02x}/p{n}" if shards else f"points/p{n}"
        points.append(Point(f"p{n}", n, {"x": n}, place, "k"))
    folder = SweepFolder(root)
    folder.write_specification(a_header(), points, notebook=b"{}", grid="")
    submit(folder, points, 1, 1)
    folder.journal("finished")
    for point in points:
        finish(root, point)
    return points


def submit(folder: SweepFolder, points: list[Point], batch: int, first: int) -> None:
    folder.write_batch(batch, {"first": first, "bundles": [[point.id] for point in points]})
    folder.journal("submitting", batch=batch, first=first)
    array = f"local-{batch}"
    folder.journal("accepted", batch=batch, array=array, first=first, size=len(points))
    folder.journal("submitted", batch=batch)


def finish(root: Path, point: Point, **facts: Any) -> None:
    """A worker ends the point, an hour ago: the record replaces what was there."""
    folder = root / point.dir
    folder.mkdir(parents=True, exist_ok=True)
    record = Record(point.id, point.key, 1, Outcome.OK, host="node7", seconds=3.0)
    (folder / "attempts.jsonl").write_text(json.dumps({"started": "2024-05-01T12:00:00Z"}) + "\n")
    (folder / "new").write_text(json.dumps(replace(record, **facts).to_json()))
    (folder / "new").replace(folder / "record.json")
    os.utime(folder, (LONG_AGO + time.time() % 1000, LONG_AGO + time.time() % 1000))


def metrics(root: Path) -> list[dict[str, Value]]:
    """As a new process sees them."""
    return [view.record.metrics if view.record else {} for view in Sweep(root).views()]


_watching: list[list[str]] = []


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if _watching and event in ("open", "os.listdir", "os.scandir"):
        _watching[-1].append(str(arguments[0]))


@pytest.fixture(scope="module")
def hooked() -> None:
    sys.addaudithook(_hook)  # it stays, and does nothing when nobody counts


@contextmanager
def opened(root: Path) -> Iterator[list[str]]:
    """The files that are opened and the folders that are listed in ``root``, meanwhile."""
    seen: list[str] = []
    _watching.append(seen)
    try:
        yield seen
    finally:
        _watching.pop()
        seen[:] = [name.removeprefix(f"{root}/") for name in seen if name.startswith(str(root))]


@pytest.mark.parametrize("total", [3, 300])
def test_a_second_look_opens_no_record(hooked: None, tmp_path: Path, total: int) -> None:
    make(tmp_path, total)
    first = Sweep(tmp_path).views()
    with opened(tmp_path) as seen:
        again = Sweep(tmp_path).views()
    assert again == first
    assert not [name for name in seen if name.startswith("points/")]
    assert len(seen) == 8  # header, points, journal, batch, what was settled, one listing …


@pytest.mark.parametrize("total", [3, 300])
def test_a_second_report_opens_no_record_and_writes_nothing(
    hooked: None, tmp_path: Path, total: int
) -> None:
    make(tmp_path, total)
    Sweep(tmp_path).write_results()
    results = (tmp_path / "results.csv").stat()
    with opened(tmp_path) as seen:
        Sweep(tmp_path).write_results()
    assert not [name for name in seen if name.startswith("points/")]
    assert len(seen) < 25
    assert (tmp_path / "results.csv").stat().st_ino == results.st_ino


def test_what_was_never_started_is_known_by_one_listing(hooked: None, tmp_path: Path) -> None:
    points = [Point(f"p{n}", n, {"x": n}, f"points/p{n}", "k") for n in range(100)]
    SweepFolder(tmp_path).write_specification(a_header(), points, notebook=b"{}", grid="")
    with opened(tmp_path) as seen:
        views = Sweep(tmp_path).views()
    assert {view.state for view in views} == {PointState.PENDING}
    assert [name for name in seen if name.startswith("points")] == ["points.jsonl", "points"]


def test_folders_of_many_points_are_listed_once_each(hooked: None, tmp_path: Path) -> None:
    make(tmp_path, 30, shards=True)
    Sweep(tmp_path).views()
    with opened(tmp_path) as seen:
        Sweep(tmp_path).views()
    assert sorted(name for name in seen if name.startswith("points/")) == [
        "points/00",
        "points/01",
        "points/02",
    ]


def test_a_record_that_is_replaced_is_read_again(hooked: None, tmp_path: Path) -> None:
    points = make(tmp_path, 5)
    assert metrics(tmp_path)[3] == {}
    finish(tmp_path, points[3], metrics={"chi2": 2.0})
    with opened(tmp_path) as seen:
        assert metrics(tmp_path)[3] == {"chi2": 2.0}
    assert [name for name in seen if name.startswith("points/")] == [
        "points/p3/record.json",
        "points/p3/attempts.jsonl",
    ]


def test_a_point_whose_folder_is_deleted_is_lost(tmp_path: Path) -> None:
    points = make(tmp_path, 3)
    Sweep(tmp_path).views()
    for file in (tmp_path / points[1].dir).iterdir():
        file.unlink()
    (tmp_path / points[1].dir).rmdir()
    states = [view.state for view in Sweep(tmp_path).views()]
    assert states == [PointState.OK, PointState.LOST, PointState.OK]


def test_a_new_submission_forgets(tmp_path: Path) -> None:
    points = make(tmp_path, 2)
    folder = SweepFolder(tmp_path)
    sweep = Sweep(tmp_path)
    assert [view.state for view in sweep.views()] == [PointState.OK, PointState.OK]
    before = (tmp_path / points[0].dir).stat()
    folder.archive_record(points[0])
    # Even on a filesystem whose times tell nothing.
    os.utime(tmp_path / points[0].dir, ns=(before.st_atime_ns, before.st_mtime_ns))
    submit(folder, [points[0]], 2, 3)
    views = Views(folder, grace=0)
    waits = {Job("local-2", 0): JobStatus(JobPhase.QUEUED)}
    found = views.look(points, sweep._queue.noted(), waits)
    assert [view.state for view in found] == [PointState.QUEUED, PointState.OK]


def test_what_only_a_scheduler_told_is_remembered(tmp_path: Path) -> None:
    """How long files travelled: the queue and its log may have forgotten it by the next look."""
    points = make(tmp_path, 2)
    noted = Sweep(tmp_path)._queue.noted()
    told = {Job("local-1", 0): JobStatus(JobPhase.GONE, transfer=Transfer(inputs=7, outputs=2))}
    first = Views(SweepFolder(tmp_path), grace=0).look(points, noted, told)
    assert [view.transfer for view in first] == [Transfer(inputs=7, outputs=2), None]
    assert Views(SweepFolder(tmp_path), grace=0).look(points, noted, {}) == first


def test_a_changed_notebook_makes_what_was_settled_stale(tmp_path: Path) -> None:
    points = make(tmp_path, 2)
    Sweep(tmp_path).views()
    changed = [points[0], replace(points[1], key="other")]
    SweepFolder(tmp_path).write_specification(a_header(), changed, notebook=b"{ }", grid="")
    assert [view.state for view in Sweep(tmp_path).views()] == [PointState.OK, PointState.LOST]


@pytest.mark.parametrize(
    "garble",
    [
        lambda content: content[:-40],  # killed in the middle of a write
        lambda content: content[: len(content) // 2] + content[len(content) // 2 + 7 :],
        lambda content: content.replace(b'"ok"', b'"no"'),
        lambda content: b"\0" * 300 + content[300:],  # a hole, as NFS leaves them
        lambda content: content.replace(b"1 ", b"9 "),  # another version's
        lambda content: b"",
    ],
    ids=["torn", "overlapping", "edited", "hole", "version", "empty"],
)
def test_what_is_garbled_is_read_anew(tmp_path: Path, garble: Any) -> None:
    points = make(tmp_path, 4)
    for n, point in enumerate(points):
        finish(tmp_path, point, metrics={"n": n})
    expected = Sweep(tmp_path).views()
    file = SweepFolder(tmp_path).settled_file
    file.write_bytes(garble(file.read_bytes()))
    assert Sweep(tmp_path).views() == expected
    assert Sweep(tmp_path).views() == expected  # what was appended behind it is good


def test_what_may_change_is_not_remembered(tmp_path: Path) -> None:
    points = make(tmp_path, 3)
    facts = {"outcome": Outcome.DIED, "cause": Cause.KERNEL_START}
    finish(tmp_path, points[0], **facts)  # a failure that may be tried again
    (tmp_path / points[1].dir).touch()  # changed now: it may change again unseen
    Sweep(tmp_path).views()
    told = SweepFolder(tmp_path).settled_file.read_text()
    assert ['"p0"' in told, '"p1"' in told, '"p2"' in told] == [False, False, True]


def test_the_memory_does_not_grow_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nbbatch.collect.settled.COMPACT_ABOVE", 6)
    points = make(tmp_path, 3)
    file = SweepFolder(tmp_path).settled_file
    for n in range(6):
        for point in points:
            finish(tmp_path, point, metrics={"n": n})
        assert metrics(tmp_path) == [{"n": n}] * 3
        metrics(tmp_path)
    assert len(file.read_bytes().splitlines()) <= 9


def test_a_folder_that_cannot_be_written_is_looked_at_all_the_same(tmp_path: Path) -> None:
    make(tmp_path, 2)
    (tmp_path / "state").write_text("in the way")
    assert [view.state for view in Sweep(tmp_path).views()] == [PointState.OK] * 2
