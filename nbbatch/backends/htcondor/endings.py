"""How jobs ended that have left the queue: what the event log tells, else the history."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from ...model import Ending, Transfer
from ...worker.files import write_atomic
from . import events as event_log
from .states import ending_of, transfer_of

Proc = tuple[str, int]
"""A cluster and a proc in it."""

NOTES = "logs/htcondor.json"
"""How far the log was read and what it told: what another process need not do again."""

NO_TIME = Transfer()

HISTORY_TRIES = 3
"""How often the history is asked for a job of which neither queue nor log know anything."""


class Endings:
    """What is known of the ends of a sweep's jobs, in this process and in earlier ones."""

    def __init__(self, root: Path, log: Path) -> None:
        self.notes = root / NOTES
        self.log = log
        self._told: dict[Proc, tuple[Ending, str]] = {}
        self._moved: dict[Proc, Transfer] = {}
        self._begun: dict[event_log.Way, float] = {}
        self._position: event_log.Position | None = None
        self._asked: dict[Proc, int] = {}

    def of(
        self,
        gone: Collection[Proc],
        history: Callable[[list[Proc]], Iterable[Mapping[str, Any]]],
    ) -> Mapping[Proc, tuple[Ending, str]]:
        """How these jobs ended, as far as it is known.

        ``history`` gives the ads of those procs that have one; it is asked only for procs
        that the log does not know, and not for ever.
        """
        if self._position is None:
            self._position = self._remembered()
        if all(proc in self._told for proc in gone):
            return self._told
        before = self._position
        events, self._position = event_log.read(self.log, before)
        self._told.update(event_log.endings(events))
        for (cluster, number, which), seconds in event_log.transfers(events, self._begun):
            known = self._moved.get((cluster, number), NO_TIME)
            moved = {"inputs": seconds} if which == "input" else {"outputs": seconds}
            self._moved[cluster, number] = replace(known, **moved)
        missing = [
            proc
            for proc in gone
            if proc not in self._told and self._asked.get(proc, 0) < HISTORY_TRIES
        ]
        if missing:
            for ad in history(missing):
                proc = str(ad["ClusterId"]), ad["ProcId"]
                self._told[proc] = ending_of(ad)
                self._moved[proc] = transfer_of(ad) or self._moved.get(proc, NO_TIME)
            self._asked.update({proc: self._asked.get(proc, 0) + 1 for proc in missing})
        if missing or self._position != before:
            self._note()
        return self._told

    def transfer(self, proc: Proc) -> Transfer | None:
        """How long the files of a job travelled that ended; None where that took no time."""
        moved = self._moved.get(proc, NO_TIME)
        return None if moved == NO_TIME else moved

    def _remembered(self) -> event_log.Position:
        try:
            known = json.loads(self.notes.read_bytes())
        except (FileNotFoundError, ValueError):
            return event_log.Position()
        for cluster, procs in known["well"].items():
            self._told.update({(cluster, proc): (Ending.EXITED, "") for proc in procs})
        for cluster, proc, ending, reason in known["told"]:
            self._told[cluster, proc] = Ending(ending), reason
        for cluster, number, inputs, outputs in known.get("moved", []):
            self._moved[cluster, number] = Transfer(inputs, outputs)
        for cluster, number, which, at in known.get("begun", []):
            self._begun[cluster, number, which] = at
        return event_log.Position(**known["position"])

    def _note(self) -> None:
        well: dict[str, list[int]] = {}
        told = []
        for (cluster, proc), (ending, reason) in self._told.items():
            if ending is Ending.EXITED and not reason:
                well.setdefault(cluster, []).append(proc)
            else:
                told.append([cluster, proc, ending.value, reason])
        assert self._position is not None
        known = {
            "position": asdict(self._position),
            "well": well,
            "told": told,
            "moved": [
                [*proc, moved.inputs, moved.outputs]
                for proc, moved in self._moved.items()
                if moved != NO_TIME  # as it is of most
            ],
            "begun": [[*way, at] for way, at in self._begun.items()],
        }
        write_atomic(self.notes, json.dumps(known), durable=False)
