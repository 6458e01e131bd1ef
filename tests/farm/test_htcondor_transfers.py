"""How long files travel to a job and back, as the report tells it; on a real pool."""

from __future__ import annotations

import pytest

from nbbatch.model import Transfer
from nbbatch.sweep import Sweep
from tests.contract.conftest import LONG, Bench, states, until

from .htcondor_pool import SEEING, jobs, schedd

MOVES = ["TransferInStarted", "TransferInFinished", "TransferOutStarted", "TransferOutFinished"]


def travelled(sweep: Sweep) -> Transfer:
    """What the history says of the sweep's only job."""
    until(lambda: schedd().history(jobs(sweep), MOVES, match=1))
    (ad,) = schedd().history(jobs(sweep), MOVES, match=1)
    times = [int(ad[name]) for name in MOVES]
    return Transfer(times[1] - times[0], times[3] - times[2])


def test_how_long_files_travelled(bench: Bench) -> None:
    """Two points in a job: the first knows of the inputs, the second of the outputs."""
    inputs = bench.folder / "inputs.bin"
    notebook = bench.notebook("import os\nsize = os.path.getsize('inputs.bin')")
    for megabytes in (50, 250, 1000):  # HTCondor tells whole seconds: long enough to see some
        with inputs.open("wb") as stream:
            stream.truncate(megabytes << 20)
        sweep = bench.run(
            notebook,
            {"grid": {"x": [1, 2]}, "inputs": [str(inputs)]},
            out=bench.folder / f"sweep-{megabytes}",
            points_per_job=2,
            disk="3GB",
            collect=["size"],
        )
        first, second = sweep.wait(LONG)
        assert states(sweep) == {1: "ok", 2: "ok"}
        if SEEING:
            assert (first.transfer, second.transfer) == (None, None)
            return
        told = travelled(sweep)
        if told.inputs > 1:
            break

    assert first.transfer is not None
    # The event log is written a moment before or after.
    assert first.transfer.inputs == pytest.approx(told.inputs, abs=1)
    assert first.transfer.outputs == 0
    second_out = second.transfer.outputs if second.transfer else 0
    assert second_out == pytest.approx(told.outputs, abs=1)
    # It is known to others as well, and to the report.
    assert [view.transfer for view in Sweep.open(sweep.root).views()] == [
        first.transfer,
        second.transfer,
    ]
    sweep.write_results()
    assert '["","sent"]' in (sweep.root / "report/data/points-0000.js").read_text()
