"""How a sweep's files get to HTCondor's jobs and back: chosen here, packed, brought home."""

from __future__ import annotations

import io
import json
import os
import shutil
import sys
import zipfile
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence, Sized
from pathlib import Path
from typing import Any

from ...errors import BackendError, UsageError
from ...folder import SweepFolder
from ...model import PointFiles
from ...worker.files import write_atomic
from ..base import Batch
from .submit import BUNDLE, WORKER, Files, names

LOCAL_AD_ATTRIBUTES = 20
"""A local schedd's ad is read from its file and has all attributes; a remote one's has seven."""

PACKAGE = Path(__file__).resolve().parents[2]
FIXED = (1980, 1, 1, 0, 0, 0)

KERNELS = "submit/jupyter"
OWN_FILES = "submit/files"


def choose_files(asked: str, condor: Any, schedd: Callable[[], Sized]) -> Files:
    """``--files``, or what the pool says: is the schedd here, do its nodes see our files?

    ``schedd`` finds the schedd's ad.
    """
    if asked:
        try:
            return Files(asked)
        except ValueError:
            raise UsageError(
                f"--files {asked}: it is shared, transfer or spool.",
                hint="Without it nbbatch asks the pool.",
            ) from None
    try:
        if len(schedd()) < LOCAL_AD_ATTRIBUTES:
            return Files.SPOOL
        domain = json.dumps(condor.param.get("FILESYSTEM_DOMAIN", ""))
        wanted = f"FileSystemDomain =?= {domain}"
        seeing = condor.Collector().query(condor.AdType.Startd, wanted, ["Name"])
    except condor.HTCondorException as error:
        raise BackendError(f"HTCondor's collector said: {error}") from None
    return Files.SHARED if seeing else Files.TRANSFER


# --------------------------------------------------------------------------- there


def pack(batch: Batch, files: Files) -> Sequence[str]:
    """Write what travels with the batch's jobs; return what else does, as HTCondor lists it.

    Raises UsageError for an input that is missing or shares its name with another.
    """
    if files is Files.SHARED:
        return ()
    root, launch = batch.root, batch.header.launch
    write_atomic(root / WORKER, worker_archive())
    inputs = landing_names(launch.inputs)
    cwd = batch.header.settings.cwd
    cargo = {"inputs": inputs, "cwd": cwd, "outputs": list(launch.outputs)}
    write_atomic(root / names(batch)[1], json.dumps(cargo, indent=1, ensure_ascii=False))
    shipped = list(inputs)
    if ship_kernel(batch):
        shipped.append(KERNELS)
    if fill_bundles(batch, inputs):
        shipped.append(f"{OWN_FILES}/{BUNDLE}/")
    return shipped


