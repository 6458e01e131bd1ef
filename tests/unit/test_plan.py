"""A request is checked against the notebook before anything is written or run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nbbatch.create import place_of
from nbbatch.errors import GridError, NotebookError, UsageError
from nbbatch.plan import Plan, Request, choose_point, make_plan, merge_points
from tests.notebooks import write_notebook

PARAMETERS = "energy = 10.0  # beam energy, GeV\ndetector = 'A'\nruns = [1, 2]"


@pytest.fixture
def notebook(tmp_path: Path) -> Path:
    return write_notebook(tmp_path / "scan.ipynb", "print(energy)", parameters=PARAMETERS)


def plan(notebook: Path, grid: Any = None, **words: Any) -> Plan:
    return make_plan(Request(notebook=notebook, grid=grid, **words))


def test_points_have_ids_folders_and_keys(notebook: Path) -> None:
    points = plan(notebook, {"energy": [20, 30], "detector": ["A", "B"]}).points
    assert [point.params for point in points] == [
        {"energy": 20, "detector": "A"},
        {"energy": 20, "detector": "B"},
        {"energy": 30, "detector": "A"},
        {"energy": 30, "detector": "B"},
    ]
    assert points[0].id.startswith("detector-A_energy-20-")
    assert points[0].dir == f"points/{points[0].id}"
    assert len({point.key for point in points}) == 4


def test_without_a_grid_there_is_one_point(notebook: Path) -> None:
    (point,) = plan(notebook).points
    assert point.params == {}


def test_unknown_parameter(notebook: Path) -> None:
    with pytest.raises(GridError) as told:
        plan(notebook, {"enrgy": [1, 2]})
    assert "does not declare the parameter enrgy" in str(told.value)
    assert "Did you mean energy?" in str(told.value)
    assert len(plan(notebook, {"enrgy": [1, 2]}, allow_unknown=True).points) == 2


def test_an_unknown_parameter_is_told_with_its_own_line(notebook: Path, tmp_path: Path) -> None:
    grid = tmp_path / "params.yaml"
    grid.write_text("detector: [A, B]\n\nenrgy: [1, 2]\n")
    with pytest.raises(GridError, match=r"params\.yaml:3: .* the parameter enrgy"):
        plan(notebook, grid)


def test_no_parameters_cell(tmp_path: Path) -> None:
    bare = write_notebook(tmp_path / "bare.ipynb", "print(1)")
    with pytest.raises(NotebookError, match="has no cell tagged `parameters`"):
        plan(bare, {"x": [1]})
    assert len(plan(bare).points) == 1


def test_text_where_the_notebook_has_a_number_is_remarked_upon(notebook: Path) -> None:
    (note,) = plan(notebook, {"energy": ["20", "30"]}).notes
    assert "energy is 10.0 in the notebook" in note and "text, not a number" in note


def test_missing_kernel_lists_those_that_exist(notebook: Path) -> None:
    with pytest.raises(NotebookError, match="python3"):
        plan(notebook, kernel="fortran77")


@pytest.mark.parametrize(
    ("change", "stale"),
    [
        ({}, False),
        ({"collect": ["energy"]}, True),
        ({"timeout": "1h"}, False),
        ({"retries": 5}, False),
    ],
)
def test_what_makes_a_result_stale(notebook: Path, change: dict[str, Any], stale: bool) -> None:
    before, after = plan(notebook).points[0], plan(notebook, **change).points[0]
    assert before.id == after.id
    assert (before.key != after.key) is stale


def test_code_and_declared_inputs_make_it_stale_markdown_and_grid_size_do_not(
    tmp_path: Path,
) -> None:
    path = tmp_path / "scan.ipynb"
    table = tmp_path / "table.txt"
    table.write_text("1 2 3")
    grid = {"grid": {"energy": [1, 2]}, "inputs": [str(table)]}
    write_notebook(path, "print(energy)", parameters=PARAMETERS)
    first = plan(path, grid).points[0].key

    more = {"grid": {"energy": [0, 1, 2]}, "inputs": [str(table)]}
    assert plan(path, more).points[1].key == first
    table.write_text("1 2 4")
    assert plan(path, grid).points[0].key != first
    table.write_text("1 2 3")
    write_notebook(path, "print(energy + 1)", parameters=PARAMETERS)
    assert plan(path, grid).points[0].key != first


def test_resources_of_the_grid_and_of_the_command_line(notebook: Path) -> None:
    grid = {"grid": {"energy": [1]}, "resources": {"memory": "2GB", "time": "1h", "cpus": 4}}
    asked = plan(notebook, grid, memory="500MB").resources
    assert (asked.memory, asked.time, asked.cpus) == (500 * 2**20, 3600, 4)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"cwd": "/no/such/folder"}, "there is no such folder"),
        ({"jobs": 0}, "--jobs must be at least 1"),
        ({"retries": -1}, "--retries cannot be negative"),
        ({"options": ["partition"]}, "write it as KEY=VALUE"),
        ({"retry_memory": "half"}, "a factor above 1"),
        ({"retry_time": "2x"}, "no --time that it could multiply"),
        ({"retry_time": "2x", "time": "1h", "retry_memory": "1"}, "--retry-memory 1: write"),
        ({"retry_memory": "2x", "backend": "slurm"}, "no --memory that it could multiply"),
    ],
)
def test_bad_options(notebook: Path, words: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        plan(notebook, **words)


def test_a_declared_input_must_exist(notebook: Path) -> None:
    with pytest.raises(Exception, match=r"gone\.csv"):
        plan(notebook, {"grid": {"energy": [1]}, "inputs": ["/nowhere/gone.csv"]})


def test_points_are_chosen_by_id_number_or_beginning(notebook: Path) -> None:
    points = plan(notebook, {"energy": [1, 10]}).points
    assert choose_point("1", points) is points[1]
    assert choose_point(points[0].id, points) is points[0]
    assert choose_point("energy-10-", points) is points[1]
    with pytest.raises(UsageError, match="2 points that begin with"):
        choose_point("energy", points)


def test_points_that_are_there_keep_their_folder(notebook: Path) -> None:
    earlier = plan(notebook, {"energy": [1, 2]}).points
    elsewhere = [type(p)(p.id, p.index, p.params, f"points/xx/{p.id}", p.key) for p in earlier]
    merged = merge_points(plan(notebook, {"energy": [2, 3]}).points, elsewhere)
    assert [point.dir.split("/")[1] == "xx" for point in merged] == [True, False]


def test_setup_lines_may_be_longer_than_a_files_name(notebook: Path) -> None:
    lines = "; ".join(["module load gcc root python"] * 20)
    assert plan(notebook, setup=lines).launch.setup == lines


def test_a_home_of_nobody_is_told(notebook: Path) -> None:
    with pytest.raises(UsageError, match="--out ~nobody-of-that-name/x: there is no such user"):
        place_of(plan(notebook, out="~nobody-of-that-name/x"))
    with pytest.raises(UsageError, match="--cwd ~nobody-of-that-name: there is no such folder"):
        plan(notebook, cwd="~nobody-of-that-name")
