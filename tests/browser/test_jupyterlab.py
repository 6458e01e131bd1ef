"""A sweep in JupyterLab itself: the block moves, ends in the true state, and is kept."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from playwright.sync_api import Browser, TimeoutError, expect

from tests.browser.lab import Lab, Notebook, opened, running_lab
from tests.notebooks import write_notebook

LONG = 180.0
"""Seconds for what must happen; never a claim of speed."""

pytestmark = pytest.mark.xdist_group("JupyterLab")  # one server for all

LAUNCH = """
import nbbatch
s = nbbatch.run("scan.ipynb", {"x": [4, 9, -1, 16, 25, 36]}, jobs=1, out="sweep")
s
"""
BUSY = """
import time
deadline = time.time() + 300
while not s.over and time.time() < deadline:
    time.sleep(0.1)
print("the other cell has ended")
"""

THEN = "print(nbbatch.this().name)\ns.df"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    folder = tmp_path_factory.mktemp("lab")
    work = folder / "work"
    work.mkdir()
    with running_lab(work, folder / "home") as lab:
        yield lab


def write_driver(folder: Path, wait: str) -> str:
    """A notebook that launches a sweep whose points ``wait``; the driver's name for the server."""
    folder.mkdir()
    write_notebook(
        folder / "scan.ipynb", wait, "import math\nroot = math.sqrt(x)", parameters="x = 1.0"
    )
    write_notebook(folder / "driver.ipynb", LAUNCH, BUSY, "s.wait()\nprint('waited')", THEN)
    return f"{folder.name}/driver.ipynb"


def headlines(notebook: Notebook, cell: int) -> list[str]:
    """What the block's first line says, from now until the sweep has ended, without repeats."""
    seen: list[str] = []
    deadline = time.monotonic() + LONG
    first = notebook.block(cell).locator("strong").first
    while not seen or not re.search("points (are|is) ok", seen[-1]):
        assert time.monotonic() < deadline, seen
        said = first.inner_text()
        if said not in seen:
            seen.append(said)
        notebook.page.wait_for_timeout(200)
    return seen


def test_a_sweep_in_a_cell(browser: Browser, server: Lab) -> None:
    driver = write_driver(server.root / "moves", "import time; time.sleep(1)")
    with opened(browser, server, driver) as notebook:
        notebook.run(0)
        expect(notebook.block(0)).to_be_visible()
        notebook.run(1)  # the kernel is busy with another cell while the block moves
        moved = headlines(notebook, 0)
        assert len([said for said in moved if "done" in said]) >= 2, moved
        expect(notebook.block(0)).to_contain_text("5 of 6 points are ok, 1 not")
        expect(notebook.block(0)).to_contain_text("1 failed ValueError: math domain error")
        expect(notebook.done(1)).to_be_visible()
        # Nothing went into the other cell but what it printed itself.
        other = notebook.cell(1).locator(".jp-OutputArea-output")
        expect(other).to_have_text(["the other cell has ended"])
        notebook.run(2)
        expect(notebook.done(2)).to_be_visible()
        # It waits for what is shown above: no second block.
        expect(notebook.block(2)).to_have_count(0)
        notebook.run(3)
        expect(notebook.cell(3).locator("table.dataframe tbody tr")).to_have_count(6)
        expect(notebook.cell(3)).to_contain_text("driver.ipynb")  # the server has told it
        expect(notebook.block(0)).to_contain_text("ended")
        notebook.save()

        saved = server.outputs(driver)
        assert "5 of 6 points are ok" in saved[0] and saved[0].count("nbbatch-sweep") == 1
        assert "nbbatch-sweep" not in "".join(saved[1:])

        notebook.load(server.url(driver))
        expect(notebook.block(0)).to_contain_text("5 of 6 points are ok, 1 not")

    with opened(browser, server, driver) as notebook:  # on another day, by somebody else
        block = notebook.block(0)
        expect(block).to_contain_text("5 of 6 points are ok, 1 not")
        # The report opens in a tab of JupyterLab's own, whose sandbox knows no other file.
        block.get_by_role("link", name="Report").click()
        report = notebook.page.frame_locator(".jp-HTMLViewer iframe")
        verdict = report.get_by_role("heading", level=1)
        expect(verdict).to_have_text("5 of 6 points are ok, 1 not")
        expect(verdict).to_have_css("font-family", re.compile("sans-serif"))  # it has its style
        trust(notebook)
        expect(report.locator("#table")).to_contain_text("ValueError")


def trust(notebook: Notebook) -> None:
    """Press "Trust HTML" of the report; the notebook comes to the front while it settles.

    Pressed twice it would be distrusted again: the button says which it is.
    """
    deadline = time.monotonic() + LONG
    trusted = notebook.page.get_by_text("Distrust HTML", exact=True)
    while not trusted.is_visible():
        assert time.monotonic() < deadline, "the report does not stay in front"
        notebook.page.get_by_role("tab", name="report.html").click()
        with suppress(TimeoutError):
            notebook.page.get_by_text("Trust HTML", exact=True).click(timeout=1_000)
            trusted.wait_for(timeout=10_000)


def test_a_reload_in_the_middle(browser: Browser, server: Lab) -> None:
    go = server.root / "go"
    wait = f"import os, time\nwhile x > 4 and not os.path.exists({str(go)!r}): time.sleep(0.05)"
    driver = write_driver(server.root / "reloaded", wait)
    with opened(browser, server, driver) as notebook:
        notebook.run(0)
        expect(notebook.block(0)).to_contain_text("1 of 6 points done")
        notebook.save()
        notebook.load(server.url(driver))
        # What was saved says from when it is; to show the sweep again brings the news.
        expect(notebook.block(0)).to_contain_text("as of")
        go.touch()
        notebook.cell(3).locator(".jp-InputArea-editor").click()
        notebook.page.keyboard.press("Control+a")
        notebook.page.keyboard.type("s")
        notebook.run(3)
        assert headlines(notebook, 3)[-1] == "5 of 6 points are ok, 1 not"
