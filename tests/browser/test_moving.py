"""A report that is sent elsewhere, and one that changes while it is open."""

from __future__ import annotations

import re
import shutil
import zipfile
from pathlib import Path

from playwright.sync_api import expect

from nbbatch.model import PointState
from nbbatch.report import Report, write_report, write_single_file, write_zip
from nbbatch.report.chunks import script
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
    expect(page.locator("#news")).to_be_hidden()


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


RUNNING = [a_view(i, {"x": i}, PointState.RUNNING) for i in range(400)]


def test_news_leave_the_reader_where_they_are(open_page: Open, tmp_path: Path) -> None:
    """The focus, a sorted table's place, an open menu: none of it is the news' business."""
    views = [ok(i, {"x": i}, chi2=float(i)) for i in range(300)] + RUNNING[300:]
    report = Report(tmp_path)
    page = open_page(report.write(a_header(), views))
    page.evaluate("location.hash = 'sort=-metrics.chi2'")
    page.get_by_role("button", name="Filters").click()
    page.get_by_text("Columns").click()
    page.get_by_label("x, at least").focus()
    page.locator("#table").evaluate("frame => frame.scrollTop = 3000")
    views[300] = ok(300, {"x": 300}, chi2=300.0)
    report.write(a_header(), views)
    expect(page.get_by_role("heading", level=1)).to_contain_text("301 of 400 points done")
    expect(page).to_have_title("lorenz-scan: 301 of 400 points done")
    expect(page.get_by_label("x, at least")).to_be_focused()
    expect(page.locator(".column-list")).to_be_visible()
    assert page.locator("#table").evaluate("frame => frame.scrollTop") == 3000


def test_news_leave_a_comparison_alone(open_page: Open, tmp_path: Path) -> None:
    views = [ok(i, {"x": i}) for i in range(3)] + RUNNING[3:6]
    for view in views[:3]:
        figures = tmp_path / view.point.dir / "figures"
        figures.mkdir(parents=True)
        (figures / "cells.js").write_text(
            script({"kind": "cells", "point": view.point.id, "cells": []})
        )
    report = Report(tmp_path)
    page = open_page(report.write(a_header(), views))
    tab(page, "Compare")
    field = page.get_by_label("Point B")
    field.fill("p2-")
    views[3] = ok(3, {"x": 3})
    report.write(a_header(), views)
    expect(page.get_by_role("heading", level=1)).to_contain_text("4 of 6 points done")
    expect(field).to_have_value("p2-")
    expect(field).to_be_focused()


def test_one_file_of_a_running_sweep_promises_no_news(open_page: Open, tmp_path: Path) -> None:
    views = [ok(0, {"x": 0}), RUNNING[1]]
    alone = write_single_file(tmp_path, a_header(), views, tmp_path / "one.html")
    page = open_page(alone, root=tmp_path)
    expect(page.locator("#progress")).to_contain_text("s of 20")
    expect(page.locator("#verdict")).not_to_contain_text("reads the news by itself")


def test_a_file_that_could_not_be_read_is_asked_for_again(open_page: Open, tmp_path: Path) -> None:
    """The last news of a sweep, of which a part is not there at first."""
    views = [ok(0, {"x": 0}, chi2=1.0), RUNNING[1]]
    index = write_report(tmp_path / "sweep", a_header(), views)
    page = open_page(index, expected="ERR_FILE_NOT_FOUND")
    views[1] = ok(1, {"x": 1}, chi2=22.5)
    later = write_report(tmp_path / "later", a_header(), views).parent / "data"
    data = index.parent / "data"
    (data / "points-0000.js").unlink()
    for name in ("columns.js", "now.js"):
        shutil.copy(later / name, data)
    expect(page.get_by_role("heading", level=1)).to_have_text("All 2 points are ok")
    expect(page.locator("#table")).not_to_contain_text("22.5")
    shutil.copy(later / "points-0000.js", data)
    expect(page.locator("#table")).to_contain_text("22.5")
    assert page.evaluate("nbbatchData.filter(piece => piece.kind == 'now').length") == 1
