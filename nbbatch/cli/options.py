"""Arguments and options that several commands share, each written once."""

from __future__ import annotations

from enum import Enum
from typing import Annotated

import typer

SWEEP_HELP = "A sweep: its folder, its name, or `latest`."

SweepArg = Annotated[str, typer.Argument(metavar="SWEEP", help=SWEEP_HELP)]
Points = Annotated[
    list[str] | None, typer.Argument(metavar="[POINT]...", help="Only these points.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]


class Format(str, Enum):
    """Output formats of ``results``."""

    table = "table"
    csv = "csv"
    json = "json"
    parquet = "parquet"


class PlanFormat(str, Enum):
    """Output formats of ``plan``."""

    table = "table"
    csv = "csv"
    json = "json"
