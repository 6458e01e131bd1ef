"""What a job runs on a node that does not see the sweep folder: ``worker.pyz CARGO BUNDLE``.

This is the zip archive's ``__main__``; with it travel ``nbbatch.worker`` and the values that
the worker knows. HTCondor has put all files flat into the job's folder. Here the sweep
folder is made from them, the worker runs in it, and what the user wants back is put
where HTCondor brings it home from.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

WORK = "work"
HOME = "home"
NOT_FINISHED = 75
START_ANEW = 76
RUNS = ".nbbatch-runs"
DEATHS = 3
"""How often a worker that was killed is started again here, before another node is tried."""


def main(cargo_file: str, number: str) -> int:
    """Run the bundle; 75 keeps what there is and goes on from it, 76 starts anew elsewhere."""
    here = Path.cwd()
    cargo = json.loads(Path(cargo_file).read_bytes())
    bundle = json.loads(Path(f"{int(number):04d}.json").read_bytes())
    places = lay_out(here, {**cargo["inputs"], **bundle.get("files", {})}, cargo["cwd"])
    for home, text in bundle.get("attempts", {}).items():
        earlier = here / home / "attempts.jsonl"
        if not earlier.exists():
            earlier.parent.mkdir(parents=True, exist_ok=True)
            earlier.write_text(text, encoding="utf-8")
    prepared = here / "bundle.json"
    prepared.write_text(json.dumps(translated(bundle, here, places)), encoding="utf-8")
    code = run_worker([str(prepared), "--root", str(here)])
    bring_out(here, here / HOME / f"{int(number):04d}", cargo["outputs"])
    if code == NOT_FINISHED and not worth_going_on(here, len(bundle["points"])):
        return START_ANEW
    return code


def lay_out(here: Path, inputs: Mapping[str, str], cwd: str) -> dict[str, str]:
    """Put each input where the notebook expects it: original path → path here.

    ``inputs`` maps original paths to the names under which they came. ``cwd`` is the
    folder that the notebook would run in; ``work`` stands in for it.
    """
    work = here / WORK
    work.mkdir(exist_ok=True)
    places = {}
    for original, landed in inputs.items():
        places[original] = str(here / landed)
        with suppress(ValueError):
            place = work / Path(original).relative_to(cwd)
            place.parent.mkdir(parents=True, exist_ok=True)
            if not place.exists():
                place.symlink_to(here / landed)
            places[original] = str(place)
    return places


def translated(bundle: Mapping[str, Any], here: Path, places: Mapping[str, str]) -> dict[str, Any]:
    """The bundle as it is here: its folders, and parameters that name an input."""
    settings = dict(bundle["settings"])
    if settings["cwd"] != "point":
        settings["cwd"] = str(here / WORK)
    points = [{**p, "params": _translate(p["params"], places)} for p in bundle["points"]]
    return {**bundle, "root": str(here), "settings": settings, "points": points}


def _translate(value: Any, places: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {name: _translate(item, places) for name, item in value.items()}
    if isinstance(value, list):
        return [_translate(item, places) for item in value]
    if isinstance(value, str) and value.startswith("/"):
        for original, place in places.items():
            if value == original or value.startswith(f"{original}/"):
                return place + value[len(original) :]
    return value


def run_worker(arguments: list[str]) -> int:
    """Run the worker in a process of its own; start it again when it is killed."""
    told: list[int] = []
    code = NOT_FINISHED
    for _ in range(DEATHS):
        worker = subprocess.Popen([sys.executable, sys.argv[0], "--worker", *arguments])

        def pass_on(number: int, _: object, to: subprocess.Popen[bytes] = worker) -> None:
            told.append(number)
            to.send_signal(number)

        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1):
            signal.signal(number, pass_on)
        code = worker.wait()
        if code >= 0 or told:
            break
    if told:
        # Evicted or out of time: HTCondor knows what to do next, and keeps the files for it. 75
        # would be a checkpoint, after which it would go on here, with all its time again.
        return code if code == 0 else START_ANEW
    return code if code >= 0 else NOT_FINISHED


def worth_going_on(here: Path, points: int) -> bool:
    """False when this job has begun more often than its points can explain."""
    file = here / HOME / RUNS
    runs = int(file.read_text()) + 1 if file.exists() else 1
    file.write_text(str(runs))
    return runs <= points + DEATHS


def bring_out(here: Path, out: Path, patterns: list[str]) -> None:
    """Copy the files of ``work`` that match to where they are brought home from."""
    work = here / WORK
    for pattern in patterns:
        for found in work.glob(pattern):
            if found.is_file() and not found.is_symlink():
                target = out / found.relative_to(work)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(found, target)


if __name__ == "__main__":
    if sys.argv[1] == "--worker":
        from nbbatch.worker.__main__ import main as work

        sys.exit(work(sys.argv[2:]))
    os.environ.setdefault("JUPYTER_PATH", str(Path.cwd() / "jupyter"))
    sys.exit(main(*sys.argv[1:]))
