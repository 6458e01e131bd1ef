"""The Slurm backend's decisions, without a Slurm: scripts, words, limits. As tables."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from nbbatch.backends.base import Batch
from nbbatch.backends.command import run, scrubbed
from nbbatch.backends.slurm.script import (
    Chunk,
    array_script,
    check_options,
    finish_script,
    job_name,
    parse_name,
    walltime,
    warning_seconds,
)
from nbbatch.errors import BackendUnavailable, CommandFailed, UsageError
from nbbatch.model import (
    Launch,
    Resources,
    Settings,
)
from nbbatch.plan import Request, make_plan
from nbbatch.sweep import Sweep
from tests.notebooks import write_notebook
from tests.unit.backends.slurm_sweep import BATCH, HEADER


def lines(script: str, start: str) -> list[str]:
    return [line for line in script.splitlines() if line.startswith(start)]


# ---------------------------------------------------------------------------- scripts


def test_what_sbatch_is_asked_for() -> None:
    assert lines(array_script(BATCH, Chunk(102, 101, throttle=5)), "#SBATCH") == [
        "#SBATCH --job-name=mass-scan.1a2b3c4d.102.101",
        "#SBATCH --array=0-100%5",
        "#SBATCH --chdir='/data/my sweeps/scan'",
        "#SBATCH --output=logs/%x.%A_%a.log",
        "#SBATCH --open-mode=append",
        "#SBATCH --requeue",
        "#SBATCH --signal=B:USR1@180",
        "#SBATCH --nodes=1",
        "#SBATCH --ntasks=1",
        "#SBATCH --cpus-per-task=4",
        "#SBATCH --mem=1908M",
        "#SBATCH --time=00:30:00",
        "#SBATCH --tmp=954M",
        "#SBATCH --gres=gpu:1",
        "#SBATCH --partition=short",
        "#SBATCH --exclusive",
        "#SBATCH --comment='two words'",
    ]


def test_what_the_job_does_before_and_with_the_worker() -> None:
    script = array_script(BATCH, Chunk(1, 2))
    assert "#SBATCH --array=0-1\n" in script
    assert "export OMP_NUM_THREADS=4\n" in script
    assert "export JUPYTER_PATH=/k\n" in script
    assert "\nmodule load root\n" in script
    assert '/opt/venv/bin/python -m nbbatch.worker "$nb_bundle" &\n' in script
    assert subprocess.run(["bash", "-n"], input=script, text=True, check=False).returncode == 0


def test_a_container() -> None:
    launch = Launch(container="/images/root.sif")
    header = replace(HEADER, launch=launch, settings=Settings(cwd="/home/ada"))
    script = array_script(replace(BATCH, header=header), Chunk(1, 2))
    (line,) = lines(script, '"$(command -v')
    assert line == (
        '"$(command -v apptainer || command -v singularity)" exec '
        "--bind '/data/my sweeps/scan' --bind /home/ada --nv /images/root.sif python3 "
        '-m nbbatch.worker "$nb_bundle" &'
    )


def test_jobs_that_others_wait_for_send_them_at_their_end() -> None:
    script = array_script(replace(BATCH, more=True), Chunk(1, 2))
    (line,) = lines(script, 'if [ "$nb_code" = 0 ]')
    assert "python -m nbbatch go-on '/data/my sweeps/scan' || true; exit 0" in line
    assert "go-on" not in array_script(BATCH, Chunk(1, 2))


def test_the_job_that_builds_the_report() -> None:
    header = replace(HEADER, launch=replace(HEADER.launch, mail="ada@example.org"))
    script = finish_script(replace(BATCH, header=header), ["48", "49"])
    asked = lines(script, "#SBATCH")
    assert "#SBATCH --dependency=afterany:48:49" in asked
    assert "#SBATCH --mail-user=ada@example.org" in asked
    assert "#SBATCH --partition=short" in asked
    assert "#SBATCH --exclusive" not in asked  # it needs no node for itself
    assert "\n/opt/venv/bin/python -m nbbatch finish '/data/my sweeps/scan'\n" in script
    assert subprocess.run(["bash", "-n"], input=script, text=True, check=False).returncode == 0


@pytest.mark.parametrize(
    ("option", "instead"),
    [
        ("array", "--points-per-job"),
        ("J", "--name"),
        ("--output", "logs"),
        ("mem", "--memory"),
        ("t", "--time"),
        ("cpus-per-task", "--cpus"),
        ("gres", "--gpus"),
        ("no-requeue", "--retries"),
    ],
)
def test_nbbatchs_own_options_are_not_overridden(option: str, instead: str) -> None:
    header = replace(HEADER, launch=Launch(options={option: "1"}))
    with pytest.raises(UsageError) as refused:
        check_options(header)
    assert instead in str(refused.value)


def test_options_that_nbbatch_leaves_alone() -> None:
    options = {"partition": "short", "A": "physics", "constraint": "avx2", "licenses": "matlab:1"}
    check_options(replace(HEADER, launch=Launch(options=options)))
    # Nothing was asked for in memory and GPUs, so the user may do so in Slurm's own way.
    plain = replace(HEADER, resources=Resources(), launch=Launch(options={"gres": "gpu:a100:1"}))
    check_options(plain)


@pytest.mark.parametrize(
    "option", [{"x\ny": "1"}, {"two words": "1"}, {"comment": "a\nb"}, {"": "1"}]
)
def test_an_option_is_one_word_and_one_line(option: dict[str, str]) -> None:
    with pytest.raises(UsageError):
        check_options(replace(HEADER, launch=Launch(options=option)))


def test_names_of_arrays_tell_their_place() -> None:
    name = job_name(HEADER, 102, 101)
    assert parse_name(name, HEADER.id) == (102, 101)
    assert parse_name(name, "another0") is None
    assert parse_name("mass-scan.1a2b3c4d.finish", HEADER.id) is None


@pytest.mark.parametrize(
    ("seconds", "words"), [(60, "00:01:00"), (5400, "01:30:00"), (180_061, "2-02:01:01")]
)
def test_walltime(seconds: int, words: str) -> None:
    assert walltime(seconds) == words


@pytest.mark.parametrize(("time", "warning"), [(None, 180), (60, 30), (600, 120), (7200, 180)])
def test_the_worker_is_told_ahead(time: int | None, warning: int) -> None:
    assert warning_seconds(time) == warning


def test_what_dry_run_prints_where_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also on a machine without Slurm. With `auto` it is the first wave that would be sent."""
    monkeypatch.setenv("PATH", str(tmp_path))
    notebook = write_notebook(tmp_path / "scan.ipynb", "y = x", parameters="x = 0")
    request = Request(notebook, {"x": list(range(40))}, backend="slurm", points_per_job=0, jobs=4)
    script = Sweep.preview(make_plan(replace(request, out=tmp_path / "sweep")))
    assert "#SBATCH --array=0-9%4\n" in script
    assert "nbbatch go-on" in script
    assert not (tmp_path / "sweep").exists()


