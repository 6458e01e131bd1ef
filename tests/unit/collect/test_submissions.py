"""What the journal tells of submissions, also after a crash at any line of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from nbbatch.collect.submissions import Submissions, read_submissions, runs
from nbbatch.folder import SweepFolder
from nbbatch.model import Job, Point

POINTS = {name: Point(name, 0, {}, f"points/{name}", "k") for name in "abcdef"}


@pytest.fixture
def folder(tmp_path: Path) -> SweepFolder:
    made = SweepFolder(tmp_path)
    made.submit.mkdir()
    return made


def submit(folder: SweepFolder, batch: int, first: int, bundles: list[list[str]]) -> None:
    folder.write_batch(batch, {"first": first, "bundles": bundles})
    folder.journal("submitting", batch=batch, first=first)


def read(folder: SweepFolder) -> Submissions:
    return read_submissions(folder, {})


def test_two_arrays_of_one_batch(folder: SweepFolder) -> None:
    submit(folder, 1, 1, [["a", "b"], ["c"], ["d"]])
    folder.journal("accepted", batch=1, array="77", first=1, size=2)
    folder.journal("accepted", batch=1, array="78", first=3, size=1)
    folder.journal("submitted", batch=1)

    found = read(folder)

    jobs = [found.job_of(POINTS[name]) for name in "abcde"]
    assert jobs == [Job("77", 0), Job("77", 0), Job("77", 1), Job("78", 0), None]
    assert (found.open_batches, found.refused()) == ((), {})
    assert (found.next_batch, found.next_bundle) == (2, 4)


def test_a_point_that_was_submitted_again_has_its_last_job(folder: SweepFolder) -> None:
    submit(folder, 1, 1, [["a"], ["b"]])
    folder.journal("accepted", batch=1, array="77", first=1, size=2)
    submit(folder, 2, 3, [["b"]])
    folder.journal("accepted", batch=2, array="80", first=3, size=1)
    found = read(folder)
    assert found.job_of(POINTS["a"]) == Job("77", 0)
    assert found.job_of(POINTS["b"]) == Job("80", 0)


def test_killed_before_the_note(folder: SweepFolder) -> None:
    submit(folder, 1, 1, [["a"]])
    found = read(folder)
    assert found.open_batches == (1,)
    assert found.job_of(POINTS["a"]) is None


def test_killed_while_the_rest_was_sent(folder: SweepFolder) -> None:
    """What the scheduler may have accepted is looked up there, and not sent once more."""
    submit(folder, 1, 1, [["a"], ["b"]])
    folder.journal("accepted", batch=1, array="77", first=1, size=1)
    folder.journal("submitted", batch=1)
    assert read(folder).open_batches == ()
    folder.journal("submitting the rest", batch=1)
    assert read(folder).open_batches == (1,)
    folder.journal("submitted", batch=1)
    assert read(folder).open_batches == ()


def test_what_the_scheduler_had_no_room_for(folder: SweepFolder) -> None:
    submit(folder, 1, 1, [["a"], ["b"], ["c"], ["d"]])
    folder.journal("accepted", batch=1, array="77", first=1, size=2)
    folder.journal("submitted", batch=1)
    assert read(folder).refused() == {3: ["c"], 4: ["d"]}
    folder.journal("cancelled", points=["d"])
    assert read(folder).refused() == {3: ["c"]}


def test_cancelling_lasts_until_the_next_submission(folder: SweepFolder) -> None:
    submit(folder, 1, 1, [["a"], ["b"]])
    folder.journal("cancelled", points=None)
    assert read(folder).cancelled == {"a", "b"}
    submit(folder, 2, 3, [["a"]])
    assert read(folder).cancelled == {"b"}


def test_runs() -> None:
    assert list(runs([1, 2, 3, 7, 9, 10])) == [range(1, 4), range(7, 8), range(9, 11)]
    assert list(runs([])) == []
