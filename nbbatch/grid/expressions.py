"""Comparison expressions over parameters: parsed to a small grammar, never evaluated as code.

    thr * energy > 30          det in ["A", "B"] and not (sigma < 2 or rho == null)

Numbers, strings, true/false/null, lists after ``in``, names, ``+ - * / // % **``, chained
comparisons, and/or/not. A comparison that needs a parameter which the point does not have
(a conditional axis) is false; so is one that orders null.
"""

from __future__ import annotations

import ast
import operator
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from nbbatch.errors import GridError
from nbbatch.grid.values import is_number, same, show
from nbbatch.model import Value

MAX_TEXT = 2_000
MAX_NODES = 300
MAX_BITS = 4_096
"""Of an integer result: bounds time and memory of ``**`` and of repeated products."""

Params = Mapping[str, Value]
_Term = Callable[[Params], Value]

_WORDS: dict[str, Value] = {
    "true": True,
    "false": False,
    "null": None,
}
_ORDER: dict[type[ast.cmpop], tuple[str, Callable[[Any, Any], bool]]] = {
    ast.Lt: ("<", operator.lt),
    ast.LtE: ("<=", operator.le),
    ast.Gt: (">", operator.gt),
    ast.GtE: (">=", operator.ge),
}
_ARITHMETIC: dict[type[ast.operator], tuple[str, Callable[..., int | float]]] = {
    ast.Add: ("+", operator.add),
    ast.Sub: ("-", operator.sub),
    ast.Mult: ("*", operator.mul),
    ast.Div: ("/", operator.truediv),
    ast.FloorDiv: ("//", operator.floordiv),
    ast.Mod: ("%", operator.mod),
    ast.Pow: ("**", operator.pow),
}


class _Missing(Exception):
    """A name that this point does not have."""


@dataclass(frozen=True)
class Expression:
    """A checked expression; ``names`` are the parameters that it mentions."""

    text: str
    names: frozenset[str]
    _test: Callable[[Params], bool] = field(repr=False, compare=False)

    def matches(self, params: Params) -> bool:
        """Whether the point fulfils it. Raises GridError when the types do not fit."""
        return self._test(params)


def parse_expression(text: str) -> Expression:
    """Parse an expression; GridError says what is not allowed in it."""
    if len(text) > MAX_TEXT:
        raise GridError(f"the expression {text[:40]!r}… is longer than {MAX_TEXT} characters")
    tree = _tree(text)
    if sum(1 for _ in ast.walk(tree)) > MAX_NODES:
        raise GridError(f"the expression {show(text)} is too long")
    compiler = _Compiler(text)
    test = compiler.test(tree)
    return Expression(text, frozenset(compiler.names), test)


def _tree(text: str) -> ast.expr:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # `1in [1]` warns; it is still an expression
            return ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        hint = "Write it as in Python: thr * energy > 30 and det in ['A', 'B']."
        if "&&" in text or "||" in text:
            hint = "Write `and`, `or`, `not` instead of &&, ||, !."
        elif "=" in text and "==" not in text:
            hint = "Write == to compare."
        raise GridError(f"{show(text)} is not an expression", hint=hint) from None


