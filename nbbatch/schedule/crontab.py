"""The user's crontab, and scrontab at Slurm sites: our lines in it, and nothing else touched.

Our line is made by python-crontab, but the table is put back together here: python-crontab
would move variables and comment out lines that it does not know.
"""

from __future__ import annotations

import shlex
import subprocess
import tempfile
from collections.abc import Callable, Sequence

from ..errors import BackendUnavailable, CommandFailed, UsageError
from ..locks import Lock
from .entry import folder

MARK = "nbbatch: "
"""The comment behind our lines, followed by the schedule's name."""

PAUSED = "# "
SCRON = "#SCRON "


def cron_line(when: str, command: str, name: str) -> str:
    """A line of a crontab. python-crontab escapes percent signs, cron's line ends."""
    from crontab import CronTab

    item = CronTab(tab="").new(command=command, comment=f"{MARK}{name}")
    try:
        item.setall(" ".join(when.split()))
    except (KeyError, ValueError) as error:
        raise UsageError(f"{when!r} is no time for cron: {error}.") from None
    line = str(item.render()).strip()
    if when.lstrip().startswith("@"):
        return line
    # In the user's own words: python-crontab writes `1-7/2` as `*/2`, and `1-31` as `*`, which
    # is another day, or no longer "either kind of day will do".
    return f"{' '.join(when.split())} {line.removeprefix(item.slices.render()).lstrip()}"


def command_of(words: Sequence[str], environment: dict[str, str]) -> str:
    """A command for cron's shell: variables that it needs in front, every word quoted."""
    variables = [f"{name}={shlex.quote(value)}" for name, value in environment.items()]
    return " ".join([*variables, *map(shlex.quote, words)])


def with_lines(table: str, name: str, lines: Sequence[str]) -> str:
    """The table with our lines for ``name`` in place of those that it had, else at its end."""
    kept, place = _without(table, name)
    if place is None:
        place = len(kept)
        if kept and not kept[-1].endswith("\n"):
            kept[-1] += "\n"
    ours = [f"{line}\n" for line in lines]
    return "".join([*kept[:place], *ours, *kept[place:]])


def in_place(table: str, name: str, lines: Sequence[str]) -> str:
    """The table with our lines replaced one by one; what stands above them stays."""
    ours = iter(lines)
    return "".join(
        f"{next(ours)}\n" if _is_ours(line, name) else line
        for line in table.splitlines(keepends=True)
    )


def without_lines(table: str, name: str) -> str:
    """The table without our lines for ``name``."""
    return "".join(_without(table, name)[0])


def lines_of(table: str, name: str) -> list[str]:
    """Our lines for ``name``, paused or not."""
    return [line.rstrip("\n") for line in table.splitlines(keepends=True) if _is_ours(line, name)]


def _without(table: str, name: str) -> tuple[list[str], int | None]:
    """The other lines, and where ours were."""
    kept: list[str] = []
    place = None
    for line in table.splitlines(keepends=True):
        if not _is_ours(line, name):
            kept.append(line)
            continue
        # scrontab's options stand right above the line that they are for.
        while kept and kept[-1].startswith(SCRON):
            kept.pop()
        place = len(kept)
    return kept, place


def _is_ours(line: str, name: str) -> bool:
    return line.rstrip().endswith(f"# {MARK}{name}")


# ------------------------------------------------------------------- the programs


def change_table(program: str, change: Callable[[str], str]) -> None:
    """Put in place what ``change`` makes of the table; of two at once, one waits for the other.

    Raises BackendUnavailable, CommandFailed, and SweepLocked after a minute.
    """
    with Lock(folder() / ".lock").acquire(f"change your {program}", wait=60.0):
        write_table(program, change(read_table(program)))


def read_table(program: str) -> str:
    """What ``crontab -l`` says; empty when there is none. Raises BackendUnavailable."""
    done = _run([program, "-l"])
    if done.returncode and "no crontab" not in done.stderr.lower():
        raise CommandFailed([program, "-l"], done.returncode, done.stdout, done.stderr)
    return done.stdout if not done.returncode else ""


def write_table(program: str, table: str) -> None:
    """Put a table in place. Raises CommandFailed, and leaves the old one, if it is refused."""
    # A file, since scrontab reads no standard input.
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", errors="surrogateescape", newline=""
    ) as file:
        file.write(table)
        file.flush()
        done = _run([program, file.name])
    if done.returncode:
        raise CommandFailed([program, file.name], done.returncode, done.stdout, done.stderr)


def _run(words: list[str]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            words,
            capture_output=True,
            encoding="utf-8",
            errors="surrogateescape",
            check=False,
            timeout=60,
        )
    except FileNotFoundError:
        other = "" if words[0] == "scrontab" else ", or `--cron-backend scrontab` at a Slurm site"
        raise BackendUnavailable(
            f"There is no program {words[0]!r} on this machine.",
            hint=f"`--print` shows the line for a crontab elsewhere{other}.",
        ) from None
    except subprocess.TimeoutExpired:
        raise BackendUnavailable(f"{words[0]} gave no answer for a minute.") from None
