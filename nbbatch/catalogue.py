"""Finding sweeps: by folder, by name, or ``latest``.

Sweeps live in ``./sweeps/<name>/<UTC>-<id>/`` unless ``--out`` says otherwise. A small
file of the user's own remembers where sweeps were started, so that ``latest`` and
``list`` work from any folder; it is a convenience, the folders are the truth.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from .errors import SweepNotFound, UsageError
from .folder import SweepFolder
from .model import Header
from .worker.files import append_line

HOME = Path("sweeps")
REMEMBERED = 200


def memory_file() -> Path:
    """Where started sweeps are remembered: ``$XDG_STATE_HOME/nbbatch/sweeps``."""
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(state) / "nbbatch" / "sweeps"


def remember(root: Path) -> None:
    """Note a sweep folder; a home directory that cannot be written is no reason to fail."""
    with suppress(OSError, RuntimeError):
        file = memory_file()
        file.parent.mkdir(parents=True, exist_ok=True)
        append_line(file, str(root))


def known_sweeps() -> list[tuple[Path, Header]]:
    """All sweeps that can be found, the newest first."""
    found: dict[Path, Header] = {}
    for root in _candidates():
        if root not in found and (root / "sweep.json").is_file():
            with suppress(Exception):  # one damaged folder must not hide the others
                found[root] = SweepFolder(root).header()
    return sorted(found.items(), key=lambda item: item[1].created, reverse=True)


def find_sweep(words: str | os.PathLike[str]) -> Path:
    """The folder of a sweep given as a path, a name, an id, or ``latest``.

    Raises SweepNotFound, naming sweeps that there are.
    """
    text = os.fspath(words)
    with suppress(RuntimeError):  # ~ of a user that there is not
        path = Path(text).expanduser()
        if (path / "sweep.json").is_file():
            return path.resolve()
    sweeps = known_sweeps()
    for root, header in sweeps:
        if text in ("latest", header.name, header.id, root.name):
            return root
    if not sweeps:
        raise SweepNotFound(
            f"There is no sweep {text!r}: none was started here yet.",
            hint="`nbbatch run NOTEBOOK --grid FILE` starts one.",
        )
    names = ", ".join(dict.fromkeys(header.name for _, header in sweeps[:10]))
    raise SweepNotFound(
        f"There is no sweep {text!r}, neither a folder nor a name.",
        hint=f"Known names: {names}; or `latest`, or the path of a sweep folder.",
    )


def new_folder(name: str, stamp: str, sweep_id: str) -> Path:
    """Where a new sweep of this name goes. Raises UsageError on a name that is no name."""
    if not re.fullmatch(r"[\w.][\w. @+-]*", name) or name in (".", "..", "latest", "latest-ok"):
        raise UsageError(
            f"--name {name}: a sweep's name is letters, digits and . _ - + @ only, "
            "and not `latest`."
        )
    return (HOME / name / f"{stamp}-{sweep_id}").resolve()


def point_latest(root: Path, name: str = "latest") -> None:
    """Make ``latest`` (or ``name``) beside a sweep folder point to it; replaced in one step."""
    link, fresh = root.parent / name, root.parent / f".{name}-{os.getpid()}"
    with suppress(OSError):  # filesystems without symbolic links
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(root.name)
        fresh.replace(link)


def _candidates() -> Iterator[Path]:
    with suppress(OSError, RuntimeError):
        lines = memory_file().read_text(encoding="utf-8").splitlines()
        yield from (Path(line) for line in reversed(lines[-REMEMBERED:]))
    for sweep in HOME.glob("*/*/sweep.json"):
        if not sweep.parent.is_symlink():
            yield sweep.parent.resolve()