class _Compiler:
    """Turns a syntax tree into closures, and refuses what the grammar does not have."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.names: set[str] = set()

    def test(self, node: ast.expr) -> Callable[[Params], bool]:
        """A node whose truth is asked for."""
        if isinstance(node, ast.BoolOp):
            tests = [self.test(each) for each in node.values]
            every = all if isinstance(node.op, ast.And) else any
            return lambda params: every(test(params) for test in tests)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            negated = self.test(node.operand)
            return lambda params: not negated(params)
        if isinstance(node, ast.Compare):
            return self.comparison(node)
        return self.truth(self.term(node))

    def truth(self, term: _Term) -> Callable[[Params], bool]:
        def holds(params: Params) -> bool:
            try:
                return bool(term(params))
            except _Missing:
                return False

        return holds

    def comparison(self, node: ast.Compare) -> Callable[[Params], bool]:
        first = self.term(node.left)
        links: list[tuple[ast.cmpop, _Term]] = []
        for op, right in zip(node.ops, node.comparators, strict=True):
            if isinstance(op, (ast.In, ast.NotIn)):
                links.append((op, self.container(right)))
            elif isinstance(op, (ast.Eq, ast.NotEq, *_ORDER)):
                links.append((op, self.term(right, lists=isinstance(op, (ast.Eq, ast.NotEq)))))
            else:
                raise self.refused("`is`", "Write == to compare.")

        def holds(params: Params) -> bool:
            try:
                left = first(params)
                for op, term in links:
                    right = term(params)
                    if not self.compare(op, left, right):
                        return False
                    left = right
            except _Missing:
                return False
            return True

        return holds

    def compare(self, op: ast.cmpop, left: Value, right: Value) -> bool:
        if isinstance(op, ast.Eq):
            return same(left, right)
        if isinstance(op, ast.NotEq):
            return not same(left, right)
        if isinstance(op, (ast.In, ast.NotIn)):
            if not isinstance(right, list):
                raise GridError(f"`in` needs a list, not {show(right)}, in {show(self.text)}")
            return any(same(left, each) for each in right) is isinstance(op, ast.In)
        if left is None or right is None:
            return False
        sign, decide = _ORDER[type(op)]
        texts = isinstance(left, str) and isinstance(right, str)
        if not texts and not (is_number(left) and is_number(right)):
            raise GridError(
                f"{show(left)} {sign} {show(right)} has no meaning in {show(self.text)}",
                hint="Compare numbers with numbers and strings with strings.",
            )
        return decide(left, right)

    def container(self, node: ast.expr) -> _Term:
        return self.term(node, lists=True)

    def term(self, node: ast.expr, lists: bool = False) -> _Term:
        """A node whose value is asked for."""
        if isinstance(node, ast.Constant):
            return self.constant(node)
        if isinstance(node, (ast.Name, ast.Attribute)):
            return self.name(node)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd)):
            return self.signed(node)
        if isinstance(node, ast.BinOp) and type(node.op) in _ARITHMETIC:
            return self.arithmetic(node)
        if lists and isinstance(node, (ast.List, ast.Tuple)):
            terms = [self.term(each, lists=True) for each in node.elts]
            return lambda params: [term(params) for term in terms]
        if isinstance(node, (ast.Compare, ast.BoolOp, ast.UnaryOp)) and not isinstance(
            getattr(node, "op", None), ast.Invert
        ):
            return self.test(node)
        raise self.refused(_described(node))

    def constant(self, node: ast.Constant) -> _Term:
        value = node.value
        if not (value is None or isinstance(value, (bool, int, float, str))):
            raise self.refused(show(value))
        if isinstance(value, int) and value.bit_length() > MAX_BITS:
            raise self.refused("such a long number")
        return lambda params: value

    def name(self, node: ast.expr) -> _Term:
        name = self.dotted(node)
        if name in _WORDS:
            word = _WORDS[name]
            return lambda params: word
        self.names.add(name)

        def look_up(params: Params) -> Value:
            if name not in params:
                raise _Missing
            return params[name]

        return look_up

    def dotted(self, node: ast.expr) -> str:
        """R's `n.sim` parses as an attribute; it is looked up as one name, nothing else."""
        if isinstance(node, ast.Name):
            return node.id
        if isinstance(node, ast.Attribute):
            return f"{self.dotted(node.value)}.{node.attr}"
        raise self.refused(_described(node))

    def signed(self, node: ast.UnaryOp) -> _Term:
        operand = self.term(node.operand)
        negative = isinstance(node.op, ast.USub)

        def value(params: Params) -> Value:
            number = self.number(operand(params))
            return -number if negative else number

        return value

    def arithmetic(self, node: ast.BinOp) -> _Term:
        left, right = self.term(node.left), self.term(node.right)
        sign, compute = _ARITHMETIC[type(node.op)]

        def value(params: Params) -> Value:
            one, two = self.number(left(params)), self.number(right(params))
            if sign == "**":
                self.bound_power(one, two)
            try:
                result = compute(one, two)
            except (ZeroDivisionError, OverflowError) as error:
                raise GridError(
                    f"{one} {sign} {two} cannot be computed in {show(self.text)}: {error}"
                ) from None
            if isinstance(result, complex):
                raise GridError(f"{one} ** {two} is not a real number in {show(self.text)}")
            if isinstance(result, int) and result.bit_length() > MAX_BITS:
                raise GridError(f"the numbers in {show(self.text)} become too large")
            return result

        return value

    def number(self, value: Value) -> int | float:
        if value is None:
            raise _Missing
        if not is_number(value):
            raise GridError(f"{show(value)} is not a number in {show(self.text)}")
        return value

    def bound_power(self, base: float, exponent: float) -> None:
        """Before the computation: 9**9**9 would never end."""
        if isinstance(base, int) and isinstance(exponent, int):
            if exponent > 0 and base.bit_length() * exponent > MAX_BITS:
                raise GridError(f"the numbers in {show(self.text)} become too large")
            if exponent < 0 and -exponent > MAX_BITS:
                raise GridError(f"the exponent in {show(self.text)} is too large")

    def refused(self, what: str, hint: str = "") -> GridError:
        return GridError(
            f"{what} is not allowed in the expression {show(self.text)}",
            hint=hint or "Only comparisons, and/or/not, arithmetic, numbers, strings and names.",
        )


def _described(node: ast.expr) -> str:
    if isinstance(node, ast.Call):
        return "a function call"
    if isinstance(node, ast.Subscript):
        return "an index [ ]"
    if isinstance(node, (ast.List, ast.Tuple)):
        return "a list outside `in` and =="
    return f"a {type(node).__name__.lower()}"