# The script itself, run by bash with programs that stand in for Slurm's.


@pytest.mark.parametrize(
    ("worker", "restarts", "code", "requeued"),
    [
        ("exit 0", 0, 0, False),
        ("exit 75", 0, 75, True),
        ("exit 75", 3, 75, False),  # three tries of one point are all it gets
        ("kill -9 $$", 0, 137, True),
        ("exit 1", 1, 1, True),
        ("exit 1", 2, 1, False),  # it never began
        ("kill -TERM $PPID; sleep 2", 0, 143, False),  # scancel: what follows is Slurm's to say
        ("trap 'exit 75' USR1; kill -USR1 $PPID; sleep 2 & wait", 0, 75, True),
        ("trap 'exit 75' TERM; kill -TERM $PPID; sleep 2 & wait; exit 9", 0, 75, False),
        # As Slurm sends them, and on a busy machine both are there when bash gets its turn.
        (
            "trap 'exit 75' TERM; kill -STOP $PPID; kill -TERM $PPID; kill -CONT $PPID; "
            "sleep 2 >&- 2>&- & wait; exit 9",
            0,
            75,
            False,
        ),
    ],
)
def test_what_follows_a_workers_exit(
    tmp_path: Path, worker: str, restarts: int, code: int, requeued: bool
) -> None:
    program, scontrol = tmp_path / "python", tmp_path / "scontrol"
    program.write_text(f"#!/bin/bash\n{worker}\n")
    scontrol.write_text(f'#!/bin/bash\necho "$@" >>{tmp_path}/requeued\n')
    for file in (program, scontrol):
        file.chmod(0o755)
    header = replace(HEADER, launch=Launch(python=str(program)), resources=Resources())
    script = array_script(Batch(tmp_path, header, 1, 1, [["a"]]), Chunk(1, 1))
    environment = {
        "PATH": f"{tmp_path}:/usr/bin:/bin",
        "SLURM_ARRAY_JOB_ID": "48",
        "SLURM_ARRAY_TASK_ID": "0",
        "SLURM_RESTART_COUNT": str(restarts),
    }
    done = subprocess.run(
        ["bash", "-c", script], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == code, done.stderr
    asked = tmp_path / "requeued"
    assert (asked.read_text() if asked.exists() else "") == ("requeue 48_0\n" if requeued else "")


# --------------------------------------------------------------------------- commands


def test_a_jobs_own_environment_does_not_reach_sbatch() -> None:
    login = {
        "PATH": "/bin",
        "SLURM_CONF": "/etc/slurm.conf",
        "SBATCH_ACCOUNT": "physics",
        "SBATCH_ARRAY_INX": "0-9",
        "SQUEUE_FORMAT": "%i",
    }
    assert scrubbed(login) == {
        "PATH": "/bin",
        "SLURM_CONF": "/etc/slurm.conf",
        "SBATCH_ACCOUNT": "physics",
    }
    inside = {**login, "SLURM_JOB_ID": "7", "SLURM_MEM_PER_CPU": "4096"}
    assert scrubbed(inside) == {"PATH": "/bin", "SLURM_CONF": "/etc/slurm.conf"}


def test_a_failed_command_tells_all() -> None:
    with pytest.raises(CommandFailed) as failed:
        run(["sh", "-c", "echo out; echo first >&2; echo last >&2; exit 3"])
    assert (failed.value.code, failed.value.stdout) == (3, "out\n")
    assert "last" in failed.value.message
    with pytest.raises(BackendUnavailable):
        run(["no-such-program-of-slurm"])
    with pytest.raises(BackendUnavailable):
        run([shutil.which("sleep") or "sleep", "5"], timeout=0.05)
