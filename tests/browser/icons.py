"""Draws the pages' icons from their SVGs: `python -m tests.browser.icons` writes the PNGs and the .ico beside them."""

import struct
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from devstack.stack import ROOT
from tests.browser.chromium import launch

ICONS = ROOT / "service" / "web" / "src" / "icons"
GROUND = "#0b6e4f"
# File, its SVG, its size in pixels, the share of it that the drawing takes, and what is behind that.
PICTURES = (
    ("icon-192.png", "favicon.svg", 192, 1.0, "transparent"),
    ("icon-512.png", "favicon.svg", 512, 1.0, "transparent"),
    ("touch-180.png", "bell.svg", 180, 0.72, GROUND),  # iOS rounds the corners itself
    ("maskable-512.png", "bell.svg", 512, 0.6, GROUND),  # Android cuts its shape out: the middle four fifths stay
    ("badge-96.png", "bell.svg", 96, 1.0, "transparent"),  # Android takes its shape alone
)
ICO_SIZE = 32


def main() -> None:
    with sync_playwright() as playwright:
        browser = launch(playwright.chromium)
        for name, svg, size, share, ground in PICTURES:
            (ICONS / name).write_bytes(draw(browser, ICONS / svg, size, share, ground))
        png = draw(browser, ICONS / "favicon.svg", ICO_SIZE, 1.0, "transparent")
        browser.close()
    (ICONS / "favicon.ico").write_bytes(ico(png))


def draw(browser: Browser, svg: Path, size: int, share: float, ground: str) -> bytes:
    """The SVG as a square PNG."""
    page = browser.new_page(viewport={"width": size, "height": size})
    page.set_content(
        f"<style>body {{ margin: 0; display: grid; place-items: center; height: 100vh; background: {ground} }}"
        f"svg {{ width: {share:.0%} }}</style>{svg.read_text()}"
    )
    try:
        return page.screenshot(omit_background=True)
    finally:
        page.close()


def ico(png: bytes) -> bytes:
    """A Windows icon of one picture: its directory, and the PNG as it is."""
    header = struct.pack("<HHH", 0, 1, 1)
    entry = struct.pack("<BBBBHHII", ICO_SIZE, ICO_SIZE, 0, 0, 1, 32, len(png), 22)
    return header + entry + png


if __name__ == "__main__":
    main()
