"""A point's page: what it shows of an executed notebook, and what it must not do."""

from __future__ import annotations

import json
import re
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import nbformat
import pytest
from bs4 import BeautifulSoup

import nbbatch.report
from nbbatch.model import RECORD_MIME, Cause, Failure, Outcome, Record
from nbbatch.worker.displays import TEXT_LIMIT, readable_text, static_output
from nbbatch.worker.render import duration_text, render_page

OK = Record(point="p", key="k", attempt=1, outcome=Outcome.OK)
FAILED = Record(
    point="p",
    key="k",
    attempt=1,
    outcome=Outcome.FAILED,
    cause=Cause.CELL_ERROR,
    failure=Failure("ValueError", "no peak", cell=0, execution_count=1),
)


def code(
    source: str = "1", *outputs: dict[str, Any], count: int | None = 1, **metadata: Any
) -> Any:
    return nbformat.v4.new_code_cell(
        source, outputs=list(outputs), execution_count=count, metadata=metadata
    )


def shown(data: dict[str, Any]) -> Any:
    return nbformat.v4.new_output("display_data", data)


def printed(text: str) -> Any:
    return nbformat.v4.new_output("stream", name="stdout", text=text)


def raised(name: str, value: str) -> Any:
    return nbformat.v4.new_output(
        "error", ename=name, evalue=value, traceback=[f"\x1b[31m{name}\x1b[0m: {value}"]
    )


def page_of(*cells: Any, record: Record = OK, **options: Any) -> BeautifulSoup:
    nb = nbformat.v4.new_notebook(cells=list(cells))
    given = {"title": "T", "subtitle_params": {}, "stylesheet_href": "../../report/assets/n.css"}
    return BeautifulSoup(render_page(nb, record=record, **{**given, **options}), "html.parser")


def text_of(page: BeautifulSoup, selector: str = "main") -> str:
    found = page.select_one(selector)
    assert found is not None, f"nothing matches {selector}"
    return re.sub(r"\s+", " ", found.get_text(" ")).strip()


# ------------------------------------------------------------------------------ the head


def test_the_head_shows_state_parameters_metrics_and_links() -> None:
    record = Record(
        point="p",
        key="k",
        attempt=2,
        outcome=Outcome.OK,
        metrics={"chi2": 1.25, "bins": [1, 2]},
        metric_errors={"mass": "mass: NameError: name 'mass' is not defined"},
        seconds=83.4,
        started="2026-11-21T13:24:13.891Z",
        host="node7",
        kernel="python3",
        language="python",
        python="3.12.1",
        peak_memory=234_567_890,
    )

    page = page_of(code(), record=record, subtitle_params={"sigma": 8, "name": "a<b>", "on": True})

    head = text_of(page, "header")
    assert head.startswith("Report executed.ipynb output.log T ok took 1 min 23 s started")
    assert "2026-11-21 13:24:13 UTC on node7 kernel python3 (Python 3.12.1)" in head
    assert "peak memory 224 MB attempt 2" in head
    assert "Parameters sigma 8 name a<b> on true Metrics chi2 1.25 bins [1, 2]" in head
    assert "mass: NameError" in head
    links = [a["href"] for a in page.select("header nav a")]
    assert links == ["../../report/index.html#point=p", "executed.ipynb", "output.log"]


def test_values_are_text_never_markup() -> None:
    page = page_of(
        code("x", raised("<b>E</b>", "<script>alert(1)</script>")),
        record=FAILED,
        title="<i>t</i>",
        subtitle_params={"<u>n</u>": "<script>alert(2)</script>"},
    )

    assert page.find("script") is None
    assert page.select("h1 i, u, header b") == []
    assert "<script>alert(2)</script>" in text_of(page, "header")


# ------------------------------------------------------------------------------ errors


def test_each_error_is_linked_from_the_top() -> None:
    page = page_of(
        code("a", raised("KeyError", "wanted"), count=1, tags=["raises-exception"]),
        code("b", raised("ValueError", "no peak"), count=2),
        record=replace(FAILED, failure=Failure("ValueError", "no peak", cell=1)),
    )

    listed = "In [1] (expected) KeyError: wanted In [2] ValueError: no peak"
    assert text_of(page, ".errors") == listed
    anchors = [str(link["href"]) for link in page.select(".errors a")]
    assert [text_of(page, f"{anchor} .input_area") for anchor in anchors] == ["a", "b"]


def test_a_cell_that_was_cut_off_is_linked_although_it_has_no_error_output() -> None:
    record = Record(
        point="p",
        key="k",
        attempt=1,
        outcome=Outcome.TIMEOUT,
        cause=Cause.CELL_TIMEOUT,
        failure=Failure("CellTimeout", "cell 1 ran longer than 5 s", cell=1),
    )

    page = page_of(code("fast"), code("slow", count=None), record=record)

    assert text_of(page, ".errors") == "cell 2 CellTimeout: cell 1 ran longer than 5 s"
    assert "CellTimeout" in text_of(page, "#error-1")
    assert "longer than the cell timeout" in text_of(page, ".verdict")


