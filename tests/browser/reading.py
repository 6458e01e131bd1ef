"""What tests read from the page, and do with it, again and again."""

from __future__ import annotations

from urllib.parse import unquote

from playwright.sync_api import Page


def column(page: Page, name: str) -> list[str]:
    """The texts of a column, as the table shows them from the top."""
    names = page.locator("#table thead th").all_inner_texts()
    return page.evaluate(
        """place => [...document.querySelectorAll("#table tbody tr:not(.spacer)")]
           .map(row => row.cells[place].textContent)""",
        [text.strip("\xa0↑↓") for text in names].index(name),
    )


def sort(page: Page, name: str) -> None:
    page.locator("#table thead").get_by_role("button", name=name, exact=True).click()


def tab(page: Page, name: str) -> None:
    page.get_by_role("tab", name=name).click()


def fragment(page: Page) -> str:
    """What the page's address says of the view."""
    return unquote(page.url.partition("#")[2])


def plotted(page: Page) -> list[int]:
    """How many marks each trace of the plot has."""
    page.locator(".plot .main-svg").first.wait_for()
    counts: list[int] = page.evaluate(
        "document.querySelector('.plot').data.filter(t => t.type == 'scatter').map(t => t.x.length)"
    )
    return counts


CONTRAST = """() => {
  const parse = text => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map(v => v / 255)
      .map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const behind = element => {
    for (let at = element; at; at = at.parentElement) {
      const colour = parse(getComputedStyle(at).backgroundColor);
      if (colour.length < 4 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  const low = [];
  for (const element of document.querySelectorAll("body *")) {
    const text = [...element.childNodes].some(n => n.nodeType === 3 && n.data.trim());
    if (!text || !element.checkVisibility() || ["SCRIPT", "NOSCRIPT"].includes(element.tagName)) {
      continue;
    }
    const [a, b] = [light(parse(getComputedStyle(element).color)), light(behind(element))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) low.push(`${element.textContent.trim().slice(0, 30)} ${ratio.toFixed(2)}`);
  }
  return low;
}"""
