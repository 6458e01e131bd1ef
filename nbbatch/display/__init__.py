"""What people see in a terminal. Rich renderables; nothing here reads or writes files."""

from __future__ import annotations

from .progress import Progress
from .summary import status_block, summary
from .tables import parameters_table, plan_table, results_table

__all__ = [
    "Progress",
    "parameters_table",
    "plan_table",
    "results_table",
    "status_block",
    "summary",
]
