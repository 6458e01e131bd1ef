"""Queue, transfer and run apart, on made views: files that travel, and files that do not."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from nbbatch.model import PointState, PointView, Transfer
from nbbatch.report import write_report
from tests.browser.conftest import Open
from tests.browser.reading import tab
from tests.views import a_header, a_view, failed, ok

RAN = ["in the queue", "ran, ok", "ran, not ok"]

WAITS = a_view(1, {"x": 1}, PointState.QUEUED)
"""Beside a point that ran: it has no bar."""


def timeline(open_page: Open, folder: Path, transfers: dict[int, Transfer]) -> Page:
    """The timeline of four points that began a minute after their submission."""
    views: list[PointView] = [ok(n, {"x": n}) for n in range(3)] + [failed(3, {"x": 3})]
    views = [replace(view, transfer=transfers.get(n)) for n, view in enumerate(views)]
    header = a_header(created="2024-05-01T11:59:00Z")
    page = open_page(write_report(folder, header, views))
    tab(page, "Timeline")
    return page


def legend(page: Page) -> list[str]:
    return page.locator("#panel-timeline .legend span").all_inner_texts()


def table(page: Page) -> dict[str, str]:
    """The only host's row, by column."""
    place = page.locator("#panel-timeline table")
    names = place.locator("thead th").all_inner_texts()
    return dict(
        zip(names, place.locator("tbody tr").locator("th, td").all_inner_texts(), strict=True)
    )


def test_files_that_travel(open_page: Open, tmp_path: Path) -> None:
    """Of two jobs with two points each: inputs before the first, outputs after the second."""
    ways = {n: Transfer(20, 0) if n % 2 == 0 else Transfer(0, 8) for n in range(4)}
    page = timeline(open_page, tmp_path, ways)
    assert legend(page) == ["in the queue", "files on their way", "ran, ok", "ran, not ok"]
    told = table(page)
    assert told["Files to the node (median)"] == "20 s"
    assert told["Files back (median)"] == "8.0 s"


@pytest.mark.parametrize(
    ("transfer", "told"),
    [
        (Transfer(20, 8), "waited 40 s, files to the node 20 s, ran 1 min 00 s, files back 8.0 s"),
        (Transfer(90, 0), "waited 0.0 s, files to the node 1 min 30 s, ran 1 min 00 s"),
        (None, "waited 1 min 00 s, ran 1 min 00 s"),
    ],
)
def test_one_point_under_the_mouse(
    open_page: Open, tmp_path: Path, transfer: Transfer | None, told: str
) -> None:
    header = a_header(created="2024-05-01T11:59:00Z")
    view = replace(ok(0, {"x": 0}), transfer=transfer)
    page = open_page(write_report(tmp_path, header, [view, WAITS]))
    tab(page, "Timeline")
    canvas = page.locator("canvas.timeline")
    box = canvas.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 0.7 * box["width"], box["y"] + 50)
    expect(page.locator("#panel-timeline [role=status]")).to_have_text(
        f"{view.point.id}: ok, {told}"
    )


def test_files_that_stay_where_they_are_are_not_mentioned(open_page: Open, tmp_path: Path) -> None:
    page = timeline(open_page, tmp_path, {})
    assert legend(page) == RAN
    assert not [name for name in table(page) if "Files" in name]
    expect(page.locator("#panel-timeline")).not_to_contain_text("files")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_way_is_seen(open_page: Open, tmp_path: Path, scheme: str) -> None:
    """The block between queue and run has a colour of its own: half as high as the bar at most."""
    header = a_header(created="2024-05-01T11:59:00Z")
    view = replace(ok(0, {"x": 0}), transfer=Transfer(60, 0))
    page = open_page(write_report(tmp_path, header, [view, WAITS]), color_scheme=scheme)
    tab(page, "Timeline")
    heights = page.locator("canvas.timeline").evaluate(
        """canvas => {
             const {width, height} = canvas;
             const {data} = canvas.getContext("2d").getImageData(0, 0, width, height);
             const painted = (x, y) => data[4 * (y * width + x) + 3] === 255;
             const rows = [...Array(height).keys()].slice(30); // below the axis
             return [0.25, 0.75].map(part => Math.round(part * width))
               .map(x => rows.filter(y => painted(x, y)).length);
           }"""
    )
    way, run = heights
    assert 0 < way <= run / 2


def test_a_running_point_has_run_until_now(open_page: Open, tmp_path: Path) -> None:
    began = (datetime.now(timezone.utc) - timedelta(hours=2)).isoformat()
    views = [replace(a_view(n, {"x": n}, PointState.RUNNING), started=began) for n in range(2)]
    page = open_page(write_report(tmp_path, a_header(created=began), views))
    tab(page, "Timeline")
    assert table(page)["Ran (longest)"].startswith("2 h 0")


def test_a_bar_is_where_it_is_seen_after_the_window_has_changed(
    open_page: Open, tmp_path: Path
) -> None:
    page = timeline(open_page, tmp_path, {})
    page.set_viewport_size({"width": 700, "height": 900})
    canvas = page.locator("canvas.timeline")
    fits = "canvas => Math.abs(canvas.width / devicePixelRatio - canvas.clientWidth) < 2"
    page.wait_for_function(f"() => ({fits})(document.querySelector('canvas.timeline'))")
    expect(canvas).to_be_visible()


def test_when_night_falls_it_is_drawn_anew(open_page: Open, tmp_path: Path) -> None:
    page = timeline(open_page, tmp_path, {})
    day = page.locator("canvas.timeline").evaluate("canvas => canvas.toDataURL()")
    page.emulate_media(color_scheme="dark")
    page.wait_for_function(
        "day => document.querySelector('canvas.timeline').toDataURL() !== day", arg=day
    )
