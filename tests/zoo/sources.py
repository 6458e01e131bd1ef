"""Notebooks that are odd as files: formats, metadata, languages, syntax, names."""

from __future__ import annotations

from nbbatch.model import Outcome

from .model import Specimen, code, document, notebook, text

PYTHON_3 = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}

# Format 3: worksheets, `input`, `prompt_number`, heading cells, no kernelspec.
_FORMAT_3 = document(
    nbformat=3,
    nbformat_minor=0,
    metadata={"name": "old", **PYTHON_3},
    worksheets=[
        {
            "metadata": {},
            "cells": [
                {"cell_type": "heading", "level": 1, "metadata": {}, "source": ["Old times"]},
                {
                    "cell_type": "code",
                    "collapsed": False,
                    "input": ["# parameters\n", "year = 2013"],
                    "language": "python",
                    "metadata": {},
                    "outputs": [],
                    "prompt_number": 1,
                },
                {
                    "cell_type": "code",
                    "collapsed": False,
                    "input": ["print('written in', year)"],
                    "language": "python",
                    "metadata": {},
                    "outputs": [
                        {"output_type": "pyout", "prompt_number": 2, "text": ["stale"]},
                    ],
                    "prompt_number": 2,
                },
            ],
        }
    ],
)

# Format 4.0: no cell ids, no language_info, sources as lists of lines.
_FORMAT_4_0 = document(
    nbformat=4,
    nbformat_minor=0,
    metadata=PYTHON_3,
    cells=[
        {"cell_type": "markdown", "metadata": {}, "source": ["# No ids\n", "\n", "at all"]},
        {
            "cell_type": "code",
            "execution_count": None,
            "metadata": {"collapsed": True, "tags": ["parameters"]},
            "outputs": [],
            "source": ["n = 1\n", "m = 2"],
        },
        {
            "cell_type": "code",
            "execution_count": 99,
            "metadata": {},
            "outputs": [{"name": "stdout", "output_type": "stream", "text": ["stale\n"]}],
            "source": ["print('sum', n + m)"],
        },
    ],
)

# What extensions and hand editing leave behind.
_ODD_METADATA = document(
    nbformat=4,
    nbformat_minor=5,
    metadata={
        **PYTHON_3,
        "language_info": {
            "name": "python",
            "codemirror_mode": {"name": "ipython", "version": 3},
            "pygments_lexer": "ipython3",
        },
        "papermill": {"parameters": {"old": 1}, "version": "0.1", "exception": True},
        "widgets": {"application/vnd.jupyter.widget-state+json": {"state": {"a": {}}}},
        "toc": {"nav_menu": {"deep": [{"er": [{"still": None}]}]}},
        "varInspector": {"cols": {"lenName": 16}},
        "colab": {"provenance": [], "gpuType": "T4"},
        "üñí": "cödé",
    },
    cells=[
        {
            "cell_type": "markdown",
            "id": "a",
            "metadata": {"editable": False, "slideshow": {"slide_type": "slide"}},
            "attachments": {"dot.gif": {"image/gif": "R0lGODlhAQABAAAAACwAAAAAAQABAAA="}},
            "source": "A picture: ![dot](attachment:dot.gif) and <div>an unclosed div",
        },
        {
            "cell_type": "code",
            "id": "b",
            "metadata": {
                "tags": ["parameters", "hide-input", "x y", "π"],
                "jupyter": {"source_hidden": True, "outputs_hidden": False},
                "execution": {"iopub.status.busy": "1999-01-01T00:00:00Z"},
                "papermill": {"status": "failed", "exception": True},
                "vscode": {"languageId": "python", "nested": {"a": {"b": {"c": [1, [2, [3]]]}}}},
            },
            "execution_count": None,
            "outputs": [],
            "source": "depth = 1",
        },
        {"cell_type": "raw", "id": "c", "metadata": {"format": "text/latex"}, "source": "\\raw{}"},
        {
            "cell_type": "code",
            "id": "d",
            "metadata": {"collapsed": True, "scrolled": "auto"},
            "execution_count": 3,
            "outputs": [
                {
                    "output_type": "display_data",
                    "metadata": {"needs_background": "light"},
                    "data": {"application/vnd.jupyter.widget-view+json": {"model_id": "gone"}},
                }
            ],
            "source": "print('depth', depth)",
        },
    ],
)

