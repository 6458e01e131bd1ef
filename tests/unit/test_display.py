from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest
from rich.console import Console, RenderableType

from nbbatch.display import (
    Progress,
    parameters_table,
    plan_table,
    results_table,
    show,
    status_block,
    summary,
    sweeps_table,
)
from nbbatch.display.progress import Eta, rate_in_words
from nbbatch.grid.model import Axis
from nbbatch.model import Outcome, PointState, PointView, Record
from nbbatch.notebook import read_notebook
from nbbatch.report.verdict import left_in_words
from nbbatch.results.summary_notebook import Told
from nbbatch.results.table import rows
from tests.notebooks import write_notebook
from tests.views import a_header, a_view, failed, ok


def printed(renderable: RenderableType, width: int = 80) -> str:
    console = Console(file=io.StringIO(), width=width, highlight=False)
    show(renderable, console)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    return "\n".join(line.rstrip() for line in text.splitlines())


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


MIXED = [
    ok(0, {"rho": 1}),
    failed(1, {"rho": 2}, "ValueError: diverged for rho=2"),
    failed(2, {"rho": 3}, "ValueError: diverged for rho=3"),
    a_view(3, {"rho": 4}, PointState.LOST, reason="job 7 left no record"),
]


def test_the_summary_says_what_failed_and_what_to_type_next(here: Path) -> None:
    folder = here / "sweeps" / "my scan"
    text = printed(summary(a_header(), MIXED, folder, folder / "report" / "index.html"))
    assert text == (
        "1 of 4 points is ok, 3 not  lorenz-scan  1 min 02 s\n"
        "1 ok   2 failed   1 lost\n"
        "\n"
        "2 failed  ValueError: diverged for rho=…\n"
        "    In [3], line 2  raise ValueError(…)\n"
        "    e.g. p1-0001\n"
        "         diverged for rho=2\n"
        "\n"
        "1 lost  The job is gone and left no record: job 7 left no record\n"
        "    at p3-0003\n"
        "\n"
        "Report   'sweeps/my scan/report/index.html'\n"
        "Log      nbbatch logs 'sweeps/my scan' 1\n"
        "Go on    nbbatch resume 'sweeps/my scan'\n"
        "Retry    nbbatch resume 'sweeps/my scan' --failed\n"
        "Results  nbbatch results 'sweeps/my scan'"
    )


@pytest.mark.parametrize(
    ("states", "labels"),
    [
        ("ok ok", ["Results"]),
        ("ok pending", ["Go on"]),
        ("ok running", ["Follow", "Stop"]),
        ("failed running", ["Log", "Follow", "Stop"]),
        ("ok cancelled", ["Go on", "Results"]),
        ("failed failed", ["Log", "Retry"]),
    ],
)
def test_the_next_commands_fit_the_state(states: str, labels: list[str], here: Path) -> None:
    views = [a_view(i, {}, PointState(state)) for i, state in enumerate(states.split())]
    text = printed(summary(a_header(), views, here / "s", None))
    found = [line.split("  ")[0].strip() for line in text.splitlines() if " nbbatch " in line]
    assert found == labels


def test_commands_and_paths_are_never_cut(here: Path) -> None:
    folder = here / ("long-" * 30)
    text = printed(summary(a_header(), MIXED, folder, folder / "report" / "index.html"), width=40)
    assert f"nbbatch resume {folder.name} --failed" in text
    assert f"{folder.name}/report/index.html" in text


def test_many_kinds_of_failure_are_counted_not_listed(here: Path) -> None:
    views = [failed(i, {}, f"Error{chr(65 + i)}: no") for i in range(20)]
    text = printed(summary(a_header(), views, here, None))
    assert text.count("1 failed") == 6
    assert "and 14 more kinds of failure (14 points): see the report." in text


def test_text_of_notebooks_cannot_drive_the_terminal(here: Path) -> None:
    hostile = "E: [bold]x[/bold] \x1b[31mred\x1b]0;title\x07 \u202eback"
    text = printed(summary(a_header(), [failed(0, {}, hostile)], here, None))
    assert "[bold]x[/bold] red" in text
    assert not set(text) & set("\x1b\x07\u202e")


def test_status_shows_what_runs_and_where(here: Path) -> None:
    views = [a_view(i, {}, PointState.RUNNING, host=f"node{i}") for i in range(7)]
    text = printed(status_block(a_header(), views, here / "s", "process 12 on login03"))
    assert "7 points, none done yet" in text
    assert "process 12 on login03" in text
    assert "node4" in text and "node5" not in text
    assert "and 2 more" in text


