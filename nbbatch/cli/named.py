"""The options and commands that are about the runs of a name: prune, pin, unpin."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import UsageError
from ..schedule import words
from .console import say
from .options import SweepArg

if TYPE_CHECKING:
    from ..history import Keep
    from ..schedule.care import Care

NAMED = "The runs of a name"


IfRunning = Annotated[
    words.IfRunning | None,
    typer.Option(
        "--if-running",
        help="If the run before of this name still goes on: skip this one, wait, or fail.",
        rich_help_panel=NAMED,
    ),
]
Reuse = Annotated[
    bool,
    typer.Option(
        "--reuse",
        help="Take results that are still valid from earlier runs of this name.",
        rich_help_panel=NAMED,
    ),
]
KeepLast = Annotated[
    int | None,
    typer.Option(
        "--keep-last",
        metavar="N",
        min=1,
        help="Afterwards delete runs but the last N.",
        rich_help_panel=NAMED,
    ),
]
KeepDaily = Annotated[
    int | None,
    typer.Option(
        "--keep-daily",
        metavar="N",
        min=1,
        help="… but the newest of each of the last N days with a run.",
        rich_help_panel=NAMED,
    ),
]
KeepWeekly = Annotated[
    int | None,
    typer.Option(
        "--keep-weekly",
        metavar="N",
        min=1,
        help="… but the newest of each of the last N weeks with a run.",
        rich_help_panel=NAMED,
    ),
]
KeepWithin = Annotated[
    str | None,
    typer.Option(
        "--keep-within",
        metavar="TIME",
        help="… but those within this time (30d) before the newest.",
        rich_help_panel=NAMED,
    ),
]
Notify = Annotated[
    list[str] | None,
    typer.Option(
        "--notify",
        metavar="WHOM",
        help="Tell a mail address, a webhook (https://…), a command or an address of apprise.",
        rich_help_panel=NAMED,
    ),
]
NotifyOn = Annotated[
    words.NotifyOn,
    typer.Option(
        "--notify-on",
        help="change: the first failure, new ones, recovery; failure: every one; end: always.",
        rich_help_panel=NAMED,
    ),
]
MetricsFile = Annotated[
    Path | None,
    typer.Option(
        "--metrics-file",
        metavar="FILE",
        help="Write figures for Prometheus' node_exporter.",
        rich_help_panel=NAMED,
    ),
]


def care_of(given: Mapping[str, Any]) -> Care:
    """The options that are about a name's runs, of what the command was given."""
    from ..schedule.care import Care

    return Care(
        if_running=given.get("if_running"),
        reuse=bool(given.get("reuse")),
        keep=_keep(given),
        notify=tuple(given.get("notify") or ()),
        notify_on=given["notify_on"],
        metrics_file=given.get("metrics_file"),
    )


def _keep(given: Mapping[str, Any]) -> Keep:
    from ..grid import parse_duration
    from ..history import Keep

    within = given.get("keep_within")
    return Keep(
        last=given.get("keep_last"),
        daily=given.get("keep_daily"),
        weekly=given.get("keep_weekly"),
        within=None if within is None else float(parse_duration(within, where="--keep-within")),
    )


def prune(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The name of the runs.")],
    keep_last: KeepLast = None,
    keep_daily: KeepDaily = None,
    keep_weekly: KeepWeekly = None,
    keep_within: KeepWithin = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be deleted, and why the rest stays.")
    ] = False,
) -> None:
    """Delete old runs of a name. Never one that is running or pinned, nor the last that is ok.

    Without rules, those with which it is scheduled are meant.
    """
    from ..schedule.care import home_of_name
    from ..schedule.pruning import plan_pruning
    from ..schedule.pruning import prune as prune_now

    rules = _keep(
        {
            "keep_last": keep_last,
            "keep_daily": keep_daily,
            "keep_weekly": keep_weekly,
            "keep_within": keep_within,
        }
    )
    rules = rules or _scheduled_rules(name)
    if not rules:
        raise UsageError(
            f"Which runs of {name} are to stay?",
            hint="Give --keep-last, --keep-daily, --keep-weekly or --keep-within.",
        )
    home = home_of_name(name)
    if dry_run:
        for each in plan_pruning(home, rules):
            what = f"stays ({', '.join(each.why)})" if each.why else "goes"
            say(f"{each.run.folder}  {each.run.state:10}  {what}")
        return
    for each in prune_now(home, rules):
        say(f"deleted {home / each.run.folder}")


def pin(sweep: SweepArg = "latest") -> None:
    """Keep a run for good: `prune` never deletes it."""
    from ..catalogue import find_sweep
    from ..schedule.pruning import pin as set_pin

    root = find_sweep(sweep)
    set_pin(root, True)
    say(f"{root} stays until `nbbatch unpin`.")


def unpin(sweep: SweepArg = "latest") -> None:
    """Let `prune` delete a run again."""
    from ..catalogue import find_sweep
    from ..schedule.pruning import pin as set_pin

    root = find_sweep(sweep)
    set_pin(root, False)
    say(f"{root} may be pruned.")


def _scheduled_rules(name: str) -> Keep:
    from ..catalogue import HOME
    from ..schedule import entry
    from .schedule import checked

    for each in entry.load_all():
        # One of the same name whose runs are in another folder is another one.
        if each.home.resolve() == (HOME / name).resolve():
            return checked(each.words)[1].keep
    return _keep({})
