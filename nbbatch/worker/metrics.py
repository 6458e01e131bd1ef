"""A point's metrics: read from a notebook's outputs, or asked of its kernel.

A metric is a number, a string, a boolean, null, or a small list of these. NaN and the
infinities become null: JSON has no word for them, and a results table shows an empty
cell, which is what a fit that did not converge has to say.

``plain_value`` runs inside the user's kernel (its source is sent there), so it stands
alone: standard library only, nothing of this module, syntax of Python 3.7.
"""

from __future__ import annotations

import ast
import inspect
import json
import math
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ..model import RECORD_MIME, Value

if TYPE_CHECKING:
    from nbformat import NotebookNode

COLLECTED_MIME = "application/vnd.nbbatch.collected+json"
"""Display data of this type, ``{"name", "json"}`` or ``{"name", "error"}``, is an answer."""

SCRAP_MIME = "application/scrapbook.scrap.json+json"
PAPERMILL_MIME = "application/papermill.record+json"

LIST_LIMIT = 100
TEXT_LIMIT = 10_000


def plain_value(value: Any) -> Any:
    """Turn what scientists compute into a JSON value; ``TypeError`` says why it cannot be.

    numpy and pandas scalars, 0-d arrays and tensors become numbers; arrays and lists of
    up to 100 items become lists; ``Decimal`` and other float-ables become floats; dates
    ISO strings; durations seconds; ``uncertainties`` give their nominal value and
    ``pint`` its magnitude; NaN, NA and infinities null.
    """
    import datetime
    import enum
    import math
    import os

    seen = 0

    def convert(thing: Any) -> Any:
        nonlocal seen
        kind = type(thing).__name__
        if thing is None or kind in ("NAType", "NaTType", "MaskedConstant"):
            return None
        if isinstance(thing, enum.Enum):
            return convert(thing.value)
        if isinstance(thing, bool):
            return bool(thing)
        if isinstance(thing, int):
            return int(thing)
        if isinstance(thing, float):
            return float(thing) if math.isfinite(thing) else None
        if isinstance(thing, str):
            if len(thing) > 10_000:
                raise TypeError(f"string of {len(thing)} characters is too long for a metric")
            return str(thing)
        if isinstance(thing, (datetime.date, datetime.time)):
            return thing.isoformat()
        if isinstance(thing, datetime.timedelta):
            return thing.total_seconds()
        if isinstance(thing, os.PathLike):
            return os.fspath(thing)
        if hasattr(thing, "nominal_value"):
            return convert(thing.nominal_value)
        if hasattr(thing, "magnitude"):
            return convert(thing.magnitude)
        if isinstance(thing, (type, dict, set, frozenset, bytes, bytearray, complex)):
            raise TypeError(f"{kind} is not a metric: choose a number of it")
        if hasattr(thing, "dtype") and getattr(thing, "shape", None) == ():
            item = thing.item()
            # numpy's longdouble is its own item.
            return convert(float(item) if type(item) is type(thing) else item)
        if hasattr(thing, "to_dict") and getattr(thing, "ndim", 1) == 2:
            raise TypeError(f"{kind} is not a metric: choose a number of it")
        if hasattr(thing, "tolist") or isinstance(thing, (list, tuple, range)):
            size = getattr(thing, "size", None)
            count = size if isinstance(size, int) else len(thing)
            seen += count if count > 100 else len(thing)
            if seen > 100:
                raise TypeError(f"{kind} of more than 100 items is too long for a metric")
            items = thing.tolist() if hasattr(thing, "tolist") else thing
            return [convert(item) for item in items]
        if hasattr(thing, "__index__"):
            return int(thing)
        if hasattr(thing, "__float__"):
            return convert(float(thing))
        raise TypeError(f"{kind} is not a metric: make it a number or a string")

    return convert(value)


# ------------------------------------------------------------- what the notebook showed


def metrics_from_outputs(nb: NotebookNode) -> dict[str, Value]:
    """Read the metrics that the cells of ``nb`` recorded; the last value of a name wins.

    Three kinds of display data count: ours (``model.RECORD_MIME``), scrapbook's ``glue``
    with its JSON encoder, and papermill's old ``record``. Values that are no metric
    (see the module) are left out.
    """
    found: dict[str, Value] = {}
    for cell in nb.get("cells", ()):
        for output in cell.get("outputs", ()):
            for name, value in _recorded(output.get("data") or {}):
                if isinstance(name, str) and name and _is_metric(value):
                    found.pop(name, None)  # the order is that of the last recording
                    found[name] = _finite(value)
    return found


def _recorded(bundle: Mapping[str, Any]) -> Iterable[tuple[Any, Any]]:
    """Name and value of each record in one display's mime bundle."""
    ours = bundle.get(RECORD_MIME)
    if isinstance(ours, Mapping) and "value" in ours:
        yield ours.get("name"), ours["value"]
    scrap = bundle.get(SCRAP_MIME)
    if isinstance(scrap, Mapping) and "data" in scrap and scrap.get("encoder", "json") == "json":
        yield scrap.get("name"), scrap["data"]
    old = bundle.get(PAPERMILL_MIME)
    if isinstance(old, Mapping):
        yield from old.items()


