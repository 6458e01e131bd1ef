"""One holder at a time, on any filesystem: a lock made of file names only.

Needs nothing but that a name can be created once (``O_EXCL``) and that a rename is one
step, which NFS, Lustre, AFS and FUSE filesystems promise where they do not promise
``flock``. The lock is a folder; each tenure is a file in it, with the next number:

    17.free     tenure 17 was given back
    18          tenure 18 holds, or its holder died

Whoever creates number *n + 1* while *n* is free or dead is the next holder, and nobody
else can be. Breaking a dead holder's lock is that same step, so it happens once: a slow
process that judged 17 dead cannot break 18, as all it can do is to create 18 and fail.
The number is a fencing token: ``Tenure.check`` tells a holder that was taken for dead
(suspended, cut off) that it is no longer one.

Who is dead? A process of this host: by process id and start time. One of another host,
whose processes cannot be asked: when its file, which it touches every ``BEAT`` seconds,
was seen unchanged for ``STALE`` seconds of the observer's own clock. The clocks of two
hosts are never compared.
"""

from __future__ import annotations

import errno
import json
import os
import socket
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from .errors import SweepLocked

BEAT = 15.0
"""Seconds between two signs of life of a holder."""

STALE = 180.0
"""Seconds without one after which a holder on another host counts as gone. Far more than
a beat and the minute for which NFS may show an old time of change (``acregmax``)."""

POLL = 0.2
"""Seconds between two looks of one who waits; a tenth of it at first."""

KEPT = 8
"""Tenures whose files stay, so that who lists the folder slowly still sees one of them."""

FREE = ".free"


@dataclass(frozen=True)
class Holder:
    """Who holds a lock, as its file says. ``boot`` and ``space`` (the process namespace)
    tell machines and containers of the same host name apart; ``start`` is the process's
    start in the system's own units. ``since`` (ISO 8601) is only for people.
    """

    host: str
    pid: int
    start: str
    boot: str = ""
    space: str = ""
    purpose: str = ""
    since: str = ""

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Holder:
        return cls(**{name: data[name] for name in cls.__dataclass_fields__ if name in data})

    def __str__(self) -> str:
        where = "this host" if self.host == socket.gethostname() else f"host {self.host}"
        return self._words(where)

    def anywhere(self) -> str:
        """The same for readers on other hosts."""
        return self._words(f"host {self.host}")

    def _words(self, where: str) -> str:
        when = _local(self.since)
        return f"process {self.pid} on {where}" + (f" (since {when})" if when else "")


@dataclass(frozen=True)
class Broken:
    """A lock that was taken from a holder that is gone, and why it counts as gone."""

    holder: Holder | None
    why: str

    def __str__(self) -> str:
        who = self.holder.anywhere() if self.holder else "a process that left no name"
        return f"the lock of {who} was broken: {self.why}"


class Tenure:
    """The time for which this process holds a lock. Leave it with ``release`` or ``with``."""

    def __init__(self, lock: Lock, number: int, broken: Broken | None) -> None:
        self.lock = lock
        self.number = number
        """The fencing token: grows with every tenure."""
        self.broken = broken
        self._lost = False
        self._over = threading.Event()
        self._process = os.getpid()
        threading.Thread(target=self._live, name="nbbatch-lock", daemon=True).start()

    def check(self) -> None:
        """Raises SweepLocked when another took this lock, because this process seemed dead."""
        free, held = self.lock._numbers()
        self._lost = self._lost or self.number not in held or max(free | held) > self.number
        if self._lost:
            raise SweepLocked(
                f"{self.lock.folder} was taken by {self.lock.holder() or 'another process'} "
                "while this process gave no sign of life.",
                hint="What it has begun goes on there; this one stops.",
            )

    def release(self) -> None:
        """Give the lock back. Does nothing when it was lost, or in a forked child."""
        if self._over.is_set() or self._process != os.getpid():
            return
        self._over.set()
        file = self.lock._file(self.number)
        try:
            file.rename(file.with_name(file.name + FREE))  # needs no room on a full disk
        except FileNotFoundError:
            pass  # taken for dead, and the next holder has cleaned up

    def _live(self) -> None:
        file = self.lock._file(self.number)
        while not self._over.wait(self.lock.beat):
            try:
                os.utime(file)
            except FileNotFoundError:
                return
            except OSError:
                continue  # the server is away: the next beat may pass

    def __enter__(self) -> Tenure:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()


