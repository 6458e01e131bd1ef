"""Generated axes: ``{linspace: [20, 30, 5]}`` and its kin, counted before they are made.

numpy's meanings; generated floats are rounded to 12 significant digits, because
0.8999999999999999 is nobody's parameter.
"""

from __future__ import annotations

import glob as globbing
import math
import os
import re
from calendar import monthrange
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from nbbatch.grid.values import NotAValue, absolute, check_text, is_number, show
from nbbatch.model import Value

FORMS = {
    "range": "{range: [start, stop, step]}",
    "linspace": "{linspace: [first, last, count]}",
    "geomspace": "{geomspace: [first, last, count]}",
    "logspace": "{logspace: [exponent, exponent, count]}",
    "dates": "{dates: [today-7d, today], step: 1d}",
    "glob": '{glob: "data/*.root", min: 1}',
}
OPTIONS = {
    "linspace": {"endpoint"},
    "geomspace": {"endpoint"},
    "logspace": {"endpoint", "base"},
    "dates": {"step"},
    "glob": {"min"},
}

_DATE = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
_RELATIVE = re.compile(r"(today|yesterday|tomorrow)\s*(?:([+-])\s*([0-9]{1,6})\s*([a-z]+))?")
_STEP = re.compile(r"([0-9]{1,6})\s*([a-z]+)")
_DAYS = {"d": 1, "day": 1, "days": 1, "w": 7, "week": 7, "weeks": 7}
_MONTHS = {
    "mo": 1, "month": 1, "months": 1, "y": 12, "year": 12, "years": 12,
}  # fmt: skip


@dataclass(frozen=True)
class Context:
    """What generators depend on besides their arguments."""

    folder: Path
    today: date
    limit: int


class BadGenerator(ValueError):
    """What is wrong with a generator's arguments; the caller knows where it stands."""

    hint = ""


class TooMany(BadGenerator):
    """A generator of more values than there may be points."""

    hint = "If that is meant, say so with --max-points or max_points:."

    def __init__(self, kind: str, limit: int) -> None:
        super().__init__(f"{kind} gives more than {limit:,} values")


def generate(entry: dict[str, object], context: Context) -> Sequence[Value]:
    """The values of a generated axis. Raises BadGenerator."""
    kind, arguments, options = _parts(entry)
    return _MAKERS[kind](arguments, options, context)


def is_generator(entry: object) -> bool:
    return isinstance(entry, dict) and any(kind in entry for kind in FORMS)


def _parts(entry: dict[str, object]) -> tuple[str, object, dict[str, object]]:
    kinds = [kind for kind in FORMS if kind in entry]
    if len(kinds) != 1:
        raise BadGenerator("an axis has one generator: " + ", ".join(FORMS.values()))
    kind = kinds[0]
    options = {key: value for key, value in entry.items() if key != kind}
    unknown = set(options) - OPTIONS.get(kind, set())
    if unknown:
        raise BadGenerator(f"{kind} has no option {sorted(unknown)[0]!r}; it is {FORMS[kind]}")
    return kind, entry[kind], options


# -------------------------------------------------------------------------- numbers


def rounded(number: float) -> float:
    """12 significant digits; no negative zero."""
    return float(f"{number:.12g}") + 0.0


