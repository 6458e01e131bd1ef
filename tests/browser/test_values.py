"""Values that are no plain numbers or words, and tables longer or windows taller than usual."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from nbbatch.model import PointView
from nbbatch.report import write_report
from nbbatch.report.chunks import script
from tests.browser.conftest import Open
from tests.browser.reading import column, fragment, plotted, sort, tab
from tests.views import a_header, failed, ok

Report = Callable[..., Page]


@pytest.fixture
def report(tmp_path: Path, open_page: Open) -> Report:
    def build(views: Sequence[PointView], **options: object) -> Page:
        for view in views[:10]:
            figures = tmp_path / view.point.dir / "figures"
            figures.mkdir(parents=True)
            cells = {"kind": "cells", "point": view.point.id, "cells": []}
            (figures / "cells.js").write_text(script(cells))
        return open_page(write_report(tmp_path, a_header(), views), **options)

    return build


def test_a_metric_that_is_no_number_at_some_points_is_still_one_of_numbers(report: Report) -> None:
    """A fit that diverged: NaN at one point, infinite at another, None at a third."""
    odd = {3: math.nan, 4: math.inf, 5: None}
    views = [ok(i, {"x": i}, chi2=odd.get(i, i / 2)) for i in range(40)]
    page = report(views)
    assert column(page, "chi2")[2:7] == ["1", "NaN", "Infinity", "null", "3"]
    page.get_by_role("button", name="Filters").click()
    page.get_by_label("chi2, at least").fill("19")
    assert column(page, "chi2") == ["19", "19.5"]
    page.get_by_label("chi2, at least").fill("")
    tab(page, "Plots")
    assert plotted(page) == [37]
    expect(page.get_by_label("Vertical")).to_have_value("metrics.chi2")
    expect(page.locator("#panel-plots .note")).to_contain_text("3 points without a value")
    page.get_by_label("Vertical").select_option("time (s)")
    page.get_by_label("Colour").select_option("chi2")
    assert plotted(page) == [40]
    page.get_by_role("button", name="Heat map").click()
    page.get_by_role("button", name="Parallel coordinates").click()
    expect(page.locator("canvas.parallel")).to_be_visible()


def test_large_integers_are_saved_with_all_their_digits(report: Report) -> None:
    seeds = [2**63 + 1, 2**53 + 1]
    page = report([ok(i, {"seed": seed, "of": [seed, 1]}) for i, seed in enumerate(seeds)])
    with page.expect_download() as saved:
        page.get_by_role("button", name="Save as JSON").click()
    rows = json.loads(Path(saved.value.path()).read_text("utf-8"))
    assert [row["params"] for row in rows] == [{"seed": seed, "of": [seed, 1]} for seed in seeds]


def test_values_that_differ_in_case_alone_are_two(report: Report) -> None:
    page = report([ok(i, {"det": "aA"[i % 2]}) for i in range(4)])
    sort(page, "det")
    assert column(page, "det") == ["A", "A", "a", "a"]
    page.evaluate("location.hash = 'point=p0-0000'")
    expect(page.get_by_role("button", name="to det = A")).to_be_enabled()


@pytest.mark.parametrize("word", ["rate=1e-5", "rate=1E-05", "rate=0.00001", "rate=1.0e-5"])
def test_a_number_is_found_however_it_is_written(report: Report, word: str) -> None:
    page = report([ok(i, {"rate": 10.0 ** (i - 6)}) for i in range(4)])
    page.get_by_role("searchbox").fill(word)
    assert column(page, "#") == ["1"]


def test_a_row_at_the_end_stays_where_it_is_when_it_is_selected(report: Report) -> None:
    page = report([ok(i, {"x": i}) for i in range(500)])
    page.locator("#table").evaluate("frame => frame.scrollTop = frame.scrollHeight")
    box = page.get_by_label("Select point 499")
    box.check()
    expect(box).to_be_in_viewport()
    assert page.locator("#table tr[aria-selected=true]").count() == 1


def test_a_tall_window_has_no_empty_rows(report: Report) -> None:
    page = report([ok(i, {"x": -i}) for i in range(45)], viewport={"width": 900, "height": 1600})
    sort(page, "x")
    assert len(column(page, "x")) == 45


def test_skipping_to_the_results_keeps_the_view(report: Report) -> None:
    page = report([ok(i, {"x": i}) for i in range(4)])
    page.get_by_role("searchbox").fill("x=2")
    page.get_by_role("link", name="Skip to the results").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#results")).to_be_focused()
    assert column(page, "x") == ["2"]
    assert fragment(page) == "q=x=2"


def test_a_point_that_is_not_there_and_back(report: Report) -> None:
    page = report([ok(i, {"x": i}) for i in range(4)])
    page.evaluate("location.hash = 'point=p1-0001'")
    expect(page.locator("#panel-point h3")).to_have_text("p1-0001")
    page.evaluate("location.hash = 'point=gone'")
    expect(page.locator("#panel-point")).to_contain_text("There is no point of this name")
    page.go_back()
    expect(page.locator("#panel-point h3")).to_have_text("p1-0001")


def test_the_next_point_is_the_next_one_of_what_is_shown_now(report: Report) -> None:
    page = report([ok(i, {"x": i, "det": "AB"[i % 2]}) for i in range(6)])
    page.evaluate("location.hash = 'point=p2-0002'")
    page.get_by_role("searchbox").fill("det=a")
    page.get_by_role("button", name="in the table →").click()
    expect(page.locator("#panel-point h3")).to_have_text("p4-0004")
    expect(page.get_by_role("button", name="in the table →")).to_be_disabled()


def test_a_limit_that_is_no_number_is_none(report: Report) -> None:
    views = [ok(0, {"x": 0}, chi2=1.0), failed(1, {"x": 1})]
    page = report(views, fragment="#min.metrics.chi2=abc")
    expect(page.locator("#shown")).to_have_text("2 points")
