"""Pictures of a sweep's report: ``python tests/browser/screenshots.py SWEEP FOLDER``.

For each view of the page a light and a dark picture, ``table-light.png`` and so on: of the
part that it is about, with few colours, so that they are small enough for a README.
"""

from __future__ import annotations

import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import FloatRect, sync_playwright

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.browser.conftest import ARGUMENTS, chromium

VIEWS = {
    "verdict": ("", "#verdict"),
    "failures": ("", "section:has(> .failures)"),
    "summary": ("", "#summary"),
    "table": ("#tab=table", "#results"),
    "scatter": ("#tab=plots", "#results"),
    "heatmap": ("#tab=plots&plot=heatmap", "#results"),
    "parallel": ("#tab=plots&plot=parallel", "#results"),
    "gallery": ("#tab=gallery", "#results"),
    "compare": ("#tab=compare", "#results"),
    "timeline": ("#tab=timeline", "#results"),
}
"""What the page's address says, and the part of the page that is shown: where it is there."""

SIZE = {"width": 1120, "height": 800}
BORDER = 16
COLOURS = 128


def main(sweep: Path, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    address = (sweep / "report" / "index.html").resolve().as_uri()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
        for scheme in ("light", "dark"):
            for name, (fragment, part) in VIEWS.items():
                context = browser.new_context(
                    offline=True,
                    color_scheme=scheme,  # type: ignore[arg-type]
                    viewport=SIZE,  # type: ignore[arg-type]
                    device_scale_factor=1 if name == "gallery" else 1.5,
                )
                page = context.new_page()
                page.goto(address + fragment)
                if name in ("scatter", "heatmap"):
                    page.locator(".plot .main-svg").first.wait_for()
                page.wait_for_timeout(500)  # lazy pictures
                shown = page.locator(part)
                if shown.count() > 0:
                    box = shown.evaluate(
                        "part => (({x, y, width, height}) => [x, y + scrollY, width, height])"
                        "(part.getBoundingClientRect())"
                    )
                    file = folder / f"{name}-{scheme}.png"
                    page.screenshot(path=file, full_page=True, clip=framed(*box))
                    Image.open(file).convert("RGB").quantize(COLOURS).save(file, optimize=True)
                context.close()
        browser.close()


def framed(x: float, y: float, width: float, height: float) -> FloatRect:
    """A part of the page with a border around it, no higher than a window."""
    top = max(0, y - BORDER)
    return {
        "x": max(0, x - BORDER),
        "y": top,
        "width": width + 2 * BORDER,
        "height": min(height + y + BORDER - top, SIZE["height"]),
    }


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
