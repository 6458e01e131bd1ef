"""Where the points of a worker get their kernels: warm ones if possible, the next ahead."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from jupyter_client.kernelspec import KernelSpec

from ...model import Settings
from ..kernel import Kernel, KernelProblem, Scratch, adopt_orphans, kernel_variables
from ..stop import Stop
from .choice import Interpreter, edited, interpreter_of, shadowed
from .template import Template, TemplateLost

LOSSES = 3
"""After so many lost templates all kernels start afresh."""


class KernelSource:
    """Makes kernels. ``more``: another point follows the present one.

    Doubt means a kernel that starts afresh; why is said on stderr, once.
    """

    def __init__(self, stop: Stop) -> None:
        self.more = False
        self._stop = stop
        self._scratch: Scratch | None = None
        self._template: Template | None = None
        self._of: tuple[Any, ...] = ()
        self._next: Kernel | None = None
        self._last: tuple[str, KernelSpec] | None = None
        self._refused: dict[str, str] = {}
        self._losses = 0
        self._said: set[str] = set()

    def take(
        self, name: str, spec: KernelSpec, *, settings: Settings, cwd: Path, tcp: bool
    ) -> Kernel:
        """A kernel for a point that runs in ``cwd``; it may wait for that already."""
        self._last = None
        waiting, self._next = self._next, None
        template = None
        if not settings.cold and not tcp:
            template = self._template_for(spec, settings.preload, cwd)
        if waiting is not None:
            if template is not None and waiting.suits(name, template):
                self._last = (name, spec)
                return waiting
            waiting.end()
        if template is None:
            return Kernel(name, spec, Scratch(), tcp=tcp)
        self._last = (name, spec)
        return Kernel(name, spec, Scratch(), tcp=False, template=template)

    def prepare(self) -> None:
        """Start the kernel of the next point, if there is one, while the present one runs."""
        if not self.more or self._last is None or self._template is None or self._next is not None:
            return
        name, spec = self._last
        kernel = Kernel(name, spec, Scratch(), tcp=False, template=self._template)
        try:
            kernel.prepare()
        except (TemplateLost, KernelProblem) as problem:
            self._say(str(problem))
            kernel.end()
        else:
            self._next = kernel

    def close(self) -> None:
        """End the forking process and the kernel that waits."""
        if self._next is not None:
            self._next.end()
            self._next = None
        self._drop()
        if self._scratch is not None:
            self._scratch.remove()
            self._scratch = None

    # ------------------------------------------------------------------ the template

    def _template_for(self, spec: KernelSpec, modules: Sequence[str], cwd: Path) -> Template | None:
        """The forking process for such kernels, started if it pays; None when in doubt."""
        if self._template is not None and not self._template.alive():
            self._lose()
        if self._template is None and not self._pays():
            return None
        interpreter = interpreter_of(spec)
        if isinstance(interpreter, str):
            self._say(f"kernel {spec.display_name!r}: {interpreter}")
            return None
        try:
            template, report = self._ready(interpreter, modules)
        except TemplateLost as lost:
            self._say(str(lost))
            self._lose()
            return None
        if template is None:
            return None
        changed = edited(report["files"])
        if changed:
            self._say(f"{changed} has changed")
            self._drop()
            return None
        with suppress(OSError):
            hiding = shadowed(cwd, report["tops"])
            if not hiding:
                return template
            self._say(f"{cwd} has {hiding}, which a warm kernel would not look at")
        return None

    def _ready(
        self, interpreter: Interpreter, modules: Sequence[str]
    ) -> tuple[Template | None, dict[str, Any]]:
        """The template and its report; it is started anew without modules that spoil it."""
        environment = self._environment()
        while True:
            wanted = tuple(name for name in modules if name not in self._refused)
            of = (interpreter, wanted, environment)
            if self._template is None or of != self._of:
                self._drop()
                if not self._pays():
                    return None, {}
                self._start(interpreter, wanted, environment)
            assert self._template is not None
            report = self._template.report()
            for name, reason in report["refused"].items():
                self._refused[name] = reason
                self._say(f"{name or 'ipykernel'} is not loaded ahead: {reason}")
            if not report["spoiled"]:
                self._of = (interpreter, tuple(report["imported"]), environment)
                return self._template, report

    def _pays(self) -> bool:
        """A forking process costs a little more than one kernel that starts afresh."""
        return self.more and self._losses < LOSSES and "" not in self._refused

    def _start(
        self, interpreter: Interpreter, modules: Sequence[str], environment: Mapping[str, str]
    ) -> None:
        adopt_orphans()  # among them the kernels
        self._of = (interpreter, tuple(modules), environment)
        scratch = self._own_scratch().path
        self._template = Template(interpreter, environment, modules, scratch, self._stop.fd)

    def _environment(self) -> dict[str, str]:
        variables = kernel_variables(self._own_scratch().path, python=True)
        return {**os.environ, **variables, "JPY_PARENT_PID": str(os.getpid())}

    def _own_scratch(self) -> Scratch:
        if self._scratch is None:
            self._scratch = Scratch()
        return self._scratch

    def _lose(self) -> None:
        self._losses += 1
        self._drop()

    def _drop(self) -> None:
        if self._template is not None:
            self._template.close()
            self._template = None

    def _say(self, reason: str) -> None:
        if reason not in self._said:
            self._said.add(reason)
            sys.stderr.write(f"a kernel starts afresh, or with less in it: {reason}\n")
