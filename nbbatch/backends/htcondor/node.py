"""What a job runs on a node that sees the sweep folder: the worker, and perhaps the report.

``python -m nbbatch.backends.htcondor.node ROOT BUNDLE BATCH TOTAL``
"""

from __future__ import annotations

import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from ...worker.__main__ import main as run_worker

FINISHING = "finishing"


def main(root: Path, bundle: int, batch: int, total: int) -> int:
    """Run a bundle; the last of the batch's ``total`` builds results and report."""
    code = run_worker([str(root / "bundles" / f"{bundle:04d}.json"), "--root", str(root)])
    if code == 0 and is_last(root / "logs" / f"ended-{batch:04d}", bundle, total):
        # Whatever becomes of it: the points are done, and `nbbatch report` can build it.
        subprocess.run([sys.executable, "-m", "nbbatch", "finish", str(root)], check=False)
    return code


def is_last(ended: Path, bundle: int, total: int) -> bool:
    """Note that a bundle has ended; True for the one job that completes the batch.

    One empty file a bundle: made by this node, so that an NFS client looks at the folder
    anew; counted by name, so that a bundle that runs twice counts once.
    """
    ended.mkdir(parents=True, exist_ok=True)
    (ended / str(bundle)).touch()
    if sum(1 for file in ended.iterdir() if file.name != FINISHING) < total:
        return False
    with suppress(FileExistsError):
        (ended / FINISHING).mkdir()
        return True
    return False


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), *map(int, sys.argv[2:])))
