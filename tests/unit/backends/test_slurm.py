"""The Slurm backend's decisions, without a Slurm: scripts, words, limits. As tables."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from nbbatch.backends.base import Batch
from nbbatch.backends.command import run, scrubbed
from nbbatch.backends.slurm.accounting import Asked, parse_allowance
from nbbatch.backends.slurm.limits import (
    Allowance,
    Cap,
    Cluster,
    Partition,
    arrays_of,
    chunks,
    parse_config,
    parse_listing,
    parse_partitions,
    room,
    seconds_of,
)
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
from nbbatch.backends.slurm.states import (
    expressions,
    parse_queue,
    parse_tasks,
    pending_words,
    state_in_log,
    status_of,
)
from nbbatch.backends.slurm.usage import parse_usage
from nbbatch.errors import BackendUnavailable, CommandFailed, UsageError
from nbbatch.model import (
    Ending,
    Header,
    Job,
    JobArray,
    JobPhase,
    Launch,
    Resources,
    Settings,
    Usage,
)
from nbbatch.plan import Request, make_plan
from nbbatch.sweep import Sweep
from tests.notebooks import write_notebook

HEADER = Header(
    id="1a2b3c4d",
    name="mass scan",
    created="2026-11-21T12:00:00.000Z",
    user="ada",
    host="login1",
    notebook="/home/ada/scan.ipynb",
    notebook_sha256="",
    kernel="python3",
    language="python",
    backend="slurm",
    nbbatch="1.0",
    python="3.11.2",
    resources=Resources(cpus=4, memory=2 * 10**9, time=1800, gpus=1, disk=10**9),
    settings=Settings(),
    launch=Launch(
        python="/opt/venv/bin/python",
        setup="module load root\n",
        options={"partition": "short", "exclusive": "", "comment": "two words"},
    ),
)
BATCH = Batch(Path("/data/my sweeps/scan"), HEADER, 1, 1, [["a"], ["b"]], {"JUPYTER_PATH": "/k"})


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


# ------------------------------------------------------------------------------ words


def test_the_queue_as_printed() -> None:
    text = (
        "Welcome to the cluster!\n"
        "48_[5-6,8-9,31-33%5]|PENDING||JobArrayTaskLimit,JobHeldUser\n"
        "48_0|RUNNING|node01|None\n"
        "48_1|CANCELLED by 1001|node02|None\n"
        "49_2|PENDING||Nodes required for job are DOWN, DRAINED or reserved for jobs|x\n"
        "77|RUNNING|node01|None\n"
    )
    found = parse_queue(text)
    assert sorted(job.index for job in found if job.array == "48") == [0, 1, 5, 6, 8, 9, 31, 32, 33]
    assert found[Job("48", 1)].state == "CANCELLED"
    assert found[Job("48", 0)].host == "node01"
    assert found[Job("49", 2)].reason.startswith("Nodes required")
    assert not [job for job in found if job.array == "77"]


@pytest.mark.parametrize(
    ("name", "indices"),
    [
        ("48_7", [7]),
        ("48_[5-6,9]", [5, 6, 9]),
        ("48_[0-10:5%3]", [0, 5, 10]),
        ("48", []),
        ("48.batch", []),
        ("48_7.batch", []),
        ("", []),
    ],
)
def test_names_of_tasks(name: str, indices: list[int]) -> None:
    assert [job.index for job in parse_tasks(name)] == indices


def test_tasks_as_slurm_takes_them() -> None:
    jobs = {Job("48", index) for index in (1, 3, 4, 5)} | {Job("51", 0)}
    assert expressions(jobs) == ["48_[1,3-5]", "51_[0]"]


# Each line as tests/farm/slurm/README.md has it, and what it means.
@pytest.mark.parametrize(
    ("state", "reason", "phase", "ending"),
    [
        ("PENDING", "Resources", JobPhase.QUEUED, Ending.UNTOLD),
        ("PENDING", "BeginTime", JobPhase.QUEUED, Ending.UNTOLD),
        ("PENDING", "JobHeldUser", JobPhase.HELD, Ending.UNTOLD),
        ("PENDING", "JobHeldAdmin", JobPhase.HELD, Ending.UNTOLD),
        ("PENDING", "JobArrayTaskLimit,JobHeldUser", JobPhase.HELD, Ending.UNTOLD),
        ("PENDING", "job requeued in held state", JobPhase.HELD, Ending.UNTOLD),
        ("CONFIGURING", "None", JobPhase.QUEUED, Ending.UNTOLD),
        ("RUNNING", "None", JobPhase.RUNNING, Ending.UNTOLD),
        ("RUNNING", "JobHeldUser", JobPhase.RUNNING, Ending.UNTOLD),
        ("COMPLETING", "TimeLimit", JobPhase.RUNNING, Ending.UNTOLD),
        ("SUSPENDED", "None", JobPhase.RUNNING, Ending.UNTOLD),
        ("COMPLETED", "None", JobPhase.GONE, Ending.EXITED),
        ("FAILED", "NonZeroExitCode", JobPhase.GONE, Ending.EXITED),
        ("TIMEOUT", "TimeLimit", JobPhase.GONE, Ending.TIMEOUT),
        ("DEADLINE", "DeadLine", JobPhase.GONE, Ending.TIMEOUT),
        ("OUT_OF_MEMORY", "OutOfMemory", JobPhase.GONE, Ending.OUT_OF_MEMORY),
        ("CANCELLED", "None", JobPhase.GONE, Ending.CANCELLED),
        ("PREEMPTED", "None", JobPhase.GONE, Ending.INFRASTRUCTURE),
        ("NODE_FAIL", "NodeDown", JobPhase.GONE, Ending.INFRASTRUCTURE),
        ("BOOT_FAIL", "None", JobPhase.GONE, Ending.INFRASTRUCTURE),
        ("SOMETHING_NEW", "None", JobPhase.UNKNOWN, Ending.UNTOLD),
    ],
)
def test_states(state: str, reason: str, phase: JobPhase, ending: Ending) -> None:
    told = parse_queue(f"48_0|{state}|node01|{reason}")[Job("48", 0)]
    status = status_of(told, HEADER.resources, {})
    assert (status.phase, status.ending) == (phase, ending)


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("Priority", "waiting: jobs of higher priority come first"),
        ("AssocGrpJobsLimit", "waiting for your account's limit: 200 running jobs"),
        ("AssocMaxJobsLimit", "waiting for your limit of running jobs"),
        ("AssocGrpCpuLimit", "waiting for your account's limit of CPUs"),
        ("QOSGrpNodeLimit", "waiting for a limit that all users of this QOS share"),
        (
            "Nodes required for job are DOWN, DRAINED or reserved for jobs in higher",
            "waiting: nodes are down, drained or kept for others",
        ),
        ("Moonphase", "waiting: Moonphase"),
    ],
)
def test_why_a_job_waits(reason: str, words: str) -> None:
    assert pending_words(reason, {"AssocGrpJobsLimit": 200}) == words


def test_advice_has_the_figures() -> None:
    asked = Resources(memory=1024**3, time=5400)
    told = parse_queue("48_0|OUT_OF_MEMORY|n|OutOfMemory\n48_1|TIMEOUT|n|TimeLimit")
    assert status_of(told[Job("48", 0)], asked, {}).reason == (
        "out of memory: asked 1GB: resume with --memory 2GB"
    )
    assert status_of(told[Job("48", 1)], asked, {}).reason == (
        "out of time: asked 1h30m: resume --failed with a longer --time"
    )
    assert "site's default" in status_of(told[Job("48", 0)], Resources(), {}).reason


def test_by_whom_a_job_was_cancelled() -> None:
    """squeue has another reason, or none, for what was cancelled: that is not told."""
    for reason, who in (("by root", " by root"), ("JobHeldUser", ""), ("None", "")):
        told = parse_queue(f"48_0|CANCELLED|n|{reason}")[Job("48", 0)]
        assert status_of(told, HEADER.resources, {}).reason == (
            f"its job was cancelled in Slurm{who}: `nbbatch resume` runs it again"
        )


@pytest.mark.parametrize(
    ("end", "state"),
    [
        ("", ""),
        ("slurmstepd-vm: error: *** JOB 7 ON vm CANCELLED AT 2026-11-21T13:00:00 ***", "CANCELLED"),
        (
            "slurmstepd: error: *** JOB 7 ON vm CANCELLED AT 2026-11-21T13:00:00 DUE TO TIME "
            "LIMIT ***",
            "TIMEOUT",
        ),
        (
            "*** STEP 7.batch ON vm CANCELLED AT 2026-11-21T13:00:00 DUE TO PREEMPTION ***",
            "PREEMPTED",
        ),
        ("*** JOB 7 ON vm CANCELLED AT x DUE TO NODE FAILURE, SEE SLURMCTLD LOG ***", "NODE_FAIL"),
        ("slurmstepd-vm: error: Detected 1 oom-kill event(s) in StepId=13.batch.", "OUT_OF_MEMORY"),
        (
            "slurmstepd-vm: error: StepId=139.batch exceeded memory limit (3 > 1), being killed",
            "OUT_OF_MEMORY",
        ),
        ("*** JOB 7 ON vm CANCELLED AT x ***\nnbbatch: 7_0, bundles/0001.json, on vm", ""),
    ],
)
def test_what_the_end_of_a_log_tells(end: str, state: str) -> None:
    assert state_in_log(f"nbbatch: 7_0, bundles/0001.json, on vm\n{end}\n") == state


# ----------------------------------------------------------------------------- limits


def test_the_clusters_sizes() -> None:
    text = (
        "Configuration data as of 2026-11-21T13:00:00\n"
        "AccountingStorageType   = accounting_storage/slurmdbd\n"
        "MaxArraySize            = 101\nMaxJobCount             = 200\n"
    )
    assert parse_config(text) == Cluster(101, 200, accounting=True)
    text += "ClusterName = one\nAccountingStorageEnforce = associations,limits,qos\n"
    assert parse_config(text) == Cluster(101, 200, accounting=True, name="one", enforced=True)
    assert not parse_config("AccountingStorageEnforce = none\n").enforced
    assert not parse_config("AccountingStorageType = accounting_storage/none\n").accounting
    assert parse_config("") == Cluster(1001, 10_000, accounting=False)


def test_the_partitions_limits() -> None:
    text = (
        "PartitionName=main Default=YES QoS=N/A MaxTime=2-00:00:00 State=UP\n"
        "PartitionName=short Default=NO QoS=quick MaxTime=30:00 State=UP\n"
        "PartitionName=long Default=NO QoS=N/A MaxTime=UNLIMITED State=UP\n"
    )
    assert parse_partitions(text, "") == [Partition("main", 2 * 86400)]
    assert parse_partitions(text, "short,long") == [
        Partition("short", 1800, "quick"),
        Partition("long"),
    ]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2-00:00:00", 172_800),
        ("1-12", 129_600),
        ("01:30:00", 5400),
        ("10:00", 600),
        ("30", 1800),
        ("UNLIMITED", None),
        ("", None),
    ],
)
def test_how_long_a_limit_is(text: str, seconds: int | None) -> None:
    assert seconds_of(text) == seconds


# account, user, partition, parent, maxjobs, maxsubmit, grpjobs, grpsubmit, defaultqos, qos, maxwall
ASSOC = """root||||||||normal||
science|||root|||40|30||normal|
farm|||science|||4|6||normal|
farm|ada|||2|5|||small|normal,small|01:00:00
farm|ada|gpu||1|2|||small|normal,small|
other|||root|||||||
other|ada|||||||normal||
"""
# name, MaxSubmitPU, MaxSubmitPA, GrpSubmit, MaxWall
QOS = "normal||||\nsmall|3|7|9|00:30:00\nquick|4|||\n"
USERS = "ada|farm\nbob|other\n"


def test_the_accounts_limits() -> None:
    found = parse_allowance(ASSOC, QOS, USERS, Asked("ada"))
    farm = frozenset({"farm"})
    assert found.caps == (
        Cap(5, user="ada", accounts=farm),
        Cap(6, accounts=farm),
        Cap(30, accounts=frozenset({"science", "farm"})),  # the parent's, for all below it
        Cap(3, user="ada", qos="small"),
        Cap(7, accounts=farm, qos="small"),
        Cap(9, qos="small"),
    )
    assert found.max_time == 1800  # the QOS is stricter than the association
    assert found.running == {"AssocMaxJobsLimit": 2, "AssocGrpJobsLimit": 4}
    other = parse_allowance(ASSOC, QOS, USERS, Asked("ada", account="other"))
    assert (other.caps, other.max_time) == ((), None)
    assert parse_allowance(ASSOC, QOS, USERS, Asked("bob")) == Allowance()


def test_the_limits_of_a_partition() -> None:
    """Its own association comes first, and its QOS counts all jobs in it."""
    asked = Asked("ada", qos="normal", partitions=(Partition("gpu", None, "quick"),))
    found = parse_allowance(ASSOC, QOS, USERS, asked)
    assert found.caps[0].limit == 2
    assert found.caps[-1] == Cap(4, user="ada", partitions=frozenset({"gpu"}))


def test_room() -> None:
    queue = parse_listing(
        "RUNNING|ada|farm|normal|main|48|scan.1a2b3c4d.1.2\nPENDING|bob|farm|small|main|50|x\n"
        "COMPLETED|ada|farm|normal|main|48|scan.1a2b3c4d.1.2\nnonsense\n"
    )

    def left(*caps: Cap, most: int = 10_000) -> int:
        return room(Cluster(max_job_count=most), Allowance(caps), queue)

    farm = frozenset({"farm"})
    assert left(most=10) == 10 - 1 - 3 - 1
    assert left(Cap(4, user="ada")) == 4 - 1 - 1
    assert left(Cap(4, accounts=farm)) == 4 - 2 - 1
    assert left(Cap(4, accounts=farm, qos="small")) == 4 - 1 - 1
    assert left(Cap(9, user="ada"), Cap(4, partitions=frozenset({"main"}))) == 4 - 2 - 1
    assert left(Cap(4, partitions=frozenset({"gpu"}))) == 4 - 0 - 1
    assert left(most=3) == 0
    assert arrays_of(queue[:1]) == [JobArray("48", 1, 2)]


def test_chunks() -> None:
    assert chunks(1, 300, max_array_size=101, shares=None) == [
        Chunk(1, 101),
        Chunk(102, 101),
        Chunk(203, 98),
    ]
    shared = chunks(1, 300, max_array_size=101, shares=[4, 3, 3])
    assert [chunk.throttle for chunk in shared] == [4, 3, 3]
    # More arrays than may run: the third begins when the first, whose place it takes, has ended.
    few = chunks(1, 300, max_array_size=101, shares=[1, 1])
    assert [(chunk.throttle, chunk.after) for chunk in few] == [(1, ()), (1, ()), (1, ("0",))]
    assert chunks(1, 0, max_array_size=101, shares=[]) == []


def test_usage() -> None:
    text = (
        "48_0|COMPLETED|61|00:30.500||node01\n48_0.batch|COMPLETED|61|00:30.500|180M|node01\n"
        "48_1|OUT_OF_MEMORY|5|1-01:00:01||node02\n48_[2-3]|PENDING|0|00:00:00||None assigned\n"
    )
    found = parse_usage(text)
    assert found[Job("48", 0)] == Usage(180 * 1024**2, 30.5, 61.0, "node01", "COMPLETED")
    assert found[Job("48", 1)].cpu_seconds == 86400 + 3600 + 1
    assert found[Job("48", 3)] == Usage(None, 0.0, 0.0, "", "PENDING")


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
