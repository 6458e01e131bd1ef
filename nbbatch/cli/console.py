"""Printing for the commands; rich is imported when the first line is printed."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console


def console() -> Console:
    from rich.console import Console

    return Console(highlight=False, soft_wrap=False)


def show(renderable: Any) -> None:
    console().print(renderable)


def say(text: str) -> None:
    """One plain line, never wrapped, so that paths can be copied."""
    print(text)


def warn(text: str) -> None:
    print(f"nbbatch: {text}", file=sys.stderr)


def print_json(value: Any) -> None:
    print(json.dumps(value, indent=1, ensure_ascii=False))
