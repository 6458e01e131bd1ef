"""What holds for all tests: markers by folder, no skips under CI, nothing of the user's touched."""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import settings
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from tests.story import story

HERE = Path(__file__).parent
CI = os.environ.get("CI", "").lower() == "true"

# No deadline: on a loaded machine the same example takes ten times as long. Under CI the
# examples depend on the commit only, so that a red run can be repeated.
settings.register_profile("nbbatch", deadline=None, derandomize=CI, print_blob=True)
settings.load_profile("nbbatch")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """tests/farm, tests/browser and tests/bench give their tests the marker of that name.

    What waits for minutes begins first, so that nobody waits for it at the end.
    """
    for item in items:
        if item.path.is_relative_to(HERE):
            folder = item.path.relative_to(HERE).parts[0]
            if folder in ("farm", "browser", "bench"):
                item.add_marker(folder)
    items.sort(key=lambda item: item.get_closest_marker("waits") is None)


class BrowserFilesWhole(LoadScopeScheduling):
    """Each file of tests/browser in one worker: the sweep that its tests look at runs once.

    (pytest 9.2 knows nothing of the groups that `--dist loadgroup` of xdist 3.8 makes.)
    """

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.split("::", 1)[0]
        return file if file.startswith("tests/browser/") else nodeid


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> BrowserFilesWhole:
    return BrowserFilesWhole(config, log)


@pytest.fixture(autouse=True)
def _own_state(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sweeps that tests start are not remembered as the user's."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))


# ------------------------------------------------------------ under CI nothing is skipped
# A missing browser or pool is a defect of the installation, and a green run must not hide it.


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    bench = getattr(item, "funcargs", {}).get("bench")
    if report.failed and hasattr(bench, "sweeps"):
        report.sections.append(("what is known of its sweeps", story(bench.sweeps)))
    if CI and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, which CI does not allow: {_reason(report)}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    if CI and report.skipped:
        report.outcome = "failed"
        report.longrepr = f"skipped, which CI does not allow: {_reason(report)}"
    return report


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    where = report.longrepr
    return f"{where[0]}:{where[1]}: {where[2]}" if isinstance(where, tuple) else str(where)
