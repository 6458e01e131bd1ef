"""``s``, of sweeps that have ended."""

from __future__ import annotations

import asyncio
import pickle
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy
import pytest

import nbbatch
from nbbatch.errors import NbbatchError, UsageError, WaitTimeout
from nbbatch.interactive import handle as handles
from nbbatch.interactive.failing import PointFailed, SweepFailed
from nbbatch.interactive.following import Look
from nbbatch.interactive.handle import SweepHandle
from nbbatch.interactive.waiting import Completed, Detached
from nbbatch.model import PointState
from tests.unit.interactive.ended import a_sweep, end


@pytest.fixture
def s(tmp_path: Path) -> SweepHandle:
    return a_sweep(tmp_path, [4.0, -1.0, 9.0])


def test_points(s: SweepHandle) -> None:
    assert [point.state for point in s.points] == ["ok", "failed", "ok"]
    assert s.counts == {"ok": 2, "failed": 1}
    assert s.over and len(s) == 3
    assert s[0].params == {"x": 4.0} and s[0].metrics == {"root": 2.0}
    assert s[1].error == "ValueError: math domain error" and s[1].metrics == {}
    assert s[0].record is not None and s[0].record.host == "node1"
    assert s[0].log() == "x = 4.0\n"
    assert s[0].notebook == s[0].folder / "executed.ipynb"


def test_a_point_by_number_or_id(s: SweepHandle) -> None:
    assert s[numpy.int64(2)].params == s[-1].params == s[s[2].id].params == {"x": 9.0}
    assert s["x-9"].index == 2
    with pytest.raises(IndexError, match="has no point 3"):
        s[3]
    with pytest.raises(UsageError, match="no point 'y'"):
        s["y"]


def test_the_best_point(s: SweepHandle) -> None:
    assert s[s.df["root"].idxmax()].params == {"x": 9.0}


def test_a_data_frame(s: SweepHandle) -> None:
    df = s.df
    assert list(df.columns) == [
        *("id", "x", "root", "state", "error", "seconds", "started", "finished", "host"),
        *("attempts", "notebook", "page", "log"),
    ]
    assert df["root"].tolist()[::2] == [2.0, 3.0] and numpy.isnan(df["root"][1])
    assert df["state"].tolist() == ["ok", "failed", "ok"]
    assert str(df["started"].dtype).startswith("datetime64") and df["started"][0].year == 2024
    assert Path(df["notebook"][0]) == s[0].notebook


def test_types_survive_holes(s: SweepHandle) -> None:
    end(s.folder, s._sweep.points[0], {"n": 3, "good": True, "name": "a", "some": [1, 2]})
    df = nbbatch.open(s.folder).df
    types = {name: str(df[name].dtype) for name in ("n", "good", "some", "attempts")}
    assert types == {"n": "Int64", "good": "boolean", "some": "object", "attempts": "int64"}
    assert df["some"][0] == [1, 2]


def test_numbers_too_large_for_a_column_keep_their_digits(s: SweepHandle) -> None:
    end(s.folder, s._sweep.points[0], {"seed": 2**64 + 1})
    assert int(nbbatch.open(s.folder).df["seed"][0]) == 2**64 + 1


def test_a_metric_that_is_called_as_a_time_is_not_lost(s: SweepHandle) -> None:
    end(s.folder, s._sweep.points[0], {"started": 7})
    df = nbbatch.open(s.folder).df
    assert df["metric.started"][0] == 7 and df["started"][0].year == 2024


def test_failures_are_not_raised_unless_asked_for(s: SweepHandle) -> None:
    assert s.wait() is s
    with pytest.raises(SweepFailed, match="1 of 3 points of sweep is not ok") as raised:
        s.result()
    (failure,) = raised.value.exceptions
    assert isinstance(failure, PointFailed)
    assert (failure.point, failure.cell, failure.line) == (s[1].id, 2, 2)
    assert str(failure) == (
        f"{s[1].id} is failed: ValueError: math domain error (In [3], line 2: root = math.sqrt(x))"
    )
    assert isinstance(raised.value.subgroup(PointFailed), SweepFailed)
    again = pickle.loads(pickle.dumps(failure))
    assert (str(again), again.params) == (str(failure), {"x": -1.0})


def test_results_when_all_is_well(tmp_path: Path) -> None:
    s = a_sweep(tmp_path, [4.0, 9.0])
    assert [point.metrics["root"] for point in s.result()] == [2.0, 3.0]


def test_errors(s: SweepHandle) -> None:
    errors = s.errors()
    assert [error.params for error in errors] == [{"x": -1.0}]
    assert repr(errors) == "1 failed  ValueError: math domain error"
    assert "math.sqrt" in errors._repr_html_()


def test_the_report_is_written(s: SweepHandle) -> None:
    assert s.report.read_text().count("math domain error")
    assert 'href="' in s.report._repr_html_()


def test_as_completed_gives_each_point_once(s: SweepHandle) -> None:
    assert [point.index for point in s.as_completed()] == [0, 1, 2]  # in the order they ended


