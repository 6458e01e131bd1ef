"""``load_grid``: any source of a grid → the expanded, checked grid."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import TextIO

from nbbatch.errors import GridError
from nbbatch.grid.ids import point_ids
from nbbatch.grid.model import Grid, Overrides
from nbbatch.grid.values import Place, Where, convert
from nbbatch.model import Value


@dataclass(frozen=True)
class _Source:
    """A document of plain values and what its places are called."""

    document: object
    where: Where
    name: str
    folder: Path
    used_stdin: bool = False


def load_grid(
    source: Path | str | Mapping[str, object] | Sequence[Mapping[str, object]] | None,
    *,
    overrides: Overrides = Overrides(),  # noqa: B008 (frozen)
    folder: Path | None = None,
    stdin: TextIO | None = None,
    today: date | None = None,
) -> Grid:
    """Read a grid, apply the overrides, and expand it to points.

    ``source`` is a YAML file, a points file (.csv, .tsv, .jsonl, .parquet), "-" for YAML on
    standard input, a dict with the same words as the YAML, a list of dicts (the points), a
    data frame (one row a point), or None (one point). Relative paths inside are relative to
    ``folder``: the file's own by default, else the working directory. Those of ``overrides``
    are relative to ``folder`` or the working directory.

    Raises GridError for whatever is wrong, NoPoints when the exclusions leave nothing.
    """
    # Here and not above: pydantic and ruamel.yaml are loaded when a grid is, not before.
    from nbbatch.grid.blocks import most_candidates, surroundings
    from nbbatch.grid.expand import expand
    from nbbatch.grid.generators import Context
    from nbbatch.grid.overrides import apply_overrides
    from nbbatch.grid.resolve import resolve
    from nbbatch.grid.spec import read_spec

    read = _read(source, folder, stdin)
    here = Path.cwd() / (folder or "")
    spec = apply_overrides(read_spec(read.document, read.where), overrides, here)
    context = Context(read.folder, today or date.today(), most_candidates(spec))
    points_input = None if read.used_stdin else stdin or sys.stdin
    resolved = resolve(spec, surroundings(spec, context, points_input, read.name))
    expansion = expand(resolved, spec.subset, spec.drop_duplicates)
    try:
        point_ids(expansion.points, spec.id_template)
    except GridError as error:
        raise GridError(error.message, where=read.where(("id",)), hint=error.hint) from None
    kept = replace(
        resolved,
        branches=tuple(
            each for n, each in enumerate(resolved.branches) if n not in expansion.idle_branches
        ),
        excludes=tuple(
            each for n, each in enumerate(resolved.excludes) if n not in expansion.idle_excludes
        ),
    )
    from nbbatch.grid.written import resolved_text

    return Grid(
        points=expansion.points,
        axes=[factor.axis for factor in resolved.factors],
        resolved=resolved_text(spec, kept),
        homes=resolved.homes,
        source=read.name,
        resources=dict(spec.resources),
        inputs=resolved.inputs,
        outputs=spec.outputs,
        collect=dict(spec.collect),
        id_template=spec.id_template,
    )


def _read(source: object, folder: Path | None, stdin: TextIO | None) -> _Source:
    here = Path.cwd()
    base = here / folder if folder is not None else here
    if source is None:
        return _Source({}, lambda _: "<none>", "<none>", base)
    if isinstance(source, (str, Path)):
        return _read_text(source, folder, stdin, here)
    if not isinstance(source, (Mapping, list, tuple)) and not hasattr(source, "to_dict"):
        raise GridError(
            f"a grid cannot be made of an object of type {type(source).__name__}",
            hint="Give a file name, a dict of axes, a list of dicts or a data frame.",
        )
    document = convert(source, _where_in_python, base)
    return _Source(document, _where_in_python, "<dict>", base)


def _read_text(
    source: str | Path, folder: Path | None, stdin: TextIO | None, here: Path
) -> _Source:
    from nbbatch.grid.points_file import FORMATS, read_stream, read_text
    from nbbatch.grid.yaml_source import MAX_TEXT, read_yaml

    name = str(source)
    if name == "-":
        text = read_stream(stdin or sys.stdin, "standard input", MAX_TEXT)
        parsed = read_yaml(text, "standard input")
        base = here / folder if folder is not None else here
        return _Source(parsed.value, parsed.where, "-", base, used_stdin=True)
    path = here / name
    base = here / folder if folder is not None else path.parent
    if path.suffix.lower() in FORMATS:
        points: dict[str, Value] = {"points": {"from": str(path)}}
        return _Source(points, lambda _: name, name, base)
    parsed = read_yaml(read_text(path, name, MAX_TEXT), name)
    return _Source(parsed.value, parsed.where, name, base)


def _where_in_python(place: Place) -> str:
    steps = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in place)
    return f"<dict> {steps.removeprefix('.')[:80]}" if steps else "<dict>"