class Lock:
    """A lock in ``folder``. ``host`` is this machine's name; tests play two of them."""

    def __init__(
        self,
        folder: Path,
        *,
        host: str | None = None,
        beat: float = BEAT,
        stale: float = STALE,
    ) -> None:
        self.folder = folder
        self.host = host or socket.gethostname()
        self.beat = beat
        self.stale = stale
        self._seen: tuple[tuple[int, ...], float] | None = None
        self._lived = False

    def acquire(self, purpose: str, *, wait: float = 0.0, watch: bool = False) -> Tenure:
        """Hold the lock. Raises SweepLocked after ``wait`` seconds, saying who holds it.

        With ``watch`` a holder on another host is watched, beyond ``wait`` if need be,
        until it gave a sign of life or has to be taken for dead.
        """
        deadline = time.monotonic() + wait
        pause = POLL / 10
        self._seen, self._lived = None, False
        while True:
            tenure = self._attempt(purpose)
            if tenure is not None:
                return tenure
            doubtful = watch and not self._lived and self._foreign()
            if time.monotonic() >= deadline and not doubtful:
                holder = self.holder()
                raise SweepLocked(
                    f"{self.folder} is held by {holder or 'another process'}"
                    + (f" to {holder.purpose}." if holder and holder.purpose else "."),
                )
            time.sleep(pause)
            pause = min(POLL, 1.5 * pause)

    def holder(self) -> Holder | None:
        """Who holds it now, dead or alive; None when it is free or its file says nothing."""
        number = self._last_held()
        return None if number is None else self._holder(number)

    def held(self) -> bool:
        """Whether somebody holds it who is not known to be dead."""
        number = self._last_held()
        return number is not None and not self._is_dead(self._holder(number))

    # one attempt

    def _attempt(self, purpose: str) -> Tenure | None:
        free, held = self._numbers()
        number = max(free | held, default=0)
        broken = None
        if number and number not in free:
            broken = self._verdict(number)
            if broken is None:
                return None
        me = self._me(purpose)
        file = self._file(number + 1)
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        except FileExistsError:
            return None
        try:
            said = {**asdict(me), "broke": str(broken) if broken else ""}
            os.write(handle, json.dumps(said).encode())
        except OSError as error:
            # A full disk. The name alone holds the lock; nobody can tell whose it is.
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
        finally:
            os.close(handle)
        # Seen late, the folder may have gone on without us: a number that is not the
        # newest, or was given back already, holds nothing. What we look for here was
        # there before our file was, so a listing that began after it shows it.
        free, held = self._numbers()
        if max(free | held) > number + 1 or number + 1 in free:
            file.unlink(missing_ok=True)
            return None
        self._clean(number + 1, free | held)
        return Tenure(self, number + 1, broken)

    def _verdict(self, number: int) -> Broken | None:
        """Why the holder of ``number`` counts as gone; None while it does not."""
        holder = self._holder(number)
        if self._is_dead(holder):
            return Broken(holder, "that process has ended without giving it back")
        unchanged = self._unchanged(number)
        if unchanged < self.stale or (holder and self._is_near(holder)):
            return None
        why = f"it gave no sign of life for {unchanged:.0f} s"
        if holder and holder.host == self.host and holder.boot != _boot():
            why += ", and a machine of its name was restarted since"
        return Broken(holder, why)

    def _unchanged(self, number: int) -> float:
        """For how many seconds of this process's own watching a tenure's file is the same."""
        try:
            facts = self._file(number).stat()
        except FileNotFoundError:
            self._seen = None
            return 0.0
        sign = (number, facts.st_ino, facts.st_size, facts.st_mtime_ns)
        if self._seen is None or self._seen[0] != sign:
            self._lived = self._seen is not None
            self._seen = (sign, time.monotonic())
        return time.monotonic() - self._seen[1]

    def _foreign(self) -> bool:
        holder = self.holder()
        return holder is None or not self._is_near(holder)

    # what is known of a holder

    def _is_near(self, holder: Holder) -> bool:
        """Whether this host can look the process up. A machine or container of the same
        name is another one when it was booted at another time or has its own processes.
        """
        return (holder.host, holder.boot, holder.space) == (self.host, _boot(), _space())

    def _is_dead(self, holder: Holder | None) -> bool:
        if holder is None or not self._is_near(holder):
            return False
        return process_start(holder.pid) != holder.start

    def _me(self, purpose: str) -> Holder:
        pid = os.getpid()
        since = datetime.now().astimezone().isoformat(timespec="seconds")
        return Holder(self.host, pid, process_start(pid), _boot(), _space(), purpose, since)

    def _holder(self, number: int) -> Holder | None:
        try:
            return Holder.from_json(json.loads(self._file(number).read_bytes()))
        except (OSError, ValueError, TypeError):
            return None  # given back meanwhile, or its writer died or found the disk full

    # the files

    def _file(self, number: int) -> Path:
        return self.folder / str(number)

    def _numbers(self) -> tuple[set[int], set[int]]:
        """The numbers that were given back, and those that were not."""
        free: set[int] = set()
        held: set[int] = set()
        try:
            names = os.listdir(self.folder)  # noqa: PTH208 (names are enough)
        except FileNotFoundError:
            return free, held
        for name in names:
            number = name.removesuffix(FREE)
            if number.isdecimal():
                (held if number == name else free).add(int(number))
        return free, held

    def _last_held(self) -> int | None:
        free, held = self._numbers()
        number = max(free | held, default=0)
        return number if number and number not in free else None

    def _clean(self, number: int, numbers: set[int]) -> None:
        for old in numbers:
            if old <= number - KEPT:
                self._file(old).unlink(missing_ok=True)
                self._file(old).with_name(f"{old}{FREE}").unlink(missing_ok=True)


def process_start(pid: int) -> str:
    """When a process started, in the system's own units; empty when it is gone or a zombie."""
    try:
        # Field 2, the name, is in brackets and may contain anything. Clock ticks since
        # boot do not move when the clock is set, as psutil's create_time does.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return "" if fields[0] in ("Z", "X") else fields[19]
    except (FileNotFoundError, ProcessLookupError, IndexError):
        if Path("/proc/self/stat").exists():
            return ""
    import psutil

    try:
        return str(psutil.Process(pid).create_time())
    except psutil.Error:
        return ""


def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def _space() -> str:
    try:
        return os.readlink("/proc/self/ns/pid")  # noqa: PTH115 (no file: a name)
    except OSError:
        return ""


def _local(iso: str) -> str:
    try:
        return f"{datetime.fromisoformat(iso).astimezone():%Y-%m-%d %H:%M:%S}"
    except ValueError:
        return ""
