"""One process of a fight for a lock: ``python -m tests.unit.schedule.fighter FOLDER HOST …``.

It takes the lock again and again. Inside, it must be alone: a file that can be created
only once says so. Now and then it dies in there, as a killed process does.
"""

from __future__ import annotations

import fcntl
import os
import random
import sys
import time
from pathlib import Path
from typing import Any

from nbbatch.errors import SweepLocked
from nbbatch.locks import Lock


def main(folder: str, host: str, rounds: int, deaths: float, lockless: bool) -> None:
    room, log = Path(folder) / "inside", Path(folder) / "log"
    if lockless:
        _no_locks_no_links_and_slow()
    lock = Lock(Path(folder) / "lock", host=host, beat=0.2, stale=30.0)
    chance = random.Random(f"{host} {os.getpid()}")
    while _rounds(log) < rounds:
        try:
            tenure = lock.acquire("fight", wait=0.5)
        except SweepLocked:
            continue
        said = f"{tenure.number} {host} {os.getpid()}"
        if tenure.broken and tenure.broken.holder:
            _append(log, f"broke {said} {tenure.broken.holder.pid}")
            room.unlink(missing_ok=True)  # what the dead one left
        try:
            os.close(os.open(room, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            _append(log, f"TWO {said}")
        _append(log, f"had {said}")
        time.sleep(chance.random() * 0.003)
        if chance.random() < deaths:
            _append(log, f"dies {said}")
            os.kill(os.getpid(), 9)
        room.unlink(missing_ok=True)
        tenure.release()


def _rounds(log: Path) -> int:
    return log.read_bytes().count(b"had ") if log.exists() else 0


def _append(log: Path, line: str) -> None:
    handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(handle, f"{line}\n".encode())
    os.close(handle)


def _no_locks_no_links_and_slow() -> None:
    """A stand-in for a filesystem whose locks lock nothing (``nolock`` NFS), without hard
    links, on which every step takes a while, so that others come in between.
    """
    fcntl.flock = fcntl.lockf = lambda *_: None  # type: ignore[assignment]
    for name in ("open", "listdir", "rename", "unlink", "stat"):
        real = getattr(os, name)

        def slow(*words: Any, _real: Any = real, **more: Any) -> Any:
            time.sleep(random.random() * 0.002)
            answer = _real(*words, **more)
            time.sleep(random.random() * 0.002)
            return answer

        setattr(os, name, slow)

    judge = Lock._verdict

    def slow_judge(self: Lock, number: int) -> Any:
        verdict = judge(self, number)
        time.sleep(random.random() * 0.02)  # what was judged may be over by now
        return verdict

    Lock._verdict = slow_judge  # type: ignore[method-assign]

    def no_link(*_: Any, **__: Any) -> None:
        raise PermissionError("no hard links here")

    os.link = no_link


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4]), sys.argv[5] == "lockless")
