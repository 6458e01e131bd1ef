"""A report that is sent: what is in the zip, and what the one file may run."""

from __future__ import annotations

import base64
import hashlib
import re
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from nbbatch.errors import UsageError
from nbbatch.model import PointView
from nbbatch.report import write_single_file, write_zip
from nbbatch.worker.texts import script
from tests.views import a_header, failed, ok

EVIL = "</script><script>alert(1)</script>"


def sweep(root: Path) -> list[PointView]:
    views = [ok(0, {"x": EVIL}, chi2=1.0), failed(1, {"x": 2}, f"ValueError: {EVIL}")]
    views = [replace(v, record=replace(v.record, figures=("cell-01.png",))) for v in views]
    for view in views:
        folder = root / view.point.dir / "figures"
        folder.mkdir(parents=True)
        (folder / "cell-01.png").write_bytes(b"\x89PNG")
        cells = {"kind": "cells", "point": view.point.id, "cells": [{"cell": 1, "text": EVIL}]}
        (folder / "cells.js").write_text(script(cells))
        (folder.parent / "notebook.html").write_text("page")
    (root / "results.csv").write_text("id\n")
    return views


def test_the_one_file_runs_only_its_own_scripts(tmp_path: Path) -> None:
    target = tmp_path / "report.html"
    write_single_file(tmp_path, a_header(name=EVIL), sweep(tmp_path), target)
    page = target.read_text("utf-8")
    policy = re.search(r'content="default-src \'none\'; script-src ([^;]*);', page)
    assert policy is not None and "self" not in policy[1] and "unsafe" not in policy[1]
    scripts = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    hashes = [hashlib.sha256(text.encode()).digest() for text in scripts]
    assert policy[1].split() == [f"'sha256-{base64.b64encode(h).decode()}'" for h in hashes]
    assert not any("<script" in text for text in scripts[:-2])  # the data; not plotly and ours
    assert "src=" not in page.partition("<script>")[0]
    assert re.findall(r'href="(?!#|data:,)[^"]*"', page.partition("<script>")[0]) == []


def test_what_a_notebook_wrote_over_its_texts_is_not_run(tmp_path: Path) -> None:
    views = sweep(tmp_path)
    texts = tmp_path / views[0].point.dir / "figures" / "cells.js"
    for content in ("alert(1)", script({"cells": []}) + "alert(1);{}", "\xff"):
        texts.write_text(content, encoding="latin-1")
        write_single_file(tmp_path, a_header(), views, tmp_path / "report.html")
        assert "\nalert(1)" not in (tmp_path / "report.html").read_text("utf-8")


def test_too_much_for_one_file(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("nbbatch.report.single.SINGLE_LIMIT", 3)
    with pytest.raises(UsageError, match="--zip"):
        write_single_file(tmp_path, a_header(), sweep(tmp_path), tmp_path / "report.html")
    assert not (tmp_path / "report.html").exists()


def test_the_zip_has_all_that_the_report_links_to(tmp_path: Path) -> None:
    root = tmp_path / "sweep"
    root.mkdir()
    views = sweep(root)
    packed = write_zip(root, a_header(name="../scan"), views, tmp_path / "scan.zip")
    with zipfile.ZipFile(packed) as content:
        names = set(content.namelist())
        assert content.testzip() is None
    assert {
        "scan/report/index.html",
        "scan/report/assets/plotly.min.js",
        "scan/report/data/points-0000.js",
        "scan/points/p0-0000/notebook.html",
        "scan/points/p1-0001/figures/cell-01.png",
        "scan/results.csv",
    } <= names
    assert not [name for name in names if ".." in name or name.endswith(("built.json", ".tmp"))]
    assert [file.name for file in tmp_path.iterdir() if "tmp" in file.name] == []


def test_the_zip_does_not_link_to_the_runs_that_stay_behind(tmp_path: Path) -> None:
    root = tmp_path / "scan" / "20261121T060000Z-1"
    root.mkdir(parents=True)
    (root.parent / "runs.jsonl").touch()
    packed = write_zip(root, a_header(name="scan"), sweep(root), tmp_path / "scan.zip")
    assert "all its runs" in (root / "report/index.html").read_text()
    with zipfile.ZipFile(packed) as content:
        page = content.read("scan/report/index.html").decode()
    assert "../../index.html" not in page and "all its runs" not in page
