"""The notebook zoo: what people's notebooks do, each as a few readable lines.

``SPECIMENS`` is the table: a file's name, what is in it, and how its execution must end.
``tests/unit/test_zoo.py`` runs every one of them through the real worker.
"""

from __future__ import annotations

from .model import Specimen
from .outputs import OUTPUTS
from .processes import PROCESSES
from .sources import SOURCES

SPECIMENS: tuple[Specimen, ...] = (*SOURCES, *OUTPUTS, *PROCESSES)

__all__ = ["SPECIMENS", "Specimen"]
