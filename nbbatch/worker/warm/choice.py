"""Which kernels can be forked from a warm process, and when they must not be."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from jupyter_client.kernelspec import KernelSpec

MODULES = ("ipykernel_launcher", "ipykernel")
_FLAG = re.compile(r"-([bBdEIOPqRsSuv]+|[XW].+)")
_LINK = "{connection_file}"


@dataclass(frozen=True)
class Interpreter:
    """The Python of a kernelspec, and the flags that it is started with."""

    python: str
    flags: tuple[str, ...] = ()


def interpreter_of(spec: KernelSpec) -> Interpreter | str:
    """What ``spec`` starts, if that is nothing but ipykernel; else why it is not, in words.

    Only ``[python, flags…, -m, ipykernel_launcher, -f, {connection_file}]`` is understood: a
    launcher of its own, variables or options may mean anything.
    """
    if sys.platform != "linux":
        return "this is not Linux"
    provisioner = spec.metadata.get("kernel_provisioner", {}).get("provisioner_name")
    if provisioner not in (None, "local-provisioner"):
        return f"its kernelspec asks for {provisioner}"
    if spec.env:
        return "its kernelspec sets variables"
    if spec.interrupt_mode != "signal":
        return "its kernelspec asks to be interrupted by message"
    if len(spec.argv) < 5 or spec.argv[-4:-2] not in [["-m", name] for name in MODULES]:
        return "its kernelspec has a launcher of its own"
    if spec.argv[-2:] != ["-f", _LINK]:
        return "its kernelspec passes options"
    python, *flags = spec.argv[:-4]
    if not all(_FLAG.fullmatch(flag) for flag in flags):
        return "its kernelspec passes options to Python"
    name = Path(python).name
    if not re.fullmatch(r"python[\d.]*", name):
        return "its kernelspec has a launcher of its own"
    version = sys.version_info
    if python in ("python", f"python{version[0]}", f"python{version[0]}.{version[1]}"):
        python = sys.executable  # as jupyter_client does
    return Interpreter(python, tuple(flags))


def shadowed(cwd: Path, names: Collection[str]) -> str:
    """A file or folder of ``cwd`` that a fresh kernel would import instead of a warm module.

    "" when there is none.
    """
    if not names:
        return ""
    wanted = set(names)
    with os.scandir(cwd) as entries:
        for entry in entries:
            if entry.name.partition(".")[0] in wanted:
                return entry.name
    # Which matplotlib reads when it is imported, from the folder that it is in.
    if "matplotlib" in wanted and (cwd / "matplotlibrc").exists():
        return "matplotlibrc"
    return ""


def edited(files: Mapping[str, float]) -> str:
    """The first of the files that is not as old as it was; "" when all are."""
    for path, when in files.items():
        try:
            if os.stat(path).st_mtime != when:  # noqa: PTH116 (many, for each point)
                return path
        except OSError:
            return path
    return ""
