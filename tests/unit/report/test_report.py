from __future__ import annotations

import json
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from nbbatch.model import Launch, PointState, PointView, Transfer
from nbbatch.report import Report, write_report
from nbbatch.report.chunks import literal, packed, value_of
from nbbatch.report.verdict import duration, headline, moment, verdict
from nbbatch.results.table import rows
from tests.views import a_header, a_view, failed, ok


def read(path: Path) -> dict[str, Any]:
    """What a data file pushes."""
    start, end = "(window.nbbatchData=window.nbbatchData||[]).push(", ");\n"
    text = path.read_text("ascii")
    assert text.startswith(start) and text.endswith(end)
    content: dict[str, Any] = json.loads(text[len(start) : -len(end)])
    return content


def unpacked(column: Any) -> list[Any]:
    return column if isinstance(column, list) else [column["of"][place] for place in column["at"]]


def test_the_report_is_one_folder(tmp_path: Path) -> None:
    (tmp_path / "grid.yaml").write_text("sigma: [8, 10]\n")
    index = write_report(tmp_path, a_header(), [ok(0, {"sigma": 8}), failed(1, {"sigma": 10})])
    assert index == tmp_path / "report" / "index.html"
    files = {str(path.relative_to(index.parent)) for path in index.parent.rglob("*.*")}
    assert files >= {
        "index.html",
        "assets/report.css",
        "assets/report.js",
        "data/columns.js",
        "data/failures.js",
        "data/points-0000.js",
    }
    assert not [name for name in files if name.endswith(".tmp")]


