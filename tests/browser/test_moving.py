"""A report that is sent elsewhere, and one that changes while it is open."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

from playwright.sync_api import expect

from nbbatch.model import PointState
from nbbatch.report import Report, write_single_file, write_zip
from nbbatch.sweep import Sweep
from tests.browser.conftest import Open
from tests.browser.reading import column, plotted, tab
from tests.browser.sweeps import nbbatch
from tests.notebooks import write_notebook
from tests.views import a_header, a_view, failed, ok

# -------------------------------------------------------------------- a report that is sent


def test_one_file_has_all_but_the_notebooks(open_page: Open, scan: Path, tmp_path: Path) -> None:
    sweep = Sweep(scan.parents[1])
    alone = write_single_file(sweep.root, sweep.header, sweep.views(), tmp_path / "scan.html")
    page = open_page(alone, root=tmp_path)
    expect(page.locator("#shown")).to_have_text("8 points")
    expect(page.locator(".failure")).to_contain_text("saturated at 10")
    tab(page, "Plots")
    assert plotted(page) == [4, 3]
    tab(page, "Gallery")
    assert page.locator(".tiles img").first.evaluate("p => p.src").startswith("data:image/png")
    page.locator(".tiles a").nth(1).click()
    expect(page.locator(".outputs pre").first).to_have_text("detector A\ngain 1\n")
    assert page.locator("a[href^='..']").count() == 0


def test_the_zip_opens_elsewhere(open_page: Open, scan: Path, tmp_path: Path) -> None:
    sweep = Sweep(scan.parents[1])
    packed = write_zip(sweep.root, sweep.header, sweep.views(), tmp_path / "scan.zip")
    with zipfile.ZipFile(packed) as content:
        assert {name.partition("/")[0] for name in content.namelist()} == {"scan"}
        content.extractall(tmp_path / "elsewhere")
    page = open_page(tmp_path / "elsewhere" / "scan" / "report" / "index.html")
    page.get_by_role("link", name="det-A_gain-1_").first.click()
    expect(page).to_have_title(re.compile("det-A_gain-1_"))
    page.get_by_role("link", name="Report").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("7 of 8 points are ok, 1 not")


# ---------------------------------------------------------------- while the sweep still runs


def test_an_open_page_reads_the_news_by_itself(open_page: Open, tmp_path: Path) -> None:
    views = [ok(i, {"gain": i}, chi2=1.0) for i in range(3)]
    views += [a_view(i, {"gain": i}, PointState.RUNNING) for i in range(3, 6)]
    report = Report(tmp_path)
    page = open_page(report.write(a_header(), views))
    expect(page.get_by_role("heading", level=1)).to_have_text("3 of 6 points done")
    expect(page.locator("#progress")).to_contain_text("left")
    page.get_by_role("searchbox").fill("gain")
    page.get_by_role("searchbox").fill("")
    page.get_by_label("Select point 2").check()
    views[3:5] = [ok(3, {"gain": 3}, chi2=2.0), failed(4, {"gain": 4})]
    report.write(a_header(), views)
    heading = page.get_by_role("heading", level=1)
    expect(heading).to_have_text("5 of 6 points done, 1 of them not ok", timeout=20_000)
    assert column(page, "chi2") == ["1", "1", "1", "2", "–", "–"]
    expect(page.locator("#table tr[aria-selected=true]")).to_have_count(1)
    page.get_by_role("button", name="Other failures").click()
    expect(page.locator(".failure")).to_have_count(1)
    views[5] = ok(5, {"gain": 5}, chi2=3.0)
    report.write(a_header(), views)
    expect(heading).to_have_text("5 of 6 points are ok, 1 not", timeout=20_000)
    expect(page.locator("#progress")).to_have_text("The sweep has ended")


def test_a_page_that_is_open_when_the_sweep_ends(open_page: Open, tmp_path: Path) -> None:
    """A true sweep: its first point has ended, the second waits for this test."""
    notebook = write_notebook(
        tmp_path / "wait.ipynb",
        "import time, pathlib\nfile = pathlib.Path(go)\n"
        "while x == 2 and not file.exists(): time.sleep(0.1)",
        "import nbbatch; nbbatch.record('seen', x * 10)",
        parameters="x = 1\ngo = ''",
    )
    sweep, go = tmp_path / "out", tmp_path / "go"
    words = ["-g", "x=1,2", "-p", f"go={go}", "--jobs", "2", "--detach", "--out", sweep]
    assert nbbatch(tmp_path, "run", notebook, *words).returncode == 0
    page = open_page(sweep / "report" / "index.html")  # it is there from the beginning
    heading = page.get_by_role("heading", level=1)
    expect(heading).to_have_text("2 points, none done yet")
    try:
        while not list(sweep.glob("points/*x-1*/record.json")):  # the test's own limit ends it
            page.wait_for_timeout(100)
        assert nbbatch(tmp_path, "report", sweep).returncode == 0
        expect(heading).to_have_text("1 of 2 points done", timeout=30_000)
        expect(page.locator("#counts")).to_contain_text("running")
        assert column(page, "seen") == ["10", "–"]
        page.evaluate("id => location.hash = `point=${id}`", column(page, "point")[1])
        expect(page.locator("#panel-point code")).to_contain_text("nbbatch logs --follow")
    finally:
        go.touch()
    assert nbbatch(tmp_path, "wait", sweep).returncode == 0
    expect(heading).to_have_text("All 2 points are ok", timeout=60_000)
    tab(page, "Table")
    assert column(page, "seen") == ["10", "20"]
