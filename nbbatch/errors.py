"""Every error that nbbatch raises on purpose.

    NbbatchError                       exit 3
    ├── SpecificationError             exit 2   wrong before anything ran
    │   ├── GridError                           the grid file, -p, -g, --where …
    │   ├── NotebookError                       the notebook, its parameters, its kernel
    │   └── UsageError                          options that do not go together
    ├── NoPoints                       exit 5   nothing to run
    ├── SweepNotFound                  exit 2
    ├── SweepLocked                    exit 11  another process drives this sweep
    ├── WaitTimeout                    exit 4
    └── BackendError                   exit 3
        ├── BackendUnavailable                  the scheduler is not there
        └── CommandFailed                       its program said no

Each message is one sentence that says what is wrong and where; ``hint`` says what
to do next.
"""

from __future__ import annotations

from typing import ClassVar


class NbbatchError(Exception):
    """Base of all errors of nbbatch; ``exit_code`` is what the command line returns."""

    exit_code: ClassVar[int] = 3

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n  {self.hint}" if self.hint else self.message


class SpecificationError(NbbatchError):
    """What was asked for cannot be run; found before anything was submitted."""

    exit_code = 2


class GridError(SpecificationError):
    """The grid is wrong; ``where`` is ``file:line`` (or the option) that says so."""

    def __init__(self, message: str, *, where: str = "", hint: str = "") -> None:
        super().__init__(f"{where}: {message}" if where else message, hint=hint)
        self.where = where


class NotebookError(SpecificationError):
    """The notebook cannot be read, or does not declare what the grid sets."""


class UsageError(SpecificationError):
    """Options that do not go together, or a value that an option does not take."""


class NoPoints(NbbatchError):
    """The grid, after its exclusions, has no point."""

    exit_code = 5


class SweepNotFound(NbbatchError):
    """No sweep folder of that name."""

    exit_code = 2


class SweepLocked(NbbatchError):
    """Another process drives this sweep; the message says who and since when."""

    exit_code = 11


class WaitTimeout(NbbatchError):
    """The points did not all end within the time given to ``wait``."""

    exit_code = 4


class BackendError(NbbatchError):
    """The scheduler, or the way to it, failed."""


class BackendUnavailable(BackendError):
    """The scheduler's programs or bindings are not on this machine."""


class CommandFailed(BackendError):
    """A scheduler's program failed.

    ``command``, ``code``, ``stdout`` and ``stderr`` hold the whole truth; the message
    shows the last line that it printed.
    """

    def __init__(
        self, command: list[str], code: int, stdout: str, stderr: str, *, hint: str = ""
    ) -> None:
        said = (stderr.strip() or stdout.strip() or "nothing").splitlines()[-1]
        super().__init__(f"{command[0]} failed with exit code {code}: {said}", hint=hint)
        self.command = command
        self.code = code
        self.stdout = stdout
        self.stderr = stderr
