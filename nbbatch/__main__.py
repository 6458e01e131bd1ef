"""``python -m nbbatch``: the command line."""

from .cli import main

main()
