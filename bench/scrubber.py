"""Dragging the interpolation: frames a second, and requests to the server.

python bench/scrubber.py
"""

from __future__ import annotations

import os
import platform
import shutil
import sys
from pathlib import Path
from statistics import median, quantiles

from playwright.sync_api import Page, sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.map import running

FRAMES = 180
ROUNDS = 3

# Runs in the page: drags the slider there and back once a frame, and resolves with the milliseconds of each frame. A
# frame counts when the canvas is drawn: it is read back, so that drawing cannot be put off.
DRAG = """async (frames) => {
  const slider = document.querySelector("#scrubber input[type=range]");
  const canvas = document.querySelector("#scrubber canvas.scrubber-picture");
  const found = [];
  let last = await new Promise(requestAnimationFrame);
  for (let k = 1; k <= frames; k++) {
    slider.value = (1 - Math.cos(k / 20)) / 2;
    slider.dispatchEvent(new Event("input", { bubbles: true }));
    const now = await new Promise(requestAnimationFrame);
    canvas.getContext("2d").getImageData(0, 0, 1, 1);
    found.push(now - last);
    last = now;
  }
  return found;
}"""


def open_way(page: Page, url: str, model: str, names: tuple[str, str]) -> None:
    """Opens the tab with two example pictures, all 33 frames decoded."""
    page.goto(f"{url}?tab=interpolate&model={model}")
    page.wait_for_timeout(3000)
    for letter, name in zip("AB", names, strict=True):
        page.locator("fieldset.examples:visible", has_text=f"Examples for {letter}").get_by_title(name).click()
        page.wait_for_timeout(1000)
    page.locator("#scrubber .scrubber-progress", has_text="33 pictures").wait_for()
    page.wait_for_function("document.querySelector('#scrubber .scrubber').dataset.state === 'ready'")
    page.wait_for_timeout(1500)


def main() -> None:
    """Prints the table."""
    print(f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the start")
    print(f"{'model':<10}{'frames/s':>10}{'frame, p95 ms':>15}{'requests':>10}")
    with running() as url, sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=arguments)
        for model, names in (("fruits", ("apple", "lemon")), ("photos", ("cat", "coffee"))):
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            open_way(page, url, model, names)
            asked: list[str] = []
            page.on("request", lambda request, asked=asked: asked.append(request.url))
            rounds = [page.evaluate(DRAG, FRAMES) for _ in range(ROUNDS)]
            rate = median(1000 * len(frames) / sum(frames) for frames in rounds)
            slowest = median(quantiles(frames, n=20)[-1] for frames in rounds)
            print(f"{model:<10}{rate:>10.1f}{slowest:>15.1f}{len(asked):>10}")
            page.close()
        browser.close()


if __name__ == "__main__":
    main()
