"""Places among the running jobs of a sweep: given to its arrays, and given anew."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

from ...errors import BackendUnavailable, CommandFailed
from ...worker.files import write_atomic
from .. import command
from .queue import Queue, array_env, read_json
from .shares import Change, LiveArray, allot, live_arrays, rebalanced, surplus

SHARES = "slurm-shares.json"
"""In ``logs/``: how many tasks of each array may run at a time; squeue -r does not tell."""

NOT_THERE = re.compile(r"already (?:completing|completed|finished)|Invalid job id|disabled")
"""What scontrol says of a job that has ended meanwhile."""


class Places:
    """``--jobs`` for one sweep folder, over all of its arrays."""

    def __init__(self, logs: Path, queue: Queue) -> None:
        self.file = logs / SHARES
        self.queue = queue

    @staticmethod
    def among_new(limit: int | None, sizes: Sequence[int]) -> list[int] | None:
        """Shares of arrays of these sizes where nothing else is in the queue."""
        return None if limit is None else [share for share in allot(limit, sizes) if share]

    def make(
        self, limit: int | None, sizes: Sequence[int], ids: Collection[str]
    ) -> tuple[list[int] | None, tuple[str, ...]]:
        """Shares of new arrays of these sizes, and the jobs that they wait for.

        The arrays ``ids`` that are there give away what is more than their new share; what
        runs there already, runs on, and the new arrays begin when enough of it has ended.
        """
        arrays = self._live(ids) if limit is not None else []
        if limit is None or not arrays:
            return self.among_new(limit, sizes), ()
        shares = allot(limit, [*(array.need for array in arrays), *sizes])
        own = [share for share in shares[len(arrays) :] if share]
        if not own:  # one of each array may run, and more are not allowed
            return self.among_new(limit, sizes), tuple(array.id for array in arrays)
        kept = dict(zip((array.id for array in arrays), shares, strict=False))
        changes = [
            Change(array.id, kept[array.id])
            for array in arrays
            if array.waiting and kept[array.id] < array.may_run(limit)
        ]
        self._change(changes)
        if changes:  # tasks may have begun before Slurm knew of the change
            arrays = self._live(ids)
        return own, surplus(arrays, kept)

    def balance(self, limit: int) -> None:
        """Give places that arrays do not need any more to others, as squeue told last."""
        last = self.queue.last()
        if last is None:  # nobody has looked yet
            return
        answer = self.queue.ask(last.arrays)
        if answer.failed:
            return
        arrays = live_arrays(self.queue.parse(answer), self._noted())
        changes = rebalanced(limit, arrays)
        if changes:
            self._change(changes)
            self.queue.forget()

    def note(self, shares: Mapping[str, int]) -> None:
        """Remember what arrays were given."""
        content = json.dumps({**self._noted(), **shares})
        write_atomic(self.file, content, durable=False)

    def _noted(self) -> dict[str, int]:
        return {name: int(share) for name, share in read_json(self.file).items()}

    def _live(self, ids: Collection[str]) -> list[LiveArray]:
        """These arrays as they are at this moment."""
        if not ids:
            return []
        self.queue.forget()
        answer = self.queue.ask(ids)
        if answer.failed:
            raise BackendUnavailable(f"Slurm does not answer: {answer.failed}")
        return live_arrays(self.queue.parse(answer), self._noted())

    def _change(self, changes: Iterable[Change]) -> None:
        for change in changes:
            words = ["scontrol", "update", f"JobId={change.array}"]
            words.append(f"ArrayTaskThrottle={change.throttle}")
            if change.unblock:
                words.append("Dependency=")
            try:
                command.run(words, env=array_env(os.environ))
            except CommandFailed as error:
                if not NOT_THERE.search(f"{error.stdout}\n{error.stderr}"):
                    raise
            self.note({change.array: change.throttle})
