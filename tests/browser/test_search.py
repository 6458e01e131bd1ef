"""What a larger true sweep's report tells: who is to blame, figures by tag, what is folded."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path
from urllib.parse import unquote

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Open
from tests.browser.reading import CONTRAST, column, fragment, plotted, tab
from tests.browser.sweeps import nbbatch


@pytest.fixture
def page(open_page: Open, search: Path) -> Page:
    return open_page(search)


def test_the_verdict_says_how_many_who_when_where_and_what(page: Page) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text("39 of 48 points are ok, 9 not")
    counts = page.locator("#counts li").all_text_contents()
    assert [count.split() for count in counts] == [["39", "ok"], ["9", "failed"]]
    facts = page.locator("#verdict .facts")
    names, values = (facts.locator(part).all_inner_texts() for part in ("dt", "dd"))
    said = dict(zip(names, values, strict=True))
    assert list(said) == [
        "Started", "Took", "Notebook time", "CPU time", "By", "Backend", "Notebook", "Git commit",
    ]  # fmt: skip
    assert said["Backend"] == "local" and said["Notebook"] == "search.ipynb"
    assert re.fullmatch(r"[0-9a-f]{10}.*", said["Git commit"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC", said["Started"])


def test_failures_come_with_what_they_have_in_common(page: Page) -> None:
    large, small = page.locator(".failure").all()
    expect(large).to_contain_text("8 failed")
    expect(large).to_contain_text("RuntimeError overflow at … GeV")
    expect(large.locator(".place")).to_contain_text("In [4], line 2")
    one, two = large.locator(".blame").all_inner_texts()
    assert one.startswith("8 of 8 have det = B, 33 % of all ended points do. Chance: p < 10⁻")
    assert two.startswith("8 of 8 have energy ≥ 35, 50 % of all ended points with det = B do.")
    expect(small).to_contain_text("1 failed")
    expect(small.locator(".blame")).to_have_count(0)  # one point has everything in common
    small.get_by_text("Traceback of").click()
    expect(small.locator("pre")).to_contain_text("ValueError: no fit")


def test_a_kind_of_failure_is_a_link(page: Page, open_page: Open, search: Path) -> None:
    page.get_by_role("link", name="Show them in the table").click()
    again = open_page(search, fragment="#" + fragment(page))
    for shown in (page, again):
        assert set(column(shown, "det")) == {"B"}
        expect(shown.locator("#shown")).to_have_text("8 of 48 points, one kind of failure")
        expect(shown.locator("#results-title")).to_be_in_viewport()


def test_tagged_figures_are_picked_by_their_cell(page: Page, open_page: Open, search: Path) -> None:
    tab(page, "Gallery")
    figure = page.get_by_label("Figure")
    options = figure.locator("option").all_text_contents()
    assert options == ["cell 4", "cell 5"]  # 6 has no tag
    figure.select_option("cell 4")
    page.get_by_label("In groups of").select_option("det")
    again = open_page(search, fragment="#" + fragment(page))
    for shown in (page, again):
        expect(shown.locator(".tiles").nth(1).locator("figure")).to_have_count(16)
        expect(shown.locator(".tiles").nth(1).get_by_text("failed")).to_have_count(8)
        first = shown.locator(".tiles img").first
        assert first.evaluate("image => image.decode().then(() => image.naturalWidth)") == 80


def test_a_folded_axis_is_named(page: Page) -> None:
    tab(page, "Plots")
    page.get_by_role("button", name="Heat map").click()
    note = page.locator("#panel-plots .note")
    page.get_by_label("Vertical").select_option("det")
    expect(note).to_contain_text("mean of score over seed")
    page.get_by_label("Several in a cell").select_option("maximum")
    expect(note).to_contain_text("maximum of score over seed")
    page.locator(".plot .main-svg").first.wait_for()
    page.wait_for_function("() => document.querySelector('.plot').data[0].colorbar")
    drawn = page.evaluate(
        """() => document.querySelector('.plot').data.filter(t => t.type == 'scatter')
             .map(t => [t.name, t.marker.symbol, t.x.length])"""
    )
    assert drawn == [["not ok", "x-thin-open", 2], ["in part not ok", "x", 1]]
    top = page.evaluate("Math.max(...document.querySelector('.plot').data[0].z.flat())")
    assert top == 200


def test_what_was_used_of_what_was_asked_for(page: Page) -> None:
    memory = page.locator("#usage tbody tr", has_text="Memory")
    expect(memory).to_contain_text(re.compile(r"90 % of points at most [\d.]+ MB, the largest"))
    expect(memory).to_contain_text("4 GB")
    expect(memory).to_contain_text(re.compile(r"Next time \d+ MB would do\."))
    expect(page.locator("#usage")).to_contain_text("A limit of 1 min a job would do.")


def test_the_summary_follows_the_failures(page: Page) -> None:
    summary = page.get_by_role("region", name="Summary")
    expect(summary).to_contain_text("best score")
    expect(summary.locator("dd")).to_have_text("66.6667")
    expect(summary).to_contain_text("made from all results.")
    tops = [page.locator(part).bounding_box() for part in (".failures", "#summary", "#results")]
    assert sorted(tops, key=lambda box: box["y"]) == tops  # type: ignore[index]
    page.emulate_media(media="print")
    for part in ("#verdict", ".failures", "#summary"):
        expect(page.locator(part).first).to_be_visible()


def test_all_files_are_there(page: Page, search: Path) -> None:
    names = page.locator("footer a").all_inner_texts()
    assert {"results.csv", "results.json", "grid.yaml", "notebook.ipynb"} <= set(names)
    for link in page.locator("footer a, .points a:not(.in-table)").all():
        target = search.parent / unquote(link.get_attribute("href") or "")
        assert target.is_file(), target


def test_zip_and_single_file_by_command(open_page: Open, search: Path, tmp_path: Path) -> None:
    sweep = search.parents[1]
    both = ["--zip", tmp_path / "search.zip", "--single-file", tmp_path / "search.html"]
    assert nbbatch(sweep.parent, "report", sweep, *both).returncode == 0
    with zipfile.ZipFile(tmp_path / "search.zip") as packed:
        packed.extractall(tmp_path / "there")
    index = tmp_path / "there" / "search" / "report" / "index.html"
    for page in (open_page(index), open_page(tmp_path / "search.html", root=tmp_path)):
        expect(page.locator(".failure")).to_have_count(2)
        expect(page.get_by_role("region", name="Summary")).to_contain_text("66.6667")
        tab(page, "Plots")
        assert plotted(page) == [16, 8, 15]
        tab(page, "Gallery")
        expect(page.locator(".tiles figure")).to_have_count(48)


@pytest.mark.parametrize("width", [400, 1400])
def test_it_fits_and_can_be_read(open_page: Open, search: Path, width: int) -> None:
    options = {"viewport": {"width": width, "height": 900}, "color_scheme": "dark"}
    page = open_page(search, **options)
    for name in ("Plots", "Gallery", "Compare", "Timeline", "Table"):
        tab(page, name)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name
        page.mouse.move(0, 0)
        assert page.evaluate(CONTRAST) == [], name
