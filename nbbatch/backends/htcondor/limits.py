"""How many jobs a schedd takes: at once, and from one user. What it refuses waits."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from ...errors import BackendError

Part = TypeVar("Part")

PER_SUBMISSION, PER_OWNER = 20_000, 100_000
"""HTCondor's defaults, for a schedd that does not say."""

# NewProc's answer when there is no room: -2 in the schedd, -3 for the owner, -4 in the
# submission. Bindings of 25.x: "expected next ProcId to be 0, but Schedd says -3".
NO_ROOM = re.compile(r"Schedd says -[234]\b|MAX_JOBS_(SUBMITTED|PER_OWNER|PER_SUBMISSION)")


@dataclass(frozen=True)
class Room:
    """Jobs that the schedd takes at once, and in all from this user now."""

    at_once: int = PER_SUBMISSION
    left: int = PER_OWNER


def room(condor: Any, location: Any, schedd: Any) -> Room:
    """Ask the schedd for its limits and for the user's jobs: a few questions, however many jobs.

    Jobs that it has not made yet count: a cluster whose next job finds no room is given up
    by 23.9 with the rest of its jobs, without a word.
    """
    try:
        limits = condor.RemoteParam(location)
        at_once = _count(limits.get("MAX_JOBS_PER_SUBMISSION"), PER_SUBMISSION)
        most = _count(limits.get("MAX_JOBS_PER_OWNER"), PER_OWNER)
    except condor.HTCondorException:  # it does not tell everybody
        at_once, most = PER_SUBMISSION, PER_OWNER
    how = condor.QueryOpts
    mine = schedd.query("true", ["Owner"], limit=1, opts=how.DefaultMyJobsOnly)
    if not mine:
        return Room(max(1, at_once), most)
    # Counted by the schedd; "my jobs only" and "summary only" do not go together.
    me = f"Owner == {json.dumps(mine[0]['Owner'])}"
    (summary,) = schedd.query(me, [], opts=how.SummaryOnly)
    names = ["TotalSubmitProcs", "JobMaterializeNextProcId"]
    unmade = f"{me} && ProcId is undefined && JobMaterializeNextProcId isnt undefined"
    clusters = schedd.query(unmade, names, opts=how.IncludeClusterAd)
    waiting = sum(ad["TotalSubmitProcs"] - ad["JobMaterializeNextProcId"] for ad in clusters)
    taken = int(summary["Jobs"]) + int(waiting)
    return Room(max(1, at_once), max(0, most - taken))


def _count(text: object, default: int) -> int:
    try:
        return int(str(text))
    except ValueError:
        return default


def send_parts(
    bundles: Sequence[Part], space: Room, send: Callable[[int, Sequence[Part]], None]
) -> int:
    """Send as many of ``bundles`` as there is room for, in parts; return how many.

    ``send`` gets the position of a part's first bundle and the part. A part that is refused
    for want of room is tried again with half of it.
    """
    sent, size, left = 0, space.at_once, space.left
    while sent < len(bundles) and left > 0:
        part = bundles[sent : sent + min(size, left)]
        try:
            send(sent, part)
        except BackendError as error:
            if not NO_ROOM.search(error.message):
                raise
            size = len(part) // 2
            if not size:
                break
            continue
        sent += len(part)
        left -= len(part)
    return sent
