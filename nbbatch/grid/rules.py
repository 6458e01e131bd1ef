"""What a rule of ``exclude``, ``when`` or ``where`` matches."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from nbbatch.errors import GridError
from nbbatch.grid.expressions import parse_expression
from nbbatch.grid.spec import Rule
from nbbatch.grid.typed import Types
from nbbatch.grid.values import same, show
from nbbatch.model import Value

_Test = Callable[[Mapping[str, Value]], bool]


@dataclass(frozen=True)
class Matcher:
    """A compiled rule. ``written`` are its conditions for the resolved grid.

    ``excused``: it mentions an overridden name, so it may match nothing.
    """

    tests: tuple[_Test, ...]
    names: frozenset[str]
    written: tuple[object, ...]
    where: str
    excused: bool

    def matches(self, params: Mapping[str, Value]) -> bool:
        """Whether one of the conditions holds. GridError when an expression has no meaning."""
        try:
            return any(test(params) for test in self.tests)
        except GridError as error:
            if error.where:
                raise
            raise GridError(
                f"{error.message}, for the point {show(dict(params), 200)}",
                where=self.where,
                hint=error.hint,
            ) from None

    def check_names(self, known: frozenset[str]) -> None:
        """GridError for a name that no point has."""
        if unknown := sorted(self.names - known):
            raise GridError(
                f"no point has a parameter {unknown[0]!r}",
                where=self.where,
                hint=f"Known: {', '.join(sorted(known)[:20])}." if known else "",
            )

    def unmatched(self) -> GridError:
        what = " or ".join(show(each) for each in self.written)
        return GridError(
            f"the rule {what} matches no point",
            where=self.where,
            hint="Correct it or remove it: it does nothing.",
        )


def compile_rule(rule: Rule, types: Types, overridden: frozenset[str]) -> Matcher:
    """Compile the conditions of a rule. Raises GridError at the rule's place."""
    tests: list[_Test] = []
    names: set[str] = set()
    written: list[object] = []
    for condition in rule.conditions:
        if isinstance(condition.raw, str):
            try:
                expression = parse_expression(condition.raw)
            except GridError as error:
                raise GridError(error.message, where=rule.where, hint=error.hint) from None
            tests.append(expression.matches)
            names |= expression.names
            written.append(condition.raw)
        elif isinstance(condition.raw, dict) and condition.raw:
            wanted = {
                name: _wanted(name, item, types, rule.where) for name, item in condition.raw.items()
            }
            tests.append(_partial(wanted))
            names |= wanted.keys()
            written.append(wanted)
        else:
            raise GridError(
                f"{show(condition.raw)} is neither a mapping nor an expression", where=rule.where
            )
    return Matcher(
        tuple(tests), frozenset(names), tuple(written), rule.where, bool(names & overridden)
    )


def _wanted(name: str, item: object, types: Types, where: str) -> Value:
    """A list means any of its values."""
    if isinstance(item, list) and types.kinds.get(name) != "json":
        return [types.value(name, each, where) for each in item]
    return types.value(name, item, where)


def _partial(wanted: Mapping[str, Value]) -> _Test:
    def test(params: Mapping[str, Value]) -> bool:
        return all(name in params and _fits(params[name], item) for name, item in wanted.items())

    return test


def _fits(value: Value, wanted: Value) -> bool:
    if same(value, wanted):
        return True
    return isinstance(wanted, list) and any(same(value, each) for each in wanted)
