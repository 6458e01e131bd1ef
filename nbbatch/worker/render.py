"""A point's page: the executed notebook as one HTML file that needs no scripts.

nbconvert renders the cells (its ``basic`` template, 1 kB where ``lab`` is 280 kB); the
frame around them, with the point's parameters, metrics and errors, is ours. All pages of
a sweep share one stylesheet. The page opens from ``file://``, and its
Content-Security-Policy forbids scripts, frames, forms and the network.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from importlib.resources import files
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote

import jinja2
from nbconvert.exporters.html import HTMLExporter
from nbconvert.exporters.templateexporter import TemplateExporter
from nbconvert.filters.highlight import Highlight2HTML
from nbformat import NotebookNode

from ..model import SUMMARY, Cause, Outcome, PointFiles, Record, Value
from .displays import OUTPUT_TYPES, balanced_html, brings_bokeh, live_output, static_output
from .maths import latex_html, markdown_html
from .parameters_cell import source_of, tags_of
from .units import memory_text

SECURITY_POLICY = (
    "default-src 'none'; img-src data: 'self' file:; media-src data:; font-src data:; "
    "style-src 'self' 'unsafe-inline' file:; form-action 'none'; base-uri 'none'"
)
"""``file:`` beside ``'self'``: browsers disagree on what ``'self'`` is on file://.

``'unsafe-inline'`` styles: pandas tables and ANSI colours carry them.
"""

LIVE_POLICY = SECURITY_POLICY + "; script-src 'unsafe-inline' 'unsafe-eval' 'self' file:"
"""Of a page with ``--allow-scripts``: what it runs reaches neither network nor frames."""

_CAUSES: dict[Cause, str] = {
    Cause.CELL_ERROR: "a cell raised an error",
    Cause.CELL_TIMEOUT: "a cell ran longer than the cell timeout",
    Cause.NOTEBOOK_TIMEOUT: "the notebook ran longer than the timeout",
    Cause.KERNEL_DIED: "the kernel died",
    Cause.OUT_OF_MEMORY: "the kernel was killed because memory ran out",
    Cause.KERNEL_START: "the kernel did not start",
    Cause.NOTEBOOK_INVALID: "the notebook cannot be executed",
    Cause.WALLTIME: "the job's time was over",
    Cause.SIGNALLED: "the worker was told to stop",
    Cause.WORKER_ERROR: "the worker failed, not the notebook",
}

Show = Callable[[NotebookNode], dict[str, Any]]
"""An output as it becomes one that the page can show."""

_MARKER_TAG = "papermill-error-cell-tag"  # papermill's own banner: ours says more


def render_page(
    nb: NotebookNode,
    *,
    title: str,
    subtitle_params: Mapping[str, Value],
    record: Record,
    stylesheet_href: str,
    hide_input: bool = False,
    scripts: bool = False,
) -> str:
    """Render the page of one point as HTML text.

    ``stylesheet_href`` is relative to the page; the report's index is taken to be in the
    parent of the stylesheet's folder. ``nb`` is not changed. ``hide_input`` leaves the
    code of all cells out. With ``scripts`` outputs may run theirs: the page is to be seen
    in the sandbox of ``frame_page``.
    """
    cells, errors = _prepared_cells(nb, record, scripts)
    shown = NotebookNode(nbformat=4, nbformat_minor=5, metadata=_bare_metadata(nb), cells=cells)
    body = _rendered_cells(shown, hide_input)
    page = _frame("page.html.j2").render(
        title=title,
        policy=LIVE_POLICY if scripts else SECURITY_POLICY,
        live=_template("live.js") if scripts else "",
        stylesheet=stylesheet_href,
        report=_report_href(stylesheet_href, record.point),
        outcome=record.outcome.value,
        record=record,
        facts=_facts(record),
        params={name: value_text(value) for name, value in subtitle_params.items()},
        metrics={name: value_text(value) for name, value in record.metrics.items()},
        errors=errors,
        truncated=[_prompt(nb.cells[i], i) for i in record.truncated if i < len(nb.cells)],
        names=PointFiles,
        body=body,
    )
    return _encodable(page)


def frame_page(record: Record, stylesheet_href: str) -> str:
    """The page that shows the one with scripts: in a sandbox, as of no origin.

    ``live.js`` beside the stylesheet hands in what a page in a sandbox cannot load.
    """
    script = _template("frame.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    page = _frame("frame.html.j2").render(
        title=record.point,
        stylesheet=stylesheet_href,
        report=_report_href(stylesheet_href, record.point),
        assets=str(PurePosixPath(stylesheet_href).with_name("live.js")),
        names=PointFiles,
        script=script,
        hash=f"sha256-{digest}",
    )
    return _encodable(page)


def _report_href(stylesheet_href: str, point: str) -> str:
    """The report's view of the point, which leads to its neighbours along each axis."""
    index = PurePosixPath(stylesheet_href).parent.parent / "index.html"
    return str(index) if point == SUMMARY else f"{index}#point={quote(point, safe='')}"


