"""What jobs left with a schedd that spools: fetched once, and one that fails stops no other."""

from __future__ import annotations

from typing import Any

import pytest

from nbbatch.backends.htcondor.arrivals import UNFETCHED, fetch, unfetched
from nbbatch.errors import BackendError


@pytest.mark.parametrize(
    ("ad", "waits"),
    [
        ({"JobStatus": 2, "EnteredCurrentStatus": 100}, False),
        ({"JobStatus": 4, "EnteredCurrentStatus": 100}, True),
        ({"JobStatus": 4, "EnteredCurrentStatus": 100, "StageOutFinish": 103}, False),
        # Fetched in the second in which it ended: its times are whole seconds.
        ({"JobStatus": 4, "EnteredCurrentStatus": 100, "StageOutFinish": 100}, False),
        # Fetched, released and run again, as a held job can be.
        ({"JobStatus": 4, "EnteredCurrentStatus": 100, "StageOutFinish": 50}, True),
        ({"TotalSubmitProcs": 3}, False),  # a cluster
    ],
)
def test_which_jobs_wait_to_be_fetched(ad: dict[str, Any], waits: bool) -> None:
    assert unfetched(ad) is waits


def test_one_question_fetches_all() -> None:
    asked: list[Any] = []
    assert fetch(["7.0", "7.1"], 'NbbatchSweep =?= "s"', asked.append) == {}
    assert asked == [f'(NbbatchSweep =?= "s") && {UNFETCHED}']


def test_a_job_whose_files_are_not_there_stops_no_other() -> None:
    home: list[str] = []

    def retrieve(jobs: Any) -> None:
        if isinstance(jobs, str) or jobs == ["7.1"]:
            raise BackendError("HTCondor said: no such file")
        home.extend(jobs)

    assert fetch(["7.0", "7.1", "7.2"], "true", retrieve) == {"7.1": "HTCondor said: no such file"}
    assert home == ["7.0", "7.2"]


def test_a_schedd_that_went_away_is_not_asked_for_each_of_a_thousand_jobs() -> None:
    asked: list[Any] = []

    def away(jobs: Any) -> None:
        asked.append(jobs)
        raise BackendError("HTCondor said: connection closed")

    failed = fetch([f"7.{n}" for n in range(1000)], "true", away)
    assert len(failed) == 1000
    assert len(asked) == 4
