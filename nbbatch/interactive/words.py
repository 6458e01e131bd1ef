"""From Python's words to a ``plan.Request``: the options of ``nbbatch run``, by the same names.

The fields of ``Request`` are the one definition: what can be given, and its default.
"""

from __future__ import annotations

import difflib
import inspect
import json
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, Field, fields
from datetime import timedelta
from pathlib import Path
from typing import Any

from ..errors import UsageError
from ..plan import Request

_ATTACHED = "it is for what cron starts: `%nbbatch run` takes it, and waits for the end"
IN_A_TERMINAL = {
    "detach": "a sweep that is started from Python always goes on by itself",
    "yes": "nobody is asked from Python",
    "dry_run": "`%nbbatch run NOTEBOOK --dry-run` shows the same in a cell",
    **dict.fromkeys(
        ("if_running", "reuse", "notify", "notify_on", "metrics_file"),
        _ATTACHED,
    ),
    **dict.fromkeys(("keep_last", "keep_daily", "keep_weekly", "keep_within"), _ATTACHED),
}
"""Options of the command line that are none here, and why."""

SYNONYMS = {"params": "pins", "point": "only", "option": "options"}
"""What else a word may be called: papermill's users say parameters, the command line --point."""

_FIELDS: dict[str, Field[Any]] = {field.name: field for field in fields(Request)}
_LISTS = frozenset(name for name, field in _FIELDS.items() if field.default == ())


def request_of(
    notebook: str | os.PathLike[str], grid: Any = None, words: Mapping[str, Any] | None = None
) -> Request:
    """A request of what was given to ``nbbatch.run``.

    Lists may be one text; ``pins``, ``axes``, ``options`` and ``collect`` may be mappings of
    Python values; paths, durations (``timedelta``) and numpy's numbers are what they mean.
    Raises UsageError on a word that there is not, or a value of the wrong kind.
    """
    if isinstance(grid, str) and grid == "-":
        raise UsageError(
            "grid='-' is for the command line: a cell has no standard input.",
            hint="Give a dict, a file, a list of dicts or a data frame, or use %%nbbatch.",
        )
    given: dict[str, Any] = {}
    for word, value in (words or {}).items():
        name = SYNONYMS.get(word, word)
        if name not in _FIELDS or name in ("notebook", "grid"):
            raise _unknown(word)
        if name in given:
            raise UsageError(f"{word}= and {name}= are the same: give one of them.")
        if value is not None:  # as on the command line: not given
            given[name] = _value(name, value)
    return Request(notebook=notebook, grid=grid, **given)


def signature() -> inspect.Signature:
    """Of ``nbbatch.run``, so that a notebook's Shift-Tab and ``help`` show every option."""
    kinds = inspect.Parameter
    parameters = []
    for name, field in _FIELDS.items():
        kind = kinds.POSITIONAL_OR_KEYWORD if name in ("notebook", "grid") else kinds.KEYWORD_ONLY
        default = kinds.empty if field.default is MISSING else field.default
        annotation = "Any" if name in ("pins", "axes", "options", "collect") else field.type
        parameters.append(kinds(name, kind, default=default, annotation=annotation))
    return inspect.Signature(parameters)


def _unknown(word: str) -> UsageError:
    if word in IN_A_TERMINAL:
        return UsageError(f"{word}= is for the command line only: {IN_A_TERMINAL[word]}.")
    close = difflib.get_close_matches(word, [*_FIELDS, *SYNONYMS], n=1)
    guess = f"Did you mean {close[0]}=? " if close else ""
    return UsageError(
        f"nbbatch.run has no option {word}=.",
        hint=f"{guess}A notebook's parameters go into grid= or params=.",
    )


def _value(name: str, value: Any) -> Any:
    if name in _LISTS:
        return _texts(name, value)
    value = _plain(value)
    if name == "points_per_job" and value == "auto":
        return 0
    if name in ("retry_memory", "retry_time") and isinstance(value, (int, float)):
        return str(value)
    kind = str(_FIELDS[name].type)
    if not _fits(kind, value):
        wanted = kind.replace(" | None", "").replace("os.PathLike[str]", "path")
        raise UsageError(f"{name}={value!r}: this is a {type(value).__name__}, not {wanted}.")
    # What pandas and a timedelta have as 4.0 is the number 4 wherever a whole one is wanted.
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _plain(value: Any) -> Any:
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    # numpy's scalars; an array of many is refused by its kind.
    if type(value).__module__.partition(".")[0] == "numpy" and getattr(value, "ndim", 1) == 0:
        return value.item()
    return value


_KINDS: dict[str, tuple[type, ...]] = {
    "bool": (bool,),
    "int": (int,),
    "float": (int, float),
    "str": (str,),
    "os.PathLike[str]": (str,),
}


def _fits(kind: str, value: Any) -> bool:
    kinds = [each.strip() for each in kind.split("|")]
    if isinstance(value, bool):  # which Python takes for a number
        return "bool" in kinds
    if isinstance(value, float) and value.is_integer() and "int" in kinds:
        return True  # an hour as timedelta is 3600.0 seconds
    return any(isinstance(value, _KINDS.get(each, ())) for each in kinds)


def _texts(name: str, value: Any) -> tuple[str, ...]:
    """Options that may be given several times: one text, texts, or a mapping."""
    if isinstance(value, str):
        return (value,)
    if isinstance(value, Mapping):
        if name not in _WRITTEN:
            raise UsageError(f"{name}= takes a text or a list of texts, not a mapping.")
        write = _WRITTEN[name]
        return tuple(f"{key}={write(str(key), item)}" for key, item in value.items())
    if not isinstance(value, Iterable):
        raise UsageError(f"{name}={value!r}: give a text, or a list of texts.")
    return tuple(map(str, value))


def _json(name: str, value: Any) -> str:
    """A value so that ``-p`` and ``-g`` read the same value again."""
    from ..grid.values import convert

    plain = convert(value, lambda _: f"{name}=", Path.cwd())
    if isinstance(plain, range):
        plain = list(plain)
    return json.dumps(plain, ensure_ascii=False, allow_nan=False)


def _axis(name: str, value: Any) -> str:
    text = _json(name, value)
    return text if text[:1] in "[{" else f"[{text}]"


def _option(_: str, value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


_WRITTEN: dict[str, Callable[[str, Any], str]] = {
    "pins": _json,
    "axes": _axis,
    "options": _option,
    "collect": _option,
}
