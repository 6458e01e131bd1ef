"""What a notebook's output shows on a page without scripts (pure).

Each output becomes one that nbconvert's template renders as it is: a picture, balanced
HTML, Markdown, TeX or text of a bearable size. What only a script could draw is replaced
by a notice that says so, never by nothing.

Nothing here is a sanitizer: the page's Content-Security-Policy is what keeps scripts from
running. ``<script>`` elements are dropped for size, stray end tags so that one output
cannot swallow the cells below it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from bs4 import BeautifulSoup

from ..model import RECORD_MIME, PointFiles
from .metrics import PAPERMILL_MIME, SCRAP_MIME

TEXT_LIMIT = 256_000
"""Characters of one text output on the page; the rest is in ``output.log``."""

HTML_LIMIT = 1_000_000
"""Characters of one HTML output on the page: it costs the parser about 1 s."""

LIVE_LIMIT = 50_000_000
"""Characters of an output with scripts: a library is inside."""

PLOTLY_MIME = "application/vnd.plotly.v1+json"
PLOTLY_CLASS = "nbbatch-plotly"
BOKEH_LOAD_MIME = "application/vnd.bokehjs_load.v0+json"
BOKEH_EXEC_MIME = "application/vnd.bokehjs_exec.v0+json"
_LOADS = re.compile(
    r"""<script[^>]*\ssrc\s*=\s*["']?(?:https?:)?//|import\s*["']https?://"""
    r"""|https://cdn\.(?:jsdelivr|bokeh|holoviz|plot\.ly)|//unpkg\."""
)
_PLOTLY_SETUP = re.compile(r"\s*<script[^>]*>\s*window\.PlotlyConfig")
_LIBRARIES = {
    "plotly": "plotly figure",
    "vega": "Vega chart",
    "bokeh": "Bokeh plot",
    "jupyter.widget": "widget",
}
"""What a reader calls an output in whose type or code such a word is."""

_LOADING_BOKEH = 'class="bk-notebook-logo"'

_END_OF_SCRIPT = re.compile("</(?=script)", re.IGNORECASE)

OUTPUT_TYPES = ("stream", "error", "display_data", "execute_result")
PICTURES = ("image/svg+xml", "image/png", "image/jpeg", "image/gif", "image/webp")
RECORDS = (RECORD_MIME, SCRAP_MIME, PAPERMILL_MIME)
_SCRIPTED = ("application/javascript", "application/vnd.", "application/x-")


def static_output(output: Mapping[str, Any], *, live: bool = False) -> dict[str, Any]:
    """Return ``output`` as the page shows it; the original is not changed.

    ``live`` is of a page in a sandbox: it leads nowhere, and its frame has the links.
    """
    kind = output.get("output_type")
    shown: dict[str, Any] = {"output_type": kind}
    if kind == "stream":
        shown["name"] = "stderr" if output.get("name") == "stderr" else "stdout"
        shown["text"] = readable_text(_joined(output.get("text", "")))
    elif kind == "error":
        name, value = str(output.get("ename", "Error")), str(output.get("evalue", ""))
        lines = [line for line in output.get("traceback") or () if isinstance(line, str)]
        shown.update(ename=name, evalue=value)
        shown["traceback"] = [readable_text("\n".join(lines) or f"{name}: {value}")]
    else:
        shown["data"] = _static_bundle(output.get("data") or {}, live)
        shown["metadata"] = dict(output.get("metadata") or {})
        # HTML may ask there for a frame of its own, in which the page would show nothing.
        shown["metadata"].pop("text/html", None)
        if kind == "execute_result":
            count = output.get("execution_count")
            shown["execution_count"] = count if isinstance(count, int) else None
    return shown


