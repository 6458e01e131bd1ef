"""Which kernel runs a notebook."""

from __future__ import annotations

import difflib
import importlib.util
import sys
from collections.abc import Mapping
from typing import Any

from ..errors import NotebookError
from .reading import Notebook

CURRENT_KERNEL = "nbbatch-current"
"""Kernelspec name of ``--kernel current``: the interpreter that runs nbbatch.

No such kernel is installed anywhere: ``current_kernelspec()`` is to be written to
``<sweep>/jupyter/kernels/nbbatch-current/kernel.json``, where the worker looks first.
"""


def available_kernels() -> dict[str, str]:
    """Kernels that Jupyter finds on this machine: name to display name, sorted by name."""
    from jupyter_client.kernelspec import KernelSpecManager

    found: Mapping[str, Any] = KernelSpecManager().get_all_specs()
    return {name: str(found[name]["spec"].get("display_name", name)) for name in sorted(found)}


def current_kernelspec() -> dict[str, Any]:
    """Build the kernelspec of the running interpreter; NotebookError if it has no ipykernel."""
    if importlib.util.find_spec("ipykernel") is None:
        raise NotebookError(
            f"--kernel current: {sys.executable} has no ipykernel.",
            hint=f"{sys.executable} -m pip install ipykernel",
        )
    version = ".".join(map(str, sys.version_info[:3]))
    return {
        "argv": [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "display_name": f"Python {version} ({sys.prefix})",
        "language": "python",
        "metadata": {"debugger": False},
    }


def resolve_kernel(notebook: Notebook, override: str | None) -> str:
    """Name of the kernelspec that runs ``notebook``.

    ``override`` wins over what the notebook names; "current" is ``CURRENT_KERNEL``. A
    Python notebook that names none gets ``python3``, or the current interpreter. A kernel
    that this machine lacks is a NotebookError that lists those that it has.
    """
    wanted = override or notebook.kernel
    if wanted in ("current", CURRENT_KERNEL):
        current_kernelspec()
        return CURRENT_KERNEL
    kernels = available_kernels()
    if not wanted and notebook.language.lower() == "python":
        return "python3" if "python3" in kernels else resolve_kernel(notebook, "current")
    # Jupyter finds kernelspecs by lower-case name.
    if wanted.lower() in kernels:
        return wanted.lower()
    raise NotebookError(_missing(notebook, override, wanted), hint=_choices(kernels, wanted))


def _missing(notebook: Notebook, override: str | None, wanted: str) -> str:
    if override:
        return f"--kernel {override}: this machine has no such kernel."
    if wanted:
        if not wanted.isprintable():  # it could command the terminal
            wanted = repr(wanted)
        return f"{notebook.path} asks for the kernel {wanted}, which this machine does not have."
    return f"{notebook.path} names no kernel for its language, {notebook.language}."


def _choices(kernels: Mapping[str, str], wanted: str) -> str:
    close = difflib.get_close_matches(wanted.lower(), kernels, n=1)
    meant = f"Did you mean {close[0]}? " if close else ""
    listed = ", ".join(f"{name} ({title})" for name, title in kernels.items()) or "none"
    return f"{meant}It has {listed}; choose one with --kernel NAME, or --kernel current."
