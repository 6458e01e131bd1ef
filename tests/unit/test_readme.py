"""The README says what is true: its commands and options exist, all are in it, its grids load."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest
import typer.main

from nbbatch.cli.app import app
from nbbatch.grid import load_grid

CHECKOUT = Path(__file__).parents[2]
README = (CHECKOUT / "README.md").read_text(encoding="utf-8")
FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
PROSE = FENCED.sub("", README)
GRIDS = [text for kind, text in FENCED.findall(README) if kind == "yaml"]
EVERYWHERE = {"--help", "-h"}


def options_of_commands() -> dict[str, set[str]]:
    """What the program has: command → options; under "" those without a command.

    Commands of a group have two words. ``schedule add`` takes the options of ``run``, too.
    """
    root = typer.main.get_command(app)
    visible = {"": root}
    for name, command in root.commands.items():  # type: ignore[attr-defined]
        if not command.hidden:
            visible[name] = command
            for inner, each in getattr(command, "commands", {}).items():
                visible[f"{name} {inner}"] = each
    has = {
        name: EVERYWHERE | {text for each in command.params for text in each.opts if text[0] == "-"}
        for name, command in visible.items()
    }
    has["schedule add"] |= has["run"]
    return has


def command_lines() -> list[str]:
    """What the README says after `nbbatch`: in code spans, and after a $ in transcripts."""
    spans = re.findall(r"`nbbatch ([^`]+)`", PROSE)
    typed = re.findall(r"^\$ nbbatch (.+)$", README, re.MULTILINE)
    return spans + typed


HAS = options_of_commands()


@pytest.mark.parametrize("line", sorted(set(command_lines())))
def test_what_the_readme_types_exists(line: str) -> None:
    words = line.replace("\\", "").split()
    command = "" if words[0].startswith("-") else words[0]
    if command == "COMMAND":  # stands for each of them
        return
    if " ".join(words[:2]) in HAS:
        command = " ".join(words[:2])
    assert command in HAS
    options = {word.partition("=")[0] for word in words if re.match(r"--?[a-z]", word)}
    assert options <= HAS[command]


def test_options_that_the_readme_names_exist() -> None:
    ours = re.sub(r"`(bash|jupyter) [^`]+`", "", PROSE)  # other programs' own
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", ours))
    assert named <= set().union(*HAS.values())


def test_every_command_and_option_is_in_the_readme() -> None:
    missing = [name for name in HAS if name and f"`nbbatch {name}" not in PROSE]
    missing += [
        f"nbbatch {name} {option}"
        for name, options in HAS.items()
        for option in options - EVERYWHERE
        if len(option) > 2 and option not in PROSE
    ]
    assert not missing


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The files that the README's grids speak of."""
    (tmp_path / "data").mkdir()
    for run in (1, 2, 10):
        (tmp_path / "data" / f"run{run}.root").touch()
    (tmp_path / "points.csv").write_text("run,sigma\n007,10\n008,12\n")
    return tmp_path


@pytest.mark.parametrize("text", GRIDS, ids=range(len(GRIDS)))
def test_grids_of_the_readme_load(text: str, folder: Path) -> None:
    (folder / "params.yaml").write_text(text)
    grid = load_grid(folder / "params.yaml", today=date(2026, 3, 31))
    assert grid.points


def test_the_first_grid_has_the_points_that_the_readme_says(folder: Path) -> None:
    (folder / "params.yaml").write_text(GRIDS[0])
    grid = load_grid(folder / "params.yaml")
    assert "That is 15 points." in README
    assert len(grid.points) == 15
    first, second = (point.params for point in grid.points[:2])
    assert first == {"sigma": 8, "rho": 20, "beta": 2.6666666667}
    assert second == {"sigma": 8, "rho": 22.5, "beta": 2.6666666667}


def test_links_of_the_readme_lead_somewhere() -> None:
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", README):
        assert (CHECKOUT / target).exists(), target