def live_output(output: Mapping[str, Any], *, bokeh: bool = True) -> dict[str, Any]:
    """Return ``output`` as a page shows it whose outputs may run scripts.

    That is what a library made for pages without a server: plotly's figures, and HTML and
    JavaScript with all that they need inside. Everything else is as in ``static_output``.
    ``bokeh``: Bokeh's library is in another output, so its plots can be drawn.
    """
    data = output.get("data") or {}
    live = ""
    if output.get("output_type") in ("display_data", "execute_result"):
        live = "" if BOKEH_EXEC_MIME in data and not bokeh else _live_html(data)
        if bokeh and _LOADING_BOKEH in _joined(data.get("text/html")):
            live = _joined(data["text/html"])  # what the library writes into when it has loaded
    if not live:
        return static_output(output, live=True)
    return static_output({**output, "data": {}}) | {"data": {"text/html": live}}


def brings_bokeh(outputs: Iterable[Mapping[str, Any]]) -> bool:
    """Whether one of the outputs is Bokeh's library itself, not the way to it."""
    loads = [
        _joined((output.get("data") or {}).get("application/javascript"))
        for output in outputs
        if BOKEH_LOAD_MIME in (output.get("data") or {})
    ]
    return any(code and not _from_network(code) for code in loads)


def _live_html(data: Mapping[str, Any]) -> str:
    """What runs, of a mime bundle; "" when nothing does, or only with a network."""
    figure = data.get(PLOTLY_MIME)
    if isinstance(figure, Mapping) and isinstance(figure.get("data"), list):
        rest = [figure.get(name) or {} for name in ("layout", "config")]
        facts = json.dumps([figure["data"], *rest]).replace("<", "\\u003c")
        place = "document.currentScript.previousElementSibling"
        return f"<div></div><script>nbbatchFigures.push([{place}, ...{facts}])</script>"
    html = _joined(data.get("text/html"))
    if "<script" in html.lower() and len(html) <= LIVE_LIMIT and not _from_network(html):
        return html
    script = _joined(data.get("application/javascript"))
    if script and len(script) <= LIVE_LIMIT and not _from_network(script):
        whole = _END_OF_SCRIPT.sub(r"<\\/", script)
        return f"<script>{whole}</script>"
    return ""


def _from_network(code: str) -> bool:
    # At the beginning: a library that is inside mentions addresses, too.
    return bool(_LOADS.search(code[:20_000]))


def readable_text(text: str) -> str:
    """Return ``text`` as a terminal leaves it (CR overwrites), its middle cut if long."""
    if len(text) > TEXT_LIMIT:
        head, tail = TEXT_LIMIT * 2 // 3, TEXT_LIMIT // 3
        cut = f"{len(text) - head - tail:,} characters are left out here: see {PointFiles.LOG}"
        text = f"{text[:head]}\n… {cut} …\n{text[-tail:]}"
    if "\r" in text:
        text = "\n".join(_overwritten(line) for line in text.split("\n"))
    return text


def balanced_html(html: str) -> str:
    """Return ``html`` with its elements closed and without what acts outside of it."""
    return str(_parsed(html)) if "<" in html else html


def _static_bundle(data: Mapping[str, Any], live: bool) -> dict[str, str]:
    """Choose of a mime bundle what can be shown without scripts: one type, one text."""
    html = _joined(data.get("text/html"))
    if _sets_up(data, html):
        return {}
    scripted = _needs_scripts(data, html)
    if html and not scripted:
        if len(html) <= HTML_LIMIT:
            return {"text/html": balanced_html(html)}
        return _notice(f"This HTML output ({len(html) / 1e6:.1f} MB) is too large", data, live)
    for mime in PICTURES:
        if picture := _joined(data.get(mime)):
            return _picture(mime, picture)
    if scripted:
        return _notice(f"{_called(data, html, scripted)} needs JavaScript", data, live)
    for mime in ("text/markdown", "text/latex", "text/plain"):
        if text := _joined(data.get(mime)):
            return {mime: readable_text(text)}
    if any(mime in data for mime in RECORDS):
        return {"text/html": f'<p class="recorded">{escape(_recorded(data))}</p>'}
    for mime, content in data.items():
        if mime.startswith("text/") and _joined(content):
            return {"text/plain": readable_text(_joined(content))}
        if mime.endswith("json") and not mime.startswith(_SCRIPTED):
            return {"text/plain": readable_text(json.dumps(content, indent=1, default=str))}
    said = f"This output ({', '.join(data)}) cannot be shown here"
    return _notice(said, {}, live) if data else {}


