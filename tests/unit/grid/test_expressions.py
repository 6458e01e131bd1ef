"""Expressions: a small safe grammar, never Python."""

from __future__ import annotations

from typing import Any

import pytest

from nbbatch.errors import GridError
from nbbatch.grid import parse_expression

POINT: dict[str, Any] = {
    "thr": 2, "energy": 20.0, "det": "A", "flag": True, "off": False, "none": None,
    "bins": [1, 2], "n.sim": 7,
}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("thr * energy > 30", True),
        ("1 < thr <= 2", True),
        ("1 < thr < 2", False),
        ("thr == 2.0 and det == 'A'", True),
        ("not (thr == 2 or det == 'B')", False),
        ("det in ['A', 'B']", True),
        ("det not in ('A', 'B')", False),
        ("thr in [1 + 1]", True),
        ("1 in bins", True),
        ("bins == [1, 2]", True),
        ("det < 'B'", True),
        ("-thr + 3 == +1", True),
        ("energy / thr == 10", True),
        ("energy // 3 == 6", True),
        ("energy % 3 == 2", True),
        ("thr ** 10 == 1024", True),
        ("2 ** -1 == 0.5", True),
        ("flag", True),
        ("flag and not off", True),
        ("flag == true", True),
        ("flag == True", True),
        ("flag == 1", False),
        ("thr == true", False),
        ("none == null", True),
        ("none == None", True),
        ("none != null", False),
        ("n.sim == 7", True),
        ("(thr > 1) == true", True),
        # A missing parameter makes its comparison false, and only that one.
        ("depth > 1", False),
        ("not (depth > 1)", True),
        ("depth > 1 or thr == 2", True),
        ("depth == null", False),
        ("depth != 1", False),
        ("depth + 1 > 0", False),
        ("depth", False),
        ("thr in [depth]", False),
        # Null has no order.
        ("none > 1", False),
        ("none + 1 > 1", False),
        ("1 in [none]", False),
        ("  thr > 1  ", True),
    ],
)
def test_what_an_expression_means(text: str, holds: bool) -> None:
    assert parse_expression(text).matches(POINT) is holds


def test_names_are_the_parameters_it_mentions() -> None:
    assert parse_expression("a > 1 and b in [c, true] or n.sim == null").names == {
        "a", "b", "c", "n.sim",
    }  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('id')",
        "open('x')",
        "thr.__class__ == 1 or ().__class__",
        "det[0] == 'A'",
        "[x for x in bins]",
        "lambda: 1",
        "(thr := 3)",
        "f'{thr}' == '2'",
        "1 if thr else 2",
        "{1: 2} == thr",
        "{1} == thr",
        "thr is 2",
        "thr & 1",
        "thr | 1",
        "thr << 100",
        "~thr == 1",
        "b'x' == det",
        "1j == thr",
        "... == thr",
        "*bins",
        "thr = 2",
        "thr > 1 && det == 'A'",
        "a b",
        "",
        "\0",
        "(" * 1000,
        "-" * 1900 + "1",
        "not " * 450 + "1",
        "thr > 1\nimport os",
        "1" * 1999 + " > thr",
        "x" * 3000,
        "+".join(["1"] * 900),
        "thr > 'x" + "\ud800'",
        "await thr",
        "yield",
    ],
)
def test_what_is_refused(text: str) -> None:
    with pytest.raises(GridError):
        parse_expression(text)


@pytest.mark.parametrize(
    "text",
    [
        "det > 3",
        "det + 1 > 3",
        "det * 1000000000 == 'A'",
        "bins > 3",
        "flag + 1 > 1",
        "'A' in det",
        "thr / 0 > 1",
        "thr // 0 > 1",
        "thr % 0 > 1",
        "0 ** -1 > 1",
        "(0 - 8) ** 0.5 > 1",
        "9 ** 9 ** 9 > 1",
        "9 ** 999999999 > 1",
        "9 ** -999999999 > 1",
        "(9 ** 1000 * 9 ** 1000) ** 2 > 1",
        "10.0 ** 400 > 1",
        "10 ** 1000 / 3.0 > 1",
        "-det == 1",
    ],
)
def test_what_has_no_meaning_for_a_point(text: str) -> None:
    with pytest.raises(GridError):
        parse_expression(text).matches(POINT)


def test_hints_for_common_slips() -> None:
    for text, hint in {"a = 1": "==", "a && b": "and", "a is 1": "=="}.items():
        with pytest.raises(GridError) as caught:
            parse_expression(text)
        assert hint in caught.value.hint
