"""Printing for the commands; rich is imported when the first line is printed."""

from __future__ import annotations

import json
import select
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console


def console() -> Console:
    from rich.console import Console

    from ..display.text import forgiving

    return forgiving(Console(highlight=False))


def show(renderable: Any) -> None:
    # soft_wrap: a command or a path that is wrapped cannot be copied.
    console().print(renderable, soft_wrap=True)


def say(text: str) -> None:
    """One plain line, never wrapped, so that paths can be copied."""
    print(text)


def warn(text: str) -> None:
    print(f"nbbatch: {text}", file=sys.stderr)


def ask(question: str) -> str:
    """What the user at the terminal answers, without the line's end; "" where there is no more.

    Raises KeyboardInterrupt on Ctrl-C. `input` misses one that comes between its question and
    its read: that then waits for a key. Here nothing waits for longer than a moment.
    """
    print(question, end="", flush=True)
    while not select.select([sys.stdin], [], [], 0.2)[0]:
        pass
    return sys.stdin.readline().strip()


def print_json(value: Any) -> None:
    print(json.dumps(value, indent=1, ensure_ascii=False))
