"""The pictures of an executed notebook, as files that the report's gallery shows.

A figure is named after its cell, counted from 1 as the notebook's author counts: the
cells that papermill adds are left out, so that a failed and an ok point agree.
``cell-07.png`` is the last picture of cell 7 that an output has; further ones are
``cell-07-2.png``. Beside a large picture stands its thumbnail, ``cell-07.thumb.webp``.
"""

from __future__ import annotations

import base64
import binascii
import io
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..model import PointFiles
from .files import write_atomic
from .parameters_cell import tags_of

if TYPE_CHECKING:  # the report reads these files' formats, and need not wait for nbformat
    from nbformat import NotebookNode
    from PIL import Image

FIGURE_TAGS = frozenset({"nbbatch-figure", "nbsphinx-thumbnail"})
"""A cell with one of these has the notebook's figures; without any, all cells have."""

ADDED_TAGS = frozenset({"injected-parameters", "papermill-error-cell-tag"})

MOST_FIGURES = 24
MOST_BYTES = 20_000_000
"""Of one figure; a point's page still shows a larger one."""

THUMBNAIL_WIDTH = 320
SMALL_ENOUGH = 12_000
"""Bytes of a picture that is its own thumbnail."""

_SUFFIXES = {
    "image/png": ".png",
    "image/svg+xml": ".svg",
    "image/jpeg": ".jpg",
    "image/webp": ".webp",
    "image/gif": ".gif",
}
_BEGINNINGS = {
    "image/png": b"\x89PNG",
    "image/svg+xml": b"<",
    "image/jpeg": b"\xff\xd8",
    "image/webp": b"RIFF",
    "image/gif": b"GIF8",
}
_OURS = re.compile(r"cell-\d+(-\d+)?(\.thumb)?\.\w+")


def write_figures(nb: NotebookNode, folder: Path) -> tuple[str, ...]:
    """Write the notebook's pictures into the point's ``folder``; return the files' names.

    The names are relative to ``folder / "figures"``; what an earlier attempt left there
    is removed. A picture that cannot be decoded is left out, one that Pillow cannot read
    (or all, without Pillow) gets no thumbnail. Raises OSError.
    """
    figures = folder / PointFiles.FIGURES
    written: list[str] = []
    for stem, mime, content in _pictures(nb):
        figures.mkdir(exist_ok=True)
        name = stem + _SUFFIXES[mime]
        write_atomic(figures / name, content, durable=False)
        written.append(name)
        small = _thumbnail(mime, content)
        if small is not None:
            name = f"{stem}.thumb.webp"
            write_atomic(figures / name, small, durable=False)
            written.append(name)
    if figures.is_dir():
        for old in figures.iterdir():
            if _OURS.fullmatch(old.name) and old.name not in written:
                old.unlink(missing_ok=True)
    return tuple(written)


def numbered_cells(nb: NotebookNode) -> Iterator[tuple[int, NotebookNode]]:
    """The cells of the notebook's author, with their numbers from 1."""
    own = (cell for cell in nb.cells if not ADDED_TAGS.intersection(tags_of(cell)))
    return enumerate(own, 1)


def _pictures(nb: NotebookNode) -> Iterator[tuple[str, str, bytes]]:
    """Each figure's stem, type and content, in the order of the notebook."""
    cells = [(number, cell) for number, cell in numbered_cells(nb) if cell.get("outputs")]
    chosen = [(n, cell) for n, cell in cells if FIGURE_TAGS.intersection(tags_of(cell))]
    found = 0
    for number, cell in chosen or cells:
        inside = 0
        for output in cell.outputs:
            picture = _picture(output.get("data") or {})
            if picture is None:
                continue
            inside, found = inside + 1, found + 1
            if found > MOST_FIGURES:
                return
            yield f"cell-{number:02d}" + (f"-{inside}" if inside > 1 else ""), *picture


def _picture(data: Mapping[str, Any]) -> tuple[str, bytes] | None:
    """The type and bytes of an output's picture; None when it has none that can be shown."""
    for mime in _SUFFIXES:
        text = data.get(mime)
        if isinstance(text, list):
            text = "".join(map(str, text))
        if not isinstance(text, str) or not text or len(text) > 2 * MOST_BYTES:
            continue
        if mime == "image/svg+xml":
            content = text.encode("utf-8", "replace")
        else:
            try:
                content = base64.b64decode(text)
            except (binascii.Error, ValueError):
                continue
        if content.lstrip().startswith(_BEGINNINGS[mime]) and len(content) <= MOST_BYTES:
            return mime, content
    return None


def _thumbnail(mime: str, content: bytes) -> bytes | None:
    """A small WebP of the picture; None where the picture has to do."""
    if mime == "image/svg+xml" or len(content) <= SMALL_ENOUGH:
        return None
    try:
        from PIL import Image  # matplotlib brings it; a node without it goes without
    except ImportError:
        return None
    small = None
    # Any exception: of a picture that only looks like one, or is a bomb.
    with suppress(Exception), Image.open(io.BytesIO(content)) as picture:
        plain = picture.convert("RGB") if _is_opaque(picture) else picture.convert("RGBA")
        plain.thumbnail((THUMBNAIL_WIDTH, 4 * THUMBNAIL_WIDTH))
        stream = io.BytesIO()
        # method: a tenth more bytes than the slowest, for two thirds of its CPU time
        plain.save(stream, "WEBP", quality=80, method=2)
        small = stream.getvalue()
    return small if small is not None and len(small) < len(content) else None


def _is_opaque(picture: Image.Image) -> bool:
    """Whether nothing shines through: scaling is then cheaper. matplotlib's are, as RGBA."""
    if "A" not in picture.getbands():
        return True
    lowest, _ = picture.getchannel("A").getextrema()
    return lowest == 255
