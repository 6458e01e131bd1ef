"""A report that can be sent: as a zip of all its files, or as one HTML file."""

from __future__ import annotations

import json
import re
import secrets
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..collect.stamps import CHUNK, Stamps, joint
from ..errors import UsageError
from ..folder import SweepFolder
from ..model import Header, PointFiles, PointView
from ..results.failures import group_failures
from ..results.summary_notebook import SummaryNotebook
from ..results.table import rows
from ..worker.files import write_atomic
from ..worker.texts import FILE as TEXTS
from .blame import axes_of, suspects
from .chunks import chunk_content, script
from .index import (
    assets,
    columns_content,
    failures_content,
    now_content,
    plotly_file,
    write_report,
)
from .page import FILES, GROUPS_SHOWN, PICTURES, Alone, Frame, picture_url, render
from .parts import constants_of, part_of
from .verdict import epoch, verdict

SINGLE_LIMIT = 100_000_000
"""Bytes of figures and texts in one file; browsers and mail programs take no more."""

_ALL_RUNS = re.compile(r' · <a href="../../index\.html">[^<]*</a>')
"""The link to the history of a name, which does not travel."""

_PACKED_ALREADY = frozenset({".png", ".jpg", ".webp", ".gif", ".parquet"})


def write_zip(root: Path, header: Header, views: Sequence[PointView], target: Path) -> Path:
    """Write the report, all that it links to and the results into a zip file.

    Unpacked, ``<name>/report/index.html`` opens as it does here. Raises OSError.
    """
    write_report(root, header, views)
    fresh = target.with_name(f".{target.name[:80]}.{secrets.token_hex(4)}.tmp")
    folder = header.name.strip("./\\") or "sweep"
    try:
        with zipfile.ZipFile(fresh, "w", zipfile.ZIP_DEFLATED) as packed:
            for file in _files(root, views):
                method = (
                    zipfile.ZIP_STORED if file.suffix in _PACKED_ALREADY else zipfile.ZIP_DEFLATED
                )
                name = f"{folder}/{file.relative_to(root)}"
                if file == root / "report" / "index.html":
                    packed.writestr(name, _ALL_RUNS.sub("", file.read_text("utf-8")), method)
                    continue
                with suppress(FileNotFoundError):  # a worker has just replaced it
                    packed.write(file, name, method)
        fresh.replace(target)
    finally:
        fresh.unlink(missing_ok=True)
    return target


def _files(root: Path, views: Sequence[PointView]) -> Iterator[Path]:
    yield from (root / name for name in FILES if (root / name).is_file())
    for folder in (root / "report", root / "summary"):
        for file in sorted(folder.rglob("*")):
            # built.json is for the next build, here; temporary files are being written
            if file.is_file() and file.name != "built.json" and not file.name.endswith(".tmp"):
                yield file
    for view in views:
        place = root / view.point.dir
        names = (PointFiles.PAGE, PointFiles.LIVE, PointFiles.EXECUTED, PointFiles.LOG)
        yield from (place / name for name in names if (place / name).is_file())
        figures = place / PointFiles.FIGURES
        if figures.is_dir():
            yield from sorted(file for file in figures.iterdir() if file.suffix != ".tmp")


def write_single_file(root: Path, header: Header, views: Sequence[PointView], target: Path) -> Path:
    """Write the whole report as one HTML file: table, plots, figures and text outputs.

    The executed notebooks are not in it. Raises UsageError when figures and texts are
    more than ``SINGLE_LIMIT``.
    """
    base = epoch(header.created) or 0.0
    table = [{**row, "page": None, "notebook": None, "log": None} for row in rows(views, root)]
    parts = [part_of("", table[at : at + CHUNK]) for at in range(0, len(table), CHUNK)]
    groups = group_failures(views)
    found = verdict(views)
    status = {**now_content(found, {}), "open": False}
    plotly = plotly_file()
    columns = columns_content(header, views, parts, base, plotly is not None, root)
    contents = [columns, failures_content(views, groups), status]
    for at in range(0, len(views), CHUNK):
        part = slice(at, at + CHUNK)
        contents.append(chunk_content(at, views[part], table[part], base))
    scripts = [script(content) for content in contents]
    scripts += _outputs(root, views)
    files = assets()
    if plotly is not None:
        scripts.append(plotly.read_text("utf-8").replace("</script", "<\\/script"))
    scripts.append(files["report.js"])
    axes = axes_of([view.point for view in views]) if groups else ()
    frame = Frame(
        root=root,
        header=header,
        views=views,
        groups=groups,
        found=found,
        blamed=suspects(groups[:GROUPS_SHOWN], views, axes),
        constants=constants_of(parts),
        scripts=(),
        status=status,
        alone=Alone(files["report.css"], scripts),
        summary=SummaryNotebook(SweepFolder(root), header).told(joint(Stamps().of(views))),
    )
    write_atomic(target, render(frame).encode("utf-8", "backslashreplace"), durable=False)
    return target


def _outputs(root: Path, views: Sequence[PointView]) -> Iterator[str]:
    """Scripts with the figures and the texts of all points."""
    total = 0
    for view in views:
        folder = root / view.point.dir / PointFiles.FIGURES
        with suppress(OSError, ValueError):
            # As data and not as a script: whoever can write there is the notebook.
            content = (folder / TEXTS).read_text("ascii")
            cells = json.loads(content[content.index("{") : content.rindex("}") + 1])
            yield script({"kind": "cells", "point": view.point.id, "cells": cells["cells"]})
            total += len(content)
        pictures: dict[str, Any] = {}
        for name in view.record.figures if view.record is not None else ():
            if Path(name).suffix not in PICTURES or Path(name).name != name:
                continue
            with suppress(OSError):
                pictures[name] = picture_url(folder / name)
                total += len(pictures[name])
        if pictures:
            yield script({"kind": "figures", "point": view.point.id, "files": pictures})
        if total > SINGLE_LIMIT:
            raise UsageError(
                f"Figures and outputs of this sweep are more than {SINGLE_LIMIT / 1e6:.0f} MB.",
                hint="Use --zip: it has no limit, and the notebooks are in it.",
            )
