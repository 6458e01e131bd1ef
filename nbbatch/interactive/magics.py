"""``%nbbatch`` and ``%%nbbatch``: the command line in a cell. ``%load_ext nbbatch`` loads them."""

from __future__ import annotations

import codecs
import contextlib
import io
import shlex
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from ..errors import NbbatchError, UsageError
from .handle import SweepHandle
from .words import IN_A_TERMINAL


def load_ipython_extension(shell: Any) -> None:
    """Register the magics in this IPython."""
    shell.register_magic_function(_Magic(shell), magic_kind="line_cell", magic_name="nbbatch")


class _Magic:
    """What IPython calls: with a line only, or with a line and a cell's body."""

    __name__ = "nbbatch"
    __doc__ = """The command line of nbbatch in a cell.

    %nbbatch status latest        any command; see %nbbatch --help

    %%nbbatch analysis.ipynb --backend slurm [-o NAME]
    sigma: [8, 10, 12]            the grid, in YAML: as `nbbatch run … --grid - --detach`

    The second shows the sweep live, and assigns it to NAME and to _.
    """

    def __init__(self, shell: Any) -> None:
        self.shell = shell

    def __call__(self, line: str, cell: str | None = None) -> SweepHandle | None:
        try:
            if cell is None:
                command(_words(line))
                return None
            handle, name = started(_words(line), cell)
        except NbbatchError as error:
            # One sentence, as the command line has it; but the cell has failed, so that
            # the cells after it do not run.
            raise _usage_error(f"nbbatch: {error}") from None
        if name:
            self.shell.user_ns[name] = handle
        return handle


def _words(line: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError as error:
        raise UsageError(f"This line cannot be read: {error}.") from None


def command(words: Sequence[str]) -> None:
    """Run a command of ``nbbatch`` here; its output goes into the cell.

    Raises NbbatchError as it does; an exit code that is not 0 is said in a line.
    """
    with _bytes_too(), _usage("`%nbbatch --help` says more."):
        code = _program()(list(words), prog_name="nbbatch", standalone_mode=False)
    if isinstance(code, int) and code:
        print(f"nbbatch: exit code {code}", file=sys.stderr)


def started(words: Sequence[str], body: str) -> tuple[SweepHandle, str]:
    """Start what a cell asks for: the sweep, and the name that ``-o`` gives it (or "")."""
    from ..cli.start import _request
    from .launch import launch

    rest, name = without_name(words)
    if rest[:1] == ["run"]:
        rest = rest[1:]
    grid = bool(body.strip())
    if grid and any(word == "--grid" or word.startswith("--grid=") for word in rest):
        raise UsageError("The grid is the cell's body: leave out --grid, or the body.")
    run = _program().commands["run"]
    with _usage("`%nbbatch run --help` says more."):
        context = run.make_context("nbbatch", [*rest, *(["--grid", "-"] if grid else [])])
    for option, why in IN_A_TERMINAL.items():
        source = context.get_parameter_source(option)
        if option not in ("detach", "yes") and source is not None and source.name == "COMMANDLINE":
            raise UsageError(f"--{option.replace('_', '-')} is not for %%nbbatch: {why}.")
    with _standard_input(body):
        return launch(_request(context)), name


def without_name(words: Sequence[str]) -> tuple[list[str], str]:
    """The words without ``-o NAME``, and that name. Raises UsageError if it is no name."""
    rest, name, take = [], "", False
    for word in words:
        if take:
            name, take = word, False
        elif word == "-o":
            take = True
        else:
            rest.append(word)
    if take or (name and not name.isidentifier()):
        raise UsageError(f"-o {name}: give the name of a variable, such as -o s.")
    return rest, name


def _program() -> Any:
    """The command line as click has it."""
    import typer.main

    from ..cli.app import app

    return typer.main.get_command(app)


@contextlib.contextmanager
def _usage(hint: str) -> Iterator[None]:
    """Words that the command line does not take become a UsageError."""
    import typer

    try:
        yield
    except (typer.Abort, typer.Exit):  # Exit: of --help, which has been printed
        raise UsageError("Nothing was done.") from None
    except Exception as error:
        # click's errors, whose class is typer's own copy or click's, by typer's version.
        if not hasattr(error, "format_message"):
            raise
        raise UsageError(error.format_message(), hint=hint) from None


def _usage_error(text: str) -> Exception:
    """An error that IPython shows as one line."""
    from IPython.core.error import UsageError as ShownAsALine

    return ShownAsALine(text)


class _Output(io.TextIOBase):
    """A cell's output that takes bytes, too: a kernel's stdout has no ``buffer``."""

    def __init__(self, text: Any) -> None:
        self._text = text
        self.buffer = _Bytes(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._text, name)

    def write(self, text: str) -> int:
        return int(self._text.write(text) or 0)

    def flush(self) -> None:
        self._text.flush()


class _Bytes:
    def __init__(self, text: Any) -> None:
        self._text = text
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def write(self, block: bytes) -> int:
        self._text.write(self._decoder.decode(block))
        return len(block)

    def flush(self) -> None:
        self._text.flush()


@contextlib.contextmanager
def _bytes_too() -> Iterator[None]:
    if hasattr(sys.stdout, "buffer"):
        yield
        return
    with contextlib.redirect_stdout(_Output(sys.stdout)):
        yield


@contextlib.contextmanager
def _standard_input(text: str) -> Iterator[None]:
    """Let ``--grid -`` read the cell's body; nothing else reads a kernel's standard input."""
    before, sys.stdin = sys.stdin, io.StringIO(text)
    try:
        yield
    finally:
        sys.stdin = before
