"""The report's index in a real browser, from ``file://``, without network."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from nbbatch.model import PointState, PointView
from nbbatch.report import write_report
from nbbatch.report.chunks import script
from tests.browser.conftest import Open
from tests.browser.reading import CONTRAST, column, sort
from tests.views import a_header, a_view, failed, ok

MIXED = [
    ok(0, {"sigma": 8, "file": "run10.root", "rho": 28}, chi2=1.25),
    ok(1, {"sigma": 10, "file": "run2.root", "rho": 28}, chi2=0.5),
    failed(2, {"sigma": 12, "file": "run1.root", "rho": 28}),
    failed(3, {"sigma": 9.5, "file": "run3.root", "rho": 28}),
    a_view(4, {"sigma": 100, "file": "run4.root", "rho": 28}, PointState.TIMEOUT),
]


@pytest.fixture
def report(tmp_path: Path, open_page: Open):
    def build(views: Sequence[PointView], **options) -> Page:
        for view in views[:50]:
            folder = tmp_path / view.point.dir
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "notebook.html").write_text("<!doctype html><title>point</title>")
            (folder / "figures").mkdir(exist_ok=True)
            cells = script({"kind": "cells", "point": view.point.id, "cells": []})
            (folder / "figures" / "cells.js").write_text(cells)
        page: Page = open_page(write_report(tmp_path, a_header(), views), **options)
        return page

    return build


def test_it_opens_from_a_file_and_says_what_happened(report) -> None:
    page = report(MIXED)
    expect(page.get_by_role("heading", level=1)).to_have_text("2 of 5 points are ok, 3 not")
    expect(page.locator("#shown")).to_have_text("5 points")
    assert column(page, "sigma") == ["8", "10", "12", "9.5", "100"]
    assert column(page, "state") == ["ok", "ok", "failed", "failed", "timeout"]
    # rho is the same for all: named above the table, no column of it.
    expect(page.locator(".constants")).to_contain_text("rho")
    assert page.get_by_role("columnheader", name="rho").count() == 0


def test_a_point_opens_its_page(report) -> None:
    page = report(MIXED)
    page.get_by_role("link", name="p1-0001", exact=True).click()
    expect(page).to_have_title("point")


def test_columns_sort_by_type_and_missing_values_come_last(report) -> None:
    page = report(MIXED)
    sort(page, "sigma")
    assert column(page, "sigma") == ["8", "9.5", "10", "12", "100"]
    sort(page, "file")
    assert column(page, "file") == [f"run{n}.root" for n in (1, 2, 3, 4, 10)]
    sort(page, "chi2")
    assert column(page, "chi2") == ["0.5", "1.25", "–", "–", "–"]
    sort(page, "chi2")
    assert column(page, "chi2") == ["1.25", "0.5", "–", "–", "–"]
    expect(page.get_by_role("columnheader", name="chi2")).to_have_attribute(
        "aria-sort", "descending"
    )
    sort(page, "chi2")  # the third time gives the order of the grid back
    assert column(page, "#") == ["0", "1", "2", "3", "4"]


def test_sorting_by_keyboard(report) -> None:
    page = report(MIXED)
    page.get_by_role("columnheader", name="sigma").get_by_role("button").focus()
    page.keyboard.press("Enter")
    assert column(page, "sigma")[1] == "9.5"
    page.keyboard.press("Space")
    assert column(page, "sigma")[0] == "100"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("run1", ["0", "2"]),
        ("RUN1 ok", ["0"]),
        ("sigma=10", ["1"]),
        ("diverged", ["2", "3"]),
        ("unknown=10", []),
        ("chi2=0.5", ["1"]),
    ],
)
def test_filter_by_text(report, text: str, found: list[str]) -> None:
    page = report(MIXED)
    page.get_by_role("searchbox").fill(text)
    assert column(page, "#") == found
    expect(page.locator("#shown")).to_have_text(f"{len(found)} of 5 points")
    page.get_by_role("button", name="Show all").click()
    assert len(column(page, "#")) == 5


def test_filter_by_state(report) -> None:
    page = report(MIXED)
    page.get_by_role("button", name="failed 2").click()
    assert column(page, "#") == ["2", "3"]
    page.get_by_role("button", name="timeout 1").click()
    assert column(page, "#") == ["2", "3", "4"]
    expect(page.get_by_role("button", name="timeout 1")).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="failed 2").click()
    assert column(page, "#") == ["4"]


def test_a_failure_shows_its_points_in_the_table(report) -> None:
    page = report(MIXED)
    page.get_by_role("link", name="Show them in the table").click()
    assert column(page, "#") == ["2", "3"]
    expect(page.locator("#shown")).to_contain_text("one kind of failure")
    page.get_by_text("Traceback of").first.click()
    expect(page.get_by_text("Traceback (most recent call last)").first).to_be_visible()


def test_an_address_shows_what_its_sender_saw(report) -> None:
    page = report(MIXED)
    page.get_by_role("searchbox").fill("run")
    page.get_by_role("button", name="failed 2").click()
    sort(page, "sigma")
    seen, fragment = column(page, "#"), "#" + page.url.split("#")[1]
    assert seen == ["3", "2"]
    again = report(MIXED, fragment=fragment)
    assert column(again, "#") == seen
    expect(again.get_by_role("searchbox")).to_have_value("run")


HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</script><script>alert(1)</script>",
    "javascript:alert(1)",
    "<!--",
    "\u202ereversed\u200b\u2028\u2029",
    "=HYPERLINK(1)",
    "]]>'\"`${alert(1)}",
    "__proto__",
    "x" * 1_000_000,
]


PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d4944415478da63"
    "64f8cfc0f01f0005050202cf8ba1690000000049454e44ae426082"
)


def drawing(view: PointView, evil: str) -> PointView:
    """The same with a figure, and with a name of one that nobody should follow."""
    assert view.record is not None
    return replace(view, record=replace(view.record, figures=("cell-01.png", f"../{evil[:80]}")))


def test_hostile_values_do_not_run(report, tmp_path: Path, open_page: Open) -> None:
    views = []
    for index, evil in enumerate(HOSTILE):
        short = evil[:100].replace("/", "_")
        failing = failed(2 * index, {evil: evil, "n": index}, f"{evil}: {evil}", source=evil)
        views += [
            type(failing)(
                type(failing.point)(short, 2 * index, failing.point.params, f"points/{short}", "k"),
                failing.state,
                failing.record,
                1,
            ),
            drawing(ok(2 * index + 1, {evil: evil, "n": index}, **{evil: evil}), evil),
        ]
    for view in views:
        folder = tmp_path / view.point.dir / "figures"
        folder.mkdir(parents=True)
        text = str(view.point.params)
        cells = {"kind": "cells", "point": view.point.id, "cells": [{"cell": 1, "text": text}]}
        (folder / "cells.js").write_text(script(cells))
        (folder / "cell-01.png").write_bytes(PIXEL)
    header = a_header(name=HOSTILE[1], user=HOSTILE[0], notebook=HOSTILE[2], host=HOSTILE[5])
    page = open_page(write_report(tmp_path, header, views))
    expect(page.locator("#shown")).to_have_text("20 points")
    for name in ("n", "error"):
        sort(page, name)
    page.get_by_role("searchbox").fill("<script>")
    page.evaluate("location.hash = 'state=__proto__&sort=-constructor&failure=__proto__'")
    page.get_by_role("button", name="Show all").click()
    expect(page.locator("#shown")).to_have_text("20 points")
    page.get_by_role("button", name="Filters").click()
    for name in ("Plots", "Gallery", "Compare", "Timeline"):
        page.get_by_role("tab", name=name).click()
        page.wait_for_timeout(300)
    page.evaluate("location.hash = 'tab=gallery&by=params.n&figure=constructor'")
    pictures = page.locator("#panel-gallery img")
    expect(pictures.first).to_be_visible()
    sources = pictures.evaluate_all("found => found.map(image => image.getAttribute('src'))")
    assert len(sources) == 10
    assert all(re.fullmatch(r"\.\./points/[\w.%-]+/figures/cell-01\.png", s) for s in sources)
    page.evaluate("location.hash = 'tab=plots&plot=parallel'")
    page.evaluate("location.hash = 'tab=plots&plot=heatmap'")
    page.locator(".plot .main-svg").first.wait_for()
    page.evaluate("location.hash = 'tab=plots&facet=params.n&colour=params.__proto__'")
    for evil in HOSTILE:
        address = "location.hash = 'point=' + encodeURIComponent(evil)"
        page.evaluate(f"evil => {{ {address} }}", evil[:100].replace("/", "_"))
    page.evaluate("location.hash = ''")
    loaded = page.evaluate("[...document.scripts].map(s => s.getAttribute('src'))")
    assert all(source.startswith(("data/", "assets/", "../points/")) for source in loaded)
    shown = page.evaluate("[...document.images].map(image => image.getAttribute('src'))")
    assert all(source.endswith("/figures/cell-01.png") for source in shown)
    links = page.evaluate("[...document.links].map(a => a.protocol)")
    assert set(links) == {"file:"}
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_injected_code_would_not_run(report) -> None:
    """The page's policy holds even where an escape were forgotten."""
    page = report(MIXED, expected="Content Security Policy")
    refused = page.evaluate(
        """() => new Promise(done => {
             document.addEventListener("securitypolicyviolation", e => done(e.violatedDirective));
             const script = document.createElement("script");
             script.textContent = "window.ran = true";
             document.body.append(script);
           })"""
    )
    assert refused.startswith("script-src")
    assert page.evaluate("window.ran") is None