def test_a_failure_outside_of_all_cells_is_told_at_the_top() -> None:
    record = Record(
        point="p",
        key="k",
        attempt=1,
        outcome=Outcome.DIED,
        cause=Cause.KERNEL_START,
        failure=Failure("KernelStart", "no answer in 120 s"),
    )

    assert text_of(page_of(code(), record=record), ".errors") == "KernelStart: no answer in 120 s"


def test_an_error_in_an_ok_notebook_was_expected() -> None:
    page = page_of(code("x", raised("E", "v"), tags=["raises-exception"]))

    assert "(expected) E: v" in text_of(page, ".errors")


def test_papermills_own_error_banner_is_left_out() -> None:
    banner = nbformat.v4.new_markdown_cell(
        "An Exception was encountered", metadata={"tags": ["papermill-error-cell-tag"]}
    )

    assert "encountered" not in text_of(page_of(banner, code("x", raised("E", "v")), record=FAILED))


# ------------------------------------------------------------------------------- cells


def test_the_injected_parameters_are_marked() -> None:
    page = page_of(code("n = 1", tags=["parameters"]), code("n = 2", tags=["injected-parameters"]))

    labels = [label.get_text() for label in page.select(".label")]
    assert labels == ["parameters: defaults", "parameters of this point"]


def test_hidden_input_leaves_outputs() -> None:
    page = page_of(code("secret = 1", printed("result")), hide_input=True)

    assert "result" in text_of(page)
    assert "secret" not in str(page)


def test_formulas_are_mathml_and_markdown_is_closed() -> None:
    page = page_of(
        nbformat.v4.new_markdown_cell("$$\\chi^2 < 1$$ <div class='alert'>unclosed"),
        code("next_cell"),
    )

    (formula,) = page.select("math")
    assert formula["display"] == "block" and formula["alttext"] == "\\chi^2 < 1"
    assert formula.text == "χ2<1"
    assert [section["class"] for section in page.select("main > section")] == [
        ["markdown", "rendered_html"],
        ["code"],
    ]


def test_attachments_become_data() -> None:
    cell = nbformat.v4.new_markdown_cell("![dot](attachment:dot.png)")
    cell["attachments"] = {"dot.png": {"image/png": "iVBORw0KGgo="}}

    picture = page_of(cell).select_one("main img")

    assert picture is not None and picture["src"] == "data:image/png;base64,iVBORw0KGgo="


def test_a_notebook_with_oddities_is_rendered_and_left_alone() -> None:
    nb = nbformat.v4.new_notebook(
        metadata={"language_info": {"name": "forth"}, "strange": {"deep": [1, {"a": None}]}}
    )
    twin = code("1")
    nb.cells = [twin, nbformat.from_dict(dict(twin)), code("2"), code("3")]
    nb.cells[2]["metadata"]["tags"] = None
    nb.cells[3]["outputs"] = [nbformat.from_dict({"output_type": "novelty", "data": 3})]
    nb.cells.append(nbformat.from_dict({"cell_type": "heading", "source": ["a", "b"]}))
    before = json.dumps(nb)

    page = render_page(
        nb, title="T", subtitle_params={}, record=OK, stylesheet_href="../../report/assets/n.css"
    )

    assert page.count("<section") == 5
    assert json.dumps(nb) == before


def test_lone_surrogates_do_not_stop_the_page() -> None:
    nb = nbformat.v4.new_notebook(cells=[code("x", printed("\ud83d broken"))])

    page = render_page(nb, title="T", subtitle_params={}, record=OK, stylesheet_href="n.css")

    assert "? broken" in page.encode().decode()


# ----------------------------------------------------------------------------- outputs


@pytest.mark.parametrize(
    ("bundle", "expected"),
    [
        ({"text/plain": "3"}, {"text/plain": "3"}),
        ({"text/plain": ["a\n", "b"]}, {"text/plain": "a\nb"}),
        ({"text/html": "<b>x</b>", "text/plain": "x"}, {"text/html": "<b>x</b>"}),
        ({"text/html": "<b>x</div>"}, {"text/html": "<b>x</b>"}),
        ({"image/png": "AAAA", "text/plain": "<Figure>"}, {"image/png": "AAAA"}),
        ({"text/latex": "$x$", "text/plain": "x"}, {"text/latex": "$x$"}),
        ({"application/json": {"a": 1}}, {"text/plain": '{\n "a": 1\n}'}),
        # What draws with JavaScript has a picture sometimes.
        ({"application/vnd.plotly.v1+json": {}, "image/png": "AAAA"}, {"image/png": "AAAA"}),
        (
            {"text/html": "<div id=p></div><script>draw()</script>", "image/png": "AAAA"},
            {"image/png": "AAAA"},
        ),
        ({"text/html": "<p>seen</p><script>x()</script>"}, {"text/html": "<p>seen</p>"}),
        ({}, {}),
    ],
    ids=str,
)
def test_one_static_type_is_chosen_of_a_bundle(
    bundle: dict[str, Any], expected: dict[str, str]
) -> None:
    assert static_output({"output_type": "display_data", "data": bundle})["data"] == expected


