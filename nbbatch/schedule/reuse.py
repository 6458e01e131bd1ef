"""Take results that are still valid from an earlier run of the same name.

A point's key hashes code, parameters, kernel, environment, metrics and inputs. With the
same key its result is the same: the point's folder is linked file by file (every file of
nbbatch's is replaced, never changed), and the record says where it comes from.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from ..collect.states import decide
from ..folder import SweepFolder
from ..history import home_of, read_history
from ..model import Point, PointFiles, PointState, Record
from ..worker.files import append_line, write_atomic

LOOKED_AT = 10
"""Earlier runs that are searched, the newest first."""

_LINKED = {PointFiles.EXECUTED, PointFiles.PAGE, PointFiles.LOG}
_OWN = {PointFiles.RECORD, PointFiles.ATTEMPTS}


def reuse_results(root: Path) -> list[str]:
    """Give the points of a new sweep the results that earlier runs have; returns their ids."""
    folder = SweepFolder(root)
    home = home_of(root, folder.header())
    if home is None:
        return []
    wanted = {point.id: point for point in folder.points() if folder.record(point) is None}
    taken: dict[str, list[str]] = {}
    for earlier in _earlier(home, root):
        if not wanted:
            break
        for point, record in _valid(earlier, wanted):
            _take(earlier, point, record, folder, wanted.pop(point.id))
            taken.setdefault(earlier.root.name, []).append(point.id)
    for name, points in taken.items():
        folder.journal("reused", source=name, points=points)
    return [point for points in taken.values() for point in points]


def _earlier(home: Path, root: Path) -> Iterator[SweepFolder]:
    runs = [run for run in read_history(home).runs if run.folder != root.name and not run.removed]
    for run in runs[::-1][:LOOKED_AT]:
        folder = SweepFolder(home / run.folder)
        if folder.exists():
            yield folder


def _valid(earlier: SweepFolder, wanted: dict[str, Point]) -> list[tuple[Point, Record]]:
    """The points of an earlier run that are ok and have the key of one that is wanted."""
    found = []
    for point in earlier.points():
        target = wanted.get(point.id)
        if target is None:
            continue
        record = earlier.record(point)
        if record is not None and decide(record, None, key=target.key) is PointState.OK:
            found.append((point, record))
    return found


def _take(
    earlier: SweepFolder, source: Point, record: Record, folder: SweepFolder, target: Point
) -> None:
    """Link or copy a point's folder; the record last, as always."""
    old, new = earlier.point_dir(source), folder.point_dir(target)
    new.mkdir(parents=True, exist_ok=True)
    for file in sorted(old.rglob("*")):
        inside = file.relative_to(old)
        if file.is_dir():
            (new / inside).mkdir(exist_ok=True)
        elif inside.name not in _OWN or len(inside.parts) > 1:
            ours = inside.name in _LINKED or inside.parts[0] == PointFiles.FIGURES
            _place(file, new / inside, link=ours)
    # A chain of reuse names the run that really ran.
    origin = record.reused or os.path.relpath(earlier.root, folder.root)
    told = json.dumps({"reused": origin, "attempt": record.attempt})
    append_line(new / PointFiles.ATTEMPTS, told)
    text = json.dumps(replace(record, reused=origin).to_json(), ensure_ascii=False)
    write_atomic(new / PointFiles.RECORD, f"{text}\n".encode("utf-8", "replace"))


def _place(file: Path, target: Path, *, link: bool) -> None:
    target.unlink(missing_ok=True)
    if link:
        with suppress(OSError):  # another filesystem, or one without hard links
            os.link(file, target)
            return
    shutil.copy2(file, target)
