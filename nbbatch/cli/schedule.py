"""Commands about runs that come by themselves: `nbbatch schedule …`."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import UsageError
from ..schedule.words import CronProgram, IfRunning
from . import options as opt
from .console import print_json, say, show, warn
from .named import care_of

if TYPE_CHECKING:
    from ..plan import Request
    from ..schedule.care import Care
    from ..schedule.entry import Entry

schedule = typer.Typer(
    name="schedule", help="Run a sweep again and again, by cron.", no_args_is_help=True
)


AT_START = "at the next start of this machine"

Name = Annotated[str, typer.Argument(metavar="NAME", help="The schedule's name.")]
When = Annotated[
    str,
    typer.Argument(metavar="WHEN", help='When, in cron\'s words: "0 6 * * 1-5", @daily.'),
]
Program = Annotated[
    CronProgram,
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
    program: Program = CronProgram.crontab,
    cron_options: CronOptions = None,
    env: Env = None,
    only_print: Print = False,
) -> None:
    """Schedule `nbbatch run NOTEBOOK …`; the name again replaces what was scheduled."""
    from datetime import datetime, timezone

    from ..folder import now
    from ..plan import make_plan
    from ..schedule import crontab, entry
    from ..schedule.care import home_of_plan
    from ..schedule.cron_times import at_start, next_time, parse_cron

    if next_time(parse_cron(when), datetime.now(timezone.utc)) is None and not at_start(when):
        raise UsageError(f"{when!r} never comes.")
    words = tuple(context.args)
    request, care = checked(words)
    care.check(request)
    home_of_plan(make_plan(request))  # every mistake is found now, not at six in the morning
    assert request.name is not None
    here = os.getcwd()  # noqa: PTH109 (a text, as it is stored)
    for known in entry.load_all():
        if known.name == request.name and known.cwd != here:
            raise UsageError(
                f"{known.name} is scheduled in {known.cwd} already.",
                hint=f"Choose another name, or `nbbatch schedule remove {known.name}` first.",
            )
    if cron_options and program is not CronProgram.scrontab:
        raise UsageError("--cron-option is for --cron-backend scrontab.")
    for variable in env or ():
        if variable not in os.environ:
            raise UsageError(f"--env {variable}: there is no such variable.", hint="Export it.")
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

    def with_ours(table: str) -> str:
        entry.save(new)  # before the line is there: cron may come at any moment
        return crontab.with_lines(table, new.name, lines)

    crontab.change_table(new.program, with_ours)
    say(f"{new.name}: next run {_next_run(new) or AT_START}")
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
    request, care = checked(found.words)
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
    crontab.change_table(found.program, lambda table: crontab.without_lines(table, name))
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

    say(f"{name}: next run {_next_run(entry.load(name)) or AT_START}")


# ------------------------------------------------------------- what is to be run


def checked(words: Sequence[str]) -> tuple[Request, Care]:
    """What follows `nbbatch run`, as that command reads it, fit for running by itself."""
    import typer.main

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

    def with_ours(table: str) -> str:
        lines = [line.removeprefix(crontab.PAUSED) for line in crontab.lines_of(table, name)]
        if not lines:
            raise UsageError(
                f"The line of {name} is not in your {found.program} any more.",
                hint="`nbbatch schedule add` puts it back, `nbbatch schedule remove` forgets it.",
            )
        shown = [f"{crontab.PAUSED}{line}" if paused else line for line in lines]
        return crontab.in_place(table, name, shown)

    crontab.change_table(found.program, with_ours)
    entry.save(replace(found, paused=paused, since=found.since if paused else now()))
