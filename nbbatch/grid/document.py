"""The shape of a grid document, checked by pydantic, its errors told in the user's words.

Imported only when a grid is loaded: pydantic costs a fifth of a second.
"""

from __future__ import annotations

import difflib
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from nbbatch.errors import GridError
from nbbatch.grid.values import Where, show


def _listed(value: object) -> object:
    """One mapping or text where a list of them is expected."""
    return [value] if isinstance(value, (dict, str)) else value


Mapped = dict[str, Any]
Count = Annotated[int, Field(ge=1)]
Mappings = Annotated[list[Mapped], BeforeValidator(_listed)]
Rules = Annotated[list["Mapped | str"], BeforeValidator(_listed)]
Texts = Annotated[list[str], BeforeValidator(_listed)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, populate_by_name=True)


class Sample(_Strict):
    method: Literal["random", "lhs", "sobol"] = "random"
    n: Count
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    space: Annotated[Mapped, Field(min_length=1)]
    rows: str | None = None


class PointsFile(_Strict):
    from_: Annotated[str | None, Field(alias="from")] = None
    format: Literal["csv", "tsv", "jsonl", "parquet"] | None = None
    rows: str | None = None


class When(_Strict):
    if_: Annotated[Rules, Field(alias="if")]
    set: Mapped = {}
    grid: Mapped = {}


class ResourceWords(_Strict):
    cpus: Count | None = None
    memory: int | str | None = None
    disk: int | str | None = None
    gpus: Annotated[int, Field(ge=0)] | None = None
    time: float | int | str | None = None


class Document(_Strict):
    """The full form. What values an axis may have is checked later, axis by axis."""

    grid: Mappings | None = None
    zip: Mappings | None = None
    sample: Sample | None = None
    points: list[Mapped] | PointsFile | None = None
    when: Annotated[list[When], BeforeValidator(_listed)] = []
    exclude: Rules = []
    include: Mappings = []
    set: Mapped = {}
    types: dict[str, Literal["int", "float", "bool", "str", "date", "path", "json"]] = {}
    id: str | None = None
    max_points: Count | None = None
    resources: ResourceWords = ResourceWords()
    inputs: Texts = []
    outputs: Texts = []
    collect: Texts | dict[str, str] = []
    where: Texts = []
    subset: Count | None = None
    duplicates: Literal["error", "drop"] = "error"


WORDS = frozenset(Document.model_fields)
"""The words of the full form; no parameter of the short form can have such a name."""

_SHAPES = {
    "grid": "a mapping of axes, or a list of such mappings",
    "zip": "a mapping of axes of one length, or a list of such mappings",
    "points": "a list of mappings, or {from: points.csv}",
    "when": "a list of {if: …, set: …, grid: …}",
    "exclude": 'a list of mappings or of expressions such as "thr * energy > 30"',
    "include": "a list of mappings",
    "set": "a mapping of constants",
    "types": "a mapping of names to int, float, bool, str, date, path or json",
    "id": 'a text such as "{det}-{sigma:.2f}"',
    "max_points": "a positive whole number",
    "resources": "a mapping of cpus, memory, disk, gpus, time",
    "inputs": "a list of files",
    "outputs": "a list of files",
    "collect": "a list of expressions, or a mapping of names to expressions",
    "where": "an expression",
    "subset": "a positive whole number",
    "duplicates": "error or drop",
    "sample": "a mapping of method, n, seed and space",
    "sample.method": "random, lhs or sobol",
    "sample.n": "a positive whole number",
    "sample.seed": "a whole number, zero or more",
    "sample.space": "a mapping of names to {uniform: [a, b]} and the like",
    "resources.cpus": "a positive whole number",
    "resources.gpus": "a whole number",
    "resources.memory": 'an amount such as "2GB"',
    "resources.disk": 'an amount such as "10GB"',
    "resources.time": 'a time span such as "1h30m"',
}
_BLOCKS = ("grid", "zip", "sample", "points")


def check_document(raw: dict[str, object], where: Where) -> Document:
    """Validate the shape of a full-form document; GridError at the entry that is wrong."""
    try:
        return Document.model_validate(raw)
    except ValidationError as error:
        raise _translated(error, raw, where) from None


def _translated(error: ValidationError, raw: dict[str, object], where: Where) -> GridError:
    errors = error.errors(include_url=False, include_context=False)
    if isinstance(raw.get("points"), dict):
        # Of the two forms of points this one was meant.
        errors.sort(
            key=lambda each: each["loc"][:1] == ("points",) and "PointsFile" not in each["loc"]
        )
    first = errors[0]
    loc = tuple(part for part in first["loc"] if part != "PointsFile")
    place = tuple(part for part in loc if _real(part))
    if first["type"] == "extra_forbidden":
        return _unknown_word(loc, where)
    words = [part for part in place if isinstance(part, str)]
    known = [".".join(words[:n]) for n in (2, 1) if ".".join(words[:n]) in _SHAPES]
    name = known[0] if known else ".".join(words)
    if first["type"] == "missing":
        return GridError(
            f"{words[-1]!r} is missing in {'.'.join(words[:-1])!r}", where=where(place)
        )
    got = first["input"]
    hint = ""
    if words and words[0] in _BLOCKS and len(place) == 1 and isinstance(got, (list, str, int)):
        hint = f"To sweep a parameter that is called {words[0]}, write grid: {{{words[0]}: …}}."
    shape = _SHAPES.get(name, first["msg"])
    return GridError(f"{name!r} must be {shape}, not {show(got)}", where=where(place), hint=hint)


def _real(part: object) -> bool:
    """Pydantic adds the union's member to the place: `PointsFile`, `list[dict[str,any]]`."""
    return isinstance(part, int) or (
        isinstance(part, str) and part.isidentifier() and part not in _MEMBERS
    )


_MEMBERS = {"PointsFile", "str", "int", "float", "list", "dict"}


def _unknown_word(place: tuple[Any, ...], where: Where) -> GridError:
    word = str(place[-1])[:60]
    top = len(place) == 1
    models: dict[str, type[BaseModel]] = {
        "sample": Sample,
        "resources": ResourceWords,
        "when": When,
        "points": PointsFile,
    }
    model = Document if top else models.get(str(place[0]), Document)
    choices = [field.alias or name for name, field in model.model_fields.items()]
    near = difflib.get_close_matches(word, choices, 1)
    if near:
        hint = f"Did you mean {near[0]!r}?"
    elif top:
        hint = f"Put an axis under grid: {{{word}: […]}}, a constant under set: {{{word}: …}}."
    else:
        hint = "Known: " + ", ".join(choices) + "."
    inside = "" if top else f" in {place[0]!r}"
    return GridError(f"unknown word {word!r}{inside}", where=where(place), hint=hint)
