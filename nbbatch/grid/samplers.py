"""Drawn points: random, Latin hypercube, Sobol. The same seed gives the same values."""

from __future__ import annotations

import hashlib
import math
import warnings
from typing import Any

from nbbatch.errors import GridError
from nbbatch.grid.generators import rounded
from nbbatch.grid.typed import Types, as_value
from nbbatch.grid.values import NotAValue, is_number, show
from nbbatch.model import Value

METHODS = ("random", "lhs", "sobol")
FORMS = {
    "uniform": "{uniform: [low, high]}",
    "loguniform": "{loguniform: [low, high]}",
    "integers": "{integers: [first, last]}",
    "choice": "{choice: [a, b, c]}",
}


def draw(
    method: str, n: int, seed: int, space: dict[str, object], types: Types, where: str
) -> list[dict[str, Value]]:
    """Draw ``n`` rows over the space; floats rounded to 12 digits. Raises GridError.

    With ``random`` each parameter has a stream of its own, so adding one does not change
    the values of the others.
    """
    checked = {name: _distribution(name, entry, where) for name, entry in space.items()}
    units = _unit_columns(method, n, seed, list(space), where)
    columns = {
        name: [types.value(name, _scaled(kind, ends, u), where) for u in unit]
        for (name, (kind, ends)), unit in zip(checked.items(), units, strict=True)
    }
    return [{name: columns[name][row] for name in columns} for row in range(n)]


def _distribution(name: str, entry: object, where: str) -> tuple[str, list[Value]]:
    known = ", ".join(FORMS.values())
    if not isinstance(entry, dict) or len(entry) != 1 or not set(entry) <= set(FORMS):
        raise GridError(
            f"{show(entry)} does not say how {name!r} is drawn", where=where, hint=f"Use {known}."
        )
    kind, given = next(iter(entry.items()))
    try:
        ends = as_value(given)
    except NotAValue as error:
        raise GridError(f"{name!r}: {error}", where=where) from None
    if not isinstance(ends, list) or (objection := _objection(kind, ends)):
        what = objection if isinstance(ends, list) else "it takes a list"
        raise GridError(
            f"{name!r}: {kind} cannot take {show(given)}: {what}",
            where=where,
            hint=f"Use {FORMS[kind]}.",
        )
    return kind, ends


def _objection(kind: str, ends: list[Value]) -> str:
    if kind == "choice":
        return "" if ends else "it needs at least one value"
    if len(ends) != 2:
        return "it takes two numbers"
    low, high = ends
    if not is_number(low) or not is_number(high) or max(abs(low), abs(high)) > 1e300:
        return "it takes two numbers"
    if kind == "integers" and not (isinstance(low, int) and isinstance(high, int)):
        return "it takes two whole numbers"
    if low > high or (low == high and kind != "integers"):
        return "the first must be smaller than the second"
    if kind == "loguniform" and low <= 0:
        return "both must be above zero"
    return ""


def _scaled(kind: str, ends: list[Value], u: float) -> Value:
    if kind == "choice":
        return ends[min(int(u * len(ends)), len(ends) - 1)]
    low, high = ends
    assert is_number(low) and is_number(high)
    if kind == "integers":
        return int(low) + min(int(u * (high - low + 1)), int(high - low))
    if kind == "loguniform":
        return rounded(math.exp(math.log(low) + u * (math.log(high) - math.log(low))))
    return rounded(low + u * (high - low))


def _unit_columns(
    method: str, n: int, seed: int, names: list[str], where: str
) -> list[list[float]]:
    """A column of ``n`` numbers in [0, 1) for each name."""
    import numpy

    if method == "random":
        return [
            numpy.random.default_rng([seed, _number_of(name)]).random(n).tolist() for name in names
        ]
    try:
        from scipy.stats import qmc
    except ImportError:
        raise GridError(
            f"the sampler {method} needs scipy",
            where=where,
            hint="Run `pip install nbbatch[samplers]`, or use method: random.",
        ) from None
    engine: Any = qmc.LatinHypercube if method == "lhs" else qmc.Sobol
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Sobol' warns when n is not a power of 2
            sampler = _seeded(engine, len(names), seed)
            table = sampler.random(n)
    except (ValueError, TypeError, MemoryError) as error:
        raise GridError(f"the sampler {method} cannot do this: {error}", where=where) from None
    return [table[:, column].tolist() for column in range(len(names))]


def _seeded(engine: Any, d: int, seed: int) -> Any:
    try:
        return engine(d=d, rng=seed)
    except TypeError:  # scipy before 1.15
        return engine(d=d, seed=seed)


def _number_of(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big")