# ---------------------------------------------------------------------------- tables


def test_results_show_what_varies_and_name_what_is_constant(tmp_path: Path) -> None:
    table = rows([ok(0, {"a": 1, "b": 28}, m=0.5), ok(1, {"a": 10, "b": 28}, m=2)], tmp_path)
    assert printed(results_table(table)).splitlines() == [
        "the same for all: b = 28",
        "#  point    state   a    m        time",
        "─" * 38,
        "0  p0-0000  ok      1  0.5  1 min 00 s",
        "1  p1-0001  ok     10    2  1 min 00 s",
    ]


def test_columns_that_do_not_fit_are_named(tmp_path: Path) -> None:
    wide = {f"parameter_{letter}": "x" * 20 for letter in "abcdefgh"}
    views = [failed(i, {**wide, "i": i, "parameter_a": str(i) * 20}) for i in range(2)]
    views.append(ok(2, {name: f"{name}-value" for name in wide}))
    text = printed(results_table(rows(views, tmp_path)))
    assert max(len(line) for line in text.splitlines()[:5]) <= 80
    assert "too narrow for: " in text
    assert "parameter_h" in text.splitlines()[-1]
    assert "parameter_h" in printed(results_table(rows(views, tmp_path)), width=300).splitlines()[0]


def test_a_long_id_keeps_its_hash(tmp_path: Path) -> None:
    view = a_view(0, {}, PointState.OK, point_id=f"{'very-' * 20}long-a1b2c3d4")
    assert "…g-a1b2c3d4" in printed(results_table(rows([view], tmp_path)))


def test_the_plan_says_how_many_points_and_why(tmp_path: Path) -> None:
    points = [ok(i, {"sigma": i // 10, "rho": i % 10, "beta": 1}).point for i in range(30)]
    axes = [SimpleNamespace(name="sigma", size=3), SimpleNamespace(name="rho", size=10)]
    text = printed(plan_table(points, axes, {points[0].id}, ["mind the gap"]))
    assert text.splitlines()[0] == (
        "30 points from sigma (3) × rho (10), 1 already done, 29 to run"
    )
    assert "the same for all: beta = 1" in text
    assert " 0  p0-0000       0    0  done" in text
    assert "and 10 more" in text
    assert "note: mind the gap" in text


def test_a_notebooks_parameters() -> None:
    parameter = SimpleNamespace(
        name="sigma", default_source="10.0", annotation="float", help="Prandtl number", kind="float"
    )
    notebook = SimpleNamespace(
        language="python",
        kernel="python3",
        imports=("numpy",),
        has_parameters_cell=True,
        parameters=[parameter],
    )
    text = printed(parameters_table(notebook))
    assert "python, kernel python3" in text
    assert "sigma      10.0     float  Prandtl number" in text
    assert "imports  numpy" in text
    notebook.parameters, notebook.has_parameters_cell = [], False
    assert "tag the cell that assigns them `parameters`" in printed(parameters_table(notebook))


def test_sweeps_are_listed_with_their_folders(here: Path) -> None:
    text = printed(sweeps_table([(here / "sweeps" / "a", a_header())]))
    assert "2024-05-01 12:00 UTC  lorenz-scan  local" in text
    assert "sweeps/a" in text


# -------------------------------------------------------------------------- progress


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def counts(*states: str) -> dict[PointState, int]:
    return {PointState(state): states.count(state) for state in states}


def followed(
    looks: Sequence[tuple[float, dict[PointState, int], str | None]], total: int
) -> list[str]:
    """The lines, without their time of day, that a run prints into a file."""
    clock = Clock()
    console = Console(file=io.StringIO(), width=40)
    with Progress(console, clock=clock) as progress:
        for now, by_state, failure in looks:
            clock.now = now
            progress.update(by_state, total, failure)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    return [line[10:] for line in text.splitlines()]


def test_without_a_terminal_plain_lines_come_now_and_then() -> None:
    looks = [(float(second), {PointState.RUNNING: 1}, None) for second in range(21)]
    assert followed([*looks, (21.0, {PointState.OK: 1}, None)], 1) == [
        "0 of 1 done (1 running)",
        "0 of 1 done (1 running)",
        "1 of 1 done (1 ok)",
    ]


def test_the_first_failure_is_told_at_once_and_without_control_codes() -> None:
    looks = [
        (0.0, counts("running", "queued"), None),
        (1.0, counts("failed", "running"), "p0: ValueError: \x1b[31m[red]no"),
    ]
    assert followed(looks, 2)[1] == "1 of 2 done (1 failed, 1 running); last failure: " + (
        "p0: ValueError: [red]no"
    )


def test_in_a_terminal_a_block_is_drawn_and_taken_away() -> None:
    console = Console(file=io.StringIO(), width=60, force_terminal=True, no_color=True)
    with Progress(console, clock=Clock()) as progress:
        progress.update(counts("ok", "failed", "running"), 3, "p1: ValueError: no")
        text = printed(progress.render(), width=60)
    assert "2 of 3 67 %" in text
    assert "1 ok   1 failed   1 running" in text
    assert "time left: estimating…" in text
    assert "last failure  p1: ValueError: no" in text


def test_the_time_left_is_not_guessed_too_early() -> None:
    eta = Eta()
    assert eta.rate(0, running=8) is None
    eta.note(0, 100)  # what was there before we came does not count
    for second in range(1, 8):
        eta.note(second, 100 + second)
    assert eta.rate(7, running=8) is None  # the fastest of the first round
    eta.note(10, 110)
    assert eta.rate(10, running=8) == 1.0
    assert eta.rate(20, running=8) == 0.5  # nothing ended since


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, "time left: estimating…"),
        (10, "less than a minute left"),
        (200, "about 3 min left"),
        (3 * 3600, "about 3 h left"),
        (4 * 86400, "about 4 days left"),
    ],
)
def test_time_left_in_words(seconds: float | None, words: str) -> None:
    assert left_in_words(seconds) == words


