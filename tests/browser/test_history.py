"""The history page of a name in a real browser, from ``file://``, without network."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from nbbatch.history import write_page
from nbbatch.history.runs import Event, append_event, append_run
from nbbatch.report import write_report
from tests.browser.conftest import Open
from tests.browser.reading import CONTRAST
from tests.unit.schedule.nights import a_point, a_run, thirty_nights, write_nights
from tests.views import a_header, ok


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = tmp_path / "nightly"
    *earlier, last = thirty_nights()
    reused = {f"r-{n}": replace(a_point(), reused=True) for n in range(3)}
    lost = a_run(30, {"a-1": a_point("lost", None), "b-2": a_point("ok", chi2=1.0)})
    going = replace(a_run(31, {}), counts={"running": 1, "queued": 2}, ended="", wall=None)
    last = replace(last, points={**last.points, **reused}, counts={"ok": 5, "failed": 1}, reused=3)
    write_nights(home, [*earlier, last, lost, going])
    for kind, why in (
        ("skipped", "the run before still went on: process 4242 on host node7"),
        ("missed", "2 runs since 2026-10-18 06:00 UTC: this machine was off"),
        ("lock broken", "the lock of process 88 on host alpha was broken"),
        ("not started", "The Kerberos ticket has expired; nothing was run."),
    ):
        append_event(home, Event("2026-10-20T08:00:00Z", kind, why))
    return home


@pytest.fixture
def history(home: Path, open_page: Open):
    def build(**options: object) -> Page:
        page: Page = open_page(write_page(home), root=home, **options)
        return page

    return build


def test_it_says_what_happened(history) -> None:
    page = history()
    heading = page.get_by_role("heading", level=1)
    expect(heading).to_have_text("Last run: 1 of 2 points is ok, 1 not")
    rows = page.locator(".runs tbody tr")
    expect(rows).to_have_count(32 + 4)
    expect(rows.first).to_contain_text("running")
    expect(rows.nth(1)).to_contain_text("incomplete")
    expect(page.locator(".runs tr", has_text="2026-10-13")).to_contain_text("1 recovered")
    expect(page.locator(".runs tr", has_text="2026-10-11")).to_contain_text("1 new failure")
    expect(page.locator(".since")).to_contain_text("a-1")
    strip = page.locator(".strips tr", has_text="b-2").locator("svg")
    expect(strip).to_have_attribute("aria-label", "31 runs, 3 not ok, now ok")
    expect(page.locator(".metrics li")).to_contain_text("chi2")


def test_a_run_opens_its_report_which_leads_back(home: Path, open_page: Open) -> None:
    header = a_header(name="nightly", id="1f00")
    root = home / "20261130T060000Z-1f00"
    root.mkdir()
    append_run(home, replace(a_run(60, {"p": a_point()}), folder=root.name, id="1f00"))
    write_report(root, header, [ok(0, {"x": 1}), ok(1, {"x": 2})])
    page: Page = open_page(write_page(home), root=home)
    page.get_by_role("link", name="2026-11-30 06:00 UTC").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("All 2 points are ok")
    page.get_by_role("link", name="all its runs").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Last run")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everything_can_be_read(history, scheme: str) -> None:
    assert history(color_scheme=scheme).evaluate(CONTRAST) == []


@pytest.mark.parametrize("width", [320, 768, 1400])
def test_it_fits_the_window(history, width: int) -> None:
    page = history(viewport={"width": width, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_names_are_text(tmp_path: Path, open_page: Open) -> None:
    home = tmp_path / "nightly"
    evil = "<img src=x onerror=alert(1)>"
    write_nights(home, [a_run(0, {evil: a_point("failed", **{evil: 1.0})}, metrics={evil: 1.0})])
    append_event(home, Event("2026-10-02T06:00:00Z", "not started", evil))
    page = open_page(write_page(home), root=home)
    expect(page.locator(".strips th[scope=row]")).to_have_text(evil)
    assert page.locator("img").count() == 0
