"""A point's page: the executed notebook as one HTML file that needs no scripts.

nbconvert renders the cells (its ``basic`` template, 1 kB where ``lab`` is 280 kB); the
frame around them, with the point's parameters, metrics and errors, is ours. All pages of
a sweep share one stylesheet. The page opens from ``file://``, and its
Content-Security-Policy forbids scripts, frames, forms and the network.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import PurePosixPath
from typing import Any

import jinja2
from nbconvert.exporters.html import HTMLExporter
from nbconvert.exporters.templateexporter import TemplateExporter
from nbconvert.filters.highlight import Highlight2HTML
from nbformat import NotebookNode

from ..model import Cause, Outcome, PointFiles, Record, Value
from .displays import balanced_html, static_output

SECURITY_POLICY = (
    "default-src 'none'; img-src data: 'self' file:; media-src data:; font-src data:; "
    "style-src 'self' 'unsafe-inline' file:; form-action 'none'; base-uri 'none'"
)
"""``file:`` beside ``'self'``: browsers disagree on what ``'self'`` is on file://.

``'unsafe-inline'`` styles: pandas tables and ANSI colours carry them.
"""

_CAUSES: dict[Cause, str] = {
    Cause.CELL_ERROR: "a cell raised an error",
    Cause.CELL_TIMEOUT: "a cell ran longer than the cell timeout",
    Cause.NOTEBOOK_TIMEOUT: "the notebook ran longer than the timeout",
    Cause.KERNEL_DIED: "the kernel died",
    Cause.OUT_OF_MEMORY: "the kernel was killed because memory ran out",
    Cause.KERNEL_START: "the kernel did not start",
    Cause.NOTEBOOK_INVALID: "the notebook cannot be executed",
    Cause.SIGNALLED: "the worker was told to stop",
    Cause.WORKER_ERROR: "the worker failed, not the notebook",
}

_MARKER_TAG = "papermill-error-cell-tag"  # papermill's own banner: ours says more


def render_page(
    nb: NotebookNode,
    *,
    title: str,
    subtitle_params: Mapping[str, Value],
    record: Record,
    stylesheet_href: str,
    hide_input: bool = False,
) -> str:
    """Render the page of one point as HTML text.

    ``stylesheet_href`` is relative to the page; the report's index is taken to be in the
    parent of the stylesheet's folder. ``nb`` is not changed. ``hide_input`` leaves the
    code of all cells out.
    """
    cells, errors = _prepared_cells(nb, record)
    shown = NotebookNode(nb, cells=cells)
    body, _ = _exporter(hide_input).from_notebook_node(shown)
    page = _frame().render(
        title=title,
        policy=SECURITY_POLICY,
        stylesheet=stylesheet_href,
        report=str(PurePosixPath(stylesheet_href).parent.parent / "index.html"),
        record=record,
        facts=_facts(record),
        params={name: value_text(value) for name, value in subtitle_params.items()},
        metrics={name: value_text(value) for name, value in record.metrics.items()},
        errors=errors,
        expected=record.outcome is Outcome.OK,
        truncated=[_prompt(nb.cells[i], i) for i in record.truncated if i < len(nb.cells)],
        files=PointFiles,
        body=body,
    )
    return _encodable(page)


def value_text(value: Value) -> str:
    """Write a parameter or metric for a person: strings bare, all else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _prepared_cells(
    nb: NotebookNode, record: Record
) -> tuple[list[NotebookNode], list[dict[str, str]]]:
    """Copy the cells as the page shows them; list its errors as anchor and text.

    An error is an error output, or the cell that the record blames (a timeout or a dead
    kernel leaves no output).
    """
    cells: list[NotebookNode] = []
    errors: list[dict[str, str]] = []
    blamed = record.failure.cell if record.failure else None
    for index, cell in enumerate(nb.cells):
        tags = cell.get("metadata", {}).get("tags") or ()
        if _MARKER_TAG in tags:
            continue
        shown = NotebookNode(cell, metadata=NotebookNode(cell.get("metadata") or {}))
        shown.metadata["tags"] = [tag for tag in tags if isinstance(tag, str)]
        if cell.cell_type == "code":
            outputs = [NotebookNode(static_output(o)) for o in cell.get("outputs") or ()]
            shown["outputs"] = outputs
            raised = [o for o in outputs if o.get("output_type") == "error"]
            if raised or index == blamed:
                anchor = f"error-{len(errors) + 1}"
                shown.metadata["nbbatch_anchor"] = anchor
                text = _error_text(raised, record)
                errors.append({"anchor": anchor, "cell": _prompt(cell, index), "text": text})
        cells.append(shown)
    return cells, errors


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
    facts = {
        "why": _CAUSES.get(record.cause, ""),
        "took": duration_text(record.seconds),
        "started": record.started.replace("T", " ").replace("+00:00", " UTC"),
        "on": record.host,
        "kernel": " · ".join(part for part in (record.kernel, record.python) if part),
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


def memory_text(size: int | None) -> str:
    """Write a number of bytes for a person, in powers of 1000; "" for None."""
    if size is None:
        return ""
    for unit, scale in (("GB", 1e9), ("MB", 1e6)):
        if size >= scale:
            return f"{size / scale:.3g} {unit}" if size < 1000 * scale else f"{size / scale:.0f} GB"
    return f"{size / 1e3:.3g} kB"


def _encodable(page: str) -> str:
    """Replace lone surrogates, which JSON can carry and UTF-8 cannot."""
    try:
        page.encode()
    except UnicodeEncodeError:
        return page.encode("utf-8", "replace").decode()
    return page


class _CellsExporter(HTMLExporter):
    """nbconvert's HTML exporter without its last step.

    That step parses the whole page with BeautifulSoup once more, to add ``alt`` texts
    (our template has them): 4 s for 5 MB.
    """

    def from_notebook_node(
        self, nb: NotebookNode, resources: dict[str, Any] | None = None, **options: Any
    ) -> tuple[str, dict[str, Any]]:
        language = nb.metadata.get("language_info", {})
        lexer = language.get("pygments_lexer", language.get("name"))
        self.register_filter("highlight_code", Highlight2HTML(pygments_lexer=lexer, parent=self))
        self.register_filter("balanced_html", balanced_html)
        resources = self._init_resources(resources)
        return TemplateExporter.from_notebook_node(self, nb, resources, **options)


@lru_cache(maxsize=2)
def _exporter(hide_input: bool) -> _CellsExporter:
    """Make the exporter once a process: its templates cost more than a page."""
    exporter = _CellsExporter(
        template_name="basic",
        raw_template=_CELLS,
        exclude_input=hide_input,
    )
    # The outputs are chosen in ``displays``: each bundle has one type left.
    exporter.register_filter("filter_data_type", list)
    return exporter


@lru_cache(maxsize=1)
def _frame() -> jinja2.Template:
    return jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string(
        _PAGE
    )


# nbconvert's environment does not escape: what comes from the notebook is escaped here,
# except HTML and Markdown, which are meant to be markup.
_CELLS = """\
{%- extends 'basic/index.html.j2' -%}
{% from 'cell_id_anchor.j2' import cell_id_anchor %}
{% block codecell %}
{% set anchor = cell.metadata.nbbatch_anchor %}
<section {{ cell_id_anchor(cell) }} class="cell code{{ ' failing' if anchor }}">
{% if anchor %}<a class="anchor" id="{{ anchor }}"></a>{% endif %}
{% if 'injected-parameters' in cell.metadata.tags %}
<p class="label">parameters of this point</p>
{% elif 'parameters' in cell.metadata.tags %}
<p class="label">defaults of the parameters</p>
{% endif %}
{{ super.super() }}
</section>
{% endblock codecell %}
{% block input %}
<div class="source" tabindex="0">{{ cell.source | highlight_code(metadata=cell.metadata) }}</div>
{% endblock input %}
{% block output_group %}
<div class="outputs">{{ self.outputs() }}</div>
{% endblock output_group %}
{% block markdowncell scoped %}
<section {{ cell_id_anchor(cell) }} class="cell markdown">
{{ cell.source | markdown2html | strip_files_prefix | balanced_html }}
</section>
{% endblock markdowncell %}
{% block data_markdown scoped %}
<div class="rendered_html">{{ output.data['text/markdown'] | markdown2html | balanced_html }}</div>
{% endblock data_markdown %}
{% macro picture(mime, content, encoded) %}
<img src="data:{{ mime }};base64,{{ encoded | escape_html }}"
 alt="output of cell {{ cell.execution_count or '' }}"
{%- set size = output.metadata.get(mime) or {} %}
{%- if size.width %} width="{{ size.width | escape_html }}"{% endif %}
{%- if size.height %} height="{{ size.height | escape_html }}"{% endif %}>
{% endmacro %}
"""

_PAGE = ""
