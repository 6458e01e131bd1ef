"""The command line: each command is a few lines over ``Sweep``.

Importing this package imports typer and nothing heavy, so that ``--help`` and tab
completion answer at once.
"""

from __future__ import annotations

from .app import main

__all__ = ["main"]
