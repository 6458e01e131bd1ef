"""What is done around a run of a named sweep: the lock before, the housekeeping after."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from ..catalogue import HOME
from ..errors import UsageError
from ..history import Keep, home_of, read_history
from ..locks import Tenure
from ..model import PointView
from ..plan import Plan, Request
from ..results.failures import group_failures
from ..sweep import Sweep
from .metrics_file import write_metrics
from .news import is_told, kind_of, message_of_run
from .notify import check_target, send_all
from .overlap import StillRunning, hold_name
from .pruning import prune
from .reuse import reuse_results
from .words import IfRunning, NotifyOn

__all__ = ["Care", "StillRunning", "home_of_name", "home_of_plan"]


@dataclass(frozen=True)
class Care:
    """The options of ``run`` that are about a name's runs, and not about this one."""

    if_running: IfRunning | None = None
    reuse: bool = False
    keep: Keep = field(default_factory=Keep)
    notify: tuple[str, ...] = ()
    notify_on: NotifyOn = NotifyOn.change
    metrics_file: Path | None = None

    def __bool__(self) -> bool:
        return self != Care(notify_on=self.notify_on)

    def check(self, request: Request) -> None:
        """Raises UsageError on what cannot work, before anything runs."""
        if self and request.out is not None:
            raise UsageError(
                "--if-running, --reuse, --keep-…, --notify and --metrics-file are about the "
                "runs of a name; --out makes one folder without any.",
                hint="Leave --out away, or give --name instead.",
            )
        for target in self.notify:
            check_target(target)
        if self.metrics_file is not None and not self.metrics_file.absolute().parent.is_dir():
            raise UsageError(f"--metrics-file {self.metrics_file}: there is no such folder.")

    @contextmanager
    def alone(self, home: Path) -> Iterator[Tenure | None]:
        """Hold the name if ``--if-running`` asks for it. Raises StillRunning."""
        if self.if_running is None:
            yield None
            return
        with hold_name(home, self.if_running) as tenure:
            yield tenure

    def before(self, sweep: Sweep) -> int:
        """Fill in what earlier runs have; returns how many points need not run."""
        return len(reuse_results(sweep.root)) if self.reuse else 0

    def after(self, sweep: Sweep, seen: Sequence[PointView] | None = None) -> list[str]:
        """Tell, count and tidy up when the sweep is over; returns what went wrong with it.

        What goes wrong here changes nothing of the run, and is no reason to lose it.
        """
        home = home_of(sweep.root, sweep.header)
        if home is None or not self:
            return []
        views = sweep.views() if seen is None else seen
        if not all(view.state.over for view in views):
            return []
        history = read_history(home)
        run = next(run for run in history.runs if run.folder == sweep.root.name)
        wrong = []
        if self.notify:
            first = not history.before(run)
            if is_told(kind_of(run, history), self.notify_on, first=first):
                report = sweep.folder.report_index
                groups = group_failures(views)
                wrong += send_all(self.notify, message_of_run(run, history, groups, report))
        if self.keep:
            try:
                prune(home, self.keep)
            except OSError as error:
                wrong.append(f"Old runs of {home} could not be deleted: {error}.")
        if self.metrics_file is not None:
            try:
                write_metrics(self.metrics_file, history)
            except OSError as error:
                wrong.append(f"{self.metrics_file} could not be written: {error.strerror}.")
        return wrong


def home_of_plan(plan: Plan) -> Path:
    """Where the runs of a plan's name are."""
    from ..create import place_of

    return place_of(plan)[0].parent


def home_of_name(name: str) -> Path:
    """Where the runs of a name are, started from this folder. Raises UsageError if nowhere."""
    home = (HOME / name).resolve()
    if not home.is_dir():
        raise UsageError(
            f"There is no {HOME / name} in this folder.",
            hint="Go to the folder in which its runs were started.",
        )
    return home
