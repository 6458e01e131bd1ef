"""The program that runs on a node: ``python -m nbbatch.worker BUNDLE.json [--root DIR]``.

``BUNDLE.json`` is a ``model.Bundle``. With ``-`` bundles come from standard input, one
JSON object a line, and one line ``{"bundle": N, "exit": CODE}`` answers each; ``"more":
true`` in a bundle says that another is likely to follow.

Exit codes: 0 each point has a conclusive record; 75 not finished, run me again; 2 usage.
SIGTERM, SIGINT and SIGUSR1: save what there is, and leave with 75.
"""

from __future__ import annotations

import argparse
import json
import os
import select
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ..model import Bundle
from .stop import Stop

if TYPE_CHECKING:
    from .bundle import Worker

UNUSED = ("rfc3987_syntax", "pyarrow")
"""Of jsonschema, for formats that nbformat does not check, and of papermill, for files of
Hadoop: to import them takes longer than all the rest."""


def main(arguments: list[str] | None = None) -> int:
    """Run the program; return its exit code."""
    assert __doc__ is not None
    parser = argparse.ArgumentParser(prog="nbbatch.worker", description=__doc__.split("\n")[0])
    parser.add_argument("bundle", help="file of the bundle, or - to read bundles from stdin")
    parser.add_argument("--root", type=Path, help="sweep folder, if not the one in the bundle")
    options = parser.parse_args(arguments)
    stop = Stop()
    stop.install()
    if options.bundle == "-":
        return _serve(stop, options.root)
    order = json.loads(Path(options.bundle).read_bytes())
    bundle = Bundle.from_json(order)
    worker = _worker(stop)
    worker.more = bool(order.get("more"))
    try:
        return worker.run(bundle, options.root)
    finally:
        worker.close()


def _worker(stop: Stop) -> Worker:
    # After the signal handlers are there: this imports papermill, which takes a second.
    with _done_without(*UNUSED):
        from .bundle import Worker
        from .kernel import adopt_orphans, remove_abandoned_scratch

    adopt_orphans()
    remove_abandoned_scratch()
    return Worker(stop)


@contextmanager
def _done_without(*names: str) -> Iterator[None]:
    """Have modules that libraries import only if they are there look as if they were not."""
    hidden = [name for name in names if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None: not importable
    yield
    for name in hidden:
        del sys.modules[name]


def _serve(stop: Stop, root: Path | None) -> int:
    """Run bundles from standard input until it ends or a signal comes."""
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever else is printed, by us or by a kernel, is not a reply
    worker = _worker(stop)
    try:
        for line in _lines(stop):
            number, code = None, 75
            try:
                order = json.loads(line)
                bundle = Bundle.from_json(order)
                number = bundle.number
                worker.more = bool(order.get("more"))
                code = worker.run(bundle, root)
            except Exception:  # a bundle that cannot be read must not end the others
                traceback.print_exc()
            replies.write(json.dumps({"bundle": number, "exit": code}) + "\n")
            replies.flush()
            if stop:
                return 75
        return 75 if stop else 0
    finally:
        worker.close()


def _lines(stop: Stop) -> Iterator[bytes]:
    """Lines of standard input, as they come; ends with it, or when told to stop."""
    waiting = b""
    while not stop:
        ready, _, _ = select.select([0, stop.fd], [], [])
        if 0 not in ready:
            return
        chunk = os.read(0, 1 << 20)
        if not chunk:
            return
        waiting += chunk
        *lines, waiting = waiting.split(b"\n")
        yield from filter(None, lines)


if __name__ == "__main__":
    sys.exit(main())
