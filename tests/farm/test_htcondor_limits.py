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
    until(lambda: not schedd().query("true", ["ClusterId"]))  # of the tests before
    sweep = bench.run(bench.notebook(wait_for_go(bench)), {"x": [1, 2, 3, 4]})

    # The schedd counts now and then: jobs that were there a moment ago may still have places,
    # and then those of this sweep that could have them follow.
    def full() -> bool:
        sweep.top_up()
        return sweep.without_room() == 1

    until(full)
    assert parts(accepted(sweep)) == [1, 2, 3]
    assert len(schedd().query(jobs(sweep), ["ProcId"])) == 3
    assert sweep.top_up() == 0

    (bench.channel / "go").touch()
    sweep.wait(LONG)

    assert set(states(sweep).values()) == {"ok"}
    assert parts(accepted(sweep)) == [1, 2, 3, 4]
    assert bench.ran() == ["1", "2", "3", "4"]


def parts(noted: list[tuple[int, int]]) -> list[int]:
    """The bundles of these clusters, none of which has more jobs than a submission may."""
    assert max(size for _, size in noted) <= 2
    return [number for first, size in noted for number in range(first, first + size)]


def test_no_more_idle_jobs_than_allowed(bench: Bench) -> None:
    """The schedd makes them as others start; those that it has not made are queued, too."""
    notebook = bench.notebook(wait_for_go(bench))
    one_at_a_time = 5  # of the pool's 8 CPUs
    grid = {"x": [1, 2, 3, 4, 5]}
    sweep = bench.run(notebook, grid, jobs=None, max_idle=2, cpus=one_at_a_time)
    if FILES == "spool":
        (caution,) = sweep.cautions()
        assert caution.startswith("--max-idle does nothing where files are spooled")
        return
    until(lambda: bench.ran() == ["1"])
    until(lambda: len(idle(sweep)) == 2)
    assert list(states(sweep).values()) == ["running", *["queued"] * 4]

    last = sweep.points[-1].id
    with pytest.raises(BackendError, match="cannot be held one by one"):
        sweep.hold([last])
    sweep.hold()
    assert list(states(sweep).values()) == ["running", *["held"] * 4]
    sweep.release()
    sweep.cancel([last])
    assert list(states(sweep).values()) == ["running", *["queued"] * 3, "cancelled"]

    (bench.channel / "go").touch()
    most: list[int] = []
    until(lambda: most.append(len(idle(sweep))) or all(v.state.over for v in sweep.views()))
    assert max(most) <= 2
    assert list(states(sweep).values()) == [*["ok"] * 4, "cancelled"]
    assert bench.ran() == ["1", "2", "3", "4"]


def idle(sweep: Sweep) -> list[object]:
    return list(schedd().query(f"{jobs(sweep)} && JobStatus == 1", ["ProcId"]))
