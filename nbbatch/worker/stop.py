"""Being told to stop: signals, as something that a poll loop can wait for."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from types import FrameType

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)


class Stop:
    """Counts the signals that ask this process to stop.

    ``fd`` becomes readable with the first one. ``count`` says how urgent it is: from
    the second on nothing is waited for; the third ends the process in the handler.
    """

    def __init__(self) -> None:
        self.count = 0
        self.name = ""
        self.fd, self._write_end = os.pipe()
        os.set_blocking(self.fd, False)
        os.set_blocking(self._write_end, False)

    def __bool__(self) -> bool:
        return self.count > 0

    def install(self) -> None:
        """Take over SIGTERM, SIGINT and SIGUSR1 of this process."""
        for number in SIGNALS:
            signal.signal(number, self._on_signal)

    def _on_signal(self, number: int, _: FrameType | None) -> None:
        self.request(signal.Signals(number).name)
        if self.count > 2:
            os._exit(75)

    def request(self, name: str) -> None:
        """Ask to stop, as signal ``name`` does."""
        self.count += 1
        self.name = self.name or name
        with suppress(OSError):
            os.write(self._write_end, b"!")

    def close(self) -> None:
        os.close(self.fd)
        os.close(self._write_end)
