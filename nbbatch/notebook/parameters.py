"""The parameters that a cell declares: names, defaults, annotations, comments as help (pure)."""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from ..model import Value
from ..worker.parameters_cell import MARKER
from .foreign import declarations
from .python_source import comments_of, parse_leniently, plain_python


@dataclass(frozen=True)
class Parameter:
    """One parameter of a notebook.

    ``default`` is a JSON value where the source is a literal (tuples become lists); else
    None, and ``default_source`` is all that is known. ``kind`` is int, float, bool, str,
    list, dict or null; "" for an expression without a simple annotation.
    """

    name: str
    default: Value = None
    default_source: str = ""
    annotation: str = ""
    help: str = ""
    kind: str = ""


def parameters_of(source: str, language: str) -> tuple[Parameter, ...]:
    """Read the parameters that a cell assigns; of two assignments the later one counts.

    Python is parsed; R, Julia and the other languages that papermill translates are read
    statement by statement.
    """
    found: dict[str, Parameter] = {}
    if language.lower() in ("python", "ipython", "pyspark", ""):
        parameters = _python_parameters(source)
    else:
        parameters = [
            Parameter(d.name, d.value, d.source, d.annotation, d.help, d.kind)
            for d in declarations(source, language)
        ]
    for parameter in parameters:
        earlier = found.get(parameter.name)
        if earlier and not parameter.help:
            parameter = replace(parameter, help=earlier.help)
        found[parameter.name] = parameter
    return tuple(found.values())


def _python_parameters(source: str) -> list[Parameter]:
    comments = comments_of(source)
    lines = plain_python(source).split("\n")
    whole = "\n".join(lines)
    found: list[Parameter] = []
    for statement in parse_leniently(source).body:
        if not isinstance(statement, (ast.Assign, ast.AnnAssign)):
            continue
        hint, help = _remark(statement, comments, lines)
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        given = ""
        if isinstance(statement, ast.AnnAssign):
            given = ast.get_source_segment(whole, statement.annotation) or ""
        for target in targets:
            for name, value in _pairs(target, statement.value):
                text = (ast.get_source_segment(whole, value) or "") if value else ""
                found.append(_parameter(name, value, text, given or hint, help))
    return found


def _pairs(target: ast.expr, value: ast.expr | None) -> list[tuple[str, ast.expr | None]]:
    """Names of an assignment's target, each with the expression that it gets, if known."""
    if isinstance(target, ast.Name):
        return [(target.id, value)]
    if not isinstance(target, (ast.Tuple, ast.List)):
        return []  # an attribute or an item of something is no parameter
    parts: list[ast.expr | None] = [None] * len(target.elts)
    starred = any(isinstance(item, ast.Starred) for item in target.elts)
    if isinstance(value, (ast.Tuple, ast.List)) and not starred:
        parts = [*value.elts, *parts[len(value.elts) :]]
    return [
        pair
        for item, part in zip(target.elts, parts, strict=False)
        for pair in _pairs(item.value if isinstance(item, ast.Starred) else item, part)
    ]


def _parameter(
    name: str, value: ast.expr | None, text: str, annotation: str, help: str
) -> Parameter:
    try:
        default, kind = json_value(_evaluate(value)) if value else (None, "")
    except (ValueError, TypeError, ArithmeticError):
        default, kind = None, _kind_of_display(value)
    annotated = _annotated_kind(annotation)
    if kind in ("", "null") or (kind, annotated) == ("int", "float"):
        kind = annotated or kind
    return Parameter(name, default, text, annotation, help, kind)


def json_value(value: Any) -> tuple[Value, str]:
    """Turn a Python value into a JSON value and its kind; ``ValueError`` if it has none."""
    if value is None:
        return None, "null"
    if isinstance(value, (bool, int, str)):
        return value, type(value).__name__
    if isinstance(value, float) and math.isfinite(value):
        return value, "float"
    if isinstance(value, (list, tuple)):
        return [json_value(item)[0] for item in value], "list"
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {key: json_value(item)[0] for key, item in value.items()}, "dict"
    raise ValueError(value)


_ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
}


def _evaluate(node: ast.expr) -> Any:
    """Value of a literal, of ``dict(x=1)``, of arithmetic such as ``10 * 60``; else ValueError."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        if node.func.id == "dict" and not node.args:
            return {_keyword(item): _evaluate(item.value) for item in node.keywords}
        if node.func.id in ("list", "tuple") and not node.args and not node.keywords:
            return []
        raise ValueError("a call")
    if isinstance(node, ast.BinOp):
        left, right = _evaluate(node.left), _evaluate(node.right)
        numbers = all(isinstance(n, (int, float)) and abs(n) < 1e15 for n in (left, right))
        known = numbers and type(node.op) in _ARITHMETIC
        if not known or (isinstance(node.op, ast.Pow) and abs(right) > 20):
            raise ValueError("more than simple arithmetic")
        return _ARITHMETIC[type(node.op)](left, right)
    return ast.literal_eval(node)


def _keyword(item: ast.keyword) -> str:
    if item.arg is None:
        raise ValueError("a ** argument")
    return item.arg


def _kind_of_display(node: ast.expr | None) -> str:
    """Kind of a list or dict display whose items are not all literals."""
    if isinstance(node, (ast.List, ast.Tuple, ast.ListComp)):
        return "list"
    if isinstance(node, (ast.Dict, ast.DictComp)):
        return "dict"
    return "str" if isinstance(node, ast.JoinedStr) else ""


_KINDS = {"int", "float", "bool", "str", "list", "dict"}


def _annotated_kind(annotation: str) -> str:
    """Kind that a simple annotation names: ``int``, ``int | None``, ``list[str]`` …; else ""."""
    inner = re.sub(r"^(?:typing\.)?Optional\[(.*)\]$", r"\1", annotation.strip("'\" "))
    names = {part.strip().partition("[")[0] for part in inner.split("|")} - {"None"}
    names = {{"List": "list", "Dict": "dict", "tuple": "list"}.get(n, n) for n in names}
    return names.pop() if len(names) == 1 and names <= _KINDS else ""


def _remark(
    statement: ast.stmt, comments: dict[int, tuple[int, str]], lines: list[str]
) -> tuple[str, str]:
    """Type comment and help of a statement: the comment behind it, else those right above."""
    last = statement.end_lineno or statement.lineno
    # ast counts bytes, tokenize characters.
    end = len(lines[last - 1].encode()[: statement.end_col_offset].decode())
    for line in (last, statement.lineno):
        column, text = comments.get(line, (0, ""))
        # A second statement between this one and the comment: the comment is about that.
        if text and (line < last or not lines[line - 1][end:column].strip("; )")):
            if hint := re.match(r"type:\s*(\S+)\s*(.*)", text):
                return hint[1], hint[2].lstrip("# ")
            return "", text
    above: list[str] = []
    line = statement.lineno - 1
    while line in comments and lines[line - 1].lstrip().startswith("#"):
        if not MARKER.match(lines[line - 1]):
            above.insert(0, comments[line][1])
        line -= 1
    return "", " ".join(above)
