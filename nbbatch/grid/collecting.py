"""``collect``: which expressions are evaluated in the kernel for metrics, under which names."""

from __future__ import annotations

import re
from collections.abc import Iterable

from nbbatch.errors import GridError

MAX_TEXT = 10_000

# Dotted plain names ("fit.chi2"), also R's and Julia's; anything else needs a name of its own.
_PLAIN = re.compile(r"[^\W\d][\w]*(?:[.$][^\W\d]\w*)*")
_NAMED = re.compile(r"\s*([^\W\d][\w.\-]*)\s*=(?![=])\s*(.*)", re.DOTALL)


def parse_collect(texts: Iterable[str], *, where: str = "--collect") -> dict[str, str]:
    """Metric name → expression, of texts ``name=expression`` or a plain name or attribute.

    "fit.chi2" is collected under its own name. The expressions belong to the kernel's
    language and are not checked here. Raises GridError.
    """
    metrics: dict[str, str] = {}
    for text in texts:
        name, expression = _split(text, where)
        if name in metrics:
            raise GridError(f"the metric {name!r} is collected twice", where=where)
        metrics[name] = expression
    return metrics


def check_metric(name: str, expression: str, where: str) -> str:
    """The expression of a metric with a given name. GridError when one of them is empty."""
    if not name.strip() or not expression.strip() or len(expression) > MAX_TEXT:
        raise GridError(
            f"the metric {name[:60]!r} has no usable expression",
            where=where,
            hint="Write name: expression.",
        )
    return expression.strip()


def _split(text: str, where: str) -> tuple[str, str]:
    if len(text) > MAX_TEXT:
        raise GridError(f"an expression is longer than {MAX_TEXT} characters", where=where)
    if _PLAIN.fullmatch(text.strip()):
        return text.strip(), text.strip()
    named = _NAMED.fullmatch(text)
    if named and named[2].strip():
        return named[1], named[2].strip()
    raise GridError(
        f"{text[:60]!r} has no name to be collected under",
        where=where,
        hint="Write name=expression: ratio=signal/background.",
    )
