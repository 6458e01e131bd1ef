"""``nbbatch.run`` takes the words of the command line, as Python has them."""

from __future__ import annotations

import inspect
from dataclasses import fields
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy
import pytest
import typer.main

import nbbatch
from nbbatch.cli.app import app
from nbbatch.errors import UsageError
from nbbatch.interactive.words import IN_A_TERMINAL, SYNONYMS, request_of
from nbbatch.plan import Request, make_plan
from tests.notebooks import write_notebook

OPTIONS = {
    each.name: each
    for each in typer.main.get_command(app).commands["run"].params  # type: ignore[attr-defined]
    if each.name != "help"
}


def test_every_option_of_the_command_line_is_a_word_here_and_the_reverse() -> None:
    words = set(inspect.signature(nbbatch.run).parameters)
    assert words == set(OPTIONS) - IN_A_TERMINAL.keys()


@pytest.mark.parametrize("name", [field.name for field in fields(Request)][1:])
def test_a_word_has_the_default_of_its_option(name: str) -> None:
    word = inspect.signature(nbbatch.run).parameters[name].default
    option = OPTIONS[name].default
    assert word == (() if word == () and option is None else option)


def test_what_is_a_word_in_the_terminal_only_says_why() -> None:
    for word in IN_A_TERMINAL:
        with pytest.raises(UsageError, match=f"{word}= is for the command line only"):
            request_of("a.ipynb", None, {word: True})


def test_synonyms_are_no_words_of_their_own() -> None:
    assert not SYNONYMS.keys() & {field.name for field in fields(Request)}


@pytest.mark.parametrize(
    ("words", "name", "value"),
    [
        ({"where": "x > 3"}, "where", ("x > 3",)),
        ({"where": ["x > 3", "y < 2"]}, "where", ("x > 3", "y < 2")),
        ({"point": "x-1"}, "only", ("x-1",)),
        ({"params": {"x": 3, "s": "1e-3"}}, "pins", ("x=3", 's="1e-3"')),
        ({"pins": "x=3"}, "pins", ("x=3",)),
        ({"params": {"day": date(2024, 5, 1)}}, "pins", ('day="2024-05-01"',)),
        ({"params": {"x": numpy.float64(0.5)}}, "pins", ("x=0.5",)),
        ({"axes": {"x": range(3)}}, "axes", ("x=[0, 1, 2]",)),
        ({"axes": {"x": numpy.array([1.5, 2])}}, "axes", ("x=[1.5, 2.0]",)),
        ({"axes": {"x": 3}}, "axes", ("x=[3]",)),
        (
            {"option": {"partition": "short", "+Big": True}},
            "options",
            ("partition=short", "+Big=true"),
        ),
        ({"collect": {"ratio": "a / b"}}, "collect", ("ratio=a / b",)),
        ({"time": timedelta(hours=1)}, "time", 3600),
        ({"timeout": timedelta(seconds=1.5)}, "timeout", 1.5),
        ({"jobs": numpy.int64(4)}, "jobs", 4),
        ({"memory": 2_000_000_000}, "memory", 2_000_000_000),
        ({"points_per_job": "auto"}, "points_per_job", 0),
        ({"retry_memory": 2}, "retry_memory", "2"),
        ({"out": Path("there")}, "out", "there"),
        ({"kernel": None}, "kernel", None),
    ],
)
def test_python_s_values(words: dict[str, Any], name: str, value: object) -> None:
    assert getattr(request_of("a.ipynb", None, words), name) == value


@pytest.mark.parametrize("word", ["jobs", "sample", "retries", "points_per_job"])
def test_a_whole_number_is_one_also_as_a_float(word: str) -> None:
    assert type(getattr(request_of("a.ipynb", None, {word: 2.0}), word)) is int


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"memroy": "2GB"}, "no option memroy=.*\n.*Did you mean memory="),
        ({"jobs": "4"}, "jobs='4': this is a str, not int"),
        ({"jobs": True}, "jobs=True: this is a bool, not int"),
        ({"force": 1}, "force=1: this is a int, not bool"),
        ({"backend": None, "name": 3}, "name=3: this is a int, not str"),
        ({"where": {"x": 3}}, "where= takes a text or a list of texts"),
        ({"params": {"x": 1}, "pins": "x=1"}, "are the same"),
        ({"notebook": "b.ipynb"}, "no option notebook="),
    ],
)
def test_what_makes_no_sense_is_one_sentence(words: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        request_of("a.ipynb", None, words)


def test_standard_input_is_not_for_cells() -> None:
    with pytest.raises(UsageError, match="command line"):
        request_of("a.ipynb", "-")


def test_values_arrive_with_their_types(tmp_path: Path) -> None:
    notebook = write_notebook(tmp_path / "a.ipynb", parameters="a = 1\nb = ''\nc = []\nd = ''")
    words = {
        "params": {"a": numpy.int64(3), "b": "1e-3", "c": [1, "x", None]},
        "axes": {"d": ["1"]},
    }
    points = make_plan(request_of(notebook, {"a": [1, 2]}, words)).points
    assert [point.params for point in points] == [
        {"a": 3, "b": "1e-3", "c": [1, "x", None], "d": "1"}
    ]
