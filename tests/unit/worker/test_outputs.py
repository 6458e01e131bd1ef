"""Text of a cell in the notebook and in the log."""

from __future__ import annotations

from pathlib import Path

from nbformat import NotebookNode
from nbformat.v4 import new_output

from nbbatch.worker.outputs import CellText, OutputLog, keepable, strip_ansi


def test_altairs_charts_are_kept_under_a_name_that_nbformat_takes() -> None:
    chart = {"application/vnd.vegalite.v6.json": {"mark": "line"}, "text/plain": "<Chart>"}
    kept = keepable({**chart, "application/vnd.x+json": [1], "application/json": {}})
    assert kept["application/vnd.vegalite.v6+json"] == {"mark": "line"}
    assert list(kept)[1:] == ["text/plain", "application/vnd.x+json", "application/json"]
    new_output("display_data", kept)  # raises where it is not valid


def test_one_block_of_each_stream_between_two_figures() -> None:
    outputs: list[NotebookNode] = []
    text = CellText(outputs, cap=10_000)
    for number in range(3):
        text.write("stdout", f"out {number}\n")
        text.write("stderr", f"err {number}\n")
    outputs.append(new_output("display_data", {"text/plain": "figure"}))
    text.other_output()
    text.write("stdout", "below\n")
    text.render()

    assert [(o.get("name"), o.get("text")) for o in outputs] == [
        ("stdout", "out 0\nout 1\nout 2\n"),
        ("stderr", "err 0\nerr 1\nerr 2\n"),
        (None, None),
        ("stdout", "below\n"),
    ]


def test_the_middle_is_left_out_above_the_cap_and_that_is_said() -> None:
    outputs: list[NotebookNode] = []
    text = CellText(outputs, cap=10_000)
    for number in range(10_000):
        text.write("stdout", f"line {number}\n")
    text.finish()
    text.render()

    assert text.truncated
    kept = outputs[0]["text"]
    assert len(kept) < 11_000
    assert kept.startswith("line 0\nline 1\n")
    assert kept.endswith("line 9998\nline 9999\n")
    assert "characters left out, see output.log" in kept
    assert "printed more than 10,000 characters" in outputs[-1]["text"]


def test_one_huge_print_is_cut_too() -> None:
    outputs: list[NotebookNode] = []
    text = CellText(outputs, cap=10_000)
    text.write("stdout", "x" * 1_000_000 + "end")
    text.render()

    assert len(outputs[0]["text"]) < 12_000
    assert outputs[0]["text"].endswith("end")


def test_the_cap_counts_both_streams_and_every_block() -> None:
    outputs: list[NotebookNode] = []
    text = CellText(outputs, cap=10_000)
    for number in range(50):
        text.write("stdout", f"{number:04d}\n" * 100)
        text.write("stderr", f"{number:04d}\n" * 100)
        text.other_output()
    text.render()

    assert sum(len(output["text"]) for output in outputs) < 16_000  # notices included
    assert "0049\n" in outputs[-1]["text"]


def test_a_progress_bar_does_not_count_its_steps() -> None:
    outputs: list[NotebookNode] = []
    text = CellText(outputs, cap=1_000)
    for number in range(5_000):
        text.write("stderr", f"\r{number} of 5000")
    text.render()

    assert not text.truncated
    assert outputs[0]["text"] == "4999 of 5000"


def test_clearing_starts_anew() -> None:
    outputs: list[NotebookNode] = []
    text = CellText(outputs, cap=1_000)
    text.write("stdout", "x\n" * 2_000)
    outputs.clear()
    text.clear()
    text.write("stdout", "new\n")
    text.render()

    assert [output["text"] for output in outputs] == ["new\n"]
    assert not text.truncated


def test_the_log_has_headers_on_lines_of_their_own(tmp_path: Path) -> None:
    path = tmp_path / "output.log"
    log = OutputLog(path)
    log.header(0, 1)
    log.write("no newline at its end", "stdout")
    log.header(2, None)
    log.shown({"data": {"text/plain": "a value", "text/html": "<b>a value</b>"}})
    log.error({"ename": "E", "evalue": "v", "traceback": ["\x1b[31mE\x1b[0m", "v"]})
    log.header(0, 1, later=True)
    log.close()

    assert path.read_text("utf-8").splitlines() == [
        "── cell 0 [In 1] ──",
        "no newline at its end",
        "── cell 2 [In  ] ──",
        "a value",
        "E",
        "v",
        "── cell 0 [In 1], later ──",
    ]


def test_lines_of_two_streams_do_not_tear_each_other(tmp_path: Path) -> None:
    log = OutputLog(tmp_path / "output.log")
    for text, stream in [("100", "stdout"), ("e1\ne", "stderr"), ("06\n", "stdout")]:
        log.write(text, stream)
        log.flush()
    log.write("2\n", "stderr")
    log.write("x" * 2_000, "stdout")  # too long to wait for
    log.flush()

    text = (tmp_path / "output.log").read_text()
    log.close()
    assert text == "e1\n10006\ne2\n" + "x" * 2_000


def test_a_second_attempt_elsewhere_does_not_mix_with_the_first(tmp_path: Path) -> None:
    first = OutputLog(tmp_path / "output.log")
    second = OutputLog(tmp_path / "output.log")
    first.write("first\n", "stdout")
    second.write("second\n", "stdout")
    first.close()
    second.close()

    assert (tmp_path / "output.log").read_text() == "second\n"
    assert [path.name for path in tmp_path.iterdir()] == ["output.log"]


def test_ansi_sequences_are_removed() -> None:
    assert strip_ansi("\x1b[1;31mbold\x1b[0m \x1b]8;;http://x\x07link\x1b]8;;\x07") == "bold link"
