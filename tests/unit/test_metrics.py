"""Metrics: what a notebook recorded, and what its kernel answers when it is asked."""

from __future__ import annotations

import datetime
import decimal
import fractions
import pathlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import nbformat
import numpy as np
import pandas as pd
import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager

from nbbatch.model import RECORD_MIME, Value
from nbbatch.worker.metrics import (
    PAPERMILL_MIME,
    SCRAP_MIME,
    collect_code,
    collect_expressions,
    metrics_from_outputs,
    parse_collected,
    plain_value,
)

NAN, INF = float("nan"), float("inf")


class Quantity:
    """As pint's: a number with a unit."""

    magnitude = np.float64(9.81)


class Measurement:
    """As ``uncertainties``': no float()."""

    nominal_value = 125.1


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (True, True),
        (np.int64(3), 3),
        (np.float32(0.5), 0.5),
        (np.longdouble(1.5), 1.5),
        (np.bool_(True), True),
        (np.array(2.5), 2.5),
        (np.arange(3), [0, 1, 2]),
        (np.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]]),
        (np.datetime64("2024-01-31"), "2024-01-31"),
        (np.ma.masked, None),
        ((1, "a", None), [1, "a", None]),
        (range(2), [0, 1]),
        (pd.Series([1.5, NAN]), [1.5, None]),
        (pd.NA, None),
        (pd.NaT, None),
        (pd.Timestamp("2024-01-31 12:00"), "2024-01-31T12:00:00"),
        (decimal.Decimal("0.1"), 0.1),
        (fractions.Fraction(1, 4), 0.25),
        (datetime.date(2024, 1, 31), "2024-01-31"),
        (datetime.timedelta(minutes=1), 60.0),
        (pathlib.PurePosixPath("a/b"), "a/b"),
        pytest.param(Quantity(), 9.81, id="quantity with a unit"),
        pytest.param(Measurement(), 125.1, id="measurement with an error"),
        (NAN, None),
        ([INF, -INF, 0.5], [None, None, 0.5]),
    ],
    ids=repr,
)
def test_scientific_values_become_json_values(value: Any, plain: Value) -> None:
    result = plain_value(value)

    assert result == plain
    assert type(result) is type(plain)


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (pd.DataFrame({"a": [1]}), "DataFrame is not a metric"),
        (np.zeros(1000), "ndarray of more than 100 items"),
        ([[0] * 60, [0] * 60], "more than 100 items"),
        ("x" * 20_000, "string of 20000 characters"),
        ({"a": 1}, "dict is not a metric"),
        (1j, "complex is not a metric"),
        (int, "type is not a metric"),
        (object(), "object is not a metric: make it a number or a string"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_no_metric_is_refused_in_words(value: Any, why: str) -> None:
    with pytest.raises(TypeError, match=why):
        plain_value(value)


def notebook_showing(*bundles: dict[str, Any]) -> nbformat.NotebookNode:
    outputs = [nbformat.v4.new_output("display_data", bundle) for bundle in bundles]
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("", outputs=outputs)])


def test_records_of_three_kinds_are_read_from_outputs() -> None:
    nb = notebook_showing(
        {RECORD_MIME: {"name": "chi2", "value": 1.25}},
        {SCRAP_MIME: {"name": "mass", "data": 125, "encoder": "json", "version": 1}},
        {PAPERMILL_MIME: {"n": 3, "label": "signal"}},
        {"text/plain": "no record"},
    )

    assert metrics_from_outputs(nb) == {"chi2": 1.25, "mass": 125, "n": 3, "label": "signal"}


def test_the_last_value_of_a_name_wins() -> None:
    nb = notebook_showing(
        {RECORD_MIME: {"name": "loss", "value": 3}},
        {RECORD_MIME: {"name": "n", "value": 1}},
        {RECORD_MIME: {"name": "loss", "value": 2}},
    )

    assert metrics_from_outputs(nb) == {"n": 1, "loss": 2}


@pytest.mark.parametrize(
    "bundle",
    [
        {RECORD_MIME: {"name": "x", "value": {"a": 1}}},
        {RECORD_MIME: {"name": "x", "value": list(range(101))}},
        {RECORD_MIME: {"name": "x"}},
        {RECORD_MIME: {"value": 1}},
        {RECORD_MIME: {"name": 3, "value": 1}},
        {RECORD_MIME: "x"},
        {SCRAP_MIME: {"name": "x", "data": "AAAA", "encoder": "arrow"}},
        {SCRAP_MIME: {"name": "x", "data": None, "encoder": "display"}},
    ],
    ids=str,
)
def test_what_is_no_metric_is_left_out(bundle: dict[str, Any]) -> None:
    assert metrics_from_outputs(notebook_showing(bundle)) == {}


@pytest.mark.parametrize("value", [NAN, INF, "nan", "-inf"])
def test_nan_and_infinities_become_null_also_as_jupyter_sends_them(value: Value) -> None:
    nb = notebook_showing({RECORD_MIME: {"name": "x", "value": value}})

    assert metrics_from_outputs(nb) == {"x": None}


# ------------------------------------------------------------------- asking real kernels


