"""What a sweep looks like in a cell."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from nbbatch.interactive.block import COLOURS, Shown, bundle, html, line, text
from nbbatch.model import PointState, PointView
from tests.views import a_view, failed, ok

HOSTILE = "<img src=x onerror=alert(1)>\"'&</div><script>alert(2)</script>"


def shown(views: Sequence[PointView], **changes: object) -> Shown:
    root = Path("/home/mara/sweeps/lorenz/1")
    facts = Shown(
        name="lorenz",
        backend="slurm",
        root=root,
        views=views,
        at="2024-05-01T12:01:30.250Z",
        here=Path("/home/mara"),
        report=root / "report" / "index.html",
    )
    return replace(facts, **changes)  # type: ignore[arg-type]


class Reader(HTMLParser):
    """Tags, attributes and text of a block; every tag must be closed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.texts: list[str] = []
        self.feed(page)
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.texts))


def test_while_it_runs() -> None:
    running = a_view(2, {"x": 2}, PointState.RUNNING)
    views = [ok(0, {"x": 0}), failed(1, {"x": 1}), running, a_view(3, {}, PointState.QUEUED)]
    read = Reader(html(shown(views)))
    assert "2 of 4 points done, 1 of them not ok" in read.text
    assert "lorenz · slurm" in read.text
    assert "50 %" in read.text
    assert "1 ok" in read.text and "1 running" in read.text and "1 queued" in read.text
    assert "1 failed ValueError: diverged" in read.text
    assert "as of 2024-05-01 12:01:30 UTC" in read.text
    widths = re.findall(r"width: ([\d.]+)%", html(shown(views)))
    assert widths == ["25.00", "25.00", "25.00"]  # what is still to come is the bar's ground


def test_at_the_end() -> None:
    read = Reader(html(shown([ok(0, {}), ok(1, {})])))
    assert "All 2 points are ok" in read.text
    assert "ended 2024-05-01 12:01:01 UTC" in read.text
    links = [attributes["href"] for tag, attributes in read.tags if tag == "a"]
    assert links == ["sweeps/lorenz/1/report/index.html"]
    assert " sweeps/lorenz/1 " in read.text


def test_a_sweep_that_is_elsewhere() -> None:
    page = html(shown([ok(0, {})], here=Path("/home/mara/notebooks")))
    assert 'href="../sweeps/lorenz/1/report/index.html"' in page
    assert " /home/mara/sweeps/lorenz/1 " in Reader(page).text


def test_a_failure_leads_to_its_page() -> None:
    read = Reader(html(shown([failed(1, {"x": 1})])))
    links = {attributes["href"] for tag, attributes in read.tags if tag == "a"}
    assert "sweeps/lorenz/1/points/p1-0001/notebook.html" in links
    assert "In [3], line 2" in read.text


def test_many_kinds_of_failure() -> None:
    views = [failed(n, {}, f"{'ABCDE'[n]}Error: bad") for n in range(5)]
    assert (
        "and 2 more kinds of failure (2 points): see the report" in Reader(html(shown(views))).text
    )


def test_nothing_of_the_user_s_is_markup() -> None:
    bad = failed(1, {"x": HOSTILE}, f"{HOSTILE}: {HOSTILE}", source=HOSTILE)
    bad = replace(bad, point=replace(bad.point, id=HOSTILE))
    page = html(
        shown([bad], name=HOSTILE, notes=[HOSTILE], problem=HOSTILE, root=Path("/tmp") / HOSTILE)
    )
    read = Reader(page)
    assert {tag for tag, _ in read.tags} <= {"div", "span", "strong", "code", "a"}
    assert {name for _, attributes in read.tags for name in attributes} <= {
        *("style", "class", "href", "target", "title")
    }
    assert HOSTILE in "".join(read.texts)


@pytest.mark.parametrize("state", list(PointState))
def test_every_state_has_its_colour(state: PointState) -> None:
    assert state in COLOURS
    Reader(html(shown([a_view(0, {}, state)])))


def test_no_scripts_no_styles_that_need_a_sheet() -> None:
    page = html(shown([ok(0, {}), failed(1, {})]))
    assert "<script" not in page and "<style" not in page
    # A colour of the front end's own always follows one that needs nothing.
    for name, colour, variable in re.findall(
        r"([a-z-]*color): (#\w+); \1: var\(--[\w-]+, (#\w+)\)", page
    ):
        assert name and colour == variable
    assert (
        page.count("color: var(") == len(re.findall(r"color: #\w+; [a-z-]*color: var\(", page)) > 0
    )


def test_in_a_terminal() -> None:
    said = text(shown([ok(0, {}), failed(1, {})], notes=["saved yesterday"]))
    assert said.splitlines() == [
        "Sweep lorenz: 1 of 2 points is ok, 1 not (1 ok, 1 failed), /home/mara/sweeps/lorenz/1",
        "  1 failed  ValueError: diverged",
        "    In [3], line 2  raise ValueError(…)  at p1-0001",
        "  note: saved yesterday",
        "  Report /home/mara/sweeps/lorenz/1/report/index.html",
    ]


def test_front_ends_get_both() -> None:
    seen = shown([ok(0, {})])
    assert bundle(seen).keys() == {"text/html", "text/plain"}
    assert line(seen).startswith("Sweep lorenz: The only point is ok")


def test_when_the_scheduler_does_not_answer() -> None:
    views = [a_view(0, {}, PointState.UNKNOWN)]
    seen = shown(views, problem="squeue gave no answer within 300 s.")
    assert "No news: squeue gave no answer within 300 s." in Reader(html(seen)).text
    assert "no news since 2024-05-01 12:01 UTC: squeue" in text(seen)
