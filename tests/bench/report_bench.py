"""How long a report takes, to build and to use: ``python tests/bench/report_bench.py [POINTS …]``.

Sweep folders of 100, 1,000 and 10,000 points with 12 parameters and 8 metrics are made,
with a record and a figure for each point. Then, for each:

cold      read the sweep and all records, build all of the report
changed   the same ``Sweep`` and ``Report`` (as in ``nbbatch watch``) after one point ran anew
again     a new ``Sweep`` and ``Report``, as in a new process, after one point ran anew
size      of the index's own data, without plotly.js
row       from opening the file in Chromium to the first row of the table
key       from a keystroke in the search field to the filtered table, the median of ten
memory    JavaScript's heap with the page open
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

sys.path.insert(0, str(Path(__file__).parents[2]))

from nbbatch.folder import SweepFolder
from nbbatch.model import Outcome, Point, Record
from nbbatch.report import Report
from nbbatch.sweep import Sweep
from tests.browser.conftest import ARGUMENTS, chromium
from tests.views import a_header

PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d4944415478da63"
    "64f8cfc0f01f0005050202cf8ba1690000000049454e44ae426082"
)


@dataclass(frozen=True)
class Figures:
    """What one size of report was measured to take. Seconds, bytes."""

    points: int
    cold: float
    changed: float
    again: float
    size: int
    row: float
    key: float
    memory: float


def a_point(number: int) -> Point:
    params = {f"p{k}": round((number * 7919 + k * 104_729) % 1000 / 7, 6) for k in range(8)}
    params |= {"det": "ABCD"[number % 4], "seed": number, "cut": 0.5, "tag": f"run{number % 25}"}
    name = f"det-{'ABCD'[number % 4]}-{number:010x}"
    return Point(name, number, params, f"points/{name}", "k" * 32)


def a_record(point: Point, shift: float = 0.0) -> Record:
    """A record as a worker writes it; one point in fifty has failed."""
    number = point.index
    if number % 50 == 7:
        from tests.views import failed

        record = failed(number, point.params, f"ValueError: step {number}").record
        assert record is not None
        return replace(record, point=point.id, key=point.key)
    return Record(
        point=point.id,
        key=point.key,
        attempt=1,
        outcome=Outcome.OK,
        metrics={f"m{k}": (number * 31 + k) % 9973 / 3 + shift for k in range(8)},
        started=f"2024-05-01T{12 + number // 3600:02d}:{number // 60 % 60:02d}:{number % 60:02d}Z",
        finished=f"2024-05-01T{12 + number // 3600:02d}:{number // 60 % 60:02d}:{number % 60:02d}Z",
        seconds=20 + number % 17 / 3,
        cpu_seconds=15.25,
        peak_memory=200_000_000 + number % 977 * 100_000,
        host=f"node{number % 40:02d}",
        figures=("cell-07.png", "cell-09.png"),
    )


def make_sweep(root: Path, total: int) -> None:
    folder = SweepFolder(root)
    points = [a_point(number) for number in range(total)]
    folder.write_specification(a_header(), points, notebook=b"{}", grid="")
    for point in points:
        place = root / point.dir / "figures"
        place.mkdir(parents=True)
        for name in ("cell-07.png", "cell-09.png"):
            (place / name).write_bytes(PIXEL)
        (place.parent / "record.json").write_text(json.dumps(a_record(point).to_json(), indent=1))


def write_record(root: Path, point: Point, shift: float) -> None:
    """As a worker does it: what was there is replaced."""
    new = root / point.dir / "new"
    new.write_text(json.dumps(a_record(point, shift).to_json(), indent=1))
    new.replace(root / point.dir / "record.json")


def timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def measure(total: int, browser: Browser) -> Figures:
    root = Path(tempfile.mkdtemp(prefix="nbbatch-bench-"))
    try:
        make_sweep(root, total)
        ago = time.time() - 3600
        for known in (root / "points").iterdir():
            os.utime(known, (ago, ago))
        sweep, report = Sweep(root), Report(root)
        first = timed(lambda: report.write(sweep.header, sweep.views()))
        point = sweep.points[total // 2]
        same, fresh = [], []
        for shift in range(1, 6):
            write_record(root, point, shift)
            sweep._views.forget(point)  # as submitting it again does
            same.append(timed(lambda: report.write(sweep.header, sweep.views())))
        for shift in range(6, 9):
            write_record(root, point, shift)
            fresh.append(timed(lambda: rebuild(root)))
        index = root / "report" / "index.html"
        data = (root / "report" / "data").glob("*.js")
        size = sum(file.stat().st_size for file in [*data, index])
        row, key, memory = in_browser(browser, index)
        return Figures(
            total, first, statistics.median(same), statistics.median(fresh), size, row, key, memory
        )
    finally:
        shutil.rmtree(root)


def rebuild(root: Path) -> None:
    sweep = Sweep(root)
    Report(root).write(sweep.header, sweep.views())


def in_browser(browser: Browser, index: Path) -> tuple[float, float, float]:
    context = browser.new_context(offline=True, viewport={"width": 1300, "height": 900})
    page = context.new_page()
    session = context.new_cdp_session(page)
    began = time.perf_counter()
    page.goto(index.as_uri(), wait_until="commit")
    page.locator("#table tbody tr:not(.spacer)").first.wait_for()
    row = time.perf_counter() - began
    keys = page.evaluate(
        """async () => {
          const field = document.querySelector("#search"), times = [];
          for (const text of ["d", "de", "det", "det=", "det=a", "det=a s", "7", "", "x", "1"]) {
            const began = performance.now();
            field.value = text;
            field.dispatchEvent(new Event("input"));
            await new Promise(done => requestAnimationFrame(() => setTimeout(done)));
            times.push(performance.now() - began);
          }
          return times;
        }"""
    )
    session.send("HeapProfiler.collectGarbage")
    memory = page.evaluate("performance.memory.usedJSHeapSize")
    context.close()
    return row, statistics.median(keys) / 1000, memory


def main(sizes: list[int]) -> None:
    print("points     cold  changed    again     size      row      key   memory   cold/changed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium(),
            args=[*ARGUMENTS, "--enable-precise-memory-info"],
        )
        for size in sizes:
            f = measure(size, browser)
            print(
                f"{f.points:6d} {f.cold:6.2f} s {1000 * f.changed:5.0f} ms {1000 * f.again:5.0f} ms"
                f" {f.size / 1e6:5.2f} MB {f.row:6.2f} s {1000 * f.key:5.0f} ms"
                f" {f.memory / 1e6:5.0f} MB {f.cold / f.changed:10.0f} x",
                flush=True,
            )
        browser.close()


if __name__ == "__main__":
    main([int(size) for size in sys.argv[1:]] or [100, 1000, 10_000])