def _is_metric(value: Any, room: int = LIST_LIMIT) -> bool:
    if isinstance(value, str):
        return len(value) <= TEXT_LIMIT
    if isinstance(value, list):
        return _items(value) <= room and all(_is_metric(item) for item in value)
    return value is None or isinstance(value, (bool, int, float))


def _items(value: Any) -> int:
    """How many items a nested list has, lists included."""
    return sum(1 + _items(item) for item in value) if isinstance(value, list) else 0


def _finite(value: Any) -> Value:
    """``value`` with null for NaN and infinities, in lists too."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    # jupyter_client sends a float that JSON does not know as its repr, a string.
    if isinstance(value, str) and value in ("nan", "inf", "-inf"):
        return None
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return value  # type: ignore[no-any-return]  # JSON, as it came


# ------------------------------------------------------------------ what the kernel says


def collect_expressions(expressions: Mapping[str, str], language: str) -> dict[str, str]:
    """Build the ``user_expressions`` of an execute request: metric name to expression.

    Empty for R: IRkernel 1.3 answers no ``user_expressions``; see ``collect_code``.
    """
    language = language.lower()
    if language == "r":
        return {}
    if language == "python":
        return {name: _python_question(text) for name, text in expressions.items()}
    if language == "julia":
        # The plain display of a vector is cut to the screen; its repr is one line.
        return {name: f"repr(begin {text}\nend)" for name, text in expressions.items()}
    return dict(expressions)


def collect_code(expressions: Mapping[str, str], language: str) -> str:
    """Build the code of the same execute request; empty where expressions suffice.

    Its answers are display data of ``COLLECTED_MIME``: hand the contents of the
    ``display_data`` messages that it causes to ``parse_collected``. The request must
    not be silent, and need not be stored in the history.
    """
    if language.lower() != "r" or not expressions:
        return ""
    asked = "\n".join(
        f"ask({_r_string(name)}, {_r_string(text)})" for name, text in expressions.items()
    )
    return _R_QUESTION.replace("@ASKED@", asked)


def parse_collected(
    expressions: Mapping[str, str],
    reply_content: Mapping[str, Any],
    language: str,
    displays: Iterable[Mapping[str, Any]] = (),
) -> tuple[dict[str, Value], dict[str, str]]:
    """Read the answers: metrics by name, and one sentence for each that could not be had.

    ``reply_content`` is the content of the execute reply, ``displays`` the contents of
    the ``display_data`` messages of the request.
    """
    answers = dict(reply_content.get("user_expressions") or {})
    shown = {
        answer["name"]: answer
        for display in displays
        if isinstance(answer := (display.get("data") or {}).get(COLLECTED_MIME), Mapping)
    }
    metrics: dict[str, Value] = {}
    errors: dict[str, str] = {}
    for name, text in expressions.items():
        try:
            if language.lower() == "r":
                metrics[name] = _shown_value(shown.get(name), reply_content)
            else:
                metrics[name] = _answered_value(answers.get(name), reply_content, language)
        except _NoAnswer as reason:
            errors[name] = f"{_first_line(text)}: {reason}"
    return metrics, errors


class _NoAnswer(Exception):
    """Why an expression has no value."""


def _answered_value(answer: Any, reply: Mapping[str, Any], language: str) -> Value:
    """The value of one entry of a reply's ``user_expressions``."""
    if not isinstance(answer, Mapping):
        raise _NoAnswer(_silence(reply))
    if answer.get("status") == "error":
        raise _NoAnswer(_sentence(answer.get("ename", ""), answer.get("evalue", "")))
    text = (answer.get("data") or {}).get("text/plain")
    if not isinstance(text, str):
        raise _NoAnswer("the kernel's answer has no text")
    language = language.lower()
    try:
        if language == "python":
            return _metric(json.loads(ast.literal_eval(text)))
        if language == "julia":
            return _metric(_read_literal(json.loads(text.replace("\\$", "$"))))
        return _metric(_read_literal(text))
    except (ValueError, SyntaxError, TypeError):
        raise _NoAnswer(f"{_first_line(text)} is not a number, a string or a list") from None


def _shown_value(answer: Mapping[str, Any] | None, reply: Mapping[str, Any]) -> Value:
    """The value of one ``COLLECTED_MIME`` display."""
    if answer is None:
        raise _NoAnswer(_silence(reply))
    if "error" in answer:
        raise _NoAnswer(_first_line(str(answer["error"])))
    try:
        return _metric(json.loads(answer.get("json", "")))
    except ValueError:
        raise _NoAnswer("the kernel's answer is not JSON") from None


def _metric(value: Any) -> Value:
    if not _is_metric(value):
        raise _NoAnswer("the value is not a number, a string or a small list")
    return _finite(value)


