"""Pictures of a sweep in JupyterLab: ``python tests/browser/lab_pictures.py FOLDER``.

In the light and in the dark: the cells while it runs and when it has ended,
``lab-running-light.png`` and so on.
"""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, expect, sync_playwright

CHECKOUT = Path(__file__).parents[2]
sys.path.insert(0, str(CHECKOUT))

from tests.browser.conftest import ARGUMENTS, chromium  # noqa: E402 (found by the line above)
from tests.browser.lab import opened, running_lab  # noqa: E402
from tests.notebooks import write_notebook  # noqa: E402

LAUNCH = """\
import nbbatch
s = nbbatch.run(
    "lorenz.ipynb",
    grid={"sigma": [8, 10, 12], "rho": [20, 24, 28], "dt": [0.01, 0]},
    name="regimes", collect="max_z",
)
s"""
SIZE = {"width": 1000, "height": 680}
RESULTS = "s.wait()\ns.df[['sigma', 'rho', 'regime', 'max_z', 'state']].head(3)"


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
        for theme in ("light", "dark"):
            with tempfile.TemporaryDirectory() as place:
                take(browser, theme, Path(place), folder)
        browser.close()


def take(browser: Browser, theme: str, place: Path, folder: Path) -> None:
    work = place / "work"
    work.mkdir()
    shutil.copy(CHECKOUT / "sample_notebooks" / "lorenz" / "lorenz.ipynb", work)
    write_notebook(work / "driver.ipynb", LAUNCH, RESULTS)
    with (
        running_lab(work, place / "home", dark=theme == "dark") as lab,
        opened(browser, lab, "driver.ipynb", viewport=SIZE, device_scale_factor=1.5) as notebook,
    ):
        notebook.page.keyboard.press("Control+b")  # without the list of files
        notebook.run(0)
        notebook.run(1)
        block = notebook.block(0)
        cells = notebook.panel.locator(".jp-WindowedPanel-viewport, .jp-Notebook").last
        expect(block).to_contain_text(re.compile(r"(8|9|1\d) of 18 .* left"), timeout=180_000)
        cells.screenshot(path=folder / f"lab-running-{theme}.png")
        expect(block).to_contain_text("ended", timeout=300_000)
        expect(notebook.done(1)).to_be_visible(timeout=60_000)
        cells.screenshot(path=folder / f"lab-ended-{theme}.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
