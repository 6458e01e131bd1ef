"""Notebooks that tell whether their kernel is as one that has just been started.

Each prints what a warm kernel could have inherited from the process that it was forked
from. Two runs of one print the same, but for what ``random`` notebooks record as metrics.
"""

from __future__ import annotations

import textwrap

MODULES = ("numpy", "scipy", "scipy.stats", "pandas", "matplotlib", "matplotlib.pyplot")
"""What the warm process has imported."""


ALL = "\n".join(f"import {name}" for name in MODULES)


def cells(*sources: str) -> tuple[str, ...]:
    return tuple(textwrap.dedent(source).strip("\n") for source in sources)


FRESH: dict[str, tuple[str, ...]] = {
    "seeded numbers": cells(
        """
        import random
        import numpy as np
        random.seed(1); np.random.seed(1)
        print(random.random(), np.random.rand(), np.random.default_rng(1).random())
        """,
        "from scipy import stats\nprint(stats.norm.rvs(size=3, random_state=2))",
    ),
    "figures": cells(
        "import matplotlib.pyplot as plt\nimport matplotlib",
        "print(matplotlib.get_backend(), plt.isinteractive(), plt.get_fignums())",
        "plt.plot([1, 3, 2])\nplt.show()",
        "fig, ax = plt.subplots()\nax.bar('abc', [1, 2, 3])\nax.set_title('shown at the end')",
        "print(plt.get_fignums(), sorted(matplotlib.rcParams.items(), key=str)[:400])",
        "plt.figure()\nplt.savefig('saved.png')\nimport os\nprint(os.path.getsize('saved.png'))",
    ),
    "figures of another backend": cells(
        "import matplotlib\nmatplotlib.use('Agg')\nimport matplotlib.pyplot as plt",
        "plt.plot([1, 2])\nplt.show()\nprint(matplotlib.get_backend())",
    ),
    "figures by magic": cells(
        "%matplotlib inline\nimport matplotlib.pyplot as plt",
        "%config InlineBackend.figure_formats = ['png', 'jpeg']\nplt.plot([2, 1])",
        "from IPython import get_ipython\n"
        "print([len(get_ipython().events.callbacks[name]) for name in"
        " ('pre_execute', 'post_execute', 'pre_run_cell', 'post_run_cell')])",
    ),
    "multiprocessing by fork": cells(
        """
        import multiprocessing
        def square(x): return x * x
        with multiprocessing.get_context("fork").Pool(2) as pool:
            print(pool.map(square, range(4)))
        print(multiprocessing.current_process().name, multiprocessing.parent_process())
        """
    ),
    "multiprocessing by spawn": cells(
        """
        import math, multiprocessing
        context = multiprocessing.get_context("spawn")
        with context.Pool(2) as pool:
            print(pool.map(math.sqrt, [1, 4]))
        """,
        """
        from concurrent.futures import ProcessPoolExecutor
        with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("forkserver")) as pool:
            print(list(pool.map(math.sqrt, [9, 16])))
        """,
    ),
    "subprocesses": cells(
        "import subprocess, sys\n!echo by the shell",
        "print(subprocess.run(['sh', '-c', 'yes | head -n1; exit 3'], capture_output=True))",
        "print(subprocess.run([sys.executable, '-c', 'print(1)'], capture_output=True, text=True))",
        "subprocess.run(['sh', '-c', 'ulimit -a; umask; ls /proc/self/fd | wc -l'])",
        "print(subprocess.run(['sh', '-c', 'grep Sig[BIC] /proc/self/status'], text=True, "
        "capture_output=True).stdout)",
    ),
    "threads": cells(
        """
        import threading
        from concurrent.futures import ThreadPoolExecutor
        with ThreadPoolExecutor(3) as pool:
            print(list(pool.map(abs, [-1, -2])))
        thread = threading.Thread(target=lambda: print("from a thread"))
        thread.start(); thread.join()
        print(sorted(thread.name for thread in threading.enumerate()), thread.name)
        print(threading.current_thread() is threading.main_thread())
        """
    ),
    "threads of numeric libraries": cells(
        """
        import os
        import numpy as np
        a = np.ones((600, 600))
        print((a @ a)[0, 0], len(os.sched_getaffinity(0)))
        print(len(os.listdir("/proc/self/task")))
        """
    ),
    "asyncio": cells(
        "import asyncio\nawait asyncio.sleep(0.01)\nprint(type(asyncio.get_event_loop()).__name__)",
        """
        process = await asyncio.create_subprocess_exec("echo", "hi", stdout=asyncio.subprocess.PIPE)
        print((await process.communicate())[0], process.returncode)
        print(await asyncio.gather(*(asyncio.to_thread(abs, -n) for n in range(3))))
        """,
        "try:\n    asyncio.run(asyncio.sleep(0))\nexcept RuntimeError as error:\n    print(error)",
    ),
    "environment": cells(
        "import os, subprocess\nprint(sorted(os.environ.items()))",
        "there = subprocess.run(['env'], capture_output=True, text=True).stdout\n"
        "print(sorted(there.split('\\n')))",
        "print(os.getcwd(), os.environ.get('PWD'))\n%pwd",
    ),
    "signals": cells(
        """
        import signal
        for number in sorted(signal.valid_signals()):
            print(number, getattr(signal.getsignal(number), "__name__", signal.getsignal(number)))
        print(signal.pthread_sigmask(signal.SIG_BLOCK, []))
        print([line for line in open("/proc/self/status") if line.startswith("Sig")][1:])
        """,
        """
        def heard(number, frame): print("heard", number)
        signal.signal(signal.SIGALRM, heard)
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        signal.pause()
        """,
        """
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            print("stopped")
        """,
    ),
    "large arrays": cells(
        """
        import numpy as np
        big = np.arange(8_000_000)
        print(big.sum(), big.nbytes)
        from multiprocessing import shared_memory
        block = shared_memory.SharedMemory(create=True, size=big.nbytes)
        copy = np.ndarray(big.shape, big.dtype, block.buf); copy[:] = big
        print(copy[-1]); del copy; block.close(); block.unlink()
        """
    ),
    "warnings": cells(
        ALL,
        """
        import warnings
        for filter in sorted(warnings.filters, key=str):
            print(filter[0], filter[1], filter[2].__name__)
        for n in range(2): warnings.warn("once only")
        warnings.warn("old", DeprecationWarning)
        """,
        "import numpy as np\nnp.float64(1) / 0\nnp.log(-1.0)",
        "import pandas as pd\npd.Series([1]).astype('datetime64[ns]')",
    ),
    "the command line": cells(
        """
        import sys
        print(sys.argv, sys.orig_argv, sys.executable, sys.flags, sys.warnoptions)
        print(sys.path)
        """
    ),
    "logging": cells(
        ALL,
        """
        import logging
        print(logging.getLogger().handlers, logging.getLogger().level, logging.lastResort)
        loggers = logging.root.manager.loggerDict
        print(sorted((name, one.level, len(one.handlers)) for name, one in loggers.items()
                     if isinstance(one, logging.Logger) and (one.level or one.handlers)))
        logging.warning("without handlers")
        logging.basicConfig(level="INFO", force=True)
        logging.getLogger("mine").info("with handlers")
        """,
    ),
    "temporary files": cells(
        """
        import os, tempfile
        print(tempfile.gettempdir())
        with tempfile.TemporaryDirectory() as folder, tempfile.NamedTemporaryFile(dir=folder) as f:
            print(os.listdir(folder) == [os.path.basename(f.name)], oct(os.stat(folder).st_mode))
        """
    ),
    "locale": cells(
        """
        import locale, sys
        print(locale.getlocale(), locale.setlocale(locale.LC_ALL), locale.localeconv())
        print(locale.getpreferredencoding(False), sys.getfilesystemencoding(), sys.stdout.encoding)
        print(sys.__stdout__.encoding, sys.__stdout__.errors, sys.__stdout__.line_buffering)
        print(sys.__stderr__.encoding, sys.__stderr__.errors, sys.__stdin__.encoding)
        """
    ),
    "unique ids": cells(
        "import uuid\nprint(uuid.uuid4().version, uuid.getnode() == uuid.getnode())\n"
        "print(uuid.uuid5(uuid.NAMESPACE_DNS, 'x'), uuid.uuid1().version)"
    ),
    "time zones": cells(
        """
        import os, time
        from datetime import datetime, timezone
        moment = datetime(2024, 7, 1, 12, tzinfo=timezone.utc)
        print(time.tzname, time.timezone, moment.astimezone(), os.environ.get("TZ"))
        os.environ["TZ"] = "Asia/Tokyo"; time.tzset()
        print(time.tzname, moment.astimezone())
        """,
        "import pandas as pd\nprint(pd.Timestamp('2024-07-01', tz='Europe/Berlin').isoformat())",
    ),
    "the namespace": cells(
        "print(sorted(dir()), __name__)",
        """
        import __main__, pickle, sys
        print(sorted(vars(__main__)), getattr(__main__, "__file__", None), __main__.__spec__)
        class Mine:
            "Defined here."
        print(type(pickle.loads(pickle.dumps(Mine()))), Mine.__module__, _dh, In[1], Out)
        import inspect
        def f(x): return x
        print(inspect.getsource(f))
        """,
        "import math\nmath?",
        "%who_ls",
    ),
    "the process": cells(
        """
        import os, resource, sys
        print(os.getpgrp() == os.getpid(), os.getsid(0) == os.getpid())
        print(os.getppid() == int(os.environ["JPY_PARENT_PID"]), os.nice(0), oct(os.umask(0o22)))
        print({name: resource.getrlimit(getattr(resource, name))
               for name in sorted(dir(resource)) if name.startswith("RLIMIT_")})
        print(open("/proc/self/oom_score_adj").read(), open("/proc/self/comm").read())
        print([os.isatty(fd) for fd in (0, 1, 2)], repr(sys.stdin.read()), os.read(0, 1))
        print(sorted({os.readlink(f"/proc/self/fd/{fd}").split(":")[0] for fd in (0, 1, 2)}))
        """,
        """
        kinds = set()
        for fd in os.listdir("/proc/self/fd"):
            try:
                kinds.add(os.readlink(f"/proc/self/fd/{fd}").split(":[")[0])
            except OSError:
                pass  # the one of listdir
        print(sorted(kinds))
        """,
    ),
    "the interpreter": cells(
        """
        import faulthandler, gc, sys, threading
        print(faulthandler.is_enabled(), gc.isenabled(), gc.get_threshold(), gc.callbacks)
        print(sys.getrecursionlimit(), sys.getswitchinterval(), sys.gettrace(), sys.getprofile())
        print(sys.displayhook, sys.excepthook.__qualname__, sys.pycache_prefix)
        print(type(sys.stdout), type(sys.stderr), [type(finder) for finder in sys.meta_path])
        """,
    ),
    "deep recursion": cells(
        """
        def depth(n=0):
            try:
                return depth(n + 1)
            except RecursionError:
                return n
        print(depth() // 50)
        """
    ),
    "what ends it": cells(
        """
        import atexit, weakref
        class Careful:
            def __del__(self): open("deleted.txt", "w").write("deleted")
        careful = Careful()
        unflushed = open("unflushed.txt", "w"); unflushed.write("written")
        class Kept: pass
        kept = Kept()
        weakref.finalize(kept, lambda: open("finalized.txt", "w").write("finalized"))
        def end():
            print("at exit", flush=True)
        _ = atexit.register(end)
        """
    ),
    "a traceback": cells(
        """
        import pandas as pd
        def look(frame):
            return frame["missing"]
        """,
        "look(pd.DataFrame({'a': [1]}))",
    ),
    "tables": cells(
        "import numpy as np\nimport pandas as pd\npd.DataFrame(np.eye(3))",
        "pd.DataFrame({'a': [1, 2]}).describe()",
        "print(np.get_printoptions(), np.geterr(), pd.get_option('display.max_rows'))",
        "pd.Series(['x', None]).dtype",
        "import os\nos.makedirs('t', exist_ok=True)\n"
        "pd.DataFrame({'a': [1]}).to_parquet('t/a.parquet')\nprint(pd.read_parquet('t/a.parquet'))",
    ),
    "IPython": cells(
        "ip = get_ipython()\nprint(ip.execution_count, ip.starting_dir, sorted(ip.config))",
        "%cd /\n%cd -",
        "print(ip.history_manager.hist_file, len(ip.configurables), ip.colors)",
        "from IPython.display import HTML, display\ndisplay(HTML('<b>x</b>'))\n_",
    ),
}

RANDOM = cells(
    """
    import random, secrets, tempfile, uuid, multiprocessing, os
    import numpy as np
    import nbbatch
    nbbatch.record("random", random.random())
    nbbatch.record("numpy", np.random.rand())
    nbbatch.record("generator", np.random.default_rng().random())
    nbbatch.record("uuid4", str(uuid.uuid4()))
    nbbatch.record("uuid1", str(uuid.uuid1()))
    nbbatch.record("temporary", tempfile.mktemp())
    nbbatch.record("secrets", secrets.token_hex())
    nbbatch.record("urandom", os.urandom(8).hex())
    nbbatch.record("authkey", multiprocessing.current_process().authkey.hex())
    """,
    """
    from scipy import stats
    nbbatch.record("scipy", float(stats.norm.rvs()))
    """,
)
"""Records numbers that are never the same."""
