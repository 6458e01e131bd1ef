"""Which parameter values the points of a failure group share more than chance allows. Pure.

For each value (and, for numbers, each threshold) the question is: of the N points that
have ended, n have this value; k failed in this way, and a of these have the value. If
the failure had nothing to do with the value, a would follow the hypergeometric
distribution; its upper tail is the p-value (Fisher's exact test, one-sided). As many
values are tried, p is multiplied by their number (Bonferroni). With few points nothing
can be significant, and then it is said that it may be chance.

Where one condition stands out, the same question is asked once more among the points that
fulfil it: what failed may need two.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from ..model import Point, PointView, Value
from ..results.failures import FailureGroup

SURE = 0.01
"""Corrected p-value below which a value is called over-represented."""

MOST_LEVELS = 50
"""Distinct values of a parameter that are tried one by one; more only if they are numbers."""

THRESHOLDS = 20
MOST_SUSPECTS = 2

GROUPS_TWICE = 5
"""Largest groups for which a second condition is looked for."""


@dataclass(frozen=True)
class Suspect:
    """A condition on a parameter, and how often it holds inside a group and among all.

    ``inside`` of the group's ``members`` and ``having`` of all ``ended`` points fulfil
    it; ``p`` is corrected for the ``tried`` conditions. With ``given`` all numbers are of
    the points that fulfil that condition, too.
    """

    name: str
    relation: str
    value: Value
    inside: int
    members: int
    having: int
    ended: int
    p: float
    tried: int
    given: Suspect | None = None

    @property
    def sure(self) -> bool:
        return self.p < SURE

    @property
    def chance(self) -> str:
        """The p-value in words: ``p < 10⁻¹²``, ``p = 0.003``."""
        if self.p < 1e-12:
            return "p < 10⁻¹²"
        if self.p < 1e-3:
            exponent = math.ceil(math.log10(self.p))
            return f"p < 10{str(exponent).translate(_SUPERSCRIPT)}"
        return f"p = {self.p:.2g}"


_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True)
class Axis:
    """A parameter's distinct values, and which of them each point has (-1: none).

    ``single`` says that equalities are tried, ``ordered`` that thresholds are.
    """

    name: str
    levels: list[Value]
    at: list[int]
    single: bool
    ordered: bool

    def conditions(self, counts: Counter[int]) -> Iterator[tuple[str, int, int]]:
        """Relation, level and number of points, for each condition worth a test."""
        if self.single:
            for level in range(len(self.levels)):
                yield "=", level, counts[level]
        if self.ordered:
            below, total = 0, sum(counts.values()) - counts[-1]
            cuts = {
                round(step * len(self.levels) / (THRESHOLDS + 1)) for step in range(THRESHOLDS + 1)
            }
            for level in range(len(self.levels) - 1):
                below += counts[level]
                if len(self.levels) > THRESHOLDS and level + 1 not in cuts:
                    continue
                # The ends are equalities, where those are tried.
                if level > 0 or not self.single:
                    yield "≤", level, below
                if level < len(self.levels) - 2 or not self.single:
                    yield "≥", level + 1, total - below


def suspects(
    groups: Sequence[FailureGroup], views: Sequence[PointView], axes: Sequence[Axis]
) -> list[list[Suspect]]:
    """For each group its suspicious values, the least likely first; often none.

    ``axes`` are those of the points of the ``views``.
    """
    if not groups:
        return []
    ended = [place for place, view in enumerate(views) if view.state.over]
    wanted = {name for group in groups for name in group.points}
    places = {views[at].point.id: at for at in ended if views[at].point.id in wanted}
    totals = [Counter(map(axis.at.__getitem__, ended)) for axis in axes]
    found = []
    for number, group in enumerate(groups):
        members = [places[name] for name in group.points if name in places]
        alone = _of_group(members, len(ended), axes, totals)
        if number < GROUPS_TWICE and len(alone) == 1 and alone[0].sure:
            alone += _among(alone[0], members, ended, axes)
        found.append(alone)
    return found


def _among(
    first: Suspect, members: Sequence[int], ended: Sequence[int], axes: Sequence[Axis]
) -> list[Suspect]:
    """The condition that stands out among the points that fulfil the first one, if any."""
    axis = next(axis for axis in axes if axis.name == first.name)
    level = next(at for at, value in enumerate(axis.levels) if value is first.value)
    fulfil = {"=": level.__eq__, "≤": level.__ge__, "≥": level.__le__}[first.relation]
    within = [at for at in ended if axis.at[at] >= 0 and fulfil(axis.at[at])]
    inside = [at for at in members if axis.at[at] >= 0 and fulfil(axis.at[at])]
    totals = [Counter(map(axis.at.__getitem__, within)) for axis in axes]
    second = _of_group(inside, len(within), axes, totals)[:1]
    return [replace(suspect, given=first) for suspect in second if suspect.sure]


def _of_group(
    members: Sequence[int], ended: int, axes: Sequence[Axis], totals: Sequence[Counter[int]]
) -> list[Suspect]:
    if len(members) < 2 or len(members) == ended:
        return []  # one point shares everything with itself; all points tell nothing
    best: list[Suspect] = []
    tried = 0
    for axis, total in zip(axes, totals, strict=True):
        inside = Counter(axis.at[member] for member in members)
        holding = {(r, level): n for r, level, n in axis.conditions(inside)}
        candidates = []
        for relation, level, having in axis.conditions(total):
            tried += 1
            held = holding[relation, level]
            # What is no more frequent in the group than elsewhere need not be computed.
            if held * ended > having * len(members):
                p = upper_tail(held, len(members), having, ended)
                value = axis.levels[level]
                candidates.append(
                    Suspect(axis.name, relation, value, held, len(members), having, ended, p, 0)
                )
        if candidates:
            # An equality before a threshold that says the same.
            best.append(min(candidates, key=lambda s: (s.p, s.relation != "=")))
    corrected = [_corrected(suspect, tried) for suspect in best]
    corrected.sort(key=lambda suspect: suspect.p)
    sure = [suspect for suspect in corrected if suspect.sure]
    if sure:
        return sure[:MOST_SUSPECTS]
    shared = [suspect for suspect in corrected if suspect.inside == suspect.members]
    # Of equals none is named before the other.
    return [suspect for suspect in shared if suspect.p == shared[0].p][:MOST_SUSPECTS]


def _corrected(suspect: Suspect, tried: int) -> Suspect:
    return replace(suspect, p=min(1.0, suspect.p * tried), tried=tried)


def upper_tail(inside: int, drawn: int, having: int, total: int) -> float:
    """P(X ≥ inside) when ``drawn`` of ``total`` are drawn, ``having`` of which count.

    The hypergeometric distribution's upper tail: the first term from log-factorials, each
    further one from the one before.
    """
    if inside <= max(0, drawn - (total - having)):
        return 1.0
    if inside > min(drawn, having):
        return 0.0
    x = inside
    term = math.exp(
        _log_choose(having, x) + _log_choose(total - having, drawn - x) - _log_choose(total, drawn)
    )
    tail = term
    while x < min(drawn, having):
        ratio = (having - x) * (drawn - x) / ((x + 1) * (total - having - drawn + x + 1))
        term *= ratio
        tail += term
        x += 1
        if ratio < 1 and term < 1e-17 * tail:
            break
    return min(1.0, tail)


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)


def axes_of(points: Sequence[Point]) -> list[Axis]:
    """The parameters that differ between the points and have values worth a test."""
    return list(_axes(points))


def _axes(points: Sequence[Point]) -> Iterator[Axis]:
    names = dict.fromkeys(name for point in points for name in point.params)
    for name in names:
        values = [point.params.get(name, _MISSING) for point in points]
        numeric = all(
            isinstance(v, (int, float)) and not isinstance(v, bool)
            for v in values
            if v is not _MISSING
        )
        keys = [_key(value) for value in values]
        distinct = {key: value for key, value in zip(keys, values, strict=True) if key}
        if len(distinct) < 2 or (len(distinct) > MOST_LEVELS and not numeric):
            continue
        ordered = list(distinct)
        if numeric:  # looked at above, which the type does not say
            ordered.sort(key=lambda k: distinct[k])  # type: ignore[arg-type, return-value]
        place = {key: at for at, key in enumerate(ordered)}
        yield Axis(
            name=name,
            levels=[distinct[key] for key in ordered],  # type: ignore[misc]  # none is _MISSING
            at=[place.get(key, -1) for key in keys],
            single=len(distinct) <= MOST_LEVELS,
            ordered=numeric and len(distinct) > 2,
        )


_MISSING = object()


def _key(value: object) -> object:
    """What tells values apart, 1 from True too; None for a missing one."""
    if value is _MISSING:
        return None
    if isinstance(value, (list, dict)):
        return json.dumps(value, sort_keys=True)
    return (type(value), value)
