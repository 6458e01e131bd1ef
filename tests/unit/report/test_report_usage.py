"""What was used of what was asked for, and what to ask for next time."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nbbatch.model import Cause, PointView, Resources
from nbbatch.report.usage import Advice, advice, quantile, rounded_up
from tests.views import a_header, ok

GB = 2**30


def used(index: int, memory: int, seconds: float = 30.0, cause: Cause = Cause.NONE) -> PointView:
    view = ok(index, {})
    assert view.record is not None
    record = replace(
        view.record, peak_memory=memory, seconds=seconds, cpu_seconds=seconds, cause=cause
    )
    return replace(view, record=record)


def said(views: list[PointView], **asked) -> dict[str, Advice]:
    header = a_header(resources=Resources(**asked))
    return {row.label: row for row in advice(header, views)}


def test_the_issue_s_example() -> None:
    views = [used(i, int((0.9 + 0.02 * i) * GB)) for i in range(11)]
    row = said(views, memory=4 * GB)["Memory"]
    assert row.used == "90 % of points at most 1.08 GB, the largest 1.1 GB"
    assert row.asked == "4 GB"
    assert row.suggestion == "Next time 1.4 GB would do."


def test_on_a_farm_the_worker_is_in_the_job_too() -> None:
    view = used(0, GB // 4)
    assert view.record is not None
    view = replace(view, record=replace(view.record, worker_memory=GB // 4))
    there, here = (
        advice(a_header(backend=name, resources=Resources(memory=2 * GB)), [view])[0]
        for name in ("slurm", "local")
    )
    assert there.used == "the only point used 512 MB, the job's worker included"
    assert there.suggestion == "Next time 640 MB would do."
    assert here.used == "the only point used 256 MB"
    assert here.suggestion == "Next time 320 MB would do."


def test_what_fits_is_left_alone() -> None:
    assert said([used(0, GB)], memory=2 * GB)["Memory"].suggestion == "Right as it is."


def test_out_of_memory_asks_for_more() -> None:
    views = [used(0, GB), used(1, 2 * GB, cause=Cause.OUT_OF_MEMORY)]
    row = said(views, memory=2 * GB)["Memory"]
    assert row.suggestion == "Ask for more than 2 GB: 1 point ran out of it."


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (None, "A limit of 2 min a job would do."),
        (7200, "Next time 2 min a job would do; short jobs start earlier."),
        (120, "Right as it is."),
        (60, "Ask for more: the longest point fills a whole job."),
    ],
)
def test_time(asked: int | None, words: str) -> None:
    assert said([used(0, GB, 40), used(1, GB, 90)], time=asked)["Time"].suggestion == words


def test_cpus() -> None:
    assert said([used(0, GB)], cpus=4)["CPU"].suggestion == "Next time 1 would do."
    assert said([used(0, GB)], cpus=1)["CPU"].suggestion == "Right as it is."


def test_nothing_known_says_nothing() -> None:
    assert said([]) == {}


def test_numbers() -> None:
    assert quantile([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], 0.9) == 9
    assert quantile([7], 0.9) == 7
    assert [rounded_up(n * GB) / GB for n in (1.31, 209.0, 100.0)] == pytest.approx([1.4, 210, 100])
