"""From a plan to a sweep folder: a new one, or the next revision of one that is there."""

from __future__ import annotations

import os
import re
import secrets
import sys
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

from . import __version__, catalogue, provenance
from .collect.states import decide
from .errors import UsageError
from .folder import SweepFolder, now
from .model import Header, PointState
from .plan import Plan, merge_points


def place_of(plan: Plan) -> tuple[Path, str]:
    """The folder that a plan's sweep goes to, and the id it gets if it is new there."""
    sweep_id = secrets.token_hex(4)
    if plan.request.out is not None:
        if plan.request.name is not None:
            raise UsageError("--out and --name: give one of the two.")
        return _absolute(plan.request.out), sweep_id
    stamp = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    name = plan.request.name
    if name is None:
        name = re.sub(r"[^\w.-]", "-", plan.notebook.path.stem).lstrip("-.") or "sweep"
    return catalogue.new_folder(name, stamp, sweep_id), sweep_id


def _absolute(out: str | os.PathLike[str]) -> Path:
    try:
        return Path(out).expanduser().resolve()
    except RuntimeError:  # ~ of a user that there is not
        raise UsageError(f"--out {out}: there is no such user.", hint="Give a folder.") from None


def header_of(plan: Plan, root: Path, sweep_id: str) -> Header:
    """What ``sweep.json`` of a new sweep says."""
    commit, dirty = provenance.git_state(plan.notebook.path.resolve().parent)
    return Header(
        id=sweep_id,
        name=root.name if plan.request.out is not None else root.parent.name,
        created=now(),
        user=provenance.user(),
        host=provenance.host(),
        notebook=str(plan.notebook.path.resolve()),
        notebook_sha256=plan.notebook.sha256,
        kernel=plan.kernel,
        language=plan.notebook.language,
        backend=plan.request.backend,
        nbbatch=__version__,
        python=sys.version.split()[0],
        resources=plan.resources,
        settings=plan.settings,
        launch=plan.launch,
        max_running=plan.request.jobs,
        points_per_job=_points_per_job(plan),
        git_commit=commit,
        git_dirty=dirty,
        summary=plan.summary,
    )


def _points_per_job(plan: Plan) -> int:
    if plan.request.points_per_job:
        return plan.request.points_per_job
    from .backends import get_backend
    from .queueing.bundling import AUTO, known_seconds, points_per_job

    known = known_seconds(plan.notebook.path)
    if not known and get_backend(plan.request.backend, Path()).goes_on:
        return AUTO
    return points_per_job(known, plan.resources.time)


def write_sweep(plan: Plan, folder: SweepFolder, sweep_id: str) -> None:
    """Write the folder's specification, unless the same is there already."""
    from .notebook import CURRENT_KERNEL, current_kernelspec

    header = header_of(plan, folder.root, sweep_id)
    content = plan.notebook.path.read_bytes()
    earlier = folder.header() if folder.exists() else None
    known = folder.points() if earlier else []
    points = merge_points(plan.points, known)
    if earlier is not None:
        header = replace(
            header,
            id=earlier.id,
            name=earlier.name,
            created=earlier.created,
            revision=earlier.revision,
            # `auto` was decided when the sweep was made: another figure is no other sweep.
            points_per_job=plan.request.points_per_job or earlier.points_per_job,
        )
        same = folder.notebook_file.read_bytes() == content and points == tuple(known)
        if same and header == earlier:
            return
        header = replace(header, revision=earlier.revision + 1)
    elif plan.only:
        # On a sweep that is there `--point` chooses what to run, not what it consists of.
        points = tuple(point for point in points if point.id in plan.only)
    if plan.kernel == CURRENT_KERNEL:
        folder.write_kernelspec(CURRENT_KERNEL, current_kernelspec())
    summary = None if plan.summary is None else Path(plan.summary.notebook).read_bytes()
    folder.write_specification(
        header, points, notebook=content, grid=plan.grid.resolved, summary=summary
    )
    folder.journal("created" if earlier is None else "revised", revision=header.revision)


def done_points(plan: Plan) -> frozenset[str]:
    """Ids of the plan's points whose results are in its ``--out`` folder already."""
    if plan.request.out is None:
        return frozenset()
    folder = SweepFolder(_absolute(plan.request.out))
    if not folder.exists():
        return frozenset()
    points = merge_points(plan.points, folder.points())
    records = ((point, folder.record(point)) for point in points)
    return frozenset(p.id for p, r in records if decide(r, None, key=p.key) is PointState.OK)