def ten_thousand() -> list[PointView]:
    views: list[PointView] = []
    for i in range(10_000):
        params = {f"p{k}": (i * 7919 + k * 104_729) % 1000 / 7 for k in range(11)}
        if i % 50 == 7:
            views.append(failed(i, {**params, "det": "ABCD"[i % 4]}, f"ValueError: step {i}"))
        else:
            metrics = {f"m{k}": (i * 31 + k) % 9973 / 3 for k in range(8)}
            views.append(ok(i, {**params, "det": "ABCD"[i % 4]}, **metrics))
    return views


def test_ten_thousand_rows_stay_usable(report) -> None:
    page = report(ten_thousand())
    expect(page.locator("#shown")).to_have_text("10,000 points")
    rows = page.locator("#table tbody tr:not(.spacer)")
    assert rows.count() < 120
    page.locator("#table").scroll_into_view_if_needed()
    page.locator("#table").evaluate("frame => frame.scrollTop = frame.scrollHeight")
    expect(page.locator("#table tbody tr[aria-rowindex='10001']")).to_be_in_viewport()
    page.locator("#table").evaluate("frame => frame.scrollTop = frame.scrollHeight / 2")
    expect(page.locator("#table tbody tr[aria-rowindex='5001']")).to_have_count(1)
    assert rows.count() < 120
    sort(page, "p3")
    values = [float(text) for text in column(page, "p3")]
    assert values == sorted(values) and values[0] == 0
    page.get_by_role("searchbox").fill("det=a step")
    expect(page.locator("#shown")).to_have_text("0 of 10,000 points")
    page.get_by_role("searchbox").fill("det=d step")
    expect(page.locator("#shown")).to_have_text("100 of 10,000 points")


