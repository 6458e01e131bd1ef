"""Names that a parameter can have."""

from __future__ import annotations

import keyword
import re
import unicodedata

from nbbatch.errors import GridError

RESERVED_PREFIX = "nbbatch_"
"""Names of our own: the worker may define such variables in a kernel."""

MAX_NAME = 200

# R's names may hold dots: `n.sim`, `.start`. A dot before a digit would be a number.
_DOTTED = re.compile(r"(?:[A-Za-z]|\.+[A-Za-z_])[A-Za-z0-9._]*")


def check_name(name: str, where: str) -> str:
    """Return the name if a notebook can have a variable of that name; GridError if not."""
    if reason := _objection(name):
        raise GridError(f"{name[:60]!r} cannot be the name of a parameter: {reason}", where=where)
    return name


def _objection(name: str) -> str:
    if not name:
        return "it is empty"
    if len(name) > MAX_NAME:
        return f"it is longer than {MAX_NAME} characters"
    if keyword.iskeyword(name):
        return "it is a word of the Python language"
    if name.startswith(RESERVED_PREFIX):
        return f"names that begin with {RESERVED_PREFIX} are reserved"
    if name.startswith("__") and name.endswith("__"):
        return "names between double underscores belong to Python"
    if not (name.isidentifier() or _DOTTED.fullmatch(name)):
        return "use letters, digits and underscores, not a digit first"
    if unicodedata.normalize("NFKC", name) != name:
        return f"Python would read it as {unicodedata.normalize('NFKC', name)!r}; write that"
    return ""