@pytest.mark.parametrize(
    ("bundle", "notice"),
    [
        (
            {"application/vnd.plotly.v1+json": {"data": []}},
            "This plotly figure needs JavaScript: open executed.ipynb",
        ),
        (
            {"text/html": "<div></div><script>Plotly.newPlot()</script>"},
            "This plotly figure needs JavaScript",
        ),
        (
            {"application/vnd.jupyter.widget-view+json": {}, "text/plain": "IntSlider(value=3)"},
            "This widget needs JavaScript: open executed.ipynb in Jupyter. IntSlider(value=3)",
        ),
        ({"application/javascript": "alert(1)"}, "(application/javascript) needs JavaScript"),
        ({"application/pdf": "AAAA"}, "This output (application/pdf) cannot be shown here"),
        ({"text/html": "<table>" + "<tr>" * 400_000}, "(1.6 MB) is too large"),
        ({"text/html": "<iframe src='https://x.org'>"}, "is not shown here: https://x.org"),
        ({RECORD_MIME: {"name": "chi2", "value": 1.5}}, "recorded chi2 = 1.5"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_what_cannot_be_shown_says_so(bundle: dict[str, Any], notice: str) -> None:
    assert notice in text_of(page_of(code("x", shown(bundle)))).replace(" :", ":")


def test_colours_and_carriage_returns_of_a_terminal() -> None:
    page = page_of(code("x", printed("10%\r50%\r100%\n\x1b[32mgreen\x1b[0m")))

    assert text_of(page, ".output_text") == "100% green"
    assert text_of(page, ".ansi-green-fg") == "green"


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("a\rb", "b"),
        ("long\rab", "abng"),
        ("kept\r", "kept"),
        ("windows\r\nline", "windows\nline"),
        ("plain", "plain"),
    ],
)
def test_carriage_return_writes_over_what_was_there(text: str, seen: str) -> None:
    assert readable_text(text) == seen


def test_long_text_keeps_its_two_ends() -> None:
    text = readable_text("first\n" + "x" * 30_000_000 + "\nlast")

    assert len(text) < TEXT_LIMIT + 200
    assert text.startswith("first\n") and text.endswith("\nlast")
    assert "characters are left out here: see output.log" in text


# ---------------------------------------------------------------------------- the frame


def test_the_page_forbids_scripts_and_the_network() -> None:
    page = page_of(code("x", shown({"text/html": "<b onclick='x()'>b</b><script>x()</script>"})))

    policy = page.find("meta", attrs={"http-equiv": "Content-Security-Policy"})
    assert policy is not None
    rules = dict(rule.strip().split(" ", 1) for rule in str(policy["content"]).split(";"))
    assert rules["default-src"] == "'none'"
    assert "script-src" not in rules
    assert not [source for rule in rules.values() for source in rule.split() if "http" in source]
    assert page.find("script") is None
    assert [tag["href"] for tag in page.find_all("link")] == ["../../report/assets/n.css"]


def test_huge_notebooks_give_small_pages_soon() -> None:
    cells = [
        code("x", printed("line of text\n" * 1_500_000)),
        code("x", printed("\x1b[31mred\x1b[0m\n" * 400_000)),
        code("x", shown({"text/html": "<table>" + "<tr><td>1</td></tr>" * 500_000})),
    ]
    started = time.process_time()

    page = str(page_of(*cells))

    assert len(page) < 3_000_000
    assert time.process_time() - started < 60  # a quadratic step would take hours


STYLESHEET = Path(nbbatch.report.__file__).parent / "static" / "notebook.css"


def _luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one: str, other: str) -> float:
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_colours_have_wcag_aa_contrast(theme: str) -> None:
    blocks = re.findall(r":root \{(.*?)\}", STYLESHEET.read_text(), re.DOTALL)
    colours = dict(re.findall(r"--([\w-]+): (#\w{6})", blocks[theme == "dark"]))
    grounds = {name: colours.pop(name) for name in ("page", "panel", "bad-panel")}
    colours.pop("line")

    poor = {
        (name, ground): round(_contrast(colour, behind), 2)
        for name, colour in colours.items()
        for ground, behind in grounds.items()
        if _contrast(colour, behind) < 4.5
    }

    assert len(colours) > 15
    assert poor == {}


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.416, "0.42 s"), (12.4, "12 s"), (185, "3 min 05 s"), (7620, "2 h 07 min")],
)
def test_durations_for_people(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text


def test_words_that_stand_for_a_picture_stay_words() -> None:
    said = 'E < 5 "GeV" & more'
    picture = shown({"image/png": "iVBORw0KGgo="})
    picture.metadata = {"image/png": {"alt": said, "width": 20}}

    images = page_of(code("1", picture)).select("main img")

    assert [(image["alt"], image["width"]) for image in images] == [(said, "20")]


def test_an_output_that_asks_for_a_frame_of_its_own_is_shown_without() -> None:
    """The page lets no frame load anything."""
    isolated = shown({"text/html": "<b>peak at 4</b>"})
    isolated.metadata = {"text/html": {"isolated": True}}

    page = page_of(code("1", isolated))

    assert page.select("main iframe") == []
    assert "peak at 4" in text_of(page)
