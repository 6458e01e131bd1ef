"""What the runs of one name were, night after night: ``sweeps/<name>/``.

``runs.jsonl`` has a line for each thing that happened, ``latest`` and ``latest-ok`` point
to runs, ``index.html`` shows all of them. Runs that were pruned stay in ``runs.jsonl``.
"""

from .compare import Changes, Drift, Slower, changes, drifts, slower, wandering
from .page import write_page
from .retention import Keep, Kept, choose
from .runs import Event, History, PointRun, Run, home_of, read_history
from .summary import note_created, note_ended, summarise

__all__ = [
    "Changes",
    "Drift",
    "Event",
    "History",
    "Keep",
    "Kept",
    "PointRun",
    "Run",
    "Slower",
    "changes",
    "choose",
    "drifts",
    "home_of",
    "note_created",
    "note_ended",
    "read_history",
    "slower",
    "summarise",
    "wandering",
    "write_page",
]
