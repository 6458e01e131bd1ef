"""Notebooks that do something to their process: exit, fork, start threads, ask questions."""

from __future__ import annotations

from nbbatch.model import Outcome

from .model import Specimen, code, notebook

# Longer than a test waits for its worker. What outlives the kernel is ended by the worker.
_A_WHILE = 600

PROCESSES: tuple[Specimen, ...] = (
    Specimen(
        "input.ipynb",
        notebook("name = input('Your name? ')", "print('not reached')"),
        outcome=Outcome.FAILED,
        exception="StdinNotImplementedError",
    ),
    Specimen(
        "getpass.ipynb",
        notebook("import getpass\ngetpass.getpass()"),
        outcome=Outcome.FAILED,
        exception="StdinNotImplementedError",
    ),
    Specimen(
        "debugger.ipynb",
        # The debugger sees that nobody can answer, and leaves.
        notebook("def f(x):\n    breakpoint()\n    return x\nprint('f is', f(1))"),
    ),
    # papermill takes an exit without a code for a success, with the rest left out.
    Specimen(
        "sys.exit.ipynb",
        notebook("print('before')", "import sys\nsys.exit()", "print('after')"),
        shows=("before",),
    ),
    Specimen(
        "sys.exit 3.ipynb",
        notebook("import sys\nsys.exit(3)", "print('after')"),
        outcome=Outcome.FAILED,
        exception="SystemExit",
    ),
    Specimen(
        "os._exit.ipynb",
        notebook("print('before', flush=True)", "import os\nos._exit(0)", "print('after')"),
        outcome=Outcome.DIED,
        shows=("before",),
    ),
    Specimen(
        "kill -9.ipynb",
        notebook("print('before')", "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)"),
        outcome=Outcome.DIED,
        shows=("before",),
    ),
    Specimen(
        "segmentation fault.ipynb",
        notebook("import ctypes\nctypes.string_at(0)"),
        outcome=Outcome.DIED,
    ),
    Specimen(
        "keyboard interrupt.ipynb",
        notebook("raise KeyboardInterrupt('by hand')"),
        outcome=Outcome.FAILED,
        exception="KeyboardInterrupt",
    ),
    Specimen(
        "thread prints later.ipynb",
        notebook(
            """
            import threading, time

            def chat():
                for i in range(20):
                    time.sleep(0.05)
                    print('thread says', i, flush=True)

            threading.Thread(target=chat, daemon=True).start()
            print('the cell is over')
            """,
            "import time\ntime.sleep(0.3)\nprint('the second cell')",
        ),
        shows=("the cell is over", "the second cell"),
        logs=("thread says 0",),
    ),
    Specimen(
        "thread that never ends.ipynb",
        notebook(
            f"""
            import threading, time
            threading.Thread(target=time.sleep, args=({_A_WHILE},), daemon=False).start()
            print('started')
            """
        ),
        shows=("started",),
    ),
    Specimen(
        "child that outlives.ipynb",
        notebook(
            f"""
            import subprocess, sys
            child = subprocess.Popen(['sleep', '{_A_WHILE}'], start_new_session=True)
            print('child started')
            """,
        ),
        shows=("child started",),
    ),
    Specimen(
        "fork.ipynb",
        notebook(
            f"""
            import os, time, warnings
            warnings.simplefilter('ignore')
            if os.fork() == 0:
                time.sleep({_A_WHILE})
                os._exit(0)
            print('parent goes on')
            """
        ),
        shows=("parent goes on",),
    ),
    Specimen(
        "multiprocessing.ipynb",
        notebook(
            """
            import multiprocessing as mp

            def square(x):
                return x * x

            with mp.get_context('fork').Pool(2) as pool:
                print('squares', pool.map(square, range(4)))
            """
        ),
        shows=("squares [0, 1, 4, 9]",),
    ),
    Specimen(
        "stdout replaced.ipynb",
        notebook(
            "import io, sys\nsys.stdout = io.StringIO()\nprint('swallowed')",
            "print('also'); sys.stderr.write('seen on stderr\\n'); 'a value'",
        ),
        shows=("a value",),
    ),
    Specimen(
        "folder changed.ipynb",
        notebook(
            code("n = 1", "parameters"),
            "import os, tempfile\nos.chdir(tempfile.mkdtemp())\nopen('here.txt', 'w').close()",
            "print(os.listdir('.'), n)",
        ),
        params={"n": 4},
        collect={"n": "n"},
        metrics={"n": 4},
        shows=("['here.txt'] 4",),
    ),
    Specimen(
        "environment wiped.ipynb",
        notebook("import os\nos.environ.clear()\n%reset -f", "print('empty')", "x = 1"),
        collect={"x": "x"},
        metrics={"x": 1},
        shows=("empty",),
    ),
)
