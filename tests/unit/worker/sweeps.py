"""Small sweep folders, as a controller would have written them, and the worker run on them."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import psutil

from nbbatch.model import Bundle, Point, PointFiles, Record, Settings
from nbbatch.worker.kernel import SCRATCH_PREFIX

PATIENCE = 240
"""Seconds for what takes some, or half a minute, on an idle machine; no claim of speed."""


@dataclass(frozen=True)
class Sweep:
    """A sweep folder with one bundle, and what a worker left in it."""

    root: Path
    bundle: Bundle

    @property
    def file(self) -> Path:
        return self.root / "bundle.json"

    @property
    def temporary(self) -> Path:
        return self.root.with_name("tmp")

    def scratch(self) -> list[str]:
        """Scratch folders that are there."""
        return [path.name for path in self.temporary.iterdir()]

    def folder(self, index: int = 0) -> Path:
        return self.root / self.bundle.points[index].dir

    def record(self, index: int = 0) -> Record:
        text = (self.folder(index) / PointFiles.RECORD).read_text("utf-8")
        return Record.from_json(json.loads(text))

    def log(self, index: int = 0) -> str:
        return (self.folder(index) / PointFiles.LOG).read_text("utf-8")

    def executed(self, index: int = 0) -> nbformat.NotebookNode:
        """The executed notebook, which must be a valid one."""
        nb = nbformat.read(self.folder(index) / PointFiles.EXECUTED, as_version=4)
        nbformat.validate(nb)
        return nb

    def states(self, index: int = 0) -> list[str]:
        """papermill's status of each cell, its error notes left out."""
        cells = self.executed(index).cells
        return [c.metadata.papermill.status for c in cells if "papermill" in c.metadata]

    def attempts(self, index: int = 0) -> list[dict[str, Any]]:
        lines = (self.folder(index) / PointFiles.ATTEMPTS).read_text("utf-8").splitlines()
        return [json.loads(line) for line in lines]

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        """The worker, as a process of its own; its scratch is beside the sweep."""
        self.temporary.mkdir(exist_ok=True)
        environment["TMPDIR"] = str(self.temporary)
        return subprocess.Popen(
            [sys.executable, "-m", "nbbatch.worker", *(arguments or (str(self.file),))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, **environment},
            text=True,
        )

    def run(self, **environment: str) -> int:
        """Run the bundle to its end; the worker's exit code."""
        with self.start(**environment) as worker:
            _, said = worker.communicate(timeout=PATIENCE)
        print(said)
        return worker.returncode

    def wait_for(self, text: str, index: int = 0) -> None:
        """Wait until ``text`` is in the log."""
        path = self.folder(index) / PointFiles.LOG
        wait_until(lambda: path.exists() and text in path.read_text("utf-8"), f"{text!r} in log")


class Server:
    """One worker that runs bundle after bundle, as those of the local backend do.

    To start one for each bundle takes longer than most bundles. ``folder`` gets its log and
    its scratch; ``environment`` is added to ours. What it runs has to end before it does.
    """

    def __init__(self, folder: Path, **environment: str) -> None:
        self.temporary = folder / "tmp"
        self.temporary.mkdir(parents=True)
        self.log = folder / "worker.log"
        # A file, not a pipe: a process that outlives its notebook would keep a pipe open.
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "nbbatch.worker", "-"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env={**os.environ, **environment, "TMPDIR": str(self.temporary)},
                start_new_session=True,
            )

    def run(self, bundle: Path, *, more: bool = False) -> int:
        """Run a bundle; its exit code. ``more`` has another kernel made ready meanwhile."""
        assert self.process.stdin is not None and self.process.stdout is not None
        order = json.dumps({**json.loads(bundle.read_text()), "more": more})
        self.process.stdin.write(order.encode() + b"\n")
        self.process.stdin.flush()
        if not select.select([self.process.stdout], [], [], PATIENCE)[0]:
            os.killpg(self.process.pid, signal.SIGKILL)
            raise AssertionError(f"{bundle} hangs: {self.said()}")
        answer = self.process.stdout.readline()
        assert answer, f"the worker ended: {self.said()}"
        code: int = json.loads(answer)["exit"]
        return code

    def descendants(self) -> set[int]:
        """Processes of its kernels, of what they started, and what it forks kernels from."""
        return {child.pid for child in psutil.Process(self.process.pid).children(recursive=True)}

    def said(self) -> str:
        """The end of what the worker has printed."""
        return self.log.read_text("utf-8", errors="replace")[-2000:]

    def close(self) -> None:
        """Let it end by itself; it must leave no kernel's scratch."""
        self.process.communicate(timeout=PATIENCE)
        assert self.process.returncode == 0, self.said()
        assert [path.name for path in self.temporary.glob(f"{SCRATCH_PREFIX}*")] == []


def make_sweep(
    folder: Path,
    *cells: str | nbformat.NotebookNode,
    params: Sequence[Mapping[str, Any]] = ({},),
    kernel: str | None = "python3",
    language: str = "python",
    warm: bool = False,
    **settings: Any,
) -> Sweep:
    """A sweep of a notebook with these cells; a cell is its source, or a node.

    ``params`` is one mapping a point; keywords are settings. ``warm``: the worker is told
    that another bundle follows, so that the kernel is forked from a warm process.
    """
    root = folder / "a sweep {with} braces"
    root.mkdir()
    nb = nbformat.v4.new_notebook()
    if kernel:
        nb.metadata.kernelspec = {
            "name": kernel,
            "display_name": kernel,
            "language": language,
        }
    for cell in cells:
        nb.cells.append(nbformat.v4.new_code_cell(cell) if isinstance(cell, str) else cell)
    nbformat.write(nb, root / "notebook.ipynb")
    points = [
        Point(id=f"p{i}", index=i, params=dict(p), dir=f"points/p{i}", key=f"key{i}")
        for i, p in enumerate(params)
    ]
    bundle = Bundle(
        number=1,
        sweep="sweep-id",
        root=str(root),
        notebook="notebook.ipynb",
        points=tuple(points),
        settings=Settings(**settings),
    )
    done = Sweep(root, bundle)
    done.file.write_text(json.dumps({**bundle.to_json(), "more": warm}))
    return done


def wait_until(true: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < end, f"waited in vain for {what}"
        time.sleep(0.05)


def processes_of(sweep: Sweep) -> list[psutil.Process]:
    """Processes that carry the sweep's environment: its kernels and what they started.

    Those of a warm process show the environment with which that one was started.
    """
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            environment = process.environ()
            own = environment.get("NBBATCH_POINT_DIR", "").startswith(str(sweep.root))
            warm = environment.get("TMPDIR") == str(sweep.temporary)
            if own or (warm and "nbbatch.worker" not in process.cmdline()):
                found.append(process)
    return found


def tagged(source: str, *tags: str) -> nbformat.NotebookNode:
    """A code cell with tags."""
    return nbformat.v4.new_code_cell(source, metadata={"tags": list(tags)})
