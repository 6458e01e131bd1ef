"""Which schedd has a sweep's jobs, and how their files travel: found once, then written down.

So another shell, another login node or a cron job asks the schedd that the jobs are with,
whatever its own environment says. Nothing secret is in it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from ...errors import BackendError, BackendUnavailable, UsageError
from ...folder import SweepFolder
from ...worker.files import write_atomic
from . import personal
from .arrivals import ATTRIBUTES
from .files import choose_files
from .states import MOVES
from .submit import PLACES, Files, constraint

SITE = "submit/htcondor.json"

JOB = ("ClusterId", "ProcId")
STATUS = (
    "JobStatus",
    "RemoteHost",
    "HoldReasonCode",
    "HoldReasonSubCode",
    "HoldReason",
    "RequestMemory",
    "MemoryProvisioned",
    "ResidentSetSize",
    "RequestDisk",
    "DiskUsage",
    "JobMaterializeNextProcId",
    "JobMaterializePaused",
    *ATTRIBUTES,
)


class Site:
    """The schedd of one sweep. Raises BackendError, in one line, when it does not answer."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder = SweepFolder(root)

    def noted(self) -> dict[str, Any]:
        """``files``, ``schedd``, ``pool``; of a personal pool ``config`` and ``stopped``."""
        try:
            facts: dict[str, Any] = json.loads((self.root / SITE).read_bytes())
        except FileNotFoundError:
            return {}
        return facts

    def note(self, **facts: Any) -> None:
        self.folder.submit.mkdir(exist_ok=True)
        write_atomic(self.root / SITE, json.dumps({**self.noted(), **facts}))

    def settle(self) -> Files:
        """Write down by which schedd and which way this sweep goes; return the latter."""
        known, asked = self.noted().get("schedd", ""), self._asked("schedd")
        if known and asked and known != asked:
            raise UsageError(
                f"The jobs of {self.root} are with the schedd {known}, not {asked}.",
                hint="A sweep has one schedd: leave --option schedd out, or give another --out.",
            )
        files = self.files()
        location = self.location
        pool = self._asked("pool") or str(self.condor.param.get("COLLECTOR_HOST", ""))
        self.note(files=files.value, schedd=str(location.get("Name", "")), pool=pool)
        return files

    def files(self) -> Files:
        """How this sweep's files travel."""
        decided = self.noted().get("files")
        if decided:
            return Files(decided)
        asked = self.folder.header().launch.files if self.folder.exists() else ""
        return choose_files(asked, self.condor, lambda: self.location)

    @cached_property
    def condor(self) -> Any:
        """The bindings, configured for the pool that has the jobs."""
        try:
            import htcondor2
        except ImportError:
            raise BackendUnavailable(
                "HTCondor's Python bindings (htcondor2) are not installed.",
                hint="python -m pip install 'nbbatch[htcondor]'  (Linux only)",
            ) from None
        config = self.noted().get("config")
        return personal.use(Path(config)) if config else htcondor2

    @cached_property
    def location(self) -> Any:
        """The schedd's ad; a remote one's is short."""
        condor = self.condor
        noted = self.noted()
        name = noted.get("schedd") or self._asked("schedd")
        schedd = condor.DaemonType.Schedd
        try:
            own = condor.Collector().locate(schedd)
        except condor.HTCondorException as error:
            if not name:
                raise _failed(error) from None
            own = {}
        if not name or own.get("Name") == name:
            return own
        pool = noted.get("pool") or self._asked("pool") or None
        try:
            found = condor.Collector(pool).locate(schedd, name)
        except condor.HTCondorException as error:
            raise _failed(error) from None
        if found is None:
            raise BackendUnavailable(
                f"The collector {pool or condor.param.get('COLLECTOR_HOST', '')} knows no "
                f"schedd {name}.",
                hint="`condor_status -schedd` lists those that it knows; `--option schedd=NAME` "
                "names one.",
            )
        return found

    def _asked(self, place: str) -> str:
        options = self.folder.header().launch.options if self.folder.exists() else {}
        assert place in PLACES
        return options.get(place, "")

    @cached_property
    def _schedd(self) -> Any:
        return self.condor.Schedd(self.location)

    def ask(self, question: Callable[[Any], Any]) -> Any:
        """Ask the schedd something."""
        condor = self.condor
        try:
            return question(self._schedd)
        except condor.HTCondorException as error:
            self.forget()
            raise _failed(error) from None

    def query(self, wanted: str, names: Sequence[str], **how: Any) -> list[dict[str, Any]]:
        """Ads of the queue, as plain values."""
        ads = self.ask(lambda schedd: schedd.query(wanted, list(names), **how))
        return [plain(ad) for ad in ads]

    def look(self) -> list[dict[str, Any]]:
        """The sweep's jobs in the queue, and its clusters: one question."""
        options = self.condor.QueryOpts.IncludeClusterAd
        names = [*JOB, *STATUS, *self.moves()]
        return self.query(constraint(self.folder.header().id), names, opts=options)

    def moves(self) -> Sequence[str]:
        """The attributes that tell when files travelled, where they do."""
        return () if self.files() is Files.SHARED else MOVES

    def forget(self) -> None:
        """Look for the schedd anew: a restarted one may have another address."""
        self.__dict__.pop("_schedd", None)
        self.__dict__.pop("location", None)


def _failed(error: Exception) -> BackendError:
    said = " ".join(str(error).split()) or type(error).__name__
    return BackendError(f"HTCondor said: {said}")


def plain(ad: Any) -> dict[str, Any]:
    """An ad's values without expressions and undefined ones, which equal the integer 2."""
    return {name: value for name, value in ad.items() if type(value) in (int, float, str, bool)}
