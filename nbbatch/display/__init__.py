"""What people see in a terminal: rich renderables, to be printed with ``show``.

Nothing here reads or writes files.
"""

from __future__ import annotations

from .progress import Progress
from .summary import status_block, summary
from .tables import parameters_table, plan_table, results_table, sweeps_table
from .text import show

__all__ = [
    "Progress",
    "parameters_table",
    "plan_table",
    "results_table",
    "show",
    "status_block",
    "summary",
    "sweeps_table",
]
