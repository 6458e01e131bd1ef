"""Which parameter values a failure group shares more than chance allows."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
from scipy.stats import hypergeom

from nbbatch.model import PointState, PointView
from nbbatch.report.blame import Suspect, axes_of, suspects, upper_tail
from nbbatch.results.failures import group_failures
from tests.views import a_view, failed, ok


def blamed(views: Sequence[PointView]) -> list[Suspect]:
    """The suspects of the largest failure group."""
    return suspects(group_failures(views), views, axes_of([view.point for view in views]))[0]


def said(suspect: Suspect) -> str:
    return f"{suspect.name} {suspect.relation} {suspect.value}"


@pytest.mark.parametrize(
    "numbers", [(37, 37, 100, 200), (3, 3, 6, 12), (1, 5, 50, 60), (0, 4, 4, 9), (5, 9, 12, 14)]
)
def test_the_tail_is_that_of_the_hypergeometric_distribution(numbers) -> None:
    inside, drawn, having, total = numbers
    expected = hypergeom.sf(inside - 1, total, having, drawn)
    assert upper_tail(*numbers) == pytest.approx(expected, rel=1e-9)


def test_a_value_that_all_failures_share() -> None:
    views = [
        (failed if det == "B" else ok)(i, {"det": det, "seed": i % 5})
        for i, det in enumerate("ABCD" * 10)
    ]
    (suspect,) = blamed(views)
    assert said(suspect) == "det = B"
    assert (suspect.inside, suspect.members, suspect.having, suspect.ended) == (10, 10, 10, 40)
    assert suspect.sure and suspect.chance.startswith("p < 10⁻")


def test_two_conditions_together() -> None:
    """Only the fast ones in B fail: the second condition is looked for among those of B."""
    points = [(det, speed, seed) for det in "ABC" for speed in (5, 10, 35, 50) for seed in range(4)]
    views = [
        (failed if det == "B" and speed > 20 else ok)(i, {"det": det, "speed": speed, "seed": seed})
        for i, (det, speed, seed) in enumerate(points)
    ]
    first, second = blamed(views)
    assert [said(first), said(second)] == ["det = B", "speed ≥ 35"]
    assert second.given == first and second.sure
    assert (second.inside, second.members, second.having, second.ended) == (8, 8, 8, 16)


def test_of_equals_both_are_named() -> None:
    points = [(a, b) for a in range(4) for b in range(4)]
    views = [
        (failed if p == (0, 0) else ok)(i, {"a": p[0], "b": p[1]}) for i, p in enumerate(points)
    ]
    views.append(failed(16, {"a": 0, "b": 0}))
    assert [said(suspect) for suspect in blamed(views)] == ["a = 0", "b = 0"]


def test_a_threshold_is_found_in_numbers() -> None:
    views = [(failed if i > 69 else ok)(i, {"energy": i * 0.37, "tag": i % 3}) for i in range(100)]
    (suspect,) = blamed(views)
    assert suspect.name == "energy" and suspect.relation == "≥"
    assert isinstance(suspect.value, float) and 24 < suspect.value < 28


def test_few_points_may_be_chance_and_that_is_said() -> None:
    views = [(failed if x < 0 else ok)(x + 3, {"x": x, "how": "sqrt"}) for x in range(-2, 3)]
    (suspect,) = blamed(views)
    assert said(suspect) == "x ≤ -1"
    assert not suspect.sure and suspect.p > 0.01


def test_one_failure_or_all_failing_blames_nothing() -> None:
    one = [failed(0, {"x": 1}), *(ok(i, {"x": i}) for i in range(1, 30))]
    assert blamed(one) == []
    assert blamed([failed(i, {"x": i % 2}) for i in range(30)]) == []


def test_chance_alone_is_rarely_blamed() -> None:
    """At 1 %, corrected for all that is tried, 200 sweeps without a cause blame about two."""
    generator = random.Random(5)
    wrong = 0
    for _ in range(200):
        params = [
            {"a": generator.randrange(4), "b": generator.random(), "c": generator.choice("xyz")}
            for _ in range(60)
        ]
        views = [(failed if generator.random() < 0.2 else ok)(i, p) for i, p in enumerate(params)]
        wrong += any(suspect.sure for suspect in blamed(views))
    assert wrong <= 6


def test_points_that_have_not_ended_do_not_count() -> None:
    views = [(failed if i < 20 else ok)(i, {"det": "B" if i < 20 else "A"}) for i in range(40)]
    views += [a_view(40 + i, {"det": "B"}, PointState.QUEUED) for i in range(40)]
    (suspect,) = blamed(views)
    assert (suspect.having, suspect.ended) == (20, 40)


def test_values_of_any_kind_and_missing_ones() -> None:
    odd = [True, 1, None, [1], {"a": 1}, "1"]
    views = [(failed if i % 6 == 3 else ok)(i, {"v": odd[i % 6]}) for i in range(60)]
    views += [ok(60 + i, {"other": i}) for i in range(5)]
    assert said(blamed(views)[0]) == "v = [1]"