def _sets_up(data: Mapping[str, Any], html: str) -> bool:
    """Whether an output only loads a library: the figures that need it say what is missing."""
    if BOKEH_LOAD_MIME in data or _LOADING_BOKEH in html:
        return True
    return _PLOTLY_SETUP.match(html) is not None and "plotly-graph-div" not in html


def _called(data: Mapping[str, Any], html: str, mime: str) -> str:
    """What a reader calls the output: ``This plotly figure``."""
    words = f"{' '.join(data)} {html[:20_000]}".lower()
    known = next((name for word, name in _LIBRARIES.items() if word in words), "")
    return f"This {known}" if known else f"This output ({mime})"


def _needs_scripts(data: Mapping[str, Any], html: str) -> str:
    """Return the mime type that only a script can draw, where nothing else is shown."""
    if html:
        return "text/html" if "<script" in html.lower() and _shows_nothing(html) else ""
    return next((m for m in data if m.startswith(_SCRIPTED) and m not in RECORDS), "")


def _shows_nothing(html: str) -> bool:
    if len(html) > HTML_LIMIT:
        return True  # a bundled library; not worth parsing
    soup = _parsed(html)
    drawn = soup.find(["img", "svg", "table", "video", "audio", "hr", "p"])
    return drawn is None and not soup.get_text(strip=True)


def _parsed(html: str) -> BeautifulSoup:
    soup = BeautifulSoup(html, "html.parser")
    for element in soup.find_all(["script", "base", "meta", "link", "noscript"]):
        element.decompose()
    for frame in soup.find_all(["iframe", "object", "embed"]):
        source = str(frame.get("src") or frame.get("data") or "inline")
        notice = soup.new_tag("p", attrs={"class": "notice"})
        notice.string = f"An embedded page is not shown here: {source[:200]}"
        frame.replace_with(notice)
    return soup


def _picture(mime: str, content: str) -> dict[str, str]:
    if mime in ("image/gif", "image/webp"):  # nbconvert has no block for them
        return {"text/html": f'<img alt="" src="data:{mime};base64,{escape(content)}">'}
    return {mime: content}


def _notice(reason: str, data: Mapping[str, Any], live: bool) -> dict[str, str]:
    """Say why an output is not shown, and where it is, with its text if it has one."""
    text = readable_text(_joined(data.get("text/plain")))
    name = PointFiles.EXECUTED
    where = f"open {name} in Jupyter" if live else f'open <a href="{name}">{name}</a> in Jupyter'
    below = f"<pre>{escape(text)}</pre>" if text else ""
    return {"text/html": f'<p class="notice">{escape(reason)}: {where}.</p>{below}'}


def _recorded(data: Mapping[str, Any]) -> str:
    for mime in RECORDS:
        content = data.get(mime)
        if mime == PAPERMILL_MIME and isinstance(content, Mapping):
            return "recorded " + ", ".join(f"{k} = {json.dumps(v)}" for k, v in content.items())
        if isinstance(content, Mapping):
            value = content.get("value", content.get("data"))
            return f"recorded {content.get('name')} = {json.dumps(value, default=str)[:500]}"
    return "recorded"


def _joined(text: Any) -> str:
    """Join a multi-line string of the notebook format; "" for what is no text."""
    if isinstance(text, str):
        return text
    if isinstance(text, Sequence) and all(isinstance(line, str) for line in text):
        return "".join(text)
    return ""


def _overwritten(line: str) -> str:
    """Return what a terminal shows of a line with carriage returns."""
    shown = ""
    for part in line.rstrip("\r").split("\r"):
        shown = part + shown[len(part) :]
    return shown