def test_to_be_awaited(s: SweepHandle) -> None:
    async def cell() -> list[int]:
        assert await s is s
        return [point.index async for point in s.as_completed()]

    # In a thread: a browser test in this process leaves its event loop running in the first.
    with ThreadPoolExecutor(1) as elsewhere:
        assert elsewhere.submit(asyncio.run, cell()).result() == [0, 1, 2]


def test_awaiting_what_cannot_be_followed_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    s = a_sweep(tmp_path, [1.0], reported=False)
    monkeypatch.setattr(s._follower, "start", s._follower.stop)

    async def cell() -> None:
        with pytest.raises(NbbatchError, match="cannot be followed"):
            await asyncio.wait_for(s._ended(), 60)

    with ThreadPoolExecutor(1) as elsewhere:
        elsewhere.submit(asyncio.run, cell()).result()


def test_what_could_not_be_followed_can_be_tried_again(tmp_path: Path) -> None:
    s = a_sweep(tmp_path, [1.0], reported=False)
    s._follower._give_up(0, "python cannot be started: no memory")
    assert s.wait(60).over


def test_a_point_that_came_too_late_comes_next() -> None:
    ready = threading.Event()

    def points() -> Iterator[Any]:
        ready.wait()
        yield "first"
        yield "second"

    completed = Completed(points(), "")

    async def impatient() -> None:
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(completed.__anext__(), 0.01)

    async def patient() -> list[Any]:
        return [point async for point in completed]

    with ThreadPoolExecutor(1) as elsewhere:
        left = elsewhere.submit(asyncio.run, impatient())
        try:
            left.result(60)  # does not wait for the point: an interrupted script ends
        finally:
            ready.set()
        assert elsewhere.submit(asyncio.run, patient()).result() == ["first", "second"]


def test_to_be_told(tmp_path: Path) -> None:
    s = a_sweep(tmp_path, [1.0], reported=False)
    told = threading.Event()

    @s.on_complete
    def tell(which: SweepHandle) -> None:
        assert which is s
        told.set()
        raise KeyError("of the user's")

    s.wait()
    assert told.wait(60)
    s.on_complete(tell)  # it has ended: at once
    said = [problem.partition(" ")[2] for problem in s.problems]
    assert said == ['KeyError: "of the user\'s"'] * 2


def test_a_wait_that_takes_too_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    s = a_sweep(tmp_path, [1.0], reported=False)
    monkeypatch.setattr(s._follower, "start", lambda: None)  # it never looks
    with pytest.raises(WaitTimeout, match=r"within 0\.01 s"):
        s.wait(0.01)


def test_an_interrupt_detaches(s: SweepHandle, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(timeout: float | None = None) -> Look:
        raise KeyboardInterrupt

    monkeypatch.setattr(s._follower, "wait", interrupted)
    with pytest.raises(Detached) as raised:
        s.wait()
    (line,) = raised.value._render_traceback_()
    assert "the sweep goes on" in line and f"nbbatch.open({str(s.folder)!r})" in line


@pytest.mark.slow
def test_from_several_threads(tmp_path: Path) -> None:
    s = a_sweep(tmp_path, [4.0, -1.0, 9.0], reported=False)
    seen: list[dict[str, int]] = []
    threads = [threading.Thread(target=lambda: seen.append(s.wait().counts)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [{"ok": 2, "failed": 1}] * 4


def test_open_and_list(s: SweepHandle) -> None:
    assert nbbatch.open(s.folder).id == s.id
    assert nbbatch.open("latest").id == s.id  # that any process remembers
    (known,) = nbbatch.list()
    assert known.open().folder == s.folder
    assert "scan" not in known.header.name and str(s.folder) in nbbatch.list()._repr_html_()


def test_cancel_takes_points_by_number_or_id(s: SweepHandle) -> None:
    assert s.cancel(0, s[1].id) is s
    assert [event["points"] for event in s._sweep.folder.events() if "points" in event] == [[]]


def test_in_words(s: SweepHandle) -> None:
    assert repr(s) == f"Sweep sweep: 2 of 3 points are ok, 1 not (2 ok, 1 failed), {s.folder}"
    assert repr(s[1]).endswith("failed, ValueError: math domain error>")
    assert repr(s.points).splitlines()[1].split()[:2] == ["1", "failed"]
    for shown in (s.points, s[0], s[1]):
        assert "nbbatch" not in shown._repr_html_() or "href" in shown._repr_html_()
    assert s._repr_mimebundle_().keys() == {"text/html", "text/plain"}


def test_a_scheduler_that_is_not_there_does_not_break_a_display(
    s: SweepHandle, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone() -> None:
        raise handles.NbbatchError("There is no program squeue on this machine.")

    monkeypatch.setattr(s._sweep, "views", gone)
    assert "no program squeue" in s._repr_mimebundle_()["text/html"]
    assert f"3 {PointState.UNKNOWN.value}" in repr(s)