def test_rows_that_scroll_past_keep_the_focus_in_sight(report) -> None:
    page = report([ok(i, {"sigma": i}) for i in range(500)])
    link = page.get_by_role("link", name="p20-0014", exact=True)
    link.focus()
    page.locator("#table").evaluate("frame => frame.scrollTop += 100")
    page.wait_for_timeout(50)
    assert page.evaluate("document.activeElement.textContent") == "p20-0014"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast_is_enough_in_both_schemes(report, scheme: str) -> None:
    views = [*MIXED, *(a_view(10 + i, {"sigma": i}, s) for i, s in enumerate(PointState))]
    page = report(views, color_scheme=scheme)
    page.get_by_role("button", name="queued 1").click()
    assert page.evaluate(CONTRAST) == []
    page.get_by_role("button", name="Show all").click()
    page.mouse.move(0, 0)
    assert page.evaluate(CONTRAST) == []
    lightness = page.evaluate(
        "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)[0]"
    )
    assert (lightness < 60) == (scheme == "dark")


@pytest.mark.parametrize("width", [320, 400, 800])
def test_a_narrow_window_scrolls_only_its_table(report, width: int) -> None:
    long = failed(9, {"sigma": "x" * 300}, "ValueError: " + "y" * 300, source="z" * 300)
    page = report([*MIXED, long], viewport={"width": width, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_without_scripts_the_verdict_and_the_failures_are_there(report) -> None:
    page = report(MIXED, java_script_enabled=False)
    expect(page.get_by_role("heading", level=1)).to_have_text("2 of 5 points are ok, 3 not")
    expect(page.get_by_text("The table needs JavaScript")).to_be_visible()
    expect(page.locator("#toolbar")).to_be_hidden()
    expect(page.get_by_text("Show them in the table")).to_be_hidden()


def test_reused_results_are_marked(report) -> None:
    views = [ok(i, {"sigma": i}) for i in range(3)]
    assert views[1].record is not None
    views[1] = replace(views[1], record=replace(views[1].record, reused="../yesterday"))
    page = report(views)
    expect(page.locator("#counts")).to_contain_text("1 reused from an earlier run")
    assert column(page, "state") == ["ok", "okreused", "ok"]
    page.evaluate("location.hash = 'point=p1-0001'")
    expect(page.locator(".point-head")).to_contain_text("reused")
    assert page.evaluate(CONTRAST) == []


@pytest.mark.parametrize("count", [0, 1, 3])
def test_small_sweeps(report, count: int) -> None:
    page = report([ok(i, {"sigma": i}, chi2=1.0) for i in range(count)])
    if count == 1:  # nothing to look up: the point itself is shown
        expect(page.get_by_role("heading", level=3)).to_have_text("p0-0000")
        expect(page.locator("#panel-point")).to_contain_text("chi2")
        page.get_by_role("tab", name="Table").click()
        assert page.url.endswith("#tab=table")
    expect(page.locator("#table tbody tr:not(.spacer)")).to_have_count(count)
    assert page.locator("#toolbar").is_visible() == (count > 1)


def test_a_point_without_a_page_opens_in_the_report(report) -> None:
    queued = [a_view(n, {"sigma": n}, PointState.QUEUED) for n in (2, 3)]
    page = report([ok(0, {"sigma": 0}), ok(1, {"sigma": 1}), *queued])
    page.get_by_role("searchbox").fill("queued")
    page.locator("#table").get_by_role("link", name="p3-0003").click()
    expect(page.get_by_role("heading", level=3)).to_have_text("p3-0003")
    page.get_by_role("tab", name="Table").click()
    expect(page.locator("#shown")).to_have_text("2 of 4 points")


def test_a_browser_that_allows_no_more_changes_of_the_address_now(report) -> None:
    page = report(MIXED)
    refuse = "() => { throw new DOMException('too many', 'SecurityError'); }"
    page.evaluate(f"void (history.replaceState = {refuse})")
    page.get_by_role("searchbox").fill("run10")
    expect(page.locator("#shown")).to_have_text("1 of 5 points")
    assert "#" not in page.url
    page.evaluate("delete history.replaceState")
    expect(page).to_have_url(re.compile("#q=run10$"))


def test_a_running_sweep_says_how_to_refresh(report) -> None:
    page = report([ok(0, {"sigma": 1}), a_view(1, {"sigma": 2}, PointState.QUEUED)])
    expect(page.get_by_role("heading", level=1)).to_have_text("1 of 2 points done")
    expect(page.locator("header .note")).to_contain_text("nbbatch report")


def test_on_paper_the_verdict_and_the_failures_remain(report) -> None:
    page = report(MIXED)
    page.emulate_media(media="print")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.locator(".failure").first).to_be_visible()
    expect(page.locator("#table")).to_be_hidden()


def test_on_paper_no_kind_of_failure_is_folded_away(report) -> None:
    kinds = ("Key", "Value", "Type", "Index", "Lookup", "Overflow", "Runtime")
    views = [failed(n, {"sigma": n}, f"{kind}Error: lost") for n, kind in enumerate(kinds)]
    page = report(views)
    expect(page.locator(".failure")).to_have_count(len(kinds))
    rarest = page.locator(".failure").last
    folded = "e => !e.checkVisibility()"
    assert rarest.evaluate(folded)
    page.emulate_media(media="print")
    assert not rarest.evaluate(folded)
