"""A command in a pseudo-terminal, as a person sees it."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import subprocess
import termios
import time

CTRL_C = b"\x03"


class Terminal:
    """A command that is read and typed to; killed at the end of the block if it is still there."""

    def __init__(self, command: list[str], patience: float) -> None:
        self.patience = patience
        self.master, slave = pty.openpty()
        self.process = subprocess.Popen(
            command,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            preexec_fn=_take_terminal,
        )
        os.close(slave)
        self.seen = ""

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.master)

    def expect(self, text: str) -> None:
        deadline = time.monotonic() + self.patience
        while text not in self.seen:
            assert time.monotonic() < deadline, f"{text!r} was not in {self.seen!r}"
            if select.select([self.master], [], [], 0.2)[0]:
                self.seen += self._read()

    def _read(self) -> str:
        try:
            return os.read(self.master, 65536).decode(errors="replace")
        except OSError as error:  # nobody has it open any more
            raise AssertionError(f"it ended, and said {self.seen!r}") from error

    def type(self, keys: bytes) -> None:
        self.seen = ""
        os.write(self.master, keys)

    def code(self) -> int:
        """The exit code, when it has ended."""
        return self.process.wait(self.patience)


def _take_terminal() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)  # so that Ctrl-C becomes SIGINT, …
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # …, also where these tests run in the background
