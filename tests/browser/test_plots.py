"""The plots of a true sweep's report: what they show, and how they and the table choose points."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import Page, expect

from nbbatch.report import write_report
from tests.browser.conftest import Open
from tests.browser.reading import column, fragment, plotted, tab
from tests.views import a_header, ok


def test_plotly_is_loaded_only_with_the_plots(page: Page) -> None:
    assert page.evaluate("typeof Plotly") == "undefined"
    tab(page, "Plots")
    assert plotted(page) == [4, 3]  # two detectors; the point that failed has no yield
    expect(page.locator("#panel-plots .note")).to_contain_text("1 point without a value")


def test_a_selection_in_the_plot_filters_the_table_and_back(page: Page) -> None:
    tab(page, "Plots")
    plotted(page)
    page.locator(".plot").scroll_into_view_if_needed()
    area = page.locator(".plot .nsewdrag").first.bounding_box()
    assert area is not None
    left, top = area["x"], area["y"]
    page.mouse.move(left + 0.6 * area["width"], top + 2)
    page.mouse.down()
    page.mouse.move(left + area["width"] - 2, top + 0.5 * area["height"], steps=5)
    page.mouse.up()
    expect(page.locator("#shown")).to_have_text("1 of 8 points")
    tab(page, "Table")
    assert column(page, "yield") == ["30"]
    page.get_by_role("button", name="Only 1 selected").click()
    page.get_by_label("Select point 1").check()
    tab(page, "Plots")
    plotted(page)
    chosen = page.evaluate("document.querySelector('.plot').data.map(t => t.selectedpoints)")
    assert chosen == [[0, 3], []]


def test_filters_reach_the_plot(page: Page) -> None:
    page.get_by_role("searchbox").fill("det=A")
    tab(page, "Plots")
    assert plotted(page) == [4]


def test_axes_colours_and_facets_are_in_the_address(
    page: Page, open_page: Open, scan: Path
) -> None:
    tab(page, "Plots")
    page.get_by_label("Vertical").select_option("time (s)")
    page.get_by_label("Facets").select_option("det")
    page.get_by_label("Colour").select_option("gain")
    expect(page.get_by_text("det = B")).to_be_visible()
    again = open_page(scan, fragment="#" + page.url.partition("#")[2])
    expect(again.get_by_text("det = B")).to_be_visible()
    expect(again.get_by_label("Vertical")).to_have_value("seconds")
    for shown in (page, again):
        shown.wait_for_function("() => document.querySelector('.plot').data.length == 8")
        assert plotted(shown) == [1] * 8


def test_heat_map_tells_failed_missing_and_zero_apart(page: Page) -> None:
    tab(page, "Plots")
    page.get_by_role("button", name="Heat map").click()
    page.get_by_role("searchbox").fill("det-")
    marks = """() => Object.fromEntries(document.querySelector('.plot').data
        .filter(t => t.type == 'scatter').map(t => [t.name, [t.marker.symbol, t.x.length]]))"""
    page.locator(".plot .main-svg").first.wait_for()
    assert page.evaluate(marks) == {"not ok": ["x-thin-open", 1]}
    zeros = "document.querySelector('.plot').data[0].z.map(row => row[0])"
    assert page.evaluate(zeros) == [0, 0]  # zero is a number like others
    # Without its only point of gain 1 and det A, that cell is missing.
    page.evaluate("location.hash = 'tab=plots&plot=heatmap&max.index=0'")
    page.evaluate("location.hash = 'tab=plots&plot=heatmap&selected=0-3.5-7&min.index=2'")
    assert page.evaluate(marks) == {
        "not ok": ["x-thin-open", 1],
        "no such point": ["line-ne-open", 2],
    }
    page.get_by_label("Vertical").select_option("gain")
    page.evaluate("location.hash = 'tab=plots&plot=heatmap&y=params.det&x=params.gain'")
    expect(page.locator("#panel-plots .note")).to_contain_text("one point a cell")


def test_dragging_in_parallel_coordinates_sets_a_limit(page: Page) -> None:
    tab(page, "Plots")
    page.get_by_role("button", name="Parallel coordinates").click()
    canvas = page.locator("canvas.parallel")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    assert box is not None
    x = box["x"] + 60 + (box["width"] - 120) / 3  # the second of four axes: gain
    page.mouse.move(x, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(x, box["y"] + 200, steps=3)
    page.mouse.up()
    expect(page.locator("#shown")).to_have_text("2 of 8 points")
    assert "min.params.gain" in fragment(page)
    page.mouse.click(x, box["y"] + 100)
    expect(page.locator("#shown")).to_have_text("8 points")


def test_a_colour_means_the_same_in_all_facets(open_page: Open, tmp_path: Path) -> None:
    """Each of two facets has values that the other has not; in the legend are all."""
    views = [ok(i, {"x": i, "half": "AB"[i // 8], "lot": f"lot{i // 4}"}, y=1) for i in range(16)]
    page = open_page(write_report(tmp_path, a_header(), views))
    page.evaluate("location.hash = 'tab=plots&facet=params.half&colour=params.lot'")
    assert plotted(page) == [4] * 4
    told = page.evaluate("document.querySelector('.plot').data.map(t => [t.name, t.showlegend])")
    assert told == [[f"lot{i}", True] for i in range(4)]


def test_many_colours_mean_the_same_in_all_facets(open_page: Open, tmp_path: Path) -> None:
    """Ten lots, five in each facet: too many for colours of their own, in both."""
    views = [ok(i, {"x": i, "half": "AB"[i // 10], "lot": f"lot{i // 2}"}, y=1) for i in range(20)]
    page = open_page(write_report(tmp_path, a_header(), views))
    page.evaluate("location.hash = 'tab=plots&facet=params.half&colour=params.lot'")
    assert plotted(page) == [10, 10]
    hues = page.evaluate("document.querySelector('.plot').data.map(t => t.marker.color)")
    assert hues == [[i // 2 for i in range(10)], [i // 2 for i in range(10, 20)]]


def test_a_heat_map_of_no_points_says_so(page: Page) -> None:
    tab(page, "Plots")
    page.get_by_role("button", name="Heat map").click()
    page.locator(".plot .main-svg").first.wait_for()
    page.get_by_role("searchbox").fill("nothing has this")
    expect(page.locator("#panel-plots .note")).to_have_text("No points are shown.")
    expect(page.locator(".plot .main-svg")).to_have_count(0)


def test_numbers_that_are_large_and_close_are_told_apart(open_page: Open, tmp_path: Path) -> None:
    """Run numbers of an experiment: of six digits, all but the last two alike."""
    views = [ok(i, {"run": 358_120 + i}, y=i % 3) for i in range(40)]
    page = open_page(write_report(tmp_path, a_header(), views))
    page.evaluate("location.hash = 'tab=plots&plot=parallel'")
    canvas = page.locator("canvas.parallel")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 60, box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + 60, box["y"] + 220, steps=3)
    page.mouse.up()
    expect(page.locator("#shown")).to_have_text(re.compile("1[789] of 40 points"))
