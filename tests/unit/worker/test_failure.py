"""Where it failed is read from the traceback of any IPython, and of kernels that tell less."""

from __future__ import annotations

import pytest

from nbbatch.worker.failure import VALUE_LIMIT, error_line, failure_of_error

IPYTHON_9 = """\
ValueError                                Traceback (most recent call last)
Cell In[2], line 3
      1 x = 1
----> 3 f()

Cell In[1], line 2, in f()
----> 2     raise ValueError

ValueError: """

IPYTHON_8_0 = """\
Input In [4], in <cell line: 2>()
      1 x = 1
----> 2 1/0"""

IPYTHON_7 = """\
<ipython-input-7-9e1622b385b6> in <module>
      1 x = 1
----> 2 1/0"""

SYNTAX = """\
  Cell In[3], line 1
    def
       ^
SyntaxError: invalid syntax"""


@pytest.mark.parametrize(
    ("traceback", "count", "line"),
    [
        (IPYTHON_9, 2, 3),
        (IPYTHON_9, 1, 2),
        (IPYTHON_9, 9, None),
        (IPYTHON_8_0, 4, 2),
        (IPYTHON_7, 7, 2),
        (SYNTAX, 3, 1),
        ("Error in f(): wrong\nTraceback:\n1. f()", 1, None),
        ("", None, None),
    ],
)
def test_the_line_of_the_cell(traceback: str, count: int | None, line: int | None) -> None:
    assert error_line(traceback, count) == line


def test_a_failure_has_no_colours_and_shows_its_line() -> None:
    failure = failure_of_error(
        {
            "ename": "ValueError",
            "evalue": "\x1b[1mtoo hot\x1b[0m",
            "traceback": ["\x1b[31mValueError\x1b[0m", "Cell In[2], line 2"],
        },
        source="a = 1\n  b()  \n",
        cell=5,
        count=2,
    )

    assert failure.name == "ValueError"
    assert failure.value == "too hot"
    assert failure.traceback == "ValueError\nCell In[2], line 2"
    assert (failure.cell, failure.execution_count, failure.line) == (5, 2, 2)
    assert failure.source == "b()"


def test_blank_lines_at_the_top_of_a_cell_count() -> None:
    content = {"traceback": ["Cell In[1], line 2"]}
    failure = failure_of_error(content, source="\n  \na = 1\nb()", cell=0, count=1)

    assert (failure.line, failure.source) == (4, "b()")


def test_a_whole_table_in_a_message_is_clipped() -> None:
    content = {"ename": "KeyError", "evalue": "a" * 10**6 + "end", "traceback": []}
    failure = failure_of_error(content, source="", cell=0, count=1)

    assert len(failure.value) < VALUE_LIMIT + 100
    assert "characters left out" in failure.value
    assert failure.value.endswith("end")