SOURCES: tuple[Specimen, ...] = (
    Specimen("empty.ipynb", notebook()),
    Specimen(
        "markdown only.ipynb",
        notebook(text("# A text\nwith $x^2$ and no code"), text("* a\n* b")),
        params={"unused": 1},
        page=("A text",),
    ),
    Specimen(
        "no parameters cell.ipynb",
        notebook("print('factor is', factor)"),
        params={"factor": 3},
        shows=("factor is 3",),
    ),
    Specimen(
        "parameters by comment.ipynb",
        notebook("import math", "# parameters\nn = 1", "print('n is', n)"),
        params={"n": 2},
        shows=("n is 2",),
        page=("parameters of this point",),
    ),
    Specimen(
        "ünïcode {0} {name} 'single' \"double\" 100% $HOME ☃.ipynb",
        notebook(
            text("# Ελληνικά, 日本語, עברית, 👩‍🔬"),
            code("σ = 1\nname = 'x'", "parameters"),
            "print(f'σ={σ} {name} ✓ \\u202e\\U0001F9EA')\nσ",
            "raise ValueError('größer als 3 → Abbruch 🧨')",
        ),
        params={"σ": 2, "name": "Ångström \"'{}\\ \n tab\t日"},
        outcome=Outcome.FAILED,
        exception="ValueError",
        shows=("σ=2 Ångström \"'{}\\ \n tab\t日 ✓", "größer als 3 → Abbruch 🧨"),
        page=("👩‍🔬", "größer als 3 → Abbruch 🧨"),
    ),
    Specimen(
        "values.ipynb",
        notebook(
            code("a = b = c = d = e = f = 0", "parameters"),
            "print([a, b, c, d, e, f])",
        ),
        params={
            "a": True,
            "b": None,
            "c": 1e-300,
            "d": [1, [2.5, "x"], {"k": None}],
            "e": {"k": {"deep": [1]}},
            "f": "'; import os; os._exit(1) #",
        },
        shows=(
            "[True, None, 1e-300, [1, [2.5, 'x'], {'k': None}], {'k': {'deep': [1]}}, "
            '"\'; import os; os._exit(1) #"]',
        ),
    ),
    Specimen("nbformat 3.ipynb", _FORMAT_3, params={"year": 2024}, shows=("written in 2024",)),
    Specimen("nbformat 4.0.ipynb", _FORMAT_4_0, params={"n": 40}, shows=("sum 42",)),
    Specimen(
        "nested metadata.ipynb",
        _ODD_METADATA,
        params={"depth": 7},
        shows=("depth 7",),
        page=("A picture",),
    ),
    Specimen(
        "magics.ipynb",
        notebook(
            code("%env SHELL_WORD=fish\nn = 1", "parameters"),
            "%matplotlib inline\n%load_ext autoreload\n%autoreload 2",
            '%%bash\necho "bash says $SHELL_WORD"',
            "files = !echo one two\nprint(files)",
            "!echo shell {n} $n",
            "%timeit -n 1 -r 1 sum(range(10))",
            "%%time\ntotal = sum(range(10))",
            "%%capture hidden\nprint('captured')",
            "hidden.stdout.strip() + '!'",
            "%%writefile module_of_mine.py\nanswer = 42",
            "from module_of_mine import answer\nanswer",
            "%%html\n<b>bold</b>",
            "%%latex\n$\\alpha$",
            "n?",
            "%pip --version",
        ),
        params={"n": 5},
        shows=("bash says fish", "['one two']", "shell 5 5", "captured!", "42", "<b>bold</b>"),
    ),
    Specimen(
        "missing magic.ipynb",
        notebook("%no_such_magic", "print('goes on')"),
        # IPython says so on stderr; no error output, but the reply is an error.
        outcome=Outcome.FAILED,
        exception="UsageError",
        shows=("no_such_magic",),
    ),
    Specimen(
        "await.ipynb",
        notebook(
            """
            import asyncio

            async def later(value):
                await asyncio.sleep(0.01)
                return value

            print('awaited', await later(1), await asyncio.gather(later(2), later(3)))
            """,
            "task = asyncio.create_task(later('from an earlier cell'))",
            "print(await task)",
            "async with asyncio.Lock():\n    print('async with')",
        ),
        shows=("awaited 1 [2, 3]", "from an earlier cell", "async with"),
    ),
    Specimen(
        "asyncio.run.ipynb",
        notebook("import asyncio\nasyncio.run(asyncio.sleep(0))"),
        outcome=Outcome.FAILED,
        exception="RuntimeError",
        shows=("cannot be called from a running event loop",),
    ),
    Specimen(
        "tags.ipynb",
        notebook(
            code("1 / 0", "raises-exception"),
            code("raise SystemError('never run')", "skip-execution"),
            "print('reached')",
        ),
        shows=("ZeroDivisionError", "reached"),
        page=("(expected)", "ZeroDivisionError"),
    ),
    Specimen(
        "syntax error.ipynb",
        notebook("print('fine')", "def broken(:\n    pass", "print('not reached')"),
        outcome=Outcome.FAILED,
        exception="SyntaxError",
        shows=("fine",),
    ),
    Specimen(
        "in R.ipynb",
        notebook(
            code("n <- 1L  # rows", "parameters"),
            "cat('rows:', n, '\\n')\nhead(cars, n)",
            "plot(cars)",
            kernel="ir",
            language="R",
        ),
        params={"n": 2},
        collect={"slope": "signif(coef(lm(dist ~ speed, cars))[[2]], 6)", "n": "n"},
        metrics={"slope": 3.93241, "n": 2},
        shows=("rows: 2",),
    ),
    Specimen(
        "error in R.ipynb",
        notebook(
            "f <- function(x) stop('no peak in ', x)\nf('sample A')", kernel="ir", language="R"
        ),
        outcome=Outcome.FAILED,
        exception="ERROR",
        shows=("no peak in sample A",),
    ),
)
