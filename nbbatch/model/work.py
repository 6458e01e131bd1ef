"""What is to run: points, bundles, and how."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Union

FORMAT = 1
"""Version of the sweep folder's format; a reader refuses a larger one."""

Value = Union[None, bool, int, float, str, "list[Value]", "dict[str, Value]"]
"""What a parameter or a metric can be: a JSON value. NaN and infinities are not."""

RECORD_MIME = "application/vnd.nbbatch.record+json"
"""Display data of this type, ``{"name": …, "value": …}``, is a metric."""


SUMMARY = "summary"
"""The summary notebook's folder, and its id where a point's is asked for. No point has it."""


class PointFiles:
    """Names inside one point's folder. The worker writes them, all others only read."""

    EXECUTED = "executed.ipynb"
    PAGE = "notebook.html"
    LIVE = "notebook.live.html"  # what the page frames where scripts are allowed
    LOG = "output.log"
    RECORD = "record.json"
    ATTEMPTS = "attempts.jsonl"
    FIGURES = "figures"


@dataclass(frozen=True)
class Point:
    """One set of parameter values: one notebook execution.

    ``dir`` is relative to the sweep folder. ``key`` is a hash of everything that the
    result depends on (code, parameters, kernel, environment, input files): a record
    with the same key is still valid.
    """

    id: str
    index: int
    params: dict[str, Value]
    dir: str
    key: str

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Point:
        return cls(**{name: data[name] for name in ("id", "index", "params", "dir", "key")})

    def to_json(self) -> dict[str, Any]:
        # Not ``asdict``: it deep-copies, which costs at 100,000 points.
        return {
            "id": self.id,
            "index": self.index,
            "dir": self.dir,
            "key": self.key,
            "params": self.params,
        }


@dataclass(frozen=True)
class Resources:
    """What one job asks for. Memory and disk in bytes, time in seconds; None: site default."""

    cpus: int = 1
    memory: int | None = None
    disk: int | None = None
    gpus: int = 0
    time: int | None = None


@dataclass(frozen=True)
class Launch:
    """How a farm's job starts the worker.

    ``python`` is the interpreter on the node (empty: this one, on a shared filesystem);
    ``setup`` shell lines that run before it; ``container`` an image to run it in;
    ``options`` the scheduler's own, by name; ``mail`` an address to tell of the end.
    ``retry_memory`` multiplies the memory request of a point that ran out of it (0: no
    retry), ``retry_time`` the walltime. HTCondor only: ``files`` is ``shared``,
    ``transfer``, ``spool`` or empty (chosen by itself), ``max_idle`` bounds the idle jobs
    that the schedd sees, ``personal`` starts a pool of one's own, ``keep_personal`` leaves
    it up after the last job. Where nodes do not see the sweep folder, ``inputs`` (absolute)
    travel with each job and ``outputs`` (patterns, relative to the notebook's folder) come
    back.
    """

    python: str = ""
    setup: str = ""
    container: str = ""
    mail: str = ""
    options: dict[str, str] = field(default_factory=dict)
    retry_memory: float = 0.0
    retry_time: float = 0.0
    files: str = ""
    max_idle: int | None = None
    personal: bool = False
    keep_personal: bool = False
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Settings:
    """How each point is executed; the same for all points of a sweep.

    ``kernel``        kernelspec name; None: what the notebook names
    ``cwd``           where the notebook runs: an absolute folder, or "point" for the
                      point's own folder
    ``timeout``       seconds for the whole notebook; ``cell_timeout`` for one cell
    ``collect``       metric name → expression, evaluated in the kernel after the last cell
    ``output_cap``    bytes of text output kept per cell; the rest is in ``output.log``
    ``memory``        bytes; the worker ends a kernel whose process tree uses more
                      (None on farms, where the scheduler does that)
    ``walltime``      seconds that the job may last; the worker stops taking points when
                      what is left is less than the longest point so far
    ``retries``       how often a point is tried again after an infrastructure failure
    ``stylesheet``    of the point pages, relative to the sweep folder
    ``allow_scripts`` the pages keep what outputs run, in a sandbox
    ``cold``          start each kernel afresh; else by forking a process that is warm
    ``preload``       modules that the warm process imports for all points
    """

    kernel: str | None = None
    cwd: str = "point"
    timeout: float | None = None
    cell_timeout: float | None = None
    startup_timeout: float = 120.0
    collect: dict[str, str] = field(default_factory=dict)
    output_cap: int = 10_000_000
    hide_input: bool = False
    memory: int | None = None
    walltime: int | None = None
    retries: int = 2
    stylesheet: str = "report/assets/notebook.css"
    allow_scripts: bool = False
    cold: bool = False
    preload: list[str] = field(default_factory=list)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Settings:
        return cls(**data)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Summary:
    """The notebook that runs on the table of all results when the points have ended.

    ``notebook`` is where it came from (absolute); ``parameters`` are those that it takes, of
    ``results`` (the path of ``results.csv``) and ``sweep`` (that of the sweep folder).
    """

    notebook: str
    sha256: str
    kernel: str
    parameters: tuple[str, ...]


@dataclass(frozen=True)
class Bundle:
    """The points that one job runs, one after another; all that a worker needs to know.

    ``root`` is the sweep folder as the node sees it; ``notebook`` is relative to it.
    """

    number: int
    sweep: str
    root: str
    notebook: str
    points: tuple[Point, ...]
    settings: Settings

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Bundle:
        return cls(
            number=data["number"],
            sweep=data["sweep"],
            root=data["root"],
            notebook=data["notebook"],
            points=tuple(Point.from_json(p) for p in data["points"]),
            settings=Settings.from_json(data["settings"]),
        )

    def to_json(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "number": self.number,
            "sweep": self.sweep,
            "root": self.root,
            "notebook": self.notebook,
            "settings": self.settings.to_json(),
            "points": [p.to_json() for p in self.points],
        }
