"""Pictures of a sweep's report: ``python tests/browser/screenshots.py SWEEP FOLDER``.

For each view of the page a light and a dark picture, ``table-light.png`` and so on.
"""

from __future__ import annotations

import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.browser.conftest import ARGUMENTS, chromium

VIEWS = {
    "table": "",
    "scatter": "#tab=plots",
    "heatmap": "#tab=plots&plot=heatmap",
    "parallel": "#tab=plots&plot=parallel",
    "gallery": "#tab=gallery",
    "compare": "#tab=compare",
    "timeline": "#tab=timeline",
}


def main(sweep: Path, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    address = (sweep / "report" / "index.html").resolve().as_uri()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
        for scheme in ("light", "dark"):
            for name, fragment in VIEWS.items():
                context = browser.new_context(
                    offline=True,
                    color_scheme=scheme,  # type: ignore[arg-type]
                    viewport={"width": 1280, "height": 860},
                    device_scale_factor=1.5,
                )
                page = context.new_page()
                page.goto(address + fragment)
                if name in ("scatter", "heatmap"):
                    page.locator(".plot .main-svg").first.wait_for()
                page.wait_for_timeout(500)  # lazy pictures
                page.screenshot(path=folder / f"{name}-{scheme}.png")
                context.close()
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