def worker_archive() -> bytes:
    """The worker as a zip archive that Python runs: what it imports of nbbatch, no more."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:

        def add(name: str, text: bytes) -> None:
            archive.writestr(zipfile.ZipInfo(name, FIXED), text, zipfile.ZIP_DEFLATED)

        add("__main__.py", (PACKAGE / "backends" / "htcondor" / "sandbox.py").read_bytes())
        files = [PACKAGE / name for name in ("__init__.py", "errors.py")]
        for part in ("model", "worker"):
            files += sorted(f for f in (PACKAGE / part).rglob("*") if f.is_file())
        for file in files:
            if file.suffix != ".pyc":
                add(f"nbbatch/{file.relative_to(PACKAGE).as_posix()}", file.read_bytes())
    return content.getvalue()


def landing_names(inputs: Sequence[str]) -> dict[str, str]:
    """Under which name each input arrives: HTCondor puts all into one folder."""
    landed: dict[str, str] = {}
    for path in inputs:
        name = Path(path).name
        if not Path(path).exists():
            raise UsageError(
                f"The declared input {path} does not exist.", hint="Correct `inputs:` in the grid."
            )
        if name in landed.values() or name in ("points", "home", "work", "notebook.ipynb"):
            raise UsageError(
                f"Two files named {name} would travel with each job, one of them {path}.",
                hint="Rename it, or declare the folder that it is in.",
            )
        landed[path] = name
    return landed


def fill_bundles(batch: Batch, declared: Collection[str]) -> bool:
    """Add to the bundles what a node cannot look up; True when some have files of their own.

    Those are the points' earlier attempts, and files that their parameters name.
    """
    folder = SweepFolder(batch.root)
    own = False
    for number in range(batch.first, batch.first + len(batch.bundles)):
        file = folder.bundle_file(number)
        content = json.loads(file.read_bytes())
        attempts: dict[str, str] = {}
        files: dict[str, str] = {}
        for point in content["points"]:
            earlier = batch.root / point["dir"] / PointFiles.ATTEMPTS
            if earlier.exists():
                attempts[point["dir"]] = earlier.read_text(encoding="utf-8", errors="replace")
            for path in named_files(point["params"]):
                if not any(path == d or path.startswith(f"{d}/") for d in declared):
                    files.setdefault(path, f"p{len(files)}-{Path(path).name}")
        if attempts or files:
            content |= {"attempts": attempts, "files": files}
            write_atomic(file, json.dumps(content, ensure_ascii=False))
        if files:
            own = True
            parcel = batch.root / OWN_FILES / f"{number:04d}"
            parcel.mkdir(parents=True, exist_ok=True)
            for path, name in files.items():
                (parcel / name).unlink(missing_ok=True)
                (parcel / name).symlink_to(path)
    if own:  # the list of files is one for all jobs
        for number in range(batch.first, batch.first + len(batch.bundles)):
            (batch.root / OWN_FILES / f"{number:04d}").mkdir(parents=True, exist_ok=True)
    return own


def named_files(value: Any) -> Iterator[str]:
    """Absolute paths of files that exist here, among parameter values."""
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from named_files(item)
    elif isinstance(value, str) and value.startswith("/") and os.path.isfile(value):  # noqa: PTH113
        yield value  # os.path: a text too long for a path is none, and no error


def ship_kernel(batch: Batch) -> bool:
    """Copy the kernel's folder for the journey, if it is one that a node cannot have.

    Such is one whose command lies in its own folder, and one that the sweep brings along.
    """
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    specs = KernelSpecManager()
    specs.kernel_dirs.insert(0, str(SweepFolder(batch.root).kernels / "kernels"))
    name = batch.header.kernel
    try:
        source = Path(specs.get_kernel_spec(name).resource_dir)
    except NoSuchKernel:
        return False  # the node may have it
    spec = json.loads((source / "kernel.json").read_bytes())
    argv = [str(word).replace(str(source), "{resource_dir}") for word in spec["argv"]]
    brought = source.is_relative_to(batch.root)
    if not brought and not any("{resource_dir}" in word for word in argv):
        return False
    if argv[0] == sys.executable:
        argv[0] = "python"  # which Jupyter takes for the Python that starts the kernel
    target = batch.root / KERNELS / "kernels" / name
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target)
    write_atomic(target / "kernel.json", json.dumps({**spec, "argv": argv}, indent=1))
    return True


# ------------------------------------------------------------------------ and back


def bring_home(root: Path, cwd: str, busy: Collection[int]) -> None:
    """Move what jobs have left in ``home/`` to where the notebook's folder is.

    ``busy`` are the bundles whose jobs may still be writing there.
    """
    arrived = root / "home"
    if cwd == "point" or not arrived.is_dir():
        return
    for parcel in arrived.iterdir():
        if not parcel.is_dir() or int(parcel.name) in busy:
            continue
        for file in sorted(parcel.rglob("*")):
            if file.is_file():
                target = Path(cwd) / file.relative_to(parcel)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.move(file, target)
        shutil.rmtree(parcel, ignore_errors=True)


def refill(bundle: Path) -> None:
    """Take all points out of a bundle: its job, when it comes, has nothing to do."""
    content = json.loads(bundle.read_bytes())
    write_atomic(bundle, json.dumps({**content, "points": []}, ensure_ascii=False))
