"""Notebooks whose outputs are odd: huge, interactive, binary, changing after the fact."""

from __future__ import annotations

from importlib.util import find_spec

from nbbatch.model import Outcome

from .model import Specimen, code, notebook

_PICTURE = """
import os, struct, zlib
from IPython.display import Image

def png(side):
    '''A picture of noise: it does not compress.'''
    rows = b''.join(b'\\0' + os.urandom(3 * side) for _ in range(side))
    def chunk(kind, content):
        body = kind + content
        return struct.pack('>I', len(content)) + body + struct.pack('>I', zlib.crc32(body))
    head = struct.pack('>IIBBBBB', side, side, 8, 2, 0, 0, 0)
    return (b'\\x89PNG\\r\\n\\x1a\\n' + chunk(b'IHDR', head)
            + chunk(b'IDAT', zlib.compress(rows, 1)) + chunk(b'IEND', b''))

Image(png(2000))
"""

OUTPUTS: tuple[Specimen, ...] = (
    Specimen(
        "huge text.ipynb",
        notebook(
            """
            for i in range(300_000):
                print(f'{i:06d}', 'x' * 92)
            """,
            "print('the cell after')",
        ),
        shows=("000000 xxx", "the cell after"),
        logs=("000000 xxx", "150000 xxx", "299999 xxx", "the cell after"),
    ),
    Specimen(
        "huge line.ipynb",
        notebook("print('a' * 20_000_000 + 'z')"),
        logs=("aaaaz",),
    ),
    Specimen(
        "huge picture.ipynb",
        notebook(_PICTURE),
        page=("Report",),
        stays_below=20_000_000,
    ),
    Specimen(
        "huge table.ipynb",
        notebook(
            """
            from IPython.display import HTML
            HTML('<table>' + '<tr><td>cell</td><td>1.0</td></tr>' * 500_000 + '</table>')
            """
        ),
        page=("is too large",),
        stays_below=25_000_000,
    ),
    Specimen(
        "huge value.ipynb",
        notebook("list(range(1_000_000))", "'b' * 5_000_000"),
        shows=("[0,\n 1,\n 2",),
    ),
    Specimen(
        "huge exception.ipynb",
        notebook("raise ValueError('c' * 5_000_000)"),
        outcome=Outcome.FAILED,
        exception="ValueError",
        page=("ValueError: ccc",),
    ),
    Specimen(
        "many outputs.ipynb",
        notebook("from IPython.display import display\nfor i in range(3000):\n    display(i)"),
        shows=("2999",),
    ),
    Specimen(
        "widgets.ipynb",
        notebook("import ipywidgets\nipywidgets.IntSlider(value=3)"),
        # Not installed in most places: then a clear failure.
        outcome=Outcome.OK if find_spec("ipywidgets") else Outcome.FAILED,
        exception="" if find_spec("ipywidgets") else "ModuleNotFoundError",
    ),
    Specimen(
        "widget view.ipynb",
        notebook(
            """
            from IPython.display import display
            view = {'version_major': 2, 'version_minor': 0, 'model_id': 'abc'}
            display({'application/vnd.jupyter.widget-view+json': view,
                     'text/plain': 'IntSlider(value=3)'}, raw=True)
            """
        ),
        shows=("IntSlider(value=3)",),
        page=("needs JavaScript", "IntSlider(value=3)"),
    ),
    Specimen(
        "comm.ipynb",
        notebook(
            """
            from comm import create_comm
            # Not what ipywidgets sends: it lacks the model's name.
            comm = create_comm(target_name='jupyter.widget', data={'state': {}})
            comm.send({'method': 'update'})
            comm.close()
            print('comm closed')
            """
        ),
        shows=("comm closed",),
    ),
    Specimen(
        "matplotlib widget.ipynb",
        notebook(
            "%matplotlib widget\nimport matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()"
        ),
        outcome=Outcome.OK if find_spec("ipympl") else Outcome.FAILED,
        exception="" if find_spec("ipympl") else "RuntimeError",
    ),
    Specimen(
        "matplotlib.ipynb",
        notebook(
            "import matplotlib.pyplot as plt\nfig, ax = plt.subplots()\nax.plot([1, 3, 2]);",
            "%config InlineBackend.figure_formats = ['svg']\nplt.plot([1, 2]);",
        ),
        shows=("<Figure size",),
    ),
    Specimen(
        "plotly.ipynb",
        notebook(
            "import plotly.graph_objects as go\nfigure = go.Figure(go.Scatter(y=[1, 3, 2]))",
            "figure.show()",
            "figure",
        ),
        page=("needs JavaScript",),
    ),
    Specimen(
        "scripts.ipynb",
        notebook(
            """
            from IPython.display import HTML, IFrame, Javascript, display
            display(Javascript('document.title = 1'))
            display(HTML('<script>document.title = 2</script>'))
            display(HTML('<b>bold</b></div></section></main><img src=x onerror=alert(1)>'))
            display(IFrame('https://example.org', 300, 300))
            """,
            "'the last cell'",
        ),
        shows=("the last cell",),
        page=("needs JavaScript", "bold", "An embedded page is not shown", "the last cell"),
    ),
    Specimen(
        "terminal.ipynb",
        notebook(
            """
            import sys, time
            for step in range(0, 101, 10):
                print(f'\\rprogress {step}%', end='', flush=True)
            print('\\n\\x1b[31mred\\x1b[0m \\x1b[1;42mbold\\x1b[0m \\x1b[38;5;208morange\\x1b[0m')
            print('\\x1b[2J\\x1b[H\\x07\\x08bell', file=sys.stderr)
            """,
            "import sys; sys.stdout.write('\\x00\\x01 NUL \\ud800 surrogate \\ufffd\\n');",
        ),
        shows=("progress 100%", "red"),
        page=("progress 100%", "red bold orange"),
    ),
    Specimen(
        "bytes.ipynb",
        notebook(
            """
            import os, subprocess, sys
            os.write(1, b'\\xff\\xfe raw bytes\\n')
            subprocess.run([sys.executable, '-c', 'print("from a child")'], check=True)
            print('after')
            """
        ),
        shows=("after",),
    ),
    Specimen(
        "late updates.ipynb",
        notebook(
            """
            from IPython.display import clear_output, display
            handle = display('first', display_id=True)
            for i in range(50):
                clear_output(wait=True)
                print('step', i)
            handle = display('waiting', display_id=True)
            """,
            "handle.update('updated from a later cell')",
        ),
        shows=("step 49", "updated from a later cell"),
    ),
    Specimen(
        "records.ipynb",
        notebook(
            code("n = 1", "parameters"),
            """
            from IPython.display import display
            display({'application/scrapbook.scrap.json+json':
                     {'name': 'scrap', 'data': 1.5, 'encoder': 'json', 'version': 1}}, raw=True)
            display({'application/papermill.record+json': {'old': [1, 2]}}, raw=True)
            display({'application/vnd.nbbatch.record+json': {'name': 'n2', 'value': n ** 2}},
                    raw=True)
            """,
        ),
        params={"n": 3},
        collect={"cube": "n ** 3"},
        metrics={"scrap": 1.5, "old": [1, 2], "n2": 9, "cube": 27},
        page=("recorded n2 = 9",),
    ),
    Specimen(
        "bad repr.ipynb",
        # The cell did not raise, but papermill takes any error output for a failure.
        notebook(
            """
            class Broken:
                def __repr__(self):
                    raise RuntimeError('no repr')
            Broken()
            """
        ),
        outcome=Outcome.FAILED,
        exception="RuntimeError",
        shows=("no repr",),
    ),
    Specimen(
        "bad exception.ipynb",
        notebook(
            """
            class Broken(Exception):
                def __str__(self):
                    raise RuntimeError('no text')
            raise Broken()
            """
        ),
        outcome=Outcome.FAILED,
        exception="RuntimeError",  # IPython's: its report of the first one fails
    ),
    Specimen(
        "recursion.ipynb",
        notebook("def deeper(n):\n    return deeper(n + 1)\ndeeper(0)"),
        outcome=Outcome.FAILED,
        exception="RecursionError",
    ),
    Specimen(
        "logging.ipynb",
        notebook(
            """
            import logging, warnings
            logging.basicConfig(level=logging.INFO)
            logging.info('a log line')
            warnings.warn('a warning')
            """
        ),
        shows=("a log line", "a warning"),
        logs=("a log line",),
    ),
)
