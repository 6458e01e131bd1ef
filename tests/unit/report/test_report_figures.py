"""Figures and texts that a worker keeps for the report."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path

import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from PIL import Image

from nbbatch.worker.figures import write_figures
from nbbatch.worker.texts import CELL_LIMIT, write_texts


def png(width: int = 8, height: int = 6, *, noisy: bool = False, kind: str = "PNG") -> str:
    picture = Image.effect_noise((width, height), 90) if noisy else Image.new("L", (width, height))
    stream = io.BytesIO()
    picture.save(stream, kind)
    return base64.b64encode(stream.getvalue()).decode()


def cell(*bundles: dict[str, object], tags: tuple[str, ...] = ()) -> NotebookNode:
    outputs = [new_output("display_data", data=bundle) for bundle in bundles]
    return new_code_cell("draw()", outputs=outputs, metadata={"tags": list(tags)})


def drawn(*cells: NotebookNode) -> NotebookNode:
    return new_notebook(cells=list(cells))


def test_figures_are_named_after_the_author_s_cells(tmp_path: Path) -> None:
    nb = drawn(
        new_markdown_cell("# Title"),
        cell(tags=("injected-parameters",)),
        cell({"image/png": png()}, {"image/svg+xml": ["<svg>", "</svg>"]}),
        new_markdown_cell("error", metadata={"tags": ["papermill-error-cell-tag"]}),
        cell({"text/plain": "1"}, {"image/jpeg": png(kind="JPEG")}),
    )
    names = write_figures(nb, tmp_path)
    assert names == ("cell-02.png", "cell-02-2.svg", "cell-03.jpg")
    assert {file.name for file in (tmp_path / "figures").iterdir()} == set(names)
    assert (tmp_path / "figures" / "cell-02-2.svg").read_text() == "<svg></svg>"


@pytest.mark.parametrize("tag", ["nbbatch-figure", "nbsphinx-thumbnail"])
def test_tagged_cells_have_the_figures(tmp_path: Path, tag: str) -> None:
    nb = drawn(cell({"image/png": png()}), cell({"image/png": png()}, tags=(tag,)))
    assert write_figures(nb, tmp_path) == ("cell-02.png",)


def test_a_large_picture_has_a_small_one_beside_it(tmp_path: Path) -> None:
    names = write_figures(drawn(cell({"image/png": png(900, 600, noisy=True)})), tmp_path)
    assert names == ("cell-01.png", "cell-01.thumb.webp")
    with Image.open(tmp_path / "figures" / names[1]) as small:
        assert small.size == (320, 213)


def test_what_is_no_picture_costs_nothing(tmp_path: Path) -> None:
    big = base64.b64encode(b"no picture" * 5000).decode()
    nb = drawn(cell({"image/png": "%%"}, {"image/png": big}, {}))
    nb.cells[0].outputs[2].data["image/png"] = 5
    assert write_figures(nb, tmp_path) == ()
    assert not (tmp_path / "figures").exists()


def test_a_picture_that_pillow_cannot_read_has_no_small_one(tmp_path: Path) -> None:
    broken = base64.b64encode(b"\x89PNG" + b"no picture" * 5000).decode()
    assert write_figures(drawn(cell({"image/png": broken})), tmp_path) == ("cell-01.png",)


def test_an_earlier_attempt_s_figures_go_and_others_stay(tmp_path: Path) -> None:
    write_figures(drawn(cell({"image/png": png()}, {"image/png": png()})), tmp_path)
    (tmp_path / "figures" / "mine.png").write_bytes(b"")
    assert write_figures(drawn(cell({"image/png": png()})), tmp_path) == ("cell-01.png",)
    left = {file.name for file in (tmp_path / "figures").iterdir()}
    assert left == {"cell-01.png", "mine.png"}


def texts(folder: Path) -> dict[int, str]:
    content = (folder / "figures" / "cells.js").read_text("ascii")
    pushed = json.loads(content[content.index("{") : content.rindex("}") + 1])
    assert (pushed["kind"], pushed["point"]) == ("cells", "p1")
    return {cell["cell"]: cell["text"] for cell in pushed["cells"]}


def test_texts_are_what_the_cells_put_out(tmp_path: Path) -> None:
    outputs = [
        new_output("stream", text="</script>\u2028\n"),
        new_output("display_data", data={"image/png": png(), "text/plain": "<Figure>"}),
        new_output("execute_result", data={"text/plain": "42"}, execution_count=1),
        new_output("error", ename="ValueError", evalue="no", traceback=[]),
    ]
    nb = drawn(new_markdown_cell("text"), new_code_cell("x", outputs=outputs), new_code_cell("y"))
    write_texts(nb, "p1", tmp_path)
    assert texts(tmp_path) == {2: "</script>\u2028\n42\nValueError: no\n", 3: ""}
    assert "<" not in (tmp_path / "figures" / "cells.js").read_text("ascii")


def test_long_texts_are_cut(tmp_path: Path) -> None:
    loud = [new_output("stream", text="x" * 1_000_000)]
    write_texts(drawn(*(new_code_cell("x", outputs=loud) for _ in range(30))), "p1", tmp_path)
    kept = texts(tmp_path)
    assert kept[1].startswith("x" * CELL_LIMIT + "\n… 980,000 characters more")
    assert sum(map(len, kept.values())) < 210_000