class Page(HTMLParser):
    """The text, the addresses and the inline code of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text, self.addresses, self.handlers = "", [], []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in ("href", "src"):
                self.addresses.append(value)
            if name.startswith("on") or name == "style":
                self.handlers.append((tag, name))

    def handle_data(self, data: str) -> None:
        self.text += data


def test_verdict_and_failures_are_readable_without_scripts(tmp_path: Path) -> None:
    views = [ok(0, {"sigma": 8, "rho": 28}), failed(1, {"sigma": 10, "rho": 28})]
    page = Page(write_report(tmp_path, a_header(), views).read_text("utf-8"))
    said = " ".join(page.text.split())
    assert "1 of 2 points is ok, 1 not" in said
    assert "ValueError diverged" in said
    assert "In [3], line 2" in said
    assert "Traceback (most recent call last)" in said
    assert "rho = 28" in said.replace("\xa0", " ")
    assert "mara on login03" in said
    assert "../points/p1-0001/notebook.html" in page.addresses


def test_the_page_loads_only_its_own_files(tmp_path: Path) -> None:
    index = write_report(tmp_path, a_header(), [failed(0, {"sigma": 8})])
    page = Page(index.read_text("utf-8"))
    local = [a for a in page.addresses if not a.startswith(("#", "data:,"))]
    assert [a for a in local if ":" in a or a.startswith("/")] == []
    loaded = [a for a in local if a.startswith(("assets/", "data/"))]
    assert loaded and all((index.parent / a.partition("?")[0]).is_file() for a in loaded)
    assert page.handlers == []
    assert "Content-Security-Policy" in index.read_text("utf-8")


HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'&\u2028\u202e"


def test_hostile_values_stay_text(tmp_path: Path) -> None:
    view = failed(0, {HOSTILE: HOSTILE}, f"{HOSTILE}: {HOSTILE}", source=HOSTILE)
    launch = Launch(container=HOSTILE, options={HOSTILE: HOSTILE})
    header = a_header(name=HOSTILE, notebook=HOSTILE, user=HOSTILE, launch=launch)
    index = write_report(tmp_path, header, [view, ok(1, {HOSTILE: 1}, **{HOSTILE: HOSTILE})])
    html = index.read_text("utf-8")
    assert "alert(1)</script><img" not in html
    assert "<img" not in html
    for file in (index.parent / "data").glob("*.js"):
        text = file.read_text("ascii")
        assert "<" not in text and "\u2028" not in text
        read(file)


def test_addresses_are_encoded_and_relative(tmp_path: Path) -> None:
    odd = a_view(0, {}, PointState.LOST, point_id='javascript:a"b#c?d%20é', attempts=1)
    folder = tmp_path / odd.point.dir
    folder.mkdir(parents=True)
    (folder / "notebook.html").write_text("")
    page = Page(write_report(tmp_path, a_header(), [odd]).read_text("utf-8"))
    expected = "../points/javascript%3Aa%22b%23c%3Fd%2520%C3%A9/notebook.html"
    assert expected in page.addresses


def cells(chunk: dict[str, Any]) -> dict[str, list[Any]]:
    """The columns of a data file, by name."""
    names = [name for _, name in chunk["columns"]]
    return {name: unpacked(column) for name, column in zip(names, chunk["values"], strict=True)}


def test_data_are_columns_in_chunks(tmp_path: Path) -> None:
    views = [ok(i, {"sigma": i % 3, "det": "ABC"[i % 3]}, chi2=i / 7) for i in range(450)]
    data = write_report(tmp_path, a_header(), views).parent / "data"
    spec = read(data / "columns.js")
    assert spec["total"] == 450
    assert [column["name"] for column in spec["columns"]][-3:] == ["sigma", "det", "chi2"]
    chunks = [read(data / f"points-{number:04d}.js") for number in range(3)]
    assert [chunk["start"] for chunk in chunks] == [0, 200, 400]
    last = cells(chunks[2])
    assert last["det"][:3] == ["B", "C", "A"]
    assert last["chi2"][49] == 449 / 7
    assert last["dir"] == [None] * 50  # points/<id> goes without saying
    assert last["started"][0] == 40.0  # seconds after the sweep was created
    assert chunks[2]["values"][chunks[2]["columns"].index(["params", "det"])]["of"] == [*"BCA"]


def test_transfers_are_columns_where_files_travel(tmp_path: Path) -> None:
    views = [ok(n, {"x": n}, y=n) for n in range(300)]
    data = write_report(tmp_path, a_header(), views).parent / "data"
    assert not {"sent", "fetched"} & cells(read(data / "points-0000.js")).keys()

    views[0] = replace(views[0], transfer=Transfer(inputs=7))
    views[1] = replace(views[1], transfer=Transfer(outputs=2))
    write_report(tmp_path, a_header(), views)

    first, second = (cells(read(data / f"points-{number:04d}.js")) for number in range(2))
    assert (first["sent"][:3], first["fetched"][:3]) == ([7, None, None], [None, 2, None])
    assert first["y"][:3] == [0, 1, 2]
    assert "sent" not in second  # none of its points was sent any
    assert "sent" in [column["name"] for column in read(data / "columns.js")["columns"]]


def test_a_metric_that_appears_late_changes_no_other_file(tmp_path: Path) -> None:
    views: list[PointView] = [ok(i, {"sigma": i}, chi2=1.0) for i in range(500)]
    report = write_report(tmp_path, a_header(), views).parent
    before = stamps(report)
    views[450] = ok(450, {"sigma": 450}, chi2=1.0, late=2.0)
    write_report(tmp_path, a_header(), views)
    names = [column["name"] for column in read(report / "data" / "columns.js")["columns"]]
    assert names[-2:] == ["chi2", "late"]
    after = stamps(report)
    assert after["data/points-0000.js"] == before["data/points-0000.js"]


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        (1, 1),
        (0.5, 0.5),
        (True, True),
        ("text", "text"),
        ("x" * 1_000_000, "x" * 299 + "…"),
        (None, {"text": "null"}),
        ([1, "a"], {"text": '[1, "a"]'}),
        (2**60, {"text": str(2**60)}),
        (float("nan"), {"text": "NaN"}),
        (float("-inf"), {"text": "-Infinity"}),
    ],
)
def test_values_that_javascript_has_no_type_for_are_told_apart_from_missing(value, cell) -> None:
    assert value_of({"x": value}, "x") == cell
    assert value_of({}, "x") is None


def test_repeated_texts_are_packed() -> None:
    assert packed(["a", None] * 4) == {"of": ["a", None], "at": [0, 1] * 4}
    assert packed([0.1] * 8) == {"of": [0.1], "at": [0] * 8}
    assert packed(["a", "b", "c"]) == ["a", "b", "c"]
    assert packed([1, True] * 8) == [1, True] * 8  # equal in Python, not in a table


def test_literals_are_harmless_in_html() -> None:
    assert literal("</script>&\u2028é") == '"\\u003c/script\\u003e\\u0026\\u2028\\u00e9"'


def stamps(report: Path) -> dict[str, int]:
    return {str(path.relative_to(report)): path.stat().st_ino for path in report.rglob("*.*")}


def changes(before: dict[str, int], after: dict[str, int]) -> set[str]:
    return {name for name in after if after[name] != before.get(name)}


def test_only_what_changed_is_written_again(tmp_path: Path) -> None:
    views: list[PointView] = [ok(i, {"sigma": i}, chi2=1.0) for i in range(1500)]
    report = write_report(tmp_path, a_header(), views).parent
    before = stamps(report)
    write_report(tmp_path, a_header(), views)
    assert changes(before, stamps(report)) == set()
    views[3] = ok(3, {"sigma": 3}, chi2=2.0)
    write_report(tmp_path, a_header(), views)
    changed = changes(before, stamps(report))
    # now.js tells an open page what to load again, index.html whom to load at first
    assert changed == {"data/points-0000.js", "data/built.json", "data/now.js", "index.html"}


def test_what_did_not_change_is_not_even_computed(tmp_path: Path, monkeypatch) -> None:
    views: list[PointView] = [ok(i, {"sigma": i}, chi2=1.0) for i in range(1000)]
    report = Report(tmp_path)
    report.write(a_header(), views)
    computed: list[int] = []

    def counted(chunk, root):
        computed.append(len(chunk))
        return rows(chunk, root)

    monkeypatch.setattr("nbbatch.report.index.rows", counted)
    views[700] = ok(700, {"sigma": 700}, chi2=2.0)
    report.write(a_header(), views)
    assert computed == [200]
    write_report(tmp_path, a_header(), views)  # another process, that finds only the folder
    assert computed == [200]


def test_a_lost_or_damaged_note_of_the_last_build_costs_time_only(tmp_path: Path) -> None:
    views: list[PointView] = [ok(i, {"sigma": i}, chi2=1.0) for i in range(300)]
    report = write_report(tmp_path, a_header(), views).parent
    right = {path.name: path.read_bytes() for path in (report / "data").iterdir()}
    (report / "data" / "built.json").write_text("[{")
    (report / "data" / "points-0001.js").unlink()
    write_report(tmp_path, a_header(), views)
    assert {path.name: path.read_bytes() for path in (report / "data").iterdir()} == right


def test_a_running_point_is_looked_at_again(tmp_path: Path) -> None:
    """Its log may appear without any change of its state."""
    view = a_view(0, {"sigma": 1}, PointState.RUNNING)
    report = write_report(tmp_path, a_header(), [view, ok(1, {"sigma": 2})]).parent
    folder = tmp_path / view.point.dir
    folder.mkdir(parents=True)
    (folder / "output.log").write_text("step 1")
    write_report(tmp_path, a_header(), [view, ok(1, {"sigma": 2})])
    assert cells(read(report / "data" / "points-0000.js"))["files"] == [4, 7]


def test_a_smaller_sweep_leaves_no_old_data(tmp_path: Path) -> None:
    write_report(tmp_path, a_header(), [ok(i, {"sigma": i}) for i in range(300)])
    index = write_report(tmp_path, a_header(), [ok(0, {"sigma": 0})])
    assert not (index.parent / "data" / "points-0001.js").exists()
    assert "points-0001.js" not in index.read_text("utf-8")


def test_an_open_sweep_says_how_long_it_will_take(tmp_path: Path) -> None:
    views = [ok(0, {"a": 1}), a_view(1, {"a": 2}, PointState.RUNNING)]
    index = write_report(tmp_path, a_header(), views)
    status = read(index.parent / "data" / "now.js")
    assert status["open"] and status["counts"] == {"ok": 1, "running": 1}
    assert status["left"].endswith(" left")
    assert "as of" in index.read_text("utf-8")
    index = write_report(tmp_path, a_header(), [ok(0, {"a": 1}), ok(1, {"a": 2})])
    assert not read(index.parent / "data" / "now.js")["open"]
    assert "as of" not in index.read_text("utf-8")


def test_plotly_is_beside_the_page_once_and_not_loaded_with_it(tmp_path: Path) -> None:
    index = write_report(tmp_path, a_header(), [ok(0, {"a": 1}), ok(1, {"a": 2})])
    plotly = index.parent / "assets" / "plotly.min.js"
    written = plotly.stat()
    assert written.st_size > 1_000_000
    assert "plotly" not in index.read_text("utf-8")
    write_report(tmp_path, a_header(), [ok(0, {"a": 1})])
    assert plotly.stat().st_ino == written.st_ino


def test_figures_with_names_that_are_paths_are_left_out(tmp_path: Path) -> None:
    view = ok(0, {"a": 1})
    record = replace(view.record, figures=("cell-01.png", "../../secret.png", ".hidden", "a/b"))
    index = write_report(tmp_path, a_header(), [replace(view, record=record)])
    assert cells(read(index.parent / "data" / "points-0000.js"))["figures"] == ["cell-01.png"]


def test_ten_thousand_ways_to_fail_do_not_drown_the_page(tmp_path: Path) -> None:
    views = [failed(i, {}, f"Error{chr(65 + i % 26)}{'x' * (i // 26)}: no") for i in range(200)]
    html = write_report(tmp_path, a_header(), views).read_text("utf-8")
    assert html.count('<li class="failure">') == 50
    assert "150 more kinds of failure" in html


def test_metrics_that_could_not_be_collected_are_named(tmp_path: Path) -> None:
    view = ok(0, {})
    assert view.record is not None
    view.record.metric_errors["chi2"] = "NameError: name 'fit' is not defined"
    page = Page(write_report(tmp_path, a_header(), [view]).read_text("utf-8"))
    assert "chi2 at p0-0000: NameError: name 'fit' is not defined" in " ".join(page.text.split())


@pytest.mark.parametrize(
    ("states", "words"),
    [
        ("", "No points"),
        ("ok", "The only point is ok"),
        ("failed", "The only point is not ok"),
        ("ok ok", "All 2 points are ok"),
        ("failed lost", "None of the 2 points is ok"),
        ("ok failed failed", "1 of 3 points is ok, 2 not"),
        ("ok ok failed", "2 of 3 points are ok, 1 not"),
        ("queued running", "2 points, none done yet"),
        ("ok queued", "1 of 2 points done"),
        ("ok failed running", "2 of 3 points done, 1 of them not ok"),
    ],
)
def test_the_verdict_is_a_sentence(states: str, words: str) -> None:
    views = [a_view(i, {}, PointState(state)) for i, state in enumerate(states.split())]
    assert verdict(views).headline == words


def test_large_numbers_are_grouped() -> None:
    assert headline({PointState.OK: 10_000}) == "All 10,000 points are ok"


def test_times_add_up() -> None:
    found = verdict([ok(0, {}), ok(30, {}), a_view(2, {}, PointState.QUEUED)])
    assert (found.wall, found.busy, found.cpu) == (90.0, 120.0, 60.0)
    assert (found.over, found.total, found.open) == (2, 3, True)
    nothing = verdict([a_view(0, {}, PointState.QUEUED)])
    assert (nothing.wall, nothing.busy, nothing.cpu) == (None, None, None)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, ""),
        (-0.01, "0.0 s"),
        (0.44, "0.4 s"),
        (9.96, "10 s"),
        (59.4, "59 s"),
        (59.6, "1 min 00 s"),
        (185, "3 min 05 s"),
        (3599.7, "1 h 00 min"),
        (7500, "2 h 05 min"),
        (86399, "1 d 00 h"),
        (100_000, "1 d 04 h"),
    ],
)
def test_durations(seconds: float | None, words: str) -> None:
    assert duration(seconds) == words


def test_moments_are_utc() -> None:
    assert moment("2024-05-01T14:30:00+02:00") == "2024-05-01 12:30 UTC"
    assert moment("2024-05-01T12:30:00.123Z") == "2024-05-01 12:30 UTC"
    assert moment("yesterday") == "yesterday"


def test_points_that_were_reused_are_marked_and_take_no_time(tmp_path: Path) -> None:
    views = [ok(0, {"x": 1}), ok(1, {"x": 2})]
    assert views[1].record is not None
    views[1] = replace(views[1], record=replace(views[1].record, reused="../yesterday"))
    text = write_report(tmp_path, a_header(), views).read_text("utf-8")
    assert "1 reused from an earlier run" in text and "All 2 points are ok" in text
    points = read(tmp_path / "report/data/points-0000.js")
    column = points["columns"].index(["", "reused"])
    assert points["values"][column] == [None, True]
    write_report(tmp_path, a_header(), [views[0]] * 2)
    points = read(tmp_path / "report/data/points-0000.js")
    assert ["", "reused"] not in points["columns"]
