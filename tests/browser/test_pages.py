"""What notebooks bring to their pages: a summary, formulas, and scripts that are kept in."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Open
from tests.browser.sweeps import PICTURE
from tests.notebooks import write_notebook

LIVELY = """
from IPython.display import HTML, Latex, Markdown, display
import plotly.graph_objects as go

display(Markdown(r"The mass is $m = \\frac{p}{\\beta\\gamma}$, so"), Latex(r"$$\\sum_i x_i^2$$"))
display(go.Figure(go.Scatter(x=[1, 2], y=[gain, 2]), layout={"title": {"text": "</script><b>"}}))
display(HTML("<p id=ran>not run</p><script>ran.textContent = 'ran as ' + self.origin</script>"))
display(HTML('''<script>
  for (const reach of [() => parent.document.title, () => localStorage.length, () => top.name])
    try { reach(); document.body.dataset.reached = reach } catch (error) { }
</script>'''))
"""


@pytest.fixture(scope="module")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two points whose outputs have scripts that may run, and their summary."""
    folder = tmp_path_factory.mktemp("lively")
    points = write_notebook(folder / "lively.ipynb", LIVELY, parameters="gain = 1.0")
    summary = write_notebook(
        folder / "sums.ipynb",
        "import csv, nbbatch\ngains = [float(r['gain']) for r in csv.DictReader(open(results))]\n"
        "nbbatch.record('largest gain', max(gains))\ndet, gain = 'A', 1",
        PICTURE,
        parameters='results = "results.csv"',
    )
    words = ["run", points, "-g", "gain=1,2", "--allow-scripts", "--summary", summary]
    command = [sys.executable, "-m", "nbbatch", *map(str, words), "--out", str(folder / "out")]
    env = {**os.environ, "XDG_STATE_HOME": str(folder / "state")}
    subprocess.run(command, env=env, check=True, capture_output=True)
    return folder / "out"


def first_page(sweep: Path) -> Path:
    return min(sweep.glob("points/*/notebook.html"))


def test_the_report_has_the_summary_above_the_table(open_page: Open, sweep: Path) -> None:
    page = open_page(sweep / "report" / "index.html")
    section = page.get_by_role("region", name="Summary")
    expect(section).to_contain_text("largest gain")
    expect(section.locator("dd")).to_have_text("2")
    picture = section.locator("img")
    assert picture.evaluate("image => image.decode().then(() => image.naturalWidth)") == 80
    top = section.bounding_box()
    table = page.locator("#results").bounding_box()
    assert top is not None and table is not None and top["y"] < table["y"]
    section.get_by_role("link", name="The summary notebook").click()
    inside = page.frame_locator("iframe")
    expect(inside.get_by_role("heading", name="summary", exact=True)).to_be_visible()
    page.get_by_role("link", name="Report").click()
    expect(page.locator("#headline")).to_have_text("All 2 points are ok")


@pytest.mark.parametrize("width", [1200, 360])
def test_the_summary_fits_any_window(open_page: Open, sweep: Path, width: int) -> None:
    window = {"width": width, "height": 800}
    page = open_page(sweep / "report" / "index.html", viewport=window, color_scheme="dark")
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_scripts_run_and_stay_inside(open_page: Open, sweep: Path) -> None:
    page = open_page(first_page(sweep), root=sweep)
    inside = page.frame_locator("iframe")
    expect(inside.locator("#ran")).to_have_text("ran as null")
    expect(inside.locator(".js-plotly-plot .gtitle")).to_have_text("</script>")
    assert inside.locator("body").get_attribute("data-reached") is None
    assert page.title().startswith("gain-1")
    colour = inside.locator("body").evaluate("body => getComputedStyle(body).fontSize")
    assert colour == "16px"  # the style sheet was handed in


def test_the_links_around_it_work(open_page: Open, sweep: Path) -> None:
    page = open_page(first_page(sweep), root=sweep)
    page.get_by_role("link", name="Report").click()
    expect(page.get_by_role("heading", level=3)).to_contain_text("gain-1")
    assert "#point=" in page.url


def formulas(page: Page) -> list[float]:
    return (
        page.frame_locator("iframe")
        .locator("math")
        .evaluate_all("found => found.map(formula => formula.getBoundingClientRect().height)")
    )


def test_formulas_are_drawn_without_a_network(open_page: Open, sweep: Path) -> None:
    page = open_page(first_page(sweep), root=sweep)
    expect(page.frame_locator("iframe").locator("math mfrac")).to_be_visible()
    heights = formulas(page)
    assert len(heights) == 2 and min(heights) > 12
    assert "$" not in page.frame_locator("iframe").locator(".rendered_html").first.inner_text()
