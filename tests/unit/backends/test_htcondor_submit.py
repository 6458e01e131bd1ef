"""What is sent to HTCondor, and how files travel: no pool is needed to look at it."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from nbbatch.backends.base import Batch
from nbbatch.backends.htcondor import sandbox
from nbbatch.backends.htcondor.files import (
    bring_home,
    fill_bundles,
    landing_names,
    refill,
    worker_archive,
)
from nbbatch.backends.htcondor.node import is_last
from nbbatch.backends.htcondor.submit import (
    Files,
    as_text,
    describe,
    job_constraint,
    literal,
    memory_edits,
    quoted,
    script,
)
from nbbatch.errors import UsageError
from nbbatch.folder import SweepFolder
from nbbatch.model import Bundle, Header, Launch, Point, Resources, Settings

HEADER = Header(
    id="1a2b3c4d",
    name="scan",
    created="2026-11-21T12:00:00.000Z",
    user="ada",
    host="login",
    notebook="/home/ada/scan.ipynb",
    notebook_sha256="",
    kernel="python3",
    language="python",
    backend="htcondor",
    nbbatch="0.1",
    python="3.11",
    resources=Resources(cpus=2, memory=3 * 2**30, disk=10**6, time=3600),
    launch=Launch(python="/opt/python", setup="module load root", options={"+Group": '"atlas"'}),
    max_running=50,
)


def batch(root: str = "/sweeps/scan", **changes: object) -> Batch:
    header = replace(HEADER, **changes)  # type: ignore[arg-type]
    return Batch(Path(root), header, number=2, first=7, bundles=[["a", "b"], ["c"]])


def test_the_description_in_shared_mode() -> None:
    assert as_text(describe(batch(), Files.SHARED), 7, 2).splitlines() == [
        "universe = vanilla",
        "executable = /bin/bash",
        "transfer_executable = false",
        "arguments = submit/0002.sh $(bundle) $(ClusterId).$(ProcId)",
        "initialdir = /sweeps/scan",
        "output = logs/$INT(bundle,%04d).out",
        "error = logs/$INT(bundle,%04d).err",
        "batch_name = scan",
        'MY.NbbatchSweep = "1a2b3c4d"',
        'MY.NbbatchName = "scan"',
        'MY.NbbatchNotebook = "/home/ada/scan.ipynb"',
        "MY.NbbatchBatch = 2",
        "MY.NbbatchBundle = $(bundle)",
        "MY.NbbatchFirst = 7",
        "MY.NbbatchJobs = 2",
        "MY.NbbatchPoints = 3",
        "request_cpus = 2",
        "request_disk = 977KB",
        "allowed_job_duration = 3600",
        "request_memory = 3072MB",
        "periodic_release = JobStatus == 5 && NumShadowStarts < 6 && "
        "time() - EnteredCurrentStatus > 30 && "
        "member(HoldReasonCode, {6, 7, 11, 12, 13, 18}) && "
        "(HoldReasonCode == 12 || HoldReasonSubCode =!= 2)",
        "max_retries = 5",
        "job_lease_duration = 1200",
        "should_transfer_files = NO",
        "getenv = HOME, USER, LOGNAME, PATH, LANG, LC_ALL, JUPYTER_PATH",
        "log = /sweeps/scan/logs/htcondor.log",
        "max_materialize = 50",
        'MY.Group = "atlas"',
        "queue bundle from seq 7 8 |",
    ]


def test_where_nodes_do_not_see_the_folder_everything_travels() -> None:
    lines = describe(batch(), Files.TRANSFER, ["/data/calib file.root"])
    assert lines["transfer_input_files"] == (
        "submit/0002.sh, submit/0002.cargo.json, submit/worker.pyz, "
        "bundles/$INT(bundle,%04d).json, notebook.ipynb, /data/calib file.root"
    )
    assert lines["transfer_output_files"] == lines["transfer_checkpoint_files"] == "points, home"
    assert lines["allowed_job_duration"] == "3600"
    assert "getenv" not in lines


def test_nothing_is_materialised_late_where_files_are_spooled() -> None:
    lines = describe(batch(), Files.SPOOL)
    assert not {"max_materialize", "max_idle", "log"} & lines.keys()
    assert lines["concurrency_limits"] == f"nbbatch_1a2b3c4d:{2_308_032 // 50}"


def test_more_memory_is_asked_for_by_the_schedd_itself() -> None:
    lines = describe(batch(launch=Launch(retry_memory=2.0)), Files.SHARED)
    assert lines["request_memory"] == (
        "min({12288, ifThenElse((LastHoldReasonCode =?= 34 || LastHoldReasonSubCode =?= 102), "
        "int(2 * (MemoryProvisioned ?: 3072)), 3072)})"
    )
    assert lines["periodic_release"].endswith("&& MemoryProvisioned < 12288)")


def test_options_of_the_user_win_and_cannot_break_the_job() -> None:
    ours = batch(launch=Launch(options={"Request_Memory": "8GB", "rank": "Mips"}))
    lines = describe(ours, Files.SHARED)
    assert (lines["request_memory"], lines["rank"]) == ("8GB", "Mips")
    with pytest.raises(UsageError, match="nbbatch needs to set that itself"):
        describe(batch(launch=Launch(options={"queue": "2"})), Files.SHARED)


def test_which_schedd_gets_the_jobs_is_not_told_to_the_jobs() -> None:
    ours = batch(launch=Launch(options={"schedd": "ap1.example.org", "pool": "cm.example.org"}))
    assert not {"schedd", "pool"} & describe(ours, Files.SHARED).keys()


def test_a_held_job_that_is_given_more_memory_obeys_no_other_rule_for_it() -> None:
    edits = memory_edits(4 * 2**30)
    assert edits["RequestMemory"] == "4096"
    assert edits["PeriodicRelease"] == describe(batch(), Files.SHARED)["periodic_release"]


def test_names_are_no_macros_and_no_expressions() -> None:
    assert literal("/sweeps/$(HOME)") == "/sweeps/$(DOLLAR)(HOME)"
    assert quoted('a "b" \\') == '"a \\"b\\" \\\\"'
    with pytest.raises(UsageError):
        literal("one\nqueue 1000")
    with pytest.raises(UsageError, match="commas"):
        describe(batch(), Files.TRANSFER, ["/data/a,b"])


def test_jobs_are_named_in_few_words() -> None:
    jobs = [("7", n) for n in range(1000)] + [("12", 3), ("12", 5), ("12", 6)]
    assert job_constraint(jobs) == (
        "((ClusterId == 7 && ((ProcId >= 0 && ProcId <= 999))) || "
        "(ClusterId == 12 && (ProcId == 3 || (ProcId >= 5 && ProcId <= 6))))"
    )


def test_the_script_of_a_job() -> None:
    text = script(batch("/sweeps/it's"), Files.SHARED, total=2)
    assert "cd '/sweeps/it'\"'\"'s' || exit 75\n" in text
    assert "\nmodule load root\n" in text
    assert text.endswith(
        "exec /opt/python -m nbbatch.backends.htcondor.node '/sweeps/it'\"'\"'s' \"$1\" 2 2\n"
    )
    there = script(batch(), Files.TRANSFER, total=2)
    assert there.endswith('exec /opt/python worker.pyz 0002.cargo.json "$1"\n')
    for words in (text, there):
        subprocess.run(["bash", "-n"], input=words, text=True, check=True)


def test_the_last_job_of_a_batch_and_no_other_builds_the_report(tmp_path: Path) -> None:
    asked = [is_last(tmp_path / "ended", bundle, 3) for bundle in (4, 5, 5, 6, 6)]
    assert asked == [False, False, False, True, False]


# -------------------------------------------------------------------- the journey


def test_the_archive_is_a_worker_and_nothing_else(tmp_path: Path) -> None:
    archive = tmp_path / "worker.pyz"
    archive.write_bytes(worker_archive())
    assert archive.read_bytes() == worker_archive()
    parts = {name.split("/")[1] for name in zipfile.ZipFile(archive).namelist() if "/" in name}
    assert parts == {"__init__.py", "errors.py", "model", "worker"}
    command = [sys.executable, "-I", str(archive), "--worker", "--help"]
    said = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
    assert "bundle" in said.stdout


def test_inputs_that_would_overwrite_each_other_are_refused(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "data.csv").touch()
    one, two = (str(tmp_path / folder / "data.csv") for folder in ("a", "b"))
    assert landing_names([one]) == {one: "data.csv"}
    with pytest.raises(UsageError, match=r"Two files named data\.csv"):
        landing_names([one, two])
    with pytest.raises(UsageError, match="does not exist"):
        landing_names([one, str(tmp_path / "nothing")])


def test_a_bundle_takes_along_what_its_node_cannot_look_up(tmp_path: Path) -> None:
    calibration, shared = tmp_path / "calibration.root", tmp_path / "shared.csv"
    calibration.touch()
    shared.touch()
    params = {"file": str(calibration), "other": [str(shared)], "none": "/no/such"}
    folder = SweepFolder(tmp_path)
    bundle = Bundle(
        7, "s", str(tmp_path), "n", (Point("a", 0, params, "points/a", "k"),), Settings()
    )
    folder.write_bundle(bundle)
    (tmp_path / "points/a").mkdir(parents=True)
    (tmp_path / "points/a/attempts.jsonl").write_text('{"attempt": 1}\n')

    assert fill_bundles(Batch(tmp_path, HEADER, 1, 7, [["a"]]), declared=[str(shared)])

    content = json.loads(folder.bundle_file(7).read_text())
    assert content["files"] == {str(calibration): "p0-calibration.root"}
    assert content["attempts"] == {"points/a": '{"attempt": 1}\n'}
    assert (tmp_path / "submit/files/0007/p0-calibration.root").exists()
    assert Bundle.from_json(content) == bundle

    refill(folder.bundle_file(7))
    assert Bundle.from_json(json.loads(folder.bundle_file(7).read_text())).points == ()


def test_a_node_lays_inputs_out_as_the_notebook_knows_them(tmp_path: Path) -> None:
    for name in ("a.csv", "far.csv"):
        (tmp_path / name).write_text(name)
    inputs = {"/home/ada/data/a.csv": "a.csv", "/elsewhere/far.csv": "far.csv"}
    places = sandbox.lay_out(tmp_path, inputs, "/home/ada")
    assert (tmp_path / "work/data/a.csv").read_text() == "a.csv"

    bundle = {
        "settings": {"cwd": "/home/ada"},
        "points": [
            {"params": {"f": "/home/ada/data/a.csv", "g": ["/elsewhere/far.csv"], "h": "/x"}}
        ],
    }
    here = sandbox.translated(bundle, tmp_path, places)
    assert here["settings"]["cwd"] == str(tmp_path / "work")
    assert here["points"][0]["params"] == {
        "f": str(tmp_path / "work/data/a.csv"),
        "g": [str(tmp_path / "far.csv")],
        "h": "/x",
    }
    assert sandbox.lay_out(tmp_path, inputs, "/home/ada") == places  # after a checkpoint


def test_declared_outputs_go_out_and_come_home(tmp_path: Path) -> None:
    node, sweep, notebook = (tmp_path / name for name in ("node", "sweep", "notebook"))
    (node / "work/plots").mkdir(parents=True)
    (node / "work/plots/fit.png").write_text("a fit")
    (node / "work/scratch.tmp").touch()
    sandbox.bring_out(node, sweep / "home/0007", ["plots/*.png"])
    notebook.mkdir()

    bring_home(sweep, str(notebook), busy={7})
    assert not (notebook / "plots").exists()
    bring_home(sweep, str(notebook), busy=set())
    assert [p.relative_to(notebook).as_posix() for p in notebook.rglob("*.*")] == ["plots/fit.png"]
    assert not (sweep / "home/0007").exists()


def test_a_job_that_never_gets_on_stops_starting_again(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    assert [sandbox.worth_going_on(tmp_path, 2) for _ in range(6)] == [True] * 5 + [False]


def test_worker_archive_is_small() -> None:
    assert len(worker_archive()) < 300_000
    assert (
        "nbbatch/worker/kernel_side/nbbatch.py"
        in zipfile.ZipFile(io.BytesIO(worker_archive())).namelist()
    )
