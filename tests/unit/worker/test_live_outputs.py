"""Outputs with scripts on pages that allow them (``--allow-scripts``): what runs, what does not."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from bs4 import BeautifulSoup

from nbbatch.model import Outcome, Record
from nbbatch.worker.displays import brings_bokeh, live_output, static_output
from nbbatch.worker.render import frame_page, render_page

OK = Record(point='p"><b>', key="k", attempt=1, outcome=Outcome.OK)
FIGURE = {"data": [{"type": "bar", "name": "</script><img src=x>"}], "layout": {"title": "t"}}


def shown(**data: Any) -> str:
    """The HTML of an output with these types."""
    bundle = {"html": "text/html", "js": "application/javascript", "png": "image/png"}
    bundle |= {"plotly": "application/vnd.plotly.v1+json", "text": "text/plain"}
    output = {"output_type": "display_data", "metadata": {}}
    made = live_output({**output, "data": {bundle[name]: what for name, what in data.items()}})
    ((mime, text),) = made["data"].items()
    return text if mime == "text/html" else mime


def test_what_brings_all_it_needs_runs() -> None:
    html = "<div id=a></div><script>a.textContent = 1</script>"
    assert shown(html=html, text="<Figure>") == html
    assert shown(js='print("</script>")') == '<script>print("<\\/script>")</script>'


def test_a_figure_of_plotly_waits_for_plotly_js() -> None:
    page = BeautifulSoup(shown(plotly=FIGURE, html="<script>other</script>"), "html.parser")
    assert len(page.select("script")) == 1 and not page.select("img")
    assert "nbbatchFigures.push" in page.script.text  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "html",
    [
        "<div></div><script src='https://cdn.jsdelivr.net/npm/vega@5'></script>",
        '<script type="text/javascript" src="//unpkg.com/x.js"></script>',
        '<div id=v></div><script>load("https://cdn.jsdelivr.net/npm/vega@5")</script>',
        '<script src="https://cdn.bokeh.org/bokeh-3.js"></script>',
    ],
)
def test_what_needs_a_network_is_a_picture_or_a_notice(html: str) -> None:
    assert shown(html=html, png="iVBORw0KGgo=") == "image/png"
    assert "needs JavaScript" in shown(html=html)


def test_a_library_inside_may_mention_addresses() -> None:
    html = f"<script>{'x' * 50_000}; topojson = 'https://cdn.jsdelivr.net/'</script>"
    assert shown(html=html) == html


def test_everything_else_is_as_without() -> None:
    assert "nothing here runs" in shown(html="<p>nothing here runs</p>")
    assert shown(png="iVBORw0KGgo=", text="<Figure>") == "image/png"


# What plotly 7.1, Bokeh 3.9, Altair 6.3 and ipywidgets 8.1 put into a notebook.
LIBRARIES = json.loads(Path(__file__).with_name("library_outputs.json").read_text())


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("bokeh says that it loads", ""),
        ("bokeh loads from the network", ""),
        ("bokeh's plot", "This Bokeh plot needs JavaScript: open executed.ipynb in Jupyter."),
        ("plotly loads from the network", ""),
        ("plotly's figure from the network", "This plotly figure needs JavaScript"),
        ("altair's chart", "This Vega chart needs JavaScript"),
        ("ipywidgets' slider", "This widget needs JavaScript"),
    ],
)
def test_what_libraries_draw_is_a_notice_without_its_library(name: str, said: str) -> None:
    bokeh = brings_bokeh(LIBRARIES.values())
    for made in (static_output(LIBRARIES[name]), live_output(LIBRARIES[name], bokeh=bokeh)):
        (text,) = made["data"].values() or [""]
        page = BeautifulSoup(text, "html.parser")
        assert (said in page.text) if said else not page.text
        assert not page.select("script")
    assert not page.select("a"), "a page in a sandbox leads nowhere"


def test_bokeh_draws_where_its_library_is_in_the_notebook() -> None:
    load = LIBRARIES["bokeh loads from the network"]
    inline = {
        "application/javascript": "root.Bokeh = …",
        "application/vnd.bokehjs_load.v0+json": "",
    }
    inside = {**load, "data": inline}
    assert brings_bokeh([LIBRARIES["bokeh's plot"], inside])
    for name in ("bokeh says that it loads", "bokeh's plot"):
        assert "needs JavaScript" not in live_output(LIBRARIES[name])["data"]["text/html"]


def page(scripts: bool) -> BeautifulSoup:
    output = nbformat.v4.new_output("display_data", {"text/html": "<p>x</p><script>1</script>"})
    nb = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("x", outputs=[output])])
    href = "../../report/assets/notebook.css"
    options = {"title": "p", "subtitle_params": {}, "record": OK, "stylesheet_href": href}
    return BeautifulSoup(render_page(nb, **options, scripts=scripts), "html.parser")


def policy(soup: BeautifulSoup) -> str:
    return str(soup.select("meta[http-equiv]")[0]["content"])


def test_scripts_are_allowed_only_where_asked_for() -> None:
    assert "script-src" not in policy(page(False)) and not page(False).select("script")
    live = policy(page(True))
    assert "script-src" in live and "connect-src" not in live and "http" not in live
    assert len(page(True).select("main script")) == 1


def test_the_frame_runs_nothing_but_its_own() -> None:
    soup = BeautifulSoup(frame_page(OK, "../../report/assets/notebook.css"), "html.parser")
    (frame,) = soup.select("iframe")
    assert "allow-scripts" in frame["sandbox"] and "allow-same-origin" not in frame["sandbox"]
    assert frame["src"] == "notebook.live.html" and not soup.select("b")
    outside, own = soup.select("script")
    assert outside["src"] == "../../report/assets/live.js"
    digest = base64.b64encode(hashlib.sha256(own.text.encode()).digest()).decode()
    assert re.findall(r"'sha256-([^']+)'", policy(soup)) == [digest]
    assert "unsafe-inline" not in policy(soup).partition("script-src")[2].partition(";")[0]