def _range(arguments: object, options: dict[str, object], context: Context) -> Sequence[Value]:
    given = arguments if isinstance(arguments, list) else [arguments]
    if not 1 <= len(given) <= 3:
        raise BadGenerator(f"range takes one to three numbers: {FORMS['range']}")
    numbers = _numbers("range", given)
    start, stop = (0, numbers[0]) if len(numbers) == 1 else (numbers[0], numbers[1])
    step = numbers[2] if len(numbers) == 3 else 1
    if step == 0:
        raise BadGenerator("the step of range is 0")
    if isinstance(start, int) and isinstance(stop, int) and isinstance(step, int):
        _bound("range", max(0, -((start - stop) // step)), context)
        return range(start, stop, step)
    ratio = (float(stop) - float(start)) / float(step)
    if not math.isfinite(ratio) or ratio > context.limit + 1:
        raise TooMany("range", context.limit)
    # Without the allowance [0, 0.3, 0.1] would have 0.3 in it: binary fractions.
    count = max(0, math.ceil(ratio - 1e-9))
    _bound("range", count, context)
    return [rounded(start + n * step) for n in range(count)]


def _spaced(kind: str) -> Callable[[object, dict[str, object], Context], Sequence[Value]]:
    def make(arguments: object, options: dict[str, object], context: Context) -> Sequence[Value]:
        given = arguments if isinstance(arguments, list) else []
        if len(given) != 3:
            raise BadGenerator(f"{kind} takes three numbers: {FORMS[kind]}")
        first, last, count = _numbers(kind, given)
        if not isinstance(count, int) or count < 1:
            raise BadGenerator(f"the count of {kind} is {count}, not a positive whole number")
        _bound(kind, count, context)
        endpoint = options.get("endpoint", True)
        if not isinstance(endpoint, bool):
            raise BadGenerator("endpoint is true or false")
        return _space(kind, float(first), float(last), count, endpoint, options)

    return make


def _space(
    kind: str, first: float, last: float, count: int, endpoint: bool, options: dict[str, object]
) -> Sequence[Value]:
    import numpy

    if kind == "geomspace" and not (min(first, last) > 0 or max(first, last) < 0):
        raise BadGenerator("both ends of geomspace are above zero, or both below")
    with numpy.errstate(all="ignore"):
        if kind == "linspace":
            array = numpy.linspace(first, last, count, endpoint=endpoint)
        elif kind == "geomspace":
            array = numpy.geomspace(first, last, count, endpoint=endpoint)
        else:
            base = options.get("base", 10)
            if not is_number(base) or base <= 0:
                raise BadGenerator("the base of logspace is a positive number")
            array = numpy.logspace(first, last, count, endpoint=endpoint, base=float(base))
    values = [rounded(number) for number in array.tolist()]
    if not all(math.isfinite(number) for number in values):
        raise BadGenerator(f"{kind} gives numbers that are too large")
    return list(values)


def _numbers(kind: str, given: Sequence[object]) -> list[int | float]:
    numbers: list[int | float] = []
    for each in given:
        if not is_number(each) or abs(each) > 1e300:
            raise BadGenerator(f"{show(each)} is not a number that {kind} can take")
        numbers.append(each)
    return numbers


def _bound(kind: str, count: int, context: Context) -> None:
    if count > context.limit:
        raise TooMany(kind, context.limit)


# ---------------------------------------------------------------------------- dates


def parse_date(text: object, today: date) -> date:
    """``2024-01-31``, ``today``, ``yesterday``, ``today-7d``, ``today-2w``. BadGenerator."""
    if isinstance(text, str) and (absolute_date := _DATE.fullmatch(text.strip())):
        try:
            return date(*(int(part) for part in absolute_date.groups()))
        except ValueError as error:
            raise BadGenerator(f"{text!r} is no date: {error}") from None
    if isinstance(text, str) and (relative := _RELATIVE.fullmatch(text.strip())):
        word, sign, number, unit = relative.groups()
        day = _shift(today, {"today": 0, "yesterday": -1, "tomorrow": 1}[word], "d")
        return _shift(day, int(f"{sign}{number}"), unit) if sign else day
    raise BadGenerator(f"{show(text)} is no date; write 2024-01-31, today or today-7d")


def _shift(day: date, number: int, unit: str) -> date:
    try:
        if unit in _DAYS:
            return day + timedelta(days=number * _DAYS[unit])
        if unit in _MONTHS:
            return _months_later(day, number * _MONTHS[unit])
    except (OverflowError, ValueError):
        raise BadGenerator("the dates leave the calendar (years 1 to 9999)") from None
    raise BadGenerator(f"{unit!r} is no unit of dates; use d, w, mo or y")


def _months_later(day: date, months: int) -> date:
    """The same day of a later month, or that month's last."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def _dates(arguments: object, options: dict[str, object], context: Context) -> Sequence[Value]:
    given, step = _date_arguments(arguments, options)
    first, last = (parse_date(each, context.today) for each in given)
    match = _STEP.fullmatch(step.strip()) if isinstance(step, str) else None
    if not match or int(match[1]) == 0:
        raise BadGenerator(f"{show(step)} is no step of dates; write 1d, 2w, 1mo or 1y")
    number, unit = int(match[1]), match[2]
    _shift(date(2000, 1, 1), 0, unit)
    days: list[Value] = []
    for n in range(context.limit + 1):
        try:
            day = _shift(first, n * number, unit)
        except BadGenerator:
            break  # past year 9999: past every last date
        if day > last:
            break
        days.append(day.isoformat())
    _bound("dates", len(days), context)
    return days


def _date_arguments(
    arguments: object, options: dict[str, object]
) -> tuple[Sequence[object], object]:
    step = options.get("step", "1d")
    if isinstance(arguments, dict) and {"start", "stop"} <= set(arguments) <= {
        "start", "stop", "step",
    }:  # fmt: skip
        return [arguments["start"], arguments["stop"]], arguments.get("step", step)
    if isinstance(arguments, list) and len(arguments) == 2:
        return arguments, step
    if isinstance(arguments, list) and len(arguments) == 3:
        return arguments[:2], arguments[2]
    raise BadGenerator(f"dates takes a first and a last date: {FORMS['dates']}")


# ---------------------------------------------------------------------------- files


def _glob(arguments: object, options: dict[str, object], context: Context) -> Sequence[Value]:
    patterns = arguments if isinstance(arguments, list) else [arguments]
    least = options.get("min", 1)
    if not isinstance(least, int) or isinstance(least, bool) or least < 1:
        raise BadGenerator("min of glob is a positive whole number")
    files = find_files(patterns, context)
    if len(files) < least:
        wanted = ", ".join(show(pattern) for pattern in patterns)
        found = f"only {len(files)} files match" if files else "no file matches"
        fewer = f", fewer than min: {least}" if least > 1 else ""
        raise BadGenerator(f"{found} {wanted} in {context.folder}{fewer}")
    return list(files)


def find_files(patterns: Sequence[object], context: Context) -> list[str]:
    """Absolute paths of what the patterns match, each once, numbers sorted as numbers."""
    found: set[str] = set()
    for pattern in patterns:
        if not isinstance(pattern, str) or not pattern or "\0" in pattern:
            raise BadGenerator(f"{show(pattern)} is no file pattern: {FORMS['glob']}")
        # root_dir and not a joined pattern: the folder's own name may hold a bracket.
        shape = os.path.expanduser(pattern)  # noqa: PTH111 (a pattern is no path)
        for path in globbing.iglob(  # noqa: PTH207 (Path.glob takes no absolute pattern)
            shape, root_dir=context.folder, recursive=True
        ):
            file = str(absolute(path, context.folder))
            try:
                check_text(file)
            except NotAValue:
                raise BadGenerator(f"the name of the file {show(path)} is not UTF-8") from None
            found.add(file)
            _bound("glob", len(found), context)
    return sorted(found, key=natural)


def natural(text: str) -> tuple[list[tuple[int, int, str]], str]:
    """Sort key: run2 before run10."""
    parts = re.split(r"([0-9]{1,300})", text)
    key = [(0, int(p), "") if p.isdecimal() and p.isascii() else (1, 0, p) for p in parts if p]
    return key, text


_MAKERS: dict[str, Callable[[object, dict[str, object], Context], Sequence[Value]]] = {
    "range": _range,
    "linspace": _spaced("linspace"),
    "geomspace": _spaced("geomspace"),
    "logspace": _spaced("logspace"),
    "dates": _dates,
    "glob": _glob,
}
