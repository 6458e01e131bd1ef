r"""Formulas as MathML, which browsers draw by themselves: no MathJax, no network.

TeX in Markdown cells (``$…$``, ``$$…$$``, ``\begin{align}…``) and in outputs of the type
``text/latex``. What cannot be translated stays as it was written.
"""

from __future__ import annotations

import re
from html import escape, unescape
from typing import Any
from xml.etree import ElementTree

from jinja2 import pass_context
from jinja2.runtime import Context
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

LONGEST = 5_000
"""Characters of one formula; the translation's time grows with their square."""

_FORBIDDEN = frozenset({"href", "style", "class", "id"})
_PARTS = re.compile(
    r"\$\$(?P<block>.+?)\$\$|\\\[(?P<display>.+?)\\\]|(?<!\\)\$(?P<inline>.+?)(?<!\\)\$"
    r"|\\\((?P<round>.+?)\\\)|(?P<environment>\\begin\{(?P<name>\w+\*?)\}.*?\\end\{(?P=name)\})",
    re.DOTALL,
)


def mathml(tex: str, *, block: bool, source: str) -> str:
    """The formula as an element of HTML; ``source`` (with its delimiters) if that fails."""
    try:
        # Imported here: most notebooks have no formula, and a node may be without it.
        from latex2mathml.converter import convert_to_element

        if len(tex) > LONGEST:
            raise ValueError("too long")
        formula = convert_to_element(tex, display="block" if block else "inline")
        for element in formula.iter():
            # Its texts have character references, and what the notebook said as it is.
            element.text = unescape(element.text) if element.text else None
            for name in _FORBIDDEN.intersection(element.attrib):
                del element.attrib[name]
        formula.set("alttext", tex)
        return ElementTree.tostring(formula, encoding="unicode", short_empty_elements=False)
    except Exception:  # of any kind, nesting too deep among them: TeX is endless
        return f'<code class="tex">{escape(source)}</code>'


class _Renderer(IPythonRenderer):
    def block_math(self, body: str) -> str:
        return mathml(body, block=True, source=f"$${body}$$")

    def inline_math(self, body: str) -> str:
        return mathml(body, block=False, source=f"${body}$")

    def latex_environment(self, name: str, body: str) -> str:
        text = f"\\begin{{{name}}}{body}\\end{{{name}}}"
        return mathml(text, block=True, source=text)


@pass_context
def markdown_html(context: Context, source: str) -> str:
    """Markdown as HTML: nbconvert's own filter, but for the formulas."""
    cell: Any = context.get("cell", {})
    renderer = _Renderer(escape=False, attachments=cell.get("attachments", {}))
    return MarkdownWithMath(renderer=renderer).render(source)


def latex_html(text: str) -> str:
    """An output of the type ``text/latex``: text with formulas in it."""
    found, position = "", 0
    for match in _PARTS.finditer(text):
        found += escape(text[position : match.start()])
        position = match.end()
        kinds = {kind: tex for kind, tex in match.groupdict().items() if tex and kind != "name"}
        ((kind, tex),) = kinds.items()
        tex = tex.strip().removeprefix("\\displaystyle").strip()
        # IPython's and SymPy's outputs are inline formulas that stand alone.
        block = kind not in ("inline", "round") or match[0] == text.strip()
        found += mathml(tex, block=block, source=match[0])
    return found + escape(text[position:])
