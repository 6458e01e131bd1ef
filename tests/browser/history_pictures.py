"""Pictures of a name's history: ``python tests/browser/history_pictures.py sweeps/NAME FOLDER``.

The top of the page in the light, and its metrics and points in the dark.
"""

from __future__ import annotations

import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.browser.conftest import ARGUMENTS, chromium


def main(home: Path, folder: Path) -> None:
    address = (home / "index.html").resolve().as_uri()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
        for scheme, name in (("light", "history-runs"), ("dark", "history-points-dark")):
            context = browser.new_context(
                offline=True,
                color_scheme=scheme,  # type: ignore[arg-type]
                viewport={"width": 1100, "height": 780},
                device_scale_factor=1.5,
            )
            page = context.new_page()
            page.goto(address)
            top = 0.0
            if scheme == "dark":
                box = page.locator("#metrics-title").bounding_box()
                assert box is not None
                top = box["y"] - 24
            page.screenshot(
                path=folder / f"{name}.png",
                full_page=True,
                clip={"x": 0, "y": top, "width": 1100, "height": 660},
            )
            context.close()
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