def test_rates_in_words() -> None:
    assert rate_in_words(2.5) == "2.5 points/s"
    assert rate_in_words(0.05) == "3 points/min"
    assert rate_in_words(0.001) == "3.6 points/h"
    assert rate_in_words(0.0001) == "8.6 points/day"


def test_all_views_print_at_eighty_columns(here: Path) -> None:
    views: list[PointView] = [a_view(i, {"a": i}, state) for i, state in enumerate(PointState)]
    for renderable in (
        status_block(a_header(), views, here),
        summary(a_header(), views, here, None),
        results_table(rows(views, here)),
    ):
        assert printed(renderable)


def test_a_summary_that_failed_is_said_and_hides_nothing(tmp_path: Path) -> None:
    record = Record("summary", "k", 1, Outcome.FAILED)
    told = Told("ValueError: \x1b[31mno peak", record, outdated=False)
    views = [ok(0, {"x": 1}), ok(1, {"x": 2})]
    for block in (
        status_block(a_header(), views, tmp_path, told=told),
        summary(a_header(), views, tmp_path, tmp_path / "index.html", told),
    ):
        text = printed(block)
        assert "All 2 points are ok" in text
        assert "The summary notebook failed  ValueError: no peak" in text
        assert "summary/notebook.html" in text and "nbbatch report --summary" in text


def test_a_terminal_without_unicode_gets_question_marks(tmp_path: Path) -> None:
    points = [a_view(n, {"rho": n}, PointState.PENDING).point for n in range(2)]
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    show(plan_table(points, [Axis("rho", 2), Axis("x", 1)]), Console(file=stream, width=80))
    with Progress(Console(file=stream, width=80)) as progress:
        progress.update({PointState.FAILED: 1}, 1, "p0: ValueError: …")
    stream.flush()
    text = stream.buffer.getvalue().decode("ascii")  # type: ignore[attr-defined]
    assert "2 points from rho (2) ? x (1)" in text
    assert "last failure: p0: ValueError: ?" in text


def test_the_names_in_a_notebook_cannot_command_the_terminal(tmp_path: Path) -> None:
    path = write_notebook(tmp_path / "n.ipynb", "x")
    content = json.loads(path.read_text())
    content["metadata"]["kernelspec"] = {"name": "python3\x1b]0;mine\x07", "language": "a\x1bb"}
    content["metadata"].pop("language_info", None)
    path.write_text(json.dumps(content))
    assert "\x1b" not in printed(parameters_table(read_notebook(path)))


def test_a_wide_name_of_a_column_is_whole() -> None:
    points = [a_view(n, {"能量": n, "x": 1}, PointState.PENDING).point for n in range(2)]
    assert "能量" in printed(plan_table(points))
