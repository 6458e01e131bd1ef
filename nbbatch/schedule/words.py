"""The words of options about the runs of a name. Imports nothing: the command line needs them."""

from __future__ import annotations

from enum import Enum


class IfRunning(str, Enum):
    """What a run does that finds the one before still going on."""

    skip = "skip"
    wait = "wait"
    fail = "fail"


class NotifyOn(str, Enum):
    """Which ends of a run are told."""

    change = "change"
    failure = "failure"
    end = "end"


class CronProgram(str, Enum):
    """Whose table a schedule is in."""

    crontab = "crontab"
    scrontab = "scrontab"
