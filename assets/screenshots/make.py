"""Takes the README's screenshots from the running app, in a headless Chromium.

python app/main.py --port 7860 &
python assets/screenshots/make.py http://127.0.0.1:7860
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

HERE = Path(__file__).resolve().parent
EXAMPLES = HERE.parent / "examples"


def reconstruct(page: Page) -> None:
    """A picture and its reconstruction."""
    page.set_input_files("#reconstruct-picture input[type=file]", EXAMPLES / "fruit-plum.png")
    page.wait_for_selector("#metrics dl")


def interpolate(page: Page) -> None:
    """Half-way from an apple to a lemon."""
    page.set_input_files("#interpolate-a input[type=file]", EXAMPLES / "fruit-apple.png")
    page.set_input_files("#interpolate-b input[type=file]", EXAMPLES / "fruit-lemon.png")
    page.wait_for_selector("#gif:visible")


def sample(page: Page) -> None:
    """A grid from N(0, I)."""
    page.wait_for_selector("#samples img")


def walk_map(page: Page) -> None:
    """A selected point, its neighbours, and the place under the pointer."""
    page.wait_for_selector(".latent-map .js-plotly-plot")
    page.wait_for_timeout(1500)
    view = page.locator(".latent-map-view")
    view.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.wait_for_selector("#map-selected img")
    box = view.bounding_box()
    page.mouse.move(box["x"] + 0.40 * box["width"], box["y"] + 0.40 * box["height"])
    page.mouse.move(box["x"] + 0.44 * box["width"], box["y"] + 0.44 * box["height"], steps=5)
    page.wait_for_selector(".latent-map-card img[src^=data]")


TABS: dict[str, Callable[[Page], None]] = {
    "Reconstruct": reconstruct,
    "Interpolate": interpolate,
    "Sample": sample,
    "Map": walk_map,
}


def main() -> None:
    """Writes `TAB-THEME.png` for the four tabs, light and dark, beside this script or where --out says."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("url", help="address of the running app")
    parser.add_argument("--width", type=int, default=1280, help="of the window, in pixels (default: 1280)")
    parser.add_argument("--out", type=Path, default=HERE, help="folder to write to (default: this script's)")
    arguments = parser.parse_args()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for theme in ("light", "dark"):
            for tab, act in TABS.items():
                page = browser.new_page(viewport={"width": arguments.width, "height": 900})
                page.goto(f"{arguments.url}?__theme={theme}")
                page.get_by_role("tab", name=tab).click()
                act(page)
                page.wait_for_timeout(1200)  # pictures fade in
                page.screenshot(path=arguments.out / f"{tab.lower()}-{theme}.png", full_page=True)
                page.close()


if __name__ == "__main__":
    main()
