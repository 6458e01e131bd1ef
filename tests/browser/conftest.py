"""A headless Chromium without network, that fails a test on any error or foreign request."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, expect, sync_playwright

from tests.browser.sweeps import run_search, run_sweep

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-sync",
    "--no-first-run",
]

PATIENCE = 120_000
"""Milliseconds for what must come true; Playwright's five seconds are few for half a processor."""

expect.set_options(timeout=PATIENCE)

NAMES = ("chromium", "chromium-browser", "google-chrome")

Open = Callable[..., Page]


@pytest.fixture(scope="session")
def scan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The index of a true sweep's report: 2 × 4 points, one of which failed."""
    return run_sweep(tmp_path_factory.mktemp("sweep")) / "report" / "index.html"


@pytest.fixture(scope="session")
def search(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The index of a true sweep's report: 48 points, 9 of which failed in two ways."""
    return run_search(tmp_path_factory.mktemp("search")) / "report" / "index.html"


def chromium() -> str | None:
    """The Chromium to use: the variable CHROMIUM names it, or else what is installed."""
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = chromium()
    if path is None:
        pytest.skip("There is no Chromium: `bash tests/install browser` installs it.")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=path, args=ARGUMENTS, timeout=5 * PATIENCE
        )
        yield started
        started.close()


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Open]:
    """Open a file; afterwards nothing may have gone wrong in it or left its sweep folder.

    ``root`` is the folder that requests may stay in (by default the sweep's, two above
    the index); ``expected`` is part of an error that the test provokes; ``options`` are
    Playwright's for a context: viewport, color_scheme …
    """
    wrong: list[str] = []
    contexts = []

    def open_file(
        path: Path,
        *,
        fragment: str = "",
        root: Path | None = None,
        expected: str | None = None,
        **options: object,
    ) -> Page:
        inside = (root or path.parents[1]).resolve().as_uri() + "/"
        context = browser.new_context(offline=True, **options)  # type: ignore[arg-type]
        context.set_default_timeout(PATIENCE)
        contexts.append(context)
        page = context.new_page()

        def note(said: str) -> None:
            if not (expected and expected in said):
                wrong.append(said)

        def check(request: Request) -> None:
            if not request.url.startswith((inside, "data:")):
                wrong.append(f"request outside of the folder: {request.url}")

        context.on("request", check)
        context.on("requestfailed", lambda r: note(f"request failed: {r.url} {r.failure}"))
        page.on("pageerror", lambda error: wrong.append(f"error: {error}"))
        page.on("dialog", lambda dialog: (wrong.append(dialog.message), dialog.dismiss()))

        def listen(message: ConsoleMessage) -> None:
            if message.type in ("error", "warning"):
                note(message.text)

        page.on("console", listen)
        page.goto(path.resolve().as_uri() + fragment)
        return page

    yield open_file
    for context in contexts:
        context.close()
    assert wrong == []


@pytest.fixture
def page(open_page: Open, scan: Path) -> Page:
    """The report of the true sweep."""
    return open_page(scan)
