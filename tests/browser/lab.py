"""A true JupyterLab: its server, and a page of it that tests can drive."""

from __future__ import annotations

import json
import os
import re
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.request import urlopen

from playwright.sync_api import Browser, Locator, Page, expect

STARTS = 120.0
"""Seconds that server and page may take; they are slow on a busy machine."""

# No questions, no news from the network, and a notebook is saved when the test saves it.
SETTINGS = {
    "@jupyterlab/apputils-extension:notification": {
        "fetchNews": "false",
        "checkForUpdates": False,
    },
    "@jupyterlab/docmanager-extension:plugin": {"autosave": False},
    "@jupyterlab/notebook-extension:tracker": {"windowingMode": "none"},
}


class Lab:
    """A running server for the notebooks in ``root``."""

    def __init__(self, root: Path, address: str, token: str) -> None:
        self.root = root
        self.address = address
        self.token = token

    def url(self, notebook: str) -> str:
        """Of a notebook as the server opens it: what is open beside it is its own, too."""
        workspace = re.sub(r"\W+", "-", notebook)
        return f"{self.address}lab/workspaces/{workspace}/tree/{notebook}?token={self.token}"

    def outputs(self, notebook: str) -> list[str]:
        """The saved notebook's outputs, as JSON text, one a cell."""
        cells = json.loads((self.root / notebook).read_text())["cells"]
        return [json.dumps(cell.get("outputs", [])) for cell in cells]


@contextmanager
def running_lab(root: Path, home: Path, *, dark: bool = False) -> Iterator[Lab]:
    """A server that knows nothing of the user's settings; ``home`` takes what it writes."""
    theme = {"theme": "JupyterLab Dark" if dark else "JupyterLab Light"}
    settings = {**SETTINGS, "@jupyterlab/apputils-extension:themes": theme}
    overrides = home / "lab" / "settings"
    overrides.mkdir(parents=True)
    for name, content in settings.items():
        extension, _, plugin = name.partition(":")
        file = home / "user-settings" / extension / f"{plugin}.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(content))
    token = secrets.token_hex(16)
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--port=0"]
    command += [f"--ServerApp.root_dir={root}", "--ServerApp.ip=127.0.0.1"]
    command += [f"--IdentityProvider.token={token}", "--LabApp.collaborative=False"]
    log = home / "server.log"
    with (
        log.open("wb") as stream,
        subprocess.Popen(
            command, cwd=root, env=_environment(home), stdout=stream, stderr=stream
        ) as server,
    ):
        try:
            yield Lab(root, _address(server, log, token), token)
        finally:
            server.terminate()


def _environment(home: Path) -> Mapping[str, str]:
    places = {
        "HOME": home,
        "JUPYTER_CONFIG_DIR": home / "config",
        "JUPYTER_DATA_DIR": home / "share",
        "JUPYTER_RUNTIME_DIR": home / "runtime",
        "JUPYTERLAB_SETTINGS_DIR": home / "user-settings",
        "JUPYTERLAB_WORKSPACES_DIR": home / "workspaces",
        "IPYTHONDIR": home / "ipython",
    }
    return {**os.environ, **{name: str(place) for name, place in places.items()}}


def _address(server: subprocess.Popen[bytes], log: Path, token: str) -> str:
    deadline = time.monotonic() + STARTS
    while time.monotonic() < deadline and server.poll() is None:
        found = re.search(r"http://127\.0\.0\.1:\d+/", log.read_text(errors="replace"))
        with suppress(OSError):  # it says where it will listen before it does
            if found:
                urlopen(f"{found[0]}api/status?token={token}", timeout=STARTS).close()
                return found[0]
        time.sleep(0.2)
    raise AssertionError(f"JupyterLab did not start:\n{log.read_text(errors='replace')}")


class Notebook:
    """One notebook, open in a browser's page."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.panel = page.locator(".jp-NotebookPanel:not(.lm-mod-hidden)")
        # What JupyterLab asks on a busy machine (is the server there, which kernel), it may do.
        question = page.locator(".jp-Dialog")
        page.add_locator_handler(question, lambda: question.locator(".jp-mod-accept").first.click())

    def load(self, address: str) -> None:
        """Open the address, or the same again, and return when cells can be run."""
        with self.page.expect_websocket(
            lambda socket: "/channels" in socket.url, timeout=1000 * STARTS
        ) as sockets:
            self.page.goto(address)
        # A cell that is run before its kernel has said anything is lost without a word.
        sockets.value.wait_for_event("framereceived", timeout=1000 * STARTS)
        idle = self.panel.locator('.jp-Notebook-ExecutionIndicator[data-status="idle"]')
        expect(idle).to_be_attached(timeout=1000 * STARTS)

    def cell(self, number: int) -> Locator:
        return self.panel.locator(".jp-Notebook .jp-Cell").nth(number)

    def run(self, number: int) -> None:
        """Start a cell; it may wait for others to end.

        JupyterLab marks it at once, or has lost it without a word: then it is started again.
        """
        prompt = self.cell(number).locator(".jp-InputPrompt")
        before, deadline = prompt.inner_text(), time.monotonic() + STARTS
        while prompt.inner_text() == before:
            assert time.monotonic() < deadline, f"cell {number} does not start"
            self.cell(number).locator(".jp-InputArea-editor").click()
            self.page.keyboard.press("Control+Enter")
            with suppress(AssertionError):
                expect(prompt).not_to_have_text(before, timeout=10_000)

    def done(self, number: int) -> Locator:
        """The cell's prompt once it has a number: ``expect(…).to_be_visible()`` waits for it."""
        return self.cell(number).locator(".jp-InputPrompt", has_text=re.compile(r"\[\d+\]"))

    def block(self, number: int) -> Locator:
        """The sweep that a cell shows."""
        return self.cell(number).locator(".jp-OutputArea-output .nbbatch-sweep")

    def save(self) -> None:
        """Save, and return when that is done."""
        with self.page.expect_response(
            lambda answer: "/api/contents/" in answer.url and answer.request.method == "PUT"
        ) as answer:
            self.page.keyboard.press("Control+s")
        assert answer.value.ok


@contextmanager
def opened(browser: Browser, lab: Lab, notebook: str, **options: object) -> Iterator[Notebook]:
    """A notebook in a page that may speak to its own server only."""
    options.setdefault("viewport", {"width": 1280, "height": 900})
    context = browser.new_context(**options)  # type: ignore[arg-type]
    context.set_default_timeout(1000 * STARTS)
    context.route(
        lambda url: not url.startswith((lab.address, "data:", "blob:")), lambda route: route.abort()
    )
    try:
        found = Notebook(context.new_page())
        found.load(lab.url(notebook))
        yield found
    finally:
        context.close()
