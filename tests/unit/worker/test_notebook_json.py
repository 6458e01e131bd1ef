"""The text is nbformat's own, made faster."""

from __future__ import annotations

import json
import math

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from nbbatch.worker.notebook_json import WORTH_IT, notebook_json


def test_the_same_text_as_nbformat() -> None:
    nb = new_notebook(metadata={"kernelspec": {"name": "python3", "display_name": "P"}, "a": {}})
    nb.cells = [
        new_markdown_cell("# Ünïcode 😀\n\ntext", attachments={"p.png": {"image/png": "aGk="}}),
        new_code_cell(
            'print("quoted")\n',
            execution_count=1,
            metadata={"trusted": True, "tags": ["a", "b"], "n": 1.5, "x": None, "t": True},
            outputs=[
                new_output("stream", name="stdout", text="one\ntwo\r\nthree\x1b[0m"),
                new_output(
                    "display_data",
                    {
                        "text/plain": "a\nb",
                        "text/html": "<b>\n</b>",
                        "image/svg+xml": "<svg>\n</svg>",
                        "image/png": "aGk=\n",
                        "application/json": {"deep": [1, [2.5, []], {"k": "v\n"}], "e": {}},
                    },
                ),
                new_output("execute_result", {"text/plain": "1"}, execution_count=1),
                new_output("error", ename="E", evalue="v", traceback=["a\nb", "c"]),
            ],
        ),
        new_code_cell(""),
    ]

    assert notebook_json(nb) == nbformat.writes(nb) + "\n"


@pytest.mark.parametrize(
    "line",
    [
        "plain\n",
        'a "quoted" one\n',
        "\ttab, \x1b[31mred\x1b[0m, \x00\n",
        "\n\n",
        "back\\slash, \\n is no end\n",
        "\r\n",
        "form\x0cfeed, \x1cfile\x1e\n",
        "Ünïcode\u2028\x85\n",
        "no end",
    ],
)
@pytest.mark.parametrize("rest", ["", "rest", "\n"])
def test_a_long_text(line: str, rest: str) -> None:
    text = line * (WORTH_IT // len(line) + 1) + rest
    nb = new_notebook(cells=[new_code_cell(text, outputs=[new_output("stream", text=text)])])

    assert notebook_json(nb) == nbformat.writes(nb) + "\n"


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda children: (
        st.lists(children, max_size=4) | st.dictionaries(st.text(max_size=4), children, max_size=4)
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.text(min_size=1, max_size=5), JSON, max_size=4))
def test_any_metadata_survives(metadata: dict[str, object]) -> None:
    nb = {"cells": [], "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}

    assert json.loads(notebook_json(nb)) == nb


def test_nan_is_no_json() -> None:
    nb = new_notebook(metadata={"x": [math.nan, math.inf, 1.0]})

    assert json.loads(notebook_json(nb))["metadata"]["x"] == [None, None, 1.0]
