"""The values that flow through nbbatch, and their JSON form. No logic, no disk.

The worker imports this package and ``errors`` and nothing else of nbbatch, so that it
can be shipped to a node alone; keep it free of other imports.
"""

from .header import Header
from .record import (
    INFRASTRUCTURE,
    Cause,
    Failure,
    Outcome,
    Record,
)
from .status import (
    Ending,
    Job,
    JobArray,
    JobPhase,
    JobStatus,
    PointState,
    PointView,
    Transfer,
    Usage,
)
from .work import (
    FORMAT,
    RECORD_MIME,
    SUMMARY,
    Bundle,
    Launch,
    Point,
    PointFiles,
    Resources,
    Settings,
    Summary,
    Value,
)

__all__ = [
    "FORMAT",
    "INFRASTRUCTURE",
    "RECORD_MIME",
    "SUMMARY",
    "Bundle",
    "Cause",
    "Ending",
    "Failure",
    "Header",
    "Job",
    "JobArray",
    "JobPhase",
    "JobStatus",
    "Launch",
    "Outcome",
    "Point",
    "PointFiles",
    "PointState",
    "PointView",
    "Record",
    "Resources",
    "Settings",
    "Summary",
    "Transfer",
    "Usage",
    "Value",
]
