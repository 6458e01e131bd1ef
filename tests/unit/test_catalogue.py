"""Finding sweeps again: by folder, name, id, ``latest``; from any folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from nbbatch import catalogue
from nbbatch.errors import SweepNotFound, UsageError
from tests.views import a_header


def sweep(root: Path, name: str, created: str) -> Path:
    root.mkdir(parents=True)
    header = replace(a_header(), id=root.name[-4:], name=name, created=created)
    (root / "sweep.json").write_text(json.dumps(header.to_json()))
    return root


@pytest.fixture
def sweeps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path, Path]:
    """Two runs of ``nightly`` under ./sweeps, and one elsewhere that was remembered."""
    monkeypatch.chdir(tmp_path)
    old = sweep(tmp_path / "sweeps" / "nightly" / "1-aaaa", "nightly", "2026-01-01T00:00:00Z")
    new = sweep(tmp_path / "sweeps" / "nightly" / "2-bbbb", "nightly", "2026-01-02T00:00:00Z")
    other = sweep(tmp_path / "elsewhere" / "scan-cccc", "scan-cccc", "2026-01-03T00:00:00Z")
    catalogue.remember(other)
    return old, new, other


def test_found_by_name_id_folder_and_latest(sweeps: tuple[Path, Path, Path]) -> None:
    old, new, other = sweeps
    assert catalogue.find_sweep("nightly") == new
    assert catalogue.find_sweep("aaaa") == old
    assert catalogue.find_sweep("sweeps/nightly/1-aaaa") == old
    assert catalogue.find_sweep("latest") == other
    assert [root for root, _ in catalogue.known_sweeps()] == [other, new, old]


def test_a_damaged_folder_does_not_hide_the_others(sweeps: tuple[Path, Path, Path]) -> None:
    old, new, other = sweeps
    (new / "sweep.json").write_text("{")
    assert [root for root, _ in catalogue.known_sweeps()] == [other, old]


def test_an_unknown_name_lists_the_known_ones(sweeps: tuple[Path, Path, Path]) -> None:
    with pytest.raises(SweepNotFound, match="Known names: scan-cccc, nightly"):
        catalogue.find_sweep("nightyl")


def test_latest_link_moves_in_one_step(sweeps: tuple[Path, Path, Path]) -> None:
    old, new, _ = sweeps
    for root in (old, new):
        catalogue.point_latest(root)
        assert (root.parent / "latest").resolve() == root
    assert catalogue.known_sweeps()[1][0] == new  # not found twice through the link


@pytest.mark.parametrize("name", ["", "..", "a/b", "latest", "-x", "a;b", "a\nb"])
def test_names_that_are_no_folder_names(name: str) -> None:
    with pytest.raises(UsageError):
        catalogue.new_folder(name, "20260101T000000Z", "abcd")


def test_a_home_that_cannot_be_written_is_no_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    catalogue.remember(tmp_path)


def test_a_home_of_nobody_is_no_sweep() -> None:
    with pytest.raises(SweepNotFound, match="~nobody-of-that-name"):
        catalogue.find_sweep("~nobody-of-that-name/scan")


def test_a_folder_with_an_accent_is_found_under_any_locale(tmp_path: Path) -> None:
    memory = tmp_path / "nbbatch" / "sweeps"
    memory.parent.mkdir()
    memory.write_text(f"{tmp_path}/données\n", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", "from nbbatch import catalogue as c; print(c.known_sweeps())"],
        cwd=tmp_path,
        env={
            "XDG_STATE_HOME": str(tmp_path),
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
            "LC_ALL": "C",
            "PYTHONUTF8": "0",
            "PYTHONCOERCECLOCALE": "0",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("[]\n", "")