def value_text(value: Value) -> str:
    """Write a parameter or metric for a person: strings bare, all else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _prepared_cells(
    nb: NotebookNode, record: Record, scripts: bool
) -> tuple[list[NotebookNode], list[dict[str, Any]]]:
    """Copy the cells as the page shows them; list its errors as anchor and text.

    An error is an error output, or the cell that the record blames (a timeout or a dead
    kernel leaves no output).
    """
    cells: list[NotebookNode] = []
    errors: list[dict[str, Any]] = []
    blamed = record.failure.cell if record.failure else None
    show: Show = static_output
    if scripts:
        every = (output for cell in nb.cells for output in cell.get("outputs") or ())
        show = partial(live_output, bokeh=brings_bokeh(every))
    for index, cell in enumerate(nb.cells):
        shown = _bare_cell(cell, index, show)
        if _MARKER_TAG in shown.metadata.tags:
            continue
        raised = [o for o in shown.get("outputs", ()) if o.output_type == "error"]
        if raised or index == blamed:
            shown.metadata.nbbatch_anchor = f"error-{len(errors) + 1}"
            text = _error_text(raised, record)
            if not raised:
                shown.metadata.nbbatch_note = text
            errors.append(
                {
                    "anchor": shown.metadata.nbbatch_anchor,
                    "cell": _prompt(cell, index),
                    "text": text,
                    "expected": record.outcome is Outcome.OK
                    or (index != blamed and "raises-exception" in shown.metadata.tags),
                }
            )
        cells.append(shown)
    return cells, errors


def _bare_cell(cell: NotebookNode, index: int, show: Show) -> NotebookNode:
    """Copy of a cell what the page shows: nbconvert refuses a notebook with odd extras.

    The ids are new: equal ones, which hand-made notebooks have, are warned of.
    """
    kind = cell.get("cell_type")
    shown = NotebookNode(
        id=f"cell-{index}",
        cell_type=kind if kind in ("code", "markdown") else "raw",
        metadata=NotebookNode(tags=tags_of(cell)),
        source=source_of(cell),
    )
    if kind == "code":
        count = cell.get("execution_count")
        shown.execution_count = count if isinstance(count, int) else None
        shown.outputs = [
            NotebookNode(show(output))
            for output in cell.get("outputs") or ()
            if output.get("output_type") in OUTPUT_TYPES
        ]
    elif kind == "markdown":
        shown.attachments = cell.get("attachments") or {}
    return shown


def _bare_metadata(nb: NotebookNode) -> NotebookNode:
    """Copy of the notebook's metadata what the highlighter needs."""
    language = nb.get("metadata", {}).get("language_info") or {}
    name = str(language.get("name", "python"))
    lexer = language.get("pygments_lexer")
    lexer = lexer if isinstance(lexer, str) else {"python": "ipython3"}.get(name, name)
    return NotebookNode(language_info=NotebookNode(name=name, pygments_lexer=lexer))


