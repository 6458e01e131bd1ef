"""What HTCondor's attributes and events mean to us, as tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nbbatch.backends.htcondor.events import Position, endings, parse, read
from nbbatch.backends.htcondor.states import ending_of, hold_words, status_of, statuses_of
from nbbatch.model import Ending, Job, JobArray, JobPhase

ROOT = "/sweeps/scan"


@pytest.mark.parametrize(
    ("ad", "phase", "reason", "host"),
    [
        ({"JobStatus": 1}, JobPhase.QUEUED, "", ""),
        ({"JobStatus": 2, "RemoteHost": "slot1_1@node7"}, JobPhase.RUNNING, "", "node7"),
        ({"JobStatus": 3}, JobPhase.RUNNING, "", ""),  # until its processes have ended
        ({"JobStatus": 4}, JobPhase.GONE, "", ""),
        ({"JobStatus": 6}, JobPhase.RUNNING, "", ""),
        ({"JobStatus": 7}, JobPhase.RUNNING, "suspended", ""),
        ({"JobStatus": 99}, JobPhase.UNKNOWN, "", ""),
        ({}, JobPhase.UNKNOWN, "", ""),
        # Hold attributes of an earlier hold say nothing of a job that runs again.
        ({"JobStatus": 2, "HoldReasonCode": 34}, JobPhase.RUNNING, "", ""),
        (
            {"JobStatus": 5, "HoldReasonCode": 16, "HoldReason": "Spooling input data files"},
            JobPhase.QUEUED,
            "its files are on their way to the schedd",
            "",
        ),
    ],
)
def test_phases(ad: dict[str, Any], phase: JobPhase, reason: str, host: str) -> None:
    status = status_of(ad, ROOT)
    assert (status.phase, status.reason, status.host) == (phase, reason, host)


@pytest.mark.parametrize(
    ("ad", "words"),
    [
        (
            {"HoldReasonCode": 1, "HoldReason": "later (by user ada)"},
            "held by its owner: `nbbatch release /sweeps/scan` lets it start",
        ),
        (
            {
                "HoldReasonCode": 21,
                "HoldReasonSubCode": 102,
                "HoldReason": "memory usage exceeded request_memory",
                "MemoryProvisioned": 2048,
                "ResidentSetSize": 3_250_000,
            },
            "asked 2GB of memory, used 3.1GB: `nbbatch resume /sweeps/scan --memory 4GB`",
        ),
        (  # twice as much would not do
            {"HoldReasonCode": 34, "MemoryProvisioned": 384, "ResidentSetSize": 750_000},
            "asked 384MB of memory, used 732MB: `nbbatch resume /sweeps/scan --memory 1.5GB`",
        ),
        (  # a cgroup's kill: the recorded size is not the job's
            {
                "HoldReasonCode": 34,
                "HoldReasonSubCode": 0,
                "RequestMemory": 128,
                "ResidentSetSize": 275,
            },
            "asked 128MB of memory and used more: `nbbatch resume /sweeps/scan --memory 256MB`",
        ),
        (
            {
                "HoldReasonCode": 21,
                "HoldReasonSubCode": 104,
                "HoldReason": "disk usage exceeded allocated disk",
                "RequestDisk": 102_400,
                "DiskUsage": 512_000,
            },
            "asked 100MB of disk, used 500MB: cancel it, then run again with a larger --disk",
        ),
        (
            {"HoldReasonCode": 46, "HoldReason": "The job exceeded allowed job duration of 00:04"},
            "it ran longer than --time: cancel it, then run again with a longer --time",
        ),
        (
            {
                "HoldReasonCode": 13,
                "HoldReasonSubCode": 2,
                "HoldReason": "reading a.csv: (errno 2)",
            },
            "its files could not be sent (reading a.csv: (errno 2)): check `inputs:` in the grid, "
            "then `nbbatch release /sweeps/scan` tries again",
        ),
        ({"HoldReasonCode": 4711}, "held: `nbbatch release /sweeps/scan` tries again"),
    ],
)
def test_why_a_job_is_held_and_what_to_do(ad: dict[str, Any], words: str) -> None:
    assert hold_words(ad, ROOT) == words
    assert status_of({"JobStatus": 5, **ad}, ROOT).phase is JobPhase.HELD


@pytest.mark.parametrize(
    ("cluster", "dropped", "phases"),
    [
        ({}, set(), ["running", "queued"]),
        ({"JobMaterializeNextProcId": 2}, set(), ["running", "queued", "queued", "queued"]),
        (
            {"JobMaterializeNextProcId": 2, "JobMaterializePaused": 1},
            set(),
            ["running", "queued", "held", "held"],
        ),
        # Taken back before they were made: made or not, they do nothing.
        ({"JobMaterializeNextProcId": 2}, {"7.1", "7.3"}, ["running", None, "queued"]),
    ],
)
def test_jobs_that_the_schedd_has_not_made_yet_are_not_gone(
    cluster: dict[str, Any], dropped: set[str], phases: list[str | None]
) -> None:
    ads = [
        {"ClusterId": 7, **cluster},
        {"ClusterId": 7, "ProcId": 0, "JobStatus": 2},
        {"ClusterId": 7, "ProcId": 1, "JobStatus": 1},
    ]
    found = statuses_of(ads, [JobArray("7", first=11, size=4)], dropped, ROOT)
    expected = {Job("7", n): phase for n, phase in enumerate(phases) if phase}
    assert {job: status.phase.value for job, status in found.items()} == expected


@pytest.mark.parametrize(
    ("number", "phases"),
    [
        (1, {}),
        (2, {}),  # made after it was taken back: it finds no points to run
        (5, {}),
        (3, {Job("7", 0): JobPhase.RUNNING}),  # it was at work, and is ending
        (4, {Job("7", 0): JobPhase.GONE}),
    ],
)
def test_jobs_that_were_taken_back(number: int, phases: dict[Job, JobPhase]) -> None:
    ads = [{"ClusterId": 7, "ProcId": 0, "JobStatus": number}]
    found = statuses_of(ads, [JobArray("7", first=1, size=1)], {"7.0"}, ROOT)
    assert {job: status.phase for job, status in found.items()} == phases


@pytest.mark.parametrize(
    ("ad", "ending"),
    [
        ({"JobStatus": 4, "ExitCode": 0}, (Ending.EXITED, "")),
        ({"JobStatus": 4, "ExitCode": 75}, (Ending.EXITED, "its job ended with exit code 75")),
        (
            {"JobStatus": 4, "ExitBySignal": True, "ExitSignal": 9},
            (Ending.EXITED, "its job was killed by signal 9"),
        ),
        (
            {"JobStatus": 3, "RemoveReason": "via condor_rm (by user root)"},
            (Ending.CANCELLED, "via condor_rm (by user root)"),
        ),
        (  # as a schedd that spools forgets a job
            {
                "JobStatus": 3,
                "ExitCode": 75,
                "RemoveReason": "its results were fetched by nbbatch (by user ada)",
            },
            (Ending.EXITED, "its job ended with exit code 75"),
        ),
    ],
)
def test_how_a_job_of_the_history_ended(ad: dict[str, Any], ending: tuple[Ending, str]) -> None:
    assert ending_of(ad) == ending


# ------------------------------------------------------------------- the event log

SUBMITTED = "000 (007.000.000) 2026-11-21 13:51:30 Job submitted from host: <127.0.0.1>\n...\n"
ENDED = """005 (007.000.000) 2026-11-21 13:51:32 Job terminated.
\t(1) Normal termination (return value 0)
...
"""
FAILED = """005 (007.001.000) 2026-11-21 13:51:32 Job terminated.
\t(1) Normal termination (return value 75)
...
"""
KILLED = """005 (007.002.000) 2026-11-21 13:51:32 Job terminated.
\t(0) Abnormal termination (signal 9)
...
"""
REMOVED = """009 (007.003.000) 2026-11-21 13:51:32 Job was aborted.
\tvia condor_rm (by user root)
...
"""


def test_the_log_tells_how_jobs_ended() -> None:
    events, used = parse((SUBMITTED + ENDED + FAILED + KILLED + REMOVED).encode())
    assert used == len(SUBMITTED + ENDED + FAILED + KILLED + REMOVED)
    assert dict(endings(events)) == {
        ("7", 0): (Ending.EXITED, ""),
        ("7", 1): (Ending.EXITED, "its job ended with exit code 75"),
        ("7", 2): (Ending.EXITED, "its job was killed by signal 9"),
        ("7", 3): (Ending.CANCELLED, "via condor_rm (by user root)"),
    }


def test_a_damaged_line_hides_only_its_own_event() -> None:
    torn = ENDED[:40] + "\x00\x00 rubbish\n" + FAILED
    assert [event.proc for event in parse(torn.encode())[0]] == [1]


def test_half_an_event_is_left_for_the_next_look(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text(SUBMITTED + ENDED[:30])
    events, position = read(log, Position())
    assert [event.number for event in events] == [0]

    log.write_text(SUBMITTED + ENDED)
    events, position = read(log, position)
    assert [event.number for event in events] == [5]
    assert read(log, position) == ([], position)


@pytest.mark.parametrize("now", ["", SUBMITTED.replace("13:51", "14:00") + FAILED])
def test_another_log_under_the_name_is_read_from_its_start(tmp_path: Path, now: str) -> None:
    log = tmp_path / "log"
    log.write_text(SUBMITTED + ENDED + KILLED)
    _, position = read(log, Position())
    log.write_text(now)
    events, _ = read(log, position)
    assert len(events) == now.count("\n...\n")


def test_no_log_is_no_event(tmp_path: Path) -> None:
    assert read(tmp_path / "log", Position(100, "00")) == ([], Position())
