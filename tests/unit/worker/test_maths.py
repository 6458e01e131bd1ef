"""Formulas on the pages: drawn by the browser itself, and never more than formulas."""

from __future__ import annotations

import builtins
from typing import Any

import pytest
from bs4 import BeautifulSoup

from nbbatch.worker.maths import latex_html, mathml


def of(tex: str) -> BeautifulSoup:
    return BeautifulSoup(mathml(tex, block=False, source=f"${tex}$"), "html.parser")


@pytest.mark.parametrize(
    ("tex", "tags"),
    [
        (r"\frac{1}{2}", "mfrac"),
        (r"\sqrt{x}", "msqrt"),
        (r"x_i^2", "msubsup"),
        (r"\begin{pmatrix} 1 & 0 \\ 0 & 1 \end{pmatrix}", "mtable"),
        (r"\begin{align} a &= b \\ c &= d \end{align}", "mtable"),
    ],
)
def test_what_is_common(tex: str, tags: str) -> None:
    page = of(tex)
    assert page.math is not None and page.select(tags)
    assert page.math["alttext"] == tex  # read aloud, and found by who looks for the source


@pytest.mark.parametrize(
    "tex",
    [
        r"\text{</math><img src=x onerror=alert(1)>}",
        r"\text{&lt;script&gt;alert(1)&lt;/script&gt;}",
        r"\href{javascript:alert(1)}{x}",
        r"\style{background:url(//x)}{x}",
        "</math><script>alert(1)</script>",
        '"><script>alert(1)</script>',
    ],
)
def test_a_formula_cannot_leave_its_element(tex: str) -> None:
    page = of(tex)
    assert len(page.find_all(recursive=False)) == 1
    assert not page.select("script, img, [href], [style]")


@pytest.mark.parametrize("tex", ["{" * 3000, "x" * 10_000, "   "])
def test_what_cannot_be_translated_stays_as_written(tex: str) -> None:
    assert of(tex).text == f"${tex}$"


def test_without_the_library_too(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def missing(name: str, *rest: Any, **more: Any) -> Any:
        if name.startswith("latex2mathml"):
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", missing)
    assert mathml("<x>", block=False, source="$<x>$") == '<code class="tex">$&lt;x&gt;$</code>'


def test_an_output_of_latex() -> None:
    """SymPy's formula stands alone; in a text the formulas stay inside the lines."""
    alone = BeautifulSoup(latex_html(r"$\displaystyle x^{2}$"), "html.parser")
    assert alone.math is not None and alone.math["display"] == "block"
    mixed = BeautifulSoup(latex_html(r"about $x$ <b> and \(y\), 5 \$ and $$z$$"), "html.parser")
    shown = [(m.text, m["display"]) for m in mixed.select("math")]
    assert shown == [("x", "inline"), ("y", "inline"), ("z", "block")]
    assert mixed.b is None and "about" in mixed.text