@contextmanager
def kernel(name: str, folder: pathlib.Path) -> Iterator[BlockingKernelClient]:
    manager = KernelManager(kernel_name=name, transport="ipc", ip=str(folder / "k"))
    manager.start_kernel()
    client = manager.blocking_client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=60)
        yield client
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def ask(
    client: BlockingKernelClient, expressions: dict[str, str], language: str
) -> tuple[dict[str, Value], dict[str, str]]:
    shown: list[dict[str, Any]] = []

    def note(message: dict[str, Any]) -> None:
        if message["msg_type"] == "display_data":
            shown.append(message["content"])

    reply = client.execute_interactive(
        collect_code(expressions, language),
        user_expressions=collect_expressions(expressions, language),
        store_history=False,
        output_hook=note,
        timeout=60,
    )
    return parse_collected(expressions, reply["content"], language, shown)


def test_a_python_kernel_answers_expressions(tmp_path: pathlib.Path) -> None:
    with kernel("python3", tmp_path) as client:
        client.execute_interactive(
            "import numpy as np\n"
            "fit = {'mu': np.float64(1.5), 'cov': np.eye(2)}\n"
            "eval = dumps = float = plain_value = 'mine'",  # what it shadows does no harm
            timeout=60,
        )
        before = ask(client, {"names": "sorted(globals())[:0] or len(globals())"}, "python")
        metrics, errors = ask(
            client,
            {
                "mu": "fit['mu']",
                "cov": "fit['cov']",
                "text": "'é\"\\n' # a comment",
                "odd": "[i for i in range(5) if i % 2]",
                "missing": "sigma",
                "broken": "1) + (2",
                "frame": "fit",
            },
            "python",
        )
        after = ask(client, {"names": "sorted(globals())[:0] or len(globals())"}, "python")

    assert metrics == {
        "mu": 1.5,
        "cov": [[1.0, 0.0], [0.0, 1.0]],
        "text": 'é"\n',
        "odd": [1, 3],
    }
    assert errors == {
        "missing": "sigma: NameError: name 'sigma' is not defined",
        "broken": "1) + (2: SyntaxError: unmatched ')' (<collect>, line 1)",
        "frame": "fit: TypeError: dict is not a metric: choose a number of it",
    }
    assert before == after  # nothing was left in the notebook's namespace


def test_an_r_kernel_answers_expressions(tmp_path: pathlib.Path) -> None:
    with kernel("ir", tmp_path) as client:
        client.execute_interactive("x <- 0.1 + 0.2; f <- lm(dist ~ speed, cars)", timeout=60)
        metrics, errors = ask(
            client,
            {
                "x": "x",
                "n": "nrow(cars)",
                "slope": "coef(f)[['speed']]",
                "range": "c(a=1, b=NA)",
                "text": "'é\"'",
                "yes": "TRUE",
                "nothing": "NULL",
                "empty": "integer(0)",
                "infinite": "1 / 0",
                "day": "as.Date('2024-01-31')",
                "missing": "mass",
                "model": "f",
                "broken": "1) + (2",
            },
            "R",
        )

    assert metrics == {
        "x": 0.30000000000000004,
        "n": 50,
        "slope": pytest.approx(3.93240876),
        "range": [1.0, None],
        "text": 'é"',
        "yes": True,
        "nothing": None,
        "empty": [],
        "infinite": None,
        "day": "2024-01-31",
    }
    assert errors == {
        "missing": "mass: object 'mass' not found",
        "model": "f: lm is not a metric: choose a number of it",
        "broken": "1) + (2: <text>:1:2: unexpected ')'",
    }


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (r'"2.5"', 2.5),
        (r'"42"', 42),
        (r'"1.5f0"', 1.5),
        (r'"true"', True),
        (r'"nothing"', None),
        (r'"NaN32"', None),
        (r'"[1.0, 2.5]"', [1.0, 2.5]),
        (r'"Bool[1, 0]"', [True, False]),
        (r'"\"costs \\\$5\""', "costs $5"),
    ],
)
def test_julia_answers_with_the_repr_of_a_value(text: str, value: Value) -> None:
    reply = {"user_expressions": {"m": {"status": "ok", "data": {"text/plain": text}}}}

    assert parse_collected({"m": "x"}, reply, "julia") == ({"m": value}, {})


@pytest.mark.parametrize(
    ("reply", "sentence"),
    [
        ({"status": "ok", "user_expressions": {}}, "the kernel gave no answer"),
        ({"status": "error", "ename": "Stop", "evalue": "now"}, "m: Stop: now"),
        (
            {"user_expressions": {"m": {"status": "ok", "data": {"text/plain": "Matrix(3x3)"}}}},
            r"Matrix\(3x3\) is not a number, a string or a list",
        ),
        ({"user_expressions": {"m": {"status": "ok", "data": {}}}}, "has no text"),
    ],
)
def test_a_kernel_that_gives_no_value_is_said_in_one_sentence(
    reply: dict[str, Any], sentence: str
) -> None:
    metrics, errors = parse_collected({"m": "m"}, reply, "lua")

    assert metrics == {}
    assert re.search(sentence, errors["m"])
