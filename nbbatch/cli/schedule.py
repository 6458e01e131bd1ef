"""Commands about runs that come by themselves: schedule, prune, pin, unpin."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import UsageError
from . import options as opt
from .console import print_json, say, show, warn

if TYPE_CHECKING:
    from ..history import Keep
    from ..plan import Request
    from ..schedule.care import Care
    from ..schedule.entry import Entry

schedule = typer.Typer(
    name="schedule", help="Run a sweep again and again, by cron.", no_args_is_help=True
)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The schedule's name.")]
When = Annotated[
    str,
    typer.Argument(metavar="WHEN", help='When, in cron\'s words: "0 6 * * 1-5", @daily.'),
]
Program = Annotated[
    opt.CronProgram,
    typer.Option("--cron-backend", help="Whose table: cron's, or Slurm's (`scrontab`)."),
]
CronOptions = Annotated[
    list[str] | None,
    typer.Option(
        "--cron-option", metavar="TEXT", help="scrontab's own option, e.g. --partition=cron."
    ),
]
Env = Annotated[
    list[str] | None,
    typer.Option("--env", metavar="VARIABLE", help="Keep this variable's value, too."),
]
Print = Annotated[bool, typer.Option("--print", help="Only show the line; schedule nothing.")]


@schedule.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    epilog="All options of `nbbatch run` may follow; --name is needed.",
)
def add(
    context: typer.Context,
    when: When,
    program: Program = opt.CronProgram.crontab,
    cron_options: CronOptions = None,
    env: Env = None,
    only_print: Print = False,
) -> None:
    """Schedule `nbbatch run NOTEBOOK …`; the name again replaces what was scheduled."""
    from ..folder import now
    from ..plan import make_plan
    from ..schedule import crontab, entry
    from ..schedule.care import home_of_plan
    from ..schedule.cron_times import parse_cron

    parse_cron(when)
    words = tuple(context.args)
    request, care = _checked(words)
    home_of_plan(make_plan(request))  # every mistake is found now, not at six in the morning
    assert request.name is not None
    here = os.getcwd()  # noqa: PTH109 (a text, as it is stored)
    for known in entry.load_all():
        if known.name == request.name and known.cwd != here:
            raise UsageError(
                f"{known.name} is scheduled in {known.cwd} already.",
                hint=f"Choose another name, or `nbbatch schedule remove {known.name}` first.",
            )
    if cron_options and program is not opt.CronProgram.scrontab:
        raise UsageError("--cron-option is for --cron-backend scrontab.")
    new = entry.Entry(
        name=request.name,
        when=when,
        words=words,
        cwd=here,
        since=now(),
        program=program.value,
        ticket=entry.has_ticket(),
        environment=entry.environment_to_keep(os.environ, tuple(env or ())),
    )
    command, variables = entry.cron_command(new)
    line = crontab.cron_line(when, crontab.command_of(command, variables), new.name)
    lines = [f"{crontab.SCRON}{text}" for text in cron_options or ()] + [line]
    if only_print:
        say("\n".join(lines))
        return
    table = crontab.with_lines(crontab.read_table(new.program), new.name, lines)
    entry.save(new)  # first: cron may come at any moment
    crontab.write_table(new.program, table)
    after = _next_run(new)
    say(f"{new.name}: next run {after or 'at the next start of this machine'}")
    if care.if_running is None:
        say("If a run takes longer than that, the next one is left out (--if-running skip).")
    for notice in _notices(request):
        warn(f"note: {notice}")


@schedule.command("list")
def list_schedules(as_json: opt.Json = False) -> None:
    """What is scheduled: when it comes next, how it went last."""
    from ..history import read_history
    from ..schedule import entry
    from ..schedule.nightly import missed_since
    from ..schedule.refresh import refresh

    found = []
    for each in entry.load_all():
        refresh(each.home)
        history = read_history(each.home)
        missed = missed_since(each, history)
        found.append(
            {
                "name": each.name,
                "when": each.when,
                "next": "" if each.paused else _next_run(each),
                "paused": each.paused,
                "last": _last_outcome(history),
                "missed": str(missed or ""),
                "in_table": _in_table(each),
                "history": str(each.home / "index.html"),
            }
        )
    if as_json:
        print_json(found)
        return
    if not found:
        say("Nothing is scheduled. `nbbatch schedule add` schedules a run.")
        return
    from ..display.schedules import schedules_table

    show(schedules_table(found))


@schedule.command("run")
def run_now(
    name: Name,
    as_json: opt.Json = False,
) -> None:
    """Run what is scheduled, now; this is what cron calls. Silent when all is well."""
    from ..schedule import entry
    from ..schedule.nightly import run_entry

    found = entry.load(name)
    os.environ.update(found.environment)
    try:
        os.chdir(found.cwd)
    except OSError as error:
        raise UsageError(
            f"{name} runs in {found.cwd}, which cannot be entered: {error.strerror}.",
            hint="Bring the folder back, or schedule it again from another one.",
        ) from None
    request, care = _checked(found.words)
    done = run_entry(found, request, care)
    for wrong in done.wrong:
        warn(wrong)
    if as_json:
        print_json(done.to_json(name))
    elif done.code:
        say(done.line)
    raise typer.Exit(done.code)


@schedule.command()
def remove(name: Name) -> None:
    """Schedule it no more; its runs stay."""
    from ..schedule import crontab, entry

    found = entry.load(name)
    table = crontab.read_table(found.program)
    crontab.write_table(found.program, crontab.without_lines(table, name))
    entry.delete(found)
    say(f"{name} is not scheduled any more. Its runs stay in {found.home}")


@schedule.command()
def pause(name: Name) -> None:
    """Keep it from running until `resume`."""
    _set_paused(name, True)
    say(f"{name} does not run until `nbbatch schedule resume {name}`.")


@schedule.command()
def resume(name: Name) -> None:
    """Let it run again."""
    _set_paused(name, False)
    from ..schedule import entry

    say(f"{name}: next run {_next_run(entry.load(name))}")


def prune(
    name: Name,
    keep_last: opt.KeepLast = None,
    keep_daily: opt.KeepDaily = None,
    keep_weekly: opt.KeepWeekly = None,
    keep_within: opt.KeepWithin = None,
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


def pin(sweep: opt.SweepArg = "latest") -> None:
    """Keep a run for good: `prune` never deletes it."""
    from ..catalogue import find_sweep
    from ..schedule.pruning import pin as set_pin

    root = find_sweep(sweep)
    set_pin(root, True)
    say(f"{root} stays until `nbbatch unpin`.")


def unpin(sweep: opt.SweepArg = "latest") -> None:
    """Let `prune` delete a run again."""
    from ..catalogue import find_sweep
    from ..schedule.pruning import pin as set_pin

    root = find_sweep(sweep)
    set_pin(root, False)
    say(f"{root} may be pruned.")


# ------------------------------------------------------------- the options of `run`


def care_of(given: Mapping[str, Any]) -> Care:
    """The options that are about a name's runs, of what the command was given."""
    from ..schedule.care import Care
    from ..schedule.news import NotifyOn
    from ..schedule.overlap import IfRunning

    running = given.get("if_running")
    return Care(
        if_running=None if running is None else IfRunning(running.value),
        reuse=bool(given.get("reuse")),
        keep=_keep(given),
        notify=tuple(given.get("notify") or ()),
        notify_on=NotifyOn(given["notify_on"].value),
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


def _checked(words: Sequence[str]) -> tuple[Request, Care]:
    """What follows `nbbatch run`, as that command reads it, fit for running by itself."""
    import typer.main

    from ..schedule.overlap import IfRunning
    from .app import app
    from .start import _request

    program: Any = typer.main.get_command(app)
    with _usage():
        context = program.commands["run"].make_context("nbbatch run", list(words))
    request, care = _request(context), care_of(context.params)
    if request.name is None:
        raise UsageError("What is scheduled needs a name.", hint="Add --name nightly.")
    if request.grid == "-":
        raise UsageError("--grid -: cron has no standard input.", hint="Give a file.")
    for option in ("detach", "dry_run"):
        if context.params.get(option):
            raise UsageError(f"--{option.replace('_', '-')} is not for what is scheduled.")
    care.check(request)
    return request, replace(care, if_running=care.if_running or IfRunning.skip)


@contextlib.contextmanager
def _usage() -> Iterator[None]:
    """What `run` does not take becomes one sentence."""
    try:
        yield
    except Exception as error:
        # click's errors, whose class is typer's own copy or click's, by typer's version.
        if not hasattr(error, "format_message"):
            raise
        raise UsageError(
            error.format_message(), hint="What may follow is what `nbbatch run --help` lists."
        ) from None


def _scheduled_rules(name: str) -> Keep:
    from ..schedule import entry

    for each in entry.load_all():
        if each.name == name:
            return _checked(each.words)[1].keep
    return _keep({})


def _notices(request: Request) -> Iterator[str]:
    backend = request.backend
    if backend == "local":
        import socket

        yield f"it runs on this machine, {socket.gethostname()}, which has to be up then"


# ------------------------------------------------------------------- what is shown


def _next_run(entry: Entry) -> str:
    from datetime import datetime, timezone

    from ..schedule.cron_times import next_time, parse_cron

    moment = next_time(parse_cron(entry.when), datetime.now(timezone.utc))
    return "" if moment is None else f"{moment.astimezone():%a %Y-%m-%d %H:%M}"


def _last_outcome(history: Any) -> str:
    from ..report.verdict import moment
    from ..schedule.news import NOT_STARTED

    last = history.runs[-1] if history.runs else None
    stuck = [event for event in history.events if event.kind == NOT_STARTED]
    if stuck and (last is None or stuck[-1].at > last.created):
        return f"could not start, {moment(stuck[-1].at)}"
    if last is None:
        return "not run yet"
    many = f"{last.counts.get('ok', 0):,} of {last.total:,} ok, " if not last.ok else ""
    return f"{last.state}, {many}{moment(last.created)}"


def _in_table(entry: Entry) -> bool | None:
    """Whether its line is still in the table; None when that cannot be read here."""
    from ..errors import BackendError
    from ..schedule import crontab

    try:
        return bool(crontab.lines_of(crontab.read_table(entry.program), entry.name))
    except BackendError:
        return None


def _set_paused(name: str, paused: bool) -> None:
    from ..folder import now
    from ..schedule import crontab, entry

    found = entry.load(name)
    table = crontab.read_table(found.program)
    lines = [line.removeprefix(crontab.PAUSED) for line in crontab.lines_of(table, name)]
    if not lines:
        raise UsageError(
            f"The line of {name} is not in your {found.program} any more.",
            hint="`nbbatch schedule add` puts it back, `nbbatch schedule remove` forgets it.",
        )
    shown = [f"{crontab.PAUSED}{line}" if paused else line for line in lines]
    crontab.write_table(found.program, crontab.in_place(table, name, shown))
    entry.save(replace(found, paused=paused, since=found.since if paused else now()))
