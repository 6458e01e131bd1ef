"""How long a job's files travelled: as log and queue tell it, and to which points it belongs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from nbbatch.backends.htcondor.endings import Endings
from nbbatch.backends.htcondor.events import parse, transfers
from nbbatch.backends.htcondor.states import status_of, transfer_of
from nbbatch.collect.submissions import Submissions
from nbbatch.model import Point, Transfer

ROOT = "/sweeps/scan"


def moved(proc: int, time: str, words: str) -> str:
    return f"040 (007.{proc:03}.000) {time} {words} files\n\tTransferring to host: <…>\n...\n"


def day(time: str) -> str:
    return f"2026-11-21 {time}"


SENT, ARRIVED = "Started transferring input", "Finished transferring input"
LEFT, HOME = "Started transferring output", "Finished transferring output"


@pytest.mark.parametrize(
    ("events", "seconds"),
    [
        ([(day("13:51:30"), SENT), (day("13:51:42"), ARRIVED)], {"input": 12}),
        (
            [
                (day("13:51:20"), "Entered queue to transfer input"),  # others are before it
                (day("13:51:30"), SENT),
                (day("13:51:31"), ARRIVED),
                (day("13:59:58"), LEFT),
                (day("14:00:03"), HOME),
            ],
            {"input": 1, "output": 5},
        ),
        # The last start of the job counts, and an arrival whose beginning is not known does not.
        (
            [
                (day("13:00:00"), SENT),
                (day("13:00:09"), ARRIVED),
                (day("13:10:00"), SENT),
                (day("13:10:02"), ARRIVED),
            ],
            {"input": 2},
        ),
        ([(day("13:51:42"), ARRIVED)], {}),
        ([(day("13:51:30"), LEFT)], {}),
        ([("11/21 23:59:58", SENT), ("11/22 00:00:03", ARRIVED)], {"input": 5}),  # no year
        ([("12/31 23:59:58", SENT), ("01/01 00:00:03", ARRIVED)], {}),
        ([(day("13:51:30.250"), SENT), (day("13:51:31.750"), ARRIVED)], {"input": 1.5}),
        ([("2026-11-21T13:51:30", SENT), ("2026-11-21T13:51:31", ARRIVED)], {"input": 1}),
        ([(day("13:51:30"), SENT), (day("13:51:29"), ARRIVED)], {}),  # a clock was put back
        ([("2026-99-99 99:99:99", SENT), (day("13:51:31"), ARRIVED)], {}),  # damaged
    ],
)
def test_the_log_tells_when_files_travelled(
    events: list[tuple[str, str]], seconds: dict[str, float]
) -> None:
    text = "".join(moved(0, time, words) for time, words in events)
    found = dict(transfers(parse(text.encode())[0], {}))
    assert found == {("7", 0, which): time for which, time in seconds.items()}


def test_what_is_under_way_at_one_look_arrives_at_another() -> None:
    begun: dict[tuple[str, int, str], float] = {}
    first = moved(0, day("13:00:00"), SENT) + moved(1, day("13:00:04"), SENT)
    assert list(transfers(parse(first.encode())[0], begun)) == []
    second = moved(0, day("13:00:07"), ARRIVED)
    assert list(transfers(parse(second.encode())[0], begun)) == [(("7", 0, "input"), 7)]
    assert list(begun) == [("7", 1, "input")]


def ended(proc: int) -> str:
    return (
        f"005 (007.{proc:03}.000) 2026-11-21 14:01:00 Job terminated.\n"
        "\t(1) Normal termination (return value 0)\n...\n"
    )


def no_history(_: list[tuple[str, int]]) -> Iterable[Mapping[str, Any]]:
    return []


def test_another_process_goes_on_from_what_was_known(tmp_path: Path) -> None:
    """Proc 1 is at work while the first one looks, which sees proc 0 gone."""
    (tmp_path / "logs").mkdir()
    log = tmp_path / "logs/htcondor.log"
    log.write_text(
        moved(0, day("13:00:00"), SENT)
        + moved(0, day("13:00:03"), ARRIVED)
        + ended(0)
        + moved(1, day("13:00:05"), SENT)
    )
    first = Endings(tmp_path, log)
    first.of([("7", 0)], no_history)
    assert first.transfer(("7", 0)) == Transfer(inputs=3)

    with log.open("a") as more:
        more.write(moved(1, day("13:00:14"), ARRIVED))
        more.write(moved(1, day("13:59:00"), LEFT) + moved(1, day("13:59:02"), HOME) + ended(1))
    second = Endings(tmp_path, log)
    second.of([("7", 0), ("7", 1)], no_history)

    assert second.transfer(("7", 0)) == Transfer(inputs=3)
    assert second.transfer(("7", 1)) == Transfer(inputs=9, outputs=2)
    assert second.transfer(("7", 2)) is None


TIMES = {"TransferInStarted": 100, "TransferInFinished": 107}


@pytest.mark.parametrize(
    ("ad", "transfer"),
    [
        ({}, None),  # nothing travels
        ({"TransferInStarted": 100, "TransferInFinished": 100}, None),  # in less than a second
        (TIMES, Transfer(inputs=7)),
        (TIMES | {"TransferOutStarted": 300, "TransferOutFinished": 302}, Transfer(7, 2)),
        # Cut off on its way back: the end is that of the checkpoint before.
        (TIMES | {"TransferOutStarted": 300, "TransferOutFinished": 250}, Transfer(inputs=7)),
        (TIMES | {"TransferOutFinished": 250}, Transfer(inputs=7)),
    ],
)
def test_the_queue_and_the_history_tell_it_too(
    ad: dict[str, int], transfer: Transfer | None
) -> None:
    assert transfer_of(ad) == transfer
    assert status_of({"JobStatus": 4, **ad}, ROOT).transfer == transfer
    assert status_of({"JobStatus": 2, **ad}, ROOT).transfer is None  # not while it may run again


def test_a_log_that_is_lost_leaves_the_history(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    ends = Endings(tmp_path, tmp_path / "logs/htcondor.log")
    ad = {"ClusterId": 7, "ProcId": 0, "JobStatus": 4, "ExitCode": 0, **TIMES}
    ends.of([("7", 0)], lambda _: [ad])
    assert ends.transfer(("7", 0)) == Transfer(inputs=7)


def test_inputs_are_before_the_first_point_of_a_job_and_outputs_after_its_last() -> None:
    bundle_of = {"a": 1, "b": 1, "c": 1, "d": 2}
    submitted = Submissions((), bundle_of, {1: 1, 2: 1}, frozenset(), ())
    job = Transfer(inputs=7, outputs=2)
    found = {
        name: submitted.transfer_of(Point(name, 0, {}, f"points/{name}", "k"), job)
        for name in bundle_of
    }
    assert found == {
        "a": Transfer(inputs=7),
        "b": None,
        "c": Transfer(outputs=2),
        "d": Transfer(inputs=7, outputs=2),
    }
