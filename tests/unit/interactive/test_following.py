"""The process that watches, and the thread that listens to it."""

from __future__ import annotations

import io
import json
import shutil
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from nbbatch.errors import NbbatchError
from nbbatch.interactive import following
from nbbatch.interactive.following import Follower, Look
from nbbatch.interactive.watching import watch
from nbbatch.interactive.wire import changed, from_wire, merged, to_wire
from nbbatch.model import Point, PointState
from nbbatch.sweep import Sweep
from tests.unit.interactive.ended import a_sweep
from tests.views import a_view, failed, ok


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_views_survive_the_way() -> None:
    for view in (ok(0, {"x": 1.5}, chi2=2), failed(1, {}), a_view(2, {}, PointState.RUNNING)):
        assert from_wire(json.loads(json.dumps(to_wire(view))), view.point) == view


def test_only_what_changed_is_told() -> None:
    before = [ok(0, {}), a_view(1, {}, PointState.QUEUED)]
    now = [before[0], a_view(1, {}, PointState.RUNNING)]
    assert changed((), before) == before
    assert changed(before, now) == [now[1]]
    news = [to_wire(view) for view in changed(before, now)]
    assert merged(before, news, [view.point for view in now]) == now


def test_points_are_told_by_id_not_by_number() -> None:
    view = ok(7, {})  # `--point` makes sweeps whose numbers have gaps
    other = Point("q", 3, {}, "points/q", "k")
    seen = merged((), [to_wire(view)], [other, view.point])
    assert [v.state for v in seen] == [PointState.UNKNOWN, PointState.OK]


def test_of_a_sweep_that_has_grown_the_known_points_are_told() -> None:
    view = ok(0, {})
    assert merged((), [to_wire(ok(1, {})), to_wire(view)], [view.point]) == [view]


def test_a_thread_that_cannot_be_started_is_nothing_to_wait_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_more(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    follower = Follower(tmp_path, [], lambda look: None)
    with monkeypatch.context() as full:
        full.setattr(threading.Thread, "start", no_more)
        with pytest.raises(RuntimeError):
            follower.start()
    assert not follower.active


def test_what_the_watching_process_says(tmp_path: Path) -> None:
    s = a_sweep(tmp_path, [1.0, -1.0], reported=False)
    out = io.StringIO()
    watch(Sweep(s.folder), out)
    said = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [point["state"] for point in said[0]["points"]] == ["ok", "failed"]
    assert all(not line["points"] for line in said[1:-1])
    assert said[-1]["final"] and all(line["at"] for line in said)
    assert (s.folder / "report" / "index.html").is_file()


def test_from_the_first_look_to_the_last(tmp_path: Path) -> None:
    s = a_sweep(tmp_path, [1.0, -1.0], reported=False)
    heard: list[Look] = []
    follower = Follower(s.folder, s._sweep.points, heard.append)
    assert not follower.active and follower.latest is None
    look = follower.wait(60)
    assert look.final and heard[-1] is look  # shown before whoever waits goes on
    assert [view.state for view in look.views] == ["ok", "failed"]
    assert not follower.active
    assert follower.wait(60) is look  # it is known: nothing is started for that
    follower.again()
    assert follower.latest is None
    assert follower.wait(60).final


def test_what_goes_wrong_in_the_thread_is_kept(tmp_path: Path) -> None:
    s = a_sweep(tmp_path, [1.0], reported=False)

    def heard(look: Look) -> None:
        raise ValueError("a front end that is gone")

    follower = Follower(s.folder, s._sweep.points, heard)
    assert follower.wait(60).final
    assert "ValueError: a front end that is gone" in follower.problems[0]


@pytest.mark.slow
def test_a_folder_that_is_gone_is_said_to_who_waits(tmp_path: Path) -> None:
    s = a_sweep(tmp_path, [1.0], reported=False)
    points = s._sweep.points
    (s.folder / "sweep.json").unlink()
    follower = Follower(s.folder, points, lambda look: None)
    with pytest.raises(NbbatchError, match=r"cannot be followed: .*is not a sweep folder"):
        follower.wait(60)
    shutil.rmtree(s.folder)
    with pytest.raises(NbbatchError, match="cannot be followed"):
        Follower(s.folder, points, lambda look: None).wait(60)


@pytest.mark.slow
def test_a_watching_process_that_fails_is_started_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    s = a_sweep(tmp_path, [1.0], reported=False)
    monkeypatch.setattr(following, "PAUSES", (0.01,))
    points = s.folder / "points.jsonl"
    content = points.read_text()
    points.write_text("{damaged")
    follower = Follower(s.folder, s._sweep.points, lambda look: None)
    follower.start()
    until(lambda: follower.problems)
    points.write_text(content)
    assert follower.wait(60).final
    assert "JSONDecodeError" in follower.problems[0]


@pytest.mark.slow
def test_a_line_that_is_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The watching process was killed in the middle of a word: another one is started."""
    s = a_sweep(tmp_path, [1.0], reported=False)
    monkeypatch.setattr(following, "PAUSES", (0.01,))
    shell = tmp_path / "python"
    shell.write_text(
        f'#!/bin/sh\ntest -e {tmp_path}/twice && exec {sys.executable} "$@"\n'
        f'touch {tmp_path}/twice\nprintf \'{{"at": "2024\'\n'
    )
    shell.chmod(0o755)
    monkeypatch.setattr(following.sys, "executable", str(shell))
    follower = Follower(s.folder, s._sweep.points, lambda look: None)
    assert follower.wait(60).final
    assert "JSONDecodeError" in follower.problems[0]


@pytest.mark.slow
def test_nothing_is_left_when_the_kernel_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    s = a_sweep(tmp_path, [1.0], reported=False)
    # A point whose record is gone while its job is said to be there: this sweep does not end.
    monkeypatch.setenv("NBBATCH_GRACE", "0")
    s._sweep.folder.journal("submitting", batch=1, first=1)
    follower = Follower(s.folder, s._sweep.points, lambda look: None)
    follower.start()
    until(lambda: follower._process is not None)
    process = follower._process
    assert process is not None
    follower.stop()
    until(lambda: process.poll() is not None)
    with pytest.raises(NbbatchError, match="comes to its end"):
        follower.wait(60)