def _error_text(raised: list[NotebookNode], record: Record) -> str:
    if raised:
        return _short(f"{raised[0].get('ename', 'Error')}: {raised[0].get('evalue', '')}")
    failure = record.failure
    return _short(f"{failure.name}: {failure.value}") if failure else record.cause.value


def _prompt(cell: NotebookNode, index: int) -> str:
    count = cell.get("execution_count")
    return f"In [{count}]" if count is not None else f"cell {index + 1}"


def _short(text: str) -> str:
    line = (text.strip().splitlines() or [""])[0]
    return line if len(line) <= 300 else f"{line[:299]}…"


def _facts(record: Record) -> dict[str, str]:
    """What the head of the page says about the run, in words."""
    # For other languages ``python`` is the worker's.
    python = f"(Python {record.python})" if record.python and record.language == "python" else ""
    facts = {
        "why": _CAUSES.get(record.cause, ""),
        "took": duration_text(record.seconds),
        "started": f"{record.started[:19].replace('T', ' ')} UTC" if record.started else "",
        "on": record.host,
        "kernel": f"{record.kernel} {python}".strip(),
        "peak memory": memory_text(record.peak_memory),
        "attempt": str(record.attempt) if record.attempt > 1 else "",
    }
    return {name: text for name, text in facts.items() if text}


def duration_text(seconds: float) -> str:
    """Write a duration for a person: ``0.42 s``, ``12 s``, ``3 min 05 s``, ``2 h 07 min``."""
    if seconds < 10:
        return f"{seconds:.2f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes == 0:
        return f"{rest} s"
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def _encodable(page: str) -> str:
    """Replace lone surrogates, which JSON can carry and UTF-8 cannot."""
    try:
        page.encode()
    except UnicodeEncodeError:
        return page.encode("utf-8", "replace").decode()
    return page


def _rendered_cells(nb: NotebookNode, hide_input: bool) -> str:
    exporter = _exporter(hide_input)
    lexer = nb.metadata.language_info.pygments_lexer
    exporter.register_filter("highlight_code", partial(_highlighted, lexer))
    # Not HTMLExporter's own method: it parses the whole page with BeautifulSoup once more,
    # to add ``alt`` texts (our template has them), at 2 s for each MB.
    body, _ = TemplateExporter.from_notebook_node(exporter, nb, exporter._init_resources({}))
    return str(body)


def _highlighted(lexer: str, source: str, metadata: Mapping[str, Any]) -> str:
    return _highlight(lexer, str(metadata.get("magics_language", "")), source)


@lru_cache(maxsize=1_000)
def _highlight(lexer: str, magic: str, source: str) -> str:
    """Code in colours; that of a sweep is the same in nearly all points."""
    metadata = {"magics_language": magic} if magic else None
    return str(Highlight2HTML(pygments_lexer=lexer)(source, metadata=metadata))


@lru_cache(maxsize=2)
def _exporter(hide_input: bool) -> Any:
    """Make the exporter once a process: its templates cost ten times a page."""
    exporter = HTMLExporter(
        template_name="basic",
        raw_template=_template("cells.html.j2"),
        exclude_input=hide_input,
        optimistic_validation=True,  # once, not after each preprocessor
    )
    exporter.register_filter("balanced_html", balanced_html)
    exporter.register_filter("markdown2html", markdown_html)
    exporter.register_filter("latex_html", latex_html)
    # The outputs are chosen in ``displays``: each bundle has one type left.
    exporter.register_filter("filter_data_type", sorted)
    return exporter


@lru_cache(maxsize=2)
def _frame(name: str) -> jinja2.Template:
    loader = jinja2.FunctionLoader(_template)
    environment = jinja2.Environment(
        loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template(name)


def _template(name: str) -> str:
    # importlib.resources: the worker may run from a zip file.
    return files(__package__).joinpath("templates", name).read_text("utf-8")