def _silence(reply: Mapping[str, Any]) -> str:
    if reply.get("status") == "error":
        return _sentence(reply.get("ename", ""), reply.get("evalue", ""))
    return "the kernel gave no answer; record the value in the notebook instead"


def _sentence(name: str, value: str) -> str:
    return ": ".join(part for part in (name, _first_line(value)) if part)


def _first_line(text: str) -> str:
    lines = text.strip().splitlines() or [""]
    return lines[0] if len(lines[0]) <= 200 else f"{lines[0][:199]}…"


_WORDS: dict[str, Value] = {
    "true": True,
    "True": True,
    "false": False,
    "False": False,
    "null": None,
    "nothing": None,
    "missing": None,
    "None": None,
    "NaN": None,
    "Inf": None,
    "-Inf": None,
}


def _read_literal(text: str) -> Value:
    """Read a value from how most languages print it; ``ValueError`` when it is none.

    Julia's ``1.5f0``, ``NaN32`` and ``Float32[1.5, 2.0]`` are understood.
    """
    text = text.strip()
    bare = re.sub(r"(?<=NaN|Inf)(16|32)$", "", text)
    if bare in _WORDS:
        return _WORDS[bare]
    if text[:1] in "\"'" and len(text) > 1:
        return str(ast.literal_eval(text.replace("\\$", "$")))
    if listed := re.fullmatch(r"[A-Za-z]?[\w{}, ]*\[([^][\"']*)\]", text):
        boolean = text.startswith("Bool[")
        items = [_read_literal(item) for item in listed[1].split(",") if item.strip()]
        return [bool(item) for item in items] if boolean else list(items)
    if text.startswith("["):
        return json.loads(text)  # type: ignore[no-any-return]  # json has no better type
    if re.fullmatch(r"[+-]?\d+", text):
        return int(text)
    if not re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([efEFdD][+-]?\d+)?", text):
        raise ValueError(text)
    return float(re.sub("[fFdD]", "e", text))


def _python_question(text: str) -> str:
    """One Python expression whose value is the JSON text of ``text``'s value.

    The user's expression goes as a string, so that whatever is in it (a comment, an
    unbalanced bracket) cannot change the code around it. Nothing is left behind in the
    kernel's namespace, and a notebook that defines its own ``eval`` does no harm.
    """
    source = "from __future__ import annotations\n" + inspect.getsource(plain_value)
    return (
        f"(lambda b, ns: (b.exec({source!r}, ns), __import__('json').dumps(ns['plain_value']("
        f"b.eval(b.compile({text.strip()!r}, '<collect>', 'eval'), b.globals()))"
        f"))[1])(__import__('builtins'), {{}})"
    )


def _r_string(text: str) -> str:
    # R reads JSON's escapes, but no surrogate pairs: characters stay as they are.
    return json.dumps(text, ensure_ascii=False)


# jsonlite comes with IRkernel. It writes at most 15 significant digits, so doubles are
# written here. A ``list`` is refused unless all its items are single values.
_R_QUESTION = (
    """\
local({
  as_metric <- function(value) {
    if (inherits(value, "difftime")) value <- as.numeric(value, units = "secs")
    if (is.factor(value)) value <- as.character(value)
    if (inherits(value, "Date")) value <- format(value)
    if (inherits(value, "POSIXt")) value <- format(value, "%Y-%m-%dT%H:%M:%OS6Z", tz = "UTC")
    if (is.null(value)) return(NULL)
    if (is.list(value) && !is.data.frame(value) && all(lengths(value) == 1L)) {
      value <- unlist(value)
    }
    if (!is.atomic(value) || is.complex(value) || is.raw(value)) {
      stop(sprintf("%s is not a metric: choose a number of it", class(value)[1]))
    }
    if (length(value) > 100L) {
      stop(sprintf("vector of %d items is too long for a metric", length(value)))
    }
    as.vector(unname(value))
  }
  as_json <- function(value) {
    if (is.null(value)) return("null")
    items <- if (is.double(value)) {
      text <- sprintf("%.17g", value)
      ifelse(is.finite(value), ifelse(grepl("[.e]", text), text, paste0(text, ".0")), "null")
    } else {
      vapply(value, function(item) {
        if (is.na(item)) "null" else as.character(jsonlite::toJSON(item, auto_unbox = TRUE))
      }, "")
    }
    if (length(items) == 1L) items else paste0("[", paste(items, collapse = ","), "]")
  }
  ask <- function(name, text) {
    answer <- tryCatch({
      value <- as_metric(eval(parse(text = text), envir = globalenv()))
      list(name = name, json = as_json(value))
    }, error = function(e) list(name = name, error = conditionMessage(e)))
    IRdisplay::publish_mimebundle(list(\""""
    + COLLECTED_MIME
    + """\" = answer))
  }
@ASKED@
  invisible(NULL)
})
"""
)
