from __future__ import annotations

import pytest

from nbbatch.model import Cause, Failure, PointState
from nbbatch.results.failures import GAP, generalise, group_failures
from tests.views import TRACEBACK, a_view, failed, ok


@pytest.mark.parametrize(
    ("message", "params", "template"),
    [
        ("index 5 is out of bounds for axis 0", {}, "index _ is out of bounds for axis _"),
        ("step 1e-05 < -3.2", {}, "step _ < _"),
        ("<Fit object at 0x7fa2b0>", {}, "<Fit object at _>"),
        ("x3 is not numpy1", {}, "x3 is not numpy1"),
        ("cannot open /data/run12/a.root", {}, "cannot open _"),
        ("No such file: '/data/run12.root'", {}, "No such file: _"),
        ("no calibration for 'B'", {"det": "B"}, "no calibration for _"),
        ("no calibration for 'B'", {"det": "C"}, "no calibration for 'B'"),
        ("in 'calib-barrel.json'", {"det": "barrel"}, "in _"),
        ("the barrel is empty", {"det": "barrel"}, "the _ is empty"),
        ("name 'foo' is not defined", {"foo": 1}, "name 'foo' is not defined"),
        ("run 123e4567-e89b-12d3-a456-426614174000", {}, "run _"),
        ("don't do it, it isn't right", {}, "don't do it, it isn't right"),
        ("can't fit run 5: it's flat", {}, "can't fit run _: it's flat"),
        ("isn't in b'7', the users' 'B'", {"det": "B"}, "isn't in b_, the users' _"),
        ("No such file: 'data/run_12.root'", {}, "No such file: _"),
        ("No such file: 'run_12.root'", {}, "No such file: _"),
        ("no unit 'm/s', no module 'numpy.fft'", {}, "no unit 'm/s', no module 'numpy.fft'"),
        ("", {}, ""),
    ],
)
def test_what_differs_between_points_is_left_out(message, params, template) -> None:
    found, parts = generalise(message, params)
    assert found == template.replace("_", GAP)
    assert found.count(GAP) == len(parts)


def test_points_that_failed_alike_are_one_group_the_largest_first() -> None:
    views = [
        ok(0, {"rho": 1}),
        failed(1, {"rho": 2}, "KeyError: 'b'", cell=1),
        failed(2, {"rho": 3}, "ValueError: diverged at step 17 for rho=3"),
        failed(3, {"rho": 4}, "ValueError: diverged at step 17 for rho=4"),
    ]
    first, second = group_failures(views)
    assert first.points == ("p2-0002", "p3-0003")
    # What all points of the group have in common is shown as it is.
    assert first.headline == "ValueError: diverged at step 17 for rho=…"
    assert first.place == "In [3], line 2"
    assert first.source == "raise ValueError(…)"
    assert first.traceback == TRACEBACK
    assert second.headline == "KeyError: 'b'"


def test_other_cell_line_or_name_is_another_group() -> None:
    views = [
        failed(0, {}, "ValueError: no"),
        failed(1, {}, "ValueError: no", cell=7),
        failed(2, {}, "ValueError: no", line=9),
        failed(3, {}, "TypeError: no"),
    ]
    assert [group.count for group in group_failures(views)] == [1, 1, 1, 1]


@pytest.mark.parametrize(
    ("view", "title"),
    [
        (
            a_view(0, {}, PointState.TIMEOUT, Cause.CELL_TIMEOUT, Failure("Timeout", "60 s")),
            "A cell took longer than --cell-timeout allows",
        ),
        (
            a_view(0, {}, PointState.TIMEOUT, Cause.NOTEBOOK_TIMEOUT),
            "The notebook took longer than --timeout allows",
        ),
        (a_view(0, {}, PointState.DIED, Cause.KERNEL_DIED), "The kernel died"),
        (
            a_view(0, {}, PointState.DIED, Cause.OUT_OF_MEMORY),
            "The kernel was killed: out of memory",
        ),
        (a_view(0, {}, PointState.DIED, Cause.KERNEL_START), "The kernel never answered"),
        (a_view(0, {}, PointState.LOST), "The job is gone and left no record"),
        (a_view(0, {}, PointState.INTERRUPTED), "Interrupted before it ended"),
        (a_view(0, {}, PointState.HELD), "Held by the scheduler"),
    ],
)
def test_states_have_plain_words(view, title) -> None:
    (group,) = group_failures([view])
    assert group.title == title
    assert group.state is view.state


def test_what_is_well_or_not_over_is_in_no_group() -> None:
    calm = (PointState.PENDING, PointState.QUEUED, PointState.RUNNING, PointState.CANCELLED)
    assert group_failures([ok(0, {}), *(a_view(1, {}, state) for state in calm)]) == []


def test_lost_jobs_group_by_the_schedulers_reason() -> None:
    views = [
        a_view(0, {}, PointState.LOST, reason="job 412 on node7 is gone"),
        a_view(1, {}, PointState.LOST, reason="job 413 on node7 is gone"),
    ]
    (group,) = group_failures(views)
    assert group.headline == "The job is gone and left no record: job … on node7 is gone"


def test_hostile_messages() -> None:
    huge = failed(0, {"x": "a" * 100_000}, "E: " + "'\"`<" * 1_000_000)
    odd = failed(1, {}, f"E: an ellipsis … and {GAP} a NUL 5")
    other = failed(2, {}, f"E: an ellipsis … and {GAP} a NUL 6")
    groups = group_failures([huge, odd, other])
    assert [group.count for group in groups] == [2, 1]
    assert groups[0].message == "an ellipsis … and a NUL …"
    assert len(groups[1].message) <= 400
