"""A true sweep whose notebook, parameters and summary are hostile: nothing of it runs anywhere."""

from __future__ import annotations

import csv
import json
import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Open
from tests.browser.sweeps import PICTURE, nbbatch
from tests.notebooks import write_notebook

KINDS = {
    "element": "<script>alert(1)</script>",
    "attribute": '"><img src="data:image/png;base64,AAAA" onerror=alert(1)>',
    "end": "</script><script>alert(1)</script>",
    "address": "javascript:alert(1)",
    "formula": '=HYPERLINK("https://example.org")',
    "direction": "\u202ereversed\u200b\u2028\u2066text",
    "large": "x" * 1_000_000,
}

EVIL = """
from IPython.display import HTML, Javascript, Latex, Markdown, display
from nbbatch import point_dir, record
print(label, flush=True)
short = label[:1000]
display(HTML(f"{short}<b>bold</b>"), Markdown(f"{short} [a link](javascript:alert(1)) $x$"))
display(Latex(f"${label[:100]}$"), Javascript("alert(1)"))
record("said", label)
record(label[:40] + "name", 1.5)
(point_dir() / (label[:40].replace("/", "_") + ".png")).write_bytes(b"")
det, gain = label, 1
"""
FAILS = "if how == 'fails':\n    raise type(label[:40], (RuntimeError,), {})(label)"


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hostile")
    points = write_notebook(
        folder / "evil.ipynb", EVIL, PICTURE, FAILS, parameters="label = ''\nhow = 'works'"
    )
    lines = [{"label": text, "how": how} for text in KINDS.values() for how in ("works", "fails")]
    (folder / "points.jsonl").write_text("\n".join(map(json.dumps, lines)))
    summary = write_notebook(
        folder / "summary.ipynb",
        f"label = {KINDS['end']!r}\nfrom nbbatch import record",
        EVIL.replace("label[:40] + ", "label + "),
        "print(open(results).read())\nraise RuntimeError(label)",
        parameters="results = ''",
    )
    words = [
        "--grid",
        folder / "points.jsonl",
        "--summary",
        summary,
        "--out",
        folder / "<img src=x>",
    ]
    run = nbbatch(folder, "run", points, *words)
    assert run.returncode == 1, run.stderr
    return folder / "<img src=x>"


def checked(page: Page) -> None:
    """Nothing but the report's own scripts, pictures and addresses is in the page."""
    sources = page.evaluate("[...document.scripts].map(s => s.getAttribute('src') || '')")
    assert all(source.startswith(("data/", "assets/", "../points/")) for source in sources)
    assert set(page.evaluate("[...document.links].map(a => a.protocol)")) <= {"file:"}
    assert page.locator("[onerror], [onclick], [onload]").count() == 0


def test_the_report(open_page: Open, hostile: Path) -> None:
    page = open_page(hostile / "report" / "index.html")
    expect(page.get_by_role("heading", level=1)).to_have_text("7 of 14 points are ok, 7 not")
    expect(page.locator(".summary-error")).to_contain_text(KINDS["end"])
    page.locator(".rarer > summary").click()
    for traceback in page.get_by_text("Traceback of").all():
        traceback.click()
    expect(page.locator(".failure")).to_have_count(7)
    page.get_by_role("button", name="Filters").click()
    for kind in ("element", "attribute", "address"):
        page.get_by_role("searchbox").fill(KINDS[kind])
        assert page.locator("#table tbody tr:not(.spacer)").count() >= 2
    page.get_by_role("searchbox").fill("")
    for name in ("Plots", "Gallery", "Compare", "Timeline"):
        page.get_by_role("tab", name=name).click()
        expect(page.get_by_role("tabpanel", name=name)).to_be_visible()
        if name == "Plots":
            page.locator(".plot .main-svg").first.wait_for()
        if name == "Compare":
            expect(page.locator(".outputs .difference").first).to_be_visible()
        checked(page)
    lines = (hostile / "points.jsonl").read_text().strip().split("\n")
    ids = [json.loads(line)["id"] for line in lines]
    for point in ids:
        page.evaluate("id => location.hash = `point=${encodeURIComponent(id)}`", point)
        expect(page.get_by_role("heading", level=3, name=point)).to_be_visible()
        expect(page.locator("#panel-point .outputs pre").first).to_be_visible()
    checked(page)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_pages_of_points_and_summary(open_page: Open, hostile: Path) -> None:
    pages = [*hostile.glob("points/*/notebook.html"), hostile / "summary" / "notebook.html"]
    assert len(pages) == 15
    for file in pages:
        page = open_page(file, root=hostile, expected="Content Security Policy")
        expect(page.locator("header h1")).to_be_visible()
        assert page.locator("script").count() == 0


def test_what_can_be_taken_away(open_page: Open, hostile: Path, tmp_path: Path) -> None:
    both = ["--zip", tmp_path / "all.zip", "--single-file", tmp_path / "one.html"]
    made = nbbatch(hostile.parent, "report", hostile, *both)
    assert made.returncode == 0, made.stderr
    page = open_page(tmp_path / "one.html", root=tmp_path)
    expect(page.locator("#shown")).to_have_text("14 points")
    with zipfile.ZipFile(tmp_path / "all.zip") as packed:
        assert all(not name.startswith(("/", "..")) for name in packed.namelist())
    csv.field_size_limit(10_000_000)
    with (hostile / "results.csv").open(newline="") as lines:
        cells = [cell for row in csv.reader(lines) for cell in row]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "@"))]
    assert "'" + KINDS["formula"] in cells
