"""Takes the README's screenshots and its short film from the running app, in a headless Chromium.

python app/main.py --port 7860 &
python assets/screenshots/make.py http://127.0.0.1:7860
"""

from __future__ import annotations

import argparse
import io
import shutil
from collections.abc import Callable
from pathlib import Path

from PIL import Image, ImageOps
from playwright.sync_api import Page, sync_playwright

HERE = Path(__file__).resolve().parent
EXAMPLES = HERE.parent / "examples"


def reconstruct(page: Page) -> None:
    """A picture and its reconstruction."""
    page.set_input_files("#reconstruct-picture input[type=file]", EXAMPLES / "face-glasses.png")
    page.wait_for_selector("#metrics dl")


def interpolate(page: Page) -> None:
    """Half-way from one face to another."""
    page.set_input_files("#interpolate-a input[type=file]", EXAMPLES / "face-glasses.png")
    page.set_input_files("#interpolate-b input[type=file]", EXAMPLES / "face-mohawk.png")
    page.locator("#scrubber .scrubber-progress", has_text="33 pictures").wait_for()


def sample(page: Page) -> None:
    """A grid from N(0, I), one of it chosen."""
    page.locator("#samples .sample-grid-tiles:not(:has(.is-waiting))").first.wait_for()
    page.locator("#samples .sample-grid-tiles button").nth(4).click()
    page.wait_for_selector("#sample-selected img")


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
    page.wait_for_selector(".latent-map-tooltip img[src^=data]")


TABS: dict[str, Callable[[Page], None]] = {
    "Reconstruct": reconstruct,
    "Interpolate": interpolate,
    "Sample": sample,
    "Map": walk_map,
}


# What the README shows, and so all that is kept here.
SHOWN = {("Reconstruct", "light"), ("Interpolate", "dark"), ("Sample", "light"), ("Map", "dark")}

TALLEST = 1500  # pixels of a page that are shown

PREVIEW = HERE.parent / "preview.jpg"
PREVIEW_PART = (64, 390, 922, 840)  # of the map's screenshot, 1280 pixels wide
PREVIEW_SIZE = (1200, 630)  # what previews of links ask for

GIF_WIDTH, GIF_FRAMES, GIF_MILLISECONDS = 560, 44, 120


def film(page: Page, path: Path) -> None:
    """The walk over the map that the page opens on, as an endless GIF."""
    page.wait_for_function(  # it draws
        """() => {
            const canvas = document.querySelector(".landscape-picture");
            return canvas?.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.some(Boolean);
        }"""
    )
    page.wait_for_timeout(4000)  # the small pictures on the map have come
    box = page.locator(".landscape").bounding_box()
    frames = []
    for _ in range(GIF_FRAMES):
        page.wait_for_timeout(GIF_MILLISECONDS)
        picture = Image.open(io.BytesIO(page.screenshot(clip=box))).convert("RGB")
        frames.append(ImageOps.contain(picture, (GIF_WIDTH, GIF_WIDTH)))
    # One palette for all, so that still parts stay the same bytes: of several frames, since each shows another face.
    some = frames[:: GIF_FRAMES // 8]
    mosaic = Image.new("RGB", (GIF_WIDTH, sum(frame.height for frame in some)))
    for k, frame in enumerate(some):
        mosaic.paste(frame, (0, k * frame.height))
    palette = mosaic.quantize(255)
    frames = [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=GIF_MILLISECONDS, loop=0, optimize=True)


def preview(screenshot: Image.Image) -> None:
    """Writes the picture that a preview of a link to the app shows: the map, from its screenshot."""
    part = screenshot.crop(PREVIEW_PART)
    part.resize(PREVIEW_SIZE, Image.Resampling.LANCZOS).save(PREVIEW, quality=85, progressive=True)


def main() -> None:
    """Writes `TAB-THEME.webp` for the four tabs, light and dark, and `landing.gif`, where --out says.

    Without it, those that the README shows to this folder, and `assets/preview.jpg`.
    """
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
                picture = Image.open(io.BytesIO(page.screenshot(full_page=True))).convert("RGB")
                picture = picture.crop((0, 0, picture.width, min(picture.height, TALLEST)))
                if arguments.out != HERE or (tab, theme) in SHOWN:
                    picture.save(arguments.out / f"{tab.lower()}-{theme}.webp", quality=85, method=6)
                if arguments.out == HERE and (tab, theme) == ("Map", "light"):
                    preview(picture)
                page.close()
        page = browser.new_page(viewport={"width": 1100, "height": 900})
        page.goto(f"{arguments.url}?__theme=light")
        film(page, arguments.out / "landing.gif")


if __name__ == "__main__":
    main()
