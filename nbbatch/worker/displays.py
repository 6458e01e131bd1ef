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
from collections.abc import Mapping, Sequence
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
_LOADS = re.compile(
    r"""<script[^>]*\ssrc\s*=\s*["']?(?:https?:)?//|https://cdn\.(?:jsdelivr|bokeh|holoviz)|//unpkg\."""
)
_END_OF_SCRIPT = re.compile("</(?=script)", re.IGNORECASE)

OUTPUT_TYPES = ("stream", "error", "display_data", "execute_result")
PICTURES = ("image/svg+xml", "image/png", "image/jpeg", "image/gif", "image/webp")
RECORDS = (RECORD_MIME, SCRAP_MIME, PAPERMILL_MIME)
_SCRIPTED = ("application/javascript", "application/vnd.", "application/x-")


def static_output(output: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``output`` as the page shows it; the original is not changed."""
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
        shown["data"] = _static_bundle(output.get("data") or {})
        shown["metadata"] = dict(output.get("metadata") or {})
        if kind == "execute_result":
            count = output.get("execution_count")
            shown["execution_count"] = count if isinstance(count, int) else None
    return shown


def live_output(output: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``output`` as a page shows it whose outputs may run scripts.

    That is what a library made for pages without a server: plotly's figures, and HTML and
    JavaScript with all that they need inside. Everything else is as in ``static_output``.
    """
    data = output.get("data") or {}
    live = (
        _live_html(data) if output.get("output_type") in ("display_data", "execute_result") else ""
    )
    if not live:
        return static_output(output)
    return static_output({**output, "data": {}}) | {"data": {"text/html": live}}


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


def _static_bundle(data: Mapping[str, Any]) -> dict[str, str]:
    """Choose of a mime bundle what can be shown without scripts: one type, one text."""
    html = _joined(data.get("text/html"))
    scripted = _needs_scripts(data, html)
    if html and not scripted:
        if len(html) <= HTML_LIMIT:
            return {"text/html": balanced_html(html)}
        return _notice(f"This HTML output ({len(html) / 1e6:.1f} MB) is too large", data)
    for mime in PICTURES:
        if picture := _joined(data.get(mime)):
            return _picture(mime, picture)
    if scripted:
        return _notice(f"This output ({scripted}) needs JavaScript", data)
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
    return _notice(f"This output ({', '.join(data)}) cannot be shown here", {}) if data else {}


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


def _notice(reason: str, data: Mapping[str, Any]) -> dict[str, str]:
    """Say why an output is not shown, and where it is, with its text if it has one."""
    text = readable_text(_joined(data.get("text/plain")))
    where = f'open <a href="{PointFiles.EXECUTED}">{PointFiles.EXECUTED}</a> in Jupyter'
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
