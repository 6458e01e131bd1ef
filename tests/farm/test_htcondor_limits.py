"""A schedd that takes few jobs: at once, from one user, idle ones. On a real pool."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import nbbatch.sweep
from nbbatch.errors import BackendError
from nbbatch.sweep import Sweep
from tests.contract.conftest import LONG, Bench, states, until

from .htcondor_pool import (
    FILES,
    jobs,
    order,
    schedd,
    wait_for_go,
)


@pytest.fixture
def strict() -> Iterator[None]:
    """A schedd that takes two jobs in a submission, and three from one user."""
    order("set", "MAX_JOBS_PER_SUBMISSION=2", "MAX_JOBS_PER_OWNER=3")
    yield
    order("set")


def accepted(sweep: Sweep) -> list[tuple[int, int]]:
    """First bundle and size of each cluster."""
    noted = [event for event in sweep.folder.events() if event["event"] == "accepted"]
    return [(event["first"], event["size"]) for event in noted]


@pytest.mark.usefixtures("strict")
def test_what_finds_no_room_follows(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nbbatch.sweep, "TOP_UP_SECONDS", 1.0)
    go = wait_for_go(bench)
    until(lambda: not schedd().query("true", ["ClusterId"]))  # of the tests before
    sweep = bench.run(bench.notebook(go), {"x": [1, 2, 3, 4]})
    assert accepted(sweep) == [(1, 2), (3, 1)]
    assert sweep.without_room() == 1

    (bench.channel / "go").touch()
    sweep.wait(LONG)

    assert set(states(sweep).values()) == {"ok"}
    assert accepted(sweep) == [(1, 2), (3, 1), (4, 1)]
    assert bench.ran() == ["1", "2", "3", "4"]


def test_no_more_idle_jobs_than_allowed(bench: Bench) -> None:
    """The schedd makes them as others start; those that it has not made are queued, too."""
    nowhere = ["requirements=NbbatchBundle == 1"]
    notebook = bench.notebook(wait_for_go(bench))
    grid = {"x": [1, 2, 3, 4, 5, 6]}
    sweep = bench.run(notebook, grid, jobs=None, max_idle=2, options=nowhere)
    if FILES == "spool":
        (caution,) = sweep.cautions()
        assert caution.startswith("--max-idle does nothing where files are spooled")
        return
    until(lambda: bench.ran() == ["1"])
    until(lambda: len(idle(sweep)) == 2)
    assert list(states(sweep).values()) == ["running", *["queued"] * 5]

    last = sweep.points[-1].id
    with pytest.raises(BackendError, match="cannot be held one by one"):
        sweep.hold([last])
    sweep.hold()
    assert list(states(sweep).values()) == ["running", *["held"] * 5]
    sweep.release()
    sweep.cancel([last])
    assert list(states(sweep).values()) == ["running", *["queued"] * 4, "cancelled"]

    schedd().edit(f"{jobs(sweep)} && NbbatchBundle != 1", "Requirements", "true")
    (bench.channel / "go").touch()
    most = 0
    while not all(view.state.over for view in sweep.views()):
        most = max(most, len(idle(sweep)))
    assert most <= 2
    sweep.cancel()
    sweep.wait(LONG)


def idle(sweep: Sweep) -> list[object]:
    return list(schedd().query(f"{jobs(sweep)} && JobStatus == 1", ["ProcId"]))
