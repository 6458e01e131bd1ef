"""``--personal``, where HTCondor's programs are and no pool is."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from nbbatch.folder import SweepFolder
from tests.notebooks import write_notebook

from .htcondor_pool import order

SCRIPT = """#!/bin/bash
export XDG_STATE_HOME={folder}/state HOME={folder}/home NBBATCH_GRACE=2 PATH=$PATH:/usr/sbin
mkdir -p "$HOME"
cd {folder}
pool=$HOME/.condor/nbbatch-personal
run() {{ {python} -m nbbatch run scan.ipynb --backend htcondor "$@"; }}
run -g x=1 --keep-personal --out kept > said-kept 2>&1
for _ in {{1..120}}; do # the last job leaves the queue
  [ -n "$(CONDOR_CONFIG=$pool/condor_config condor_q -af ClusterId)" ] || break
  sleep 1
done
{python} -m nbbatch status kept >> said-kept 2>&1
ls -a $pool/log > left-kept
run -g x=1,2 --personal --out sweep > said 2>&1
code=$?
for _ in {{1..120}}; do # the last job leaves the queue a moment after its record is there
  {python} -m nbbatch status sweep >> said 2>&1
  grep -q '"stopped": true' sweep/submit/htcondor.json && break
  sleep 1
done
for _ in {{1..120}}; do [ ! -e $pool/log/.master_address ] || sleep 1; done
ls -a $pool/log > left
# Should the test fail: nothing of it goes on.
[ ! -e $pool/log/.master_address ] || CONDOR_CONFIG=$pool/condor_config condor_off -fast -master
exit $code
"""


def test_a_pool_of_ones_own_starts_and_stops(tmp_path: Path) -> None:
    if "NBBATCH_FARM_FILES" not in os.environ:
        pytest.skip("not in a pool: tests/farm/htcondor/pytest-as-user runs this")
    write_notebook(tmp_path / "scan.ipynb", "y = x * 2", parameters="x = 0")
    script = tmp_path / "script"
    script.write_text(SCRIPT.format(folder=tmp_path, python=sys.executable))

    order("inside", "bare", "bash", str(script))

    said = (tmp_path / "said-kept").read_text()
    assert "a pool of your own is up now" in said and "It stays up:" in said
    assert ".master_address" in (tmp_path / "left-kept").read_text()

    said = (tmp_path / "said").read_text()
    assert "after its last job stops it" in said
    folder = SweepFolder(tmp_path / "sweep")
    assert [folder.record(point) is not None for point in folder.points()] == [True, True]
    site = json.loads((folder.submit / "htcondor.json").read_text())
    assert (site["files"], site["stopped"]) == ("shared", True)
    assert ".master_address" not in (tmp_path / "left").read_text()
    assert not [file for file in folder.root.rglob("*") if "token" in file.name]
