"""Each part of the page on the report of a true sweep, opened as a file, without network."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Open
from tests.browser.reading import CONTRAST, column, fragment, sort, tab

# ------------------------------------------------------------------ verdict and failures


def test_the_verdict_and_who_is_to_blame(page: Page) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text("7 of 8 points are ok, 1 not")
    expect(page.locator(".failure")).to_contain_text("ValueError")
    expect(page.locator(".failure")).to_contain_text("saturated at 10")
    expect(page.locator("#usage")).to_contain_text("Memory")
    # mode is the same for all: named above the table, and no filter
    expect(page.locator(".constants")).to_contain_text("mode")


# ------------------------------------------------------------------------------ the table


def test_facets_and_limits(page: Page) -> None:
    page.get_by_role("button", name="Filters").click()
    box = page.get_by_role("group", name="det").get_by_label("B, 4 points")
    box.check()
    assert column(page, "det") == ["B"] * 4
    page.get_by_label("yield, at least").fill("3")
    assert column(page, "yield") == ["5"]
    expect(page.locator("#filter-button")).to_have_text("Filters (2)")
    assert fragment(page) == "is.params.det=B&min.metrics.yield=3"
    box.uncheck()
    assert column(page, "yield") == ["3", "7.5", "30", "5"]  # a point without one has none
    page.get_by_role("button", name="Show all").click()
    expect(page.locator("#shown")).to_have_text("8 points")
    expect(page.get_by_label("yield, at least")).to_have_value("")


def test_a_link_shows_filters_columns_selection_and_tab(
    page: Page, open_page: Open, scan: Path
) -> None:
    page.get_by_role("button", name="Filters").click()
    page.get_by_role("group", name="gain").get_by_label("2.5, 2 points").check()
    page.get_by_role("group", name="gain").get_by_label("10, 2 points").check()
    page.get_by_text("Columns").click()
    page.locator(".column-list").get_by_label("memory").check()
    page.locator(".column-list").get_by_label("offset").uncheck()
    page.keyboard.press("Escape")
    sort(page, "gain")
    page.get_by_label("Select point 2").check()
    again = open_page(scan, fragment="#" + page.url.partition("#")[2])
    for shown in (page, again):
        assert column(shown, "gain") == ["2.5", "2.5", "10", "10"]
        assert column(shown, "memory")[0].endswith("MB")
        names = shown.locator("#table thead th").all_inner_texts()
        assert "offset" not in names
        expect(shown.locator("#table tr[aria-selected=true]")).to_have_count(1)
        expect(shown.locator("#filters")).to_be_visible()


def test_rows_are_selected_and_only_these_are_shown(page: Page) -> None:
    page.get_by_label("Select point 2").check()
    page.get_by_label("Select point 4").click(modifiers=["Shift"])
    expect(page.locator("#table tr[aria-selected=true]")).to_have_count(3)
    page.get_by_role("button", name="Only 3 selected").click()
    assert column(page, "#") == ["1", "2", "3"]
    page.get_by_label("Select all rows shown").uncheck()
    expect(page.locator("#shown")).to_have_text("8 points")


def test_the_table_by_keyboard(page: Page) -> None:
    page.locator("#table").focus()
    for key in ("ArrowDown", "ArrowDown", "Space", "ArrowDown", "Shift+Space"):
        page.keyboard.press(key)
    expect(page.locator("#table tr[aria-selected=true]")).to_have_count(2)
    page.keyboard.press("End")
    assert page.locator("#table tr.active td").nth(1).inner_text() == "7"
    page.keyboard.press("Home")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="det-A_gain-0")).to_be_visible()
    page.go_back()
    expect(page.locator("#table")).to_be_visible()


def test_tabs_by_keyboard(page: Page) -> None:
    page.get_by_role("tab", name="Table").focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("tab", name="Plots")).to_be_focused()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    expect(page.get_by_role("tab", name="Timeline")).to_have_attribute("aria-selected", "true")


def test_what_is_shown_is_saved(page: Page) -> None:
    page.get_by_role("searchbox").fill("det=B")
    with page.expect_download() as saved:
        page.get_by_role("button", name="Save as CSV").click()
    lines = list(csv.DictReader(io.StringIO(Path(saved.value.path()).read_text("utf-8"))))
    assert [line["gain"] for line in lines] == ["0", "1", "2.5", "10"]
    with page.expect_download() as saved:
        page.get_by_role("button", name="Save as JSON").click()
    rows = json.loads(Path(saved.value.path()).read_text("utf-8"))
    assert rows[2]["params"] == {"det": "B", "gain": 2.5, "mode": "quick"}
    assert rows[2]["metrics"] == {"yield": 5, "offset": 0}


# -------------------------------------------------------------------------------- gallery


def test_gallery(page: Page) -> None:
    tab(page, "Gallery")
    pictures = page.locator(".tiles img")
    expect(pictures).to_have_count(8)
    for picture in pictures.all():
        picture.scroll_into_view_if_needed()
    page.wait_for_function(
        "() => [...document.querySelectorAll('.tiles img')].every(p => p.naturalWidth == 80)"
    )
    assert pictures.first.get_attribute("loading") == "lazy"
    page.get_by_label("In groups of").select_option("det")
    assert page.locator(".facet-title").all_inner_texts() == ["det = A", "det = B"]
    page.get_by_label("Order by").select_option("gain")
    page.get_by_role("searchbox").fill("det=A")
    captions = page.locator(".tiles figcaption bdi").all_inner_texts()
    assert captions == ["gain 0", "gain 1", "gain 2.5", "gain 10"]


def test_a_picture_opens_its_point_and_can_be_selected(page: Page) -> None:
    tab(page, "Gallery")
    page.locator(".tiles input").nth(2).check()
    expect(page.get_by_role("button", name="Only 1 selected")).to_be_visible()
    page.locator(".tiles a").nth(2).click()
    expect(page.get_by_role("heading", name="det-A_gain-2.5")).to_be_visible()


def test_the_gallery_selects_as_the_table_does(page: Page) -> None:
    sort(page, "yield")
    tab(page, "Gallery")
    expect(page.get_by_label("Order by").locator("option:checked")).to_have_text("yield")
    page.locator(".tiles input").nth(2).check()
    expect(page.get_by_role("button", name="Select none")).to_be_visible()
    page.get_by_role("button", name="Only 1 selected").click()
    page.locator(".tiles input").click()
    expect(page.locator("#shown")).to_have_text("8 points")
    expect(page.locator(".tiles img")).to_have_count(8)


# -------------------------------------------------------------------------------- compare


def test_two_points_side_by_side(page: Page) -> None:
    page.get_by_label("Select point 2").check()
    page.get_by_label("Select point 4").check()
    page.get_by_role("button", name="Compare", exact=True).click()
    rows = page.locator(".compared.params tbody tr").all_inner_texts()
    assert [row.split() for row in rows] == [
        ["det", "A", "A"],
        ["gain", "1", "10"],
        ["mode", "quick", "quick"],
    ]
    assert page.locator(".compared.metrics tbody tr").first.inner_text().split() == [
        "yield", "3", "30", "+27", "(+900", "%)",
    ]  # fmt: skip
    expect(page.locator(".compared.metrics tbody tr").last).to_contain_text("offset")
    expect(page.locator(".besides img")).to_have_count(2)
    expect(page.locator(".difference").first).to_contain_text("− gain 1\n+ gain 10\n")
    expect(page.locator(".outputs")).to_contain_text("detector A")
    page.get_by_role("button", name="One over the other").click()
    slider = page.get_by_label("How much of A is seen")
    slider.fill("20")
    assert "20%" in page.locator(".over").evaluate("image => image.style.clipPath")
    page.get_by_role("button", name="Swap").click()
    expect(page.locator(".compared.metrics tbody tr").first).to_contain_text("−27")


def test_a_failed_point_compares_with_an_ok_one(page: Page) -> None:
    page.get_by_label("Select point 4").check()
    page.get_by_label("Select point 8").check()
    page.get_by_role("button", name="Compare", exact=True).click()
    expect(page.locator(".outputs")).to_contain_text("+ ValueError: saturated at 10")
    field = page.get_by_label("Point B")
    field.fill("no such point")
    field.blur()
    expect(page.locator(".compared.params")).to_be_visible()


# ------------------------------------------------------------------------------- timeline


def test_timeline(page: Page) -> None:
    tab(page, "Timeline")
    row = page.locator("#panel-timeline table tbody tr").first
    assert row.locator("td").nth(0).inner_text() == "8"
    assert row.locator("td").nth(1).inner_text() == "1"
    expect(page.locator(".histogram")).to_have_count(2)
    canvas = page.locator("canvas.timeline")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    assert box is not None
    painted = canvas.evaluate(
        """canvas => new Set(canvas.getContext("2d")
             .getImageData(0, 0, canvas.width, canvas.height).data).size"""
    )
    assert painted > 10
    point = page.locator("#panel-point")
    for part in range(95, 5, -3):  # between two bars there may be nothing
        page.mouse.click(box["x"] + part / 100 * box["width"], box["y"] + 50)
        if point.is_visible():
            break
    expect(point).to_be_visible()


# ------------------------------------------------------------------------------ the point


def test_a_point_and_its_neighbours(page: Page) -> None:
    page.get_by_role("searchbox").fill("det=A gain=1")
    point = column(page, "point")[0]
    page.evaluate("id => location.hash = `point=${encodeURIComponent(id)}`", point)
    expect(page.get_by_role("heading", name=point)).to_be_visible()
    expect(page.locator(".outputs pre").first).to_have_text("detector A\ngain 1\n")
    expect(page.get_by_alt_text("Figure of cell 3")).to_be_visible()
    page.get_by_role("button", name="to gain = 2.5").click()
    expect(page.get_by_role("heading", name="det-A_gain-2.5")).to_be_visible()
    page.get_by_role("button", name="to det = B").click()
    expect(page.get_by_role("heading", name="det-B_gain-2.5")).to_be_visible()
    page.get_by_role("button", name="to gain = 10").click()
    expect(page.locator(".point-error")).to_contain_text("saturated at 10")
    expect(page.get_by_role("button", name="no higher gain")).to_be_disabled()
    expect(page.locator("#panel-point code")).to_contain_text("nbbatch resume")
    page.go_back()
    expect(page.get_by_role("heading", name="det-B_gain-2.5")).to_be_visible()
    page.get_by_role("button", name="← in the table").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="← in the table")).to_be_focused()
    expect(page.get_by_role("heading", name="det-B_gain-1")).to_be_visible()
    page.get_by_role("link", name="executed notebook").click()
    expect(page).to_have_title(re.compile("det-B_gain-1"))


# ------------------------------------------------------------------- looks, on any screen

TABS = ["Table", "Plots", "Gallery", "Compare", "Timeline"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast_of_every_tab(open_page: Open, scan: Path, scheme: str) -> None:
    page = open_page(scan, color_scheme=scheme)
    page.get_by_role("button", name="Filters").click()
    page.get_by_label("Select point 2").check()
    for name in TABS:
        tab(page, name)
        page.mouse.move(0, 0)
        page.wait_for_timeout(200)
        assert page.evaluate(CONTRAST) == [], name
    page.evaluate(
        "location.hash = 'tab=point&point=' + document.querySelector('#table td a').textContent"
    )
    assert page.evaluate(CONTRAST) == []


def test_a_narrow_window(open_page: Open, scan: Path) -> None:
    page = open_page(scan, viewport={"width": 360, "height": 740})
    page.get_by_role("button", name="Filters").click()
    for name in TABS:
        tab(page, name)
        page.wait_for_timeout(300)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, name


def test_on_paper_there_is_the_verdict_and_not_the_controls(page: Page) -> None:
    page.emulate_media(media="print")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.locator(".failure")).to_be_visible()
    expect(page.locator("#usage")).to_be_visible()
    for control in ("#toolbar", "#tabs", "#table", ".in-table"):
        expect(page.locator(control).first).to_be_hidden()
    assert page.evaluate(CONTRAST) == []


def test_reduced_motion_is_respected(open_page: Open, scan: Path) -> None:
    for wish, motion in (("reduce", "auto"), ("no-preference", "smooth")):
        page = open_page(scan, reduced_motion=wish)
        how = "getComputedStyle(document.documentElement).scrollBehavior"
        assert page.evaluate(how) == motion
