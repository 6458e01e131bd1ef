"""Which modules of a notebook a warm process can import for all of its points (pure)."""

from __future__ import annotations

from collections.abc import Iterable

KNOWN = frozenset({"numpy", "scipy", "pandas", "matplotlib"})
"""Packages that are whole after a fork: measured, outputs compared with a fresh kernel's.

The process that imports them looks for threads, open files, signal handlers and GPU
libraries all the same, and does without what brings any.
"""


def modules_to_preload(imported: Iterable[str]) -> list[str]:
    """Those of the ``imported`` modules (dotted names, in order) that are of known packages."""
    return [name for name in imported if name.partition(".")[0] in KNOWN]
