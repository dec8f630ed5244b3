"""The map with 60,000 points and with a million, and the pointer on the fruits' map, near the server and far from it.

    python bench/map.py

The large maps are the fruits' own, repeated and shaken, in temporary model folders. Everything is measured in a
headless Chromium, which draws WebGL on the CPU; a graphics card is faster.
"""

from __future__ import annotations

import os
import platform
import shutil
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from statistics import median, quantiles

import numpy as np
from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bench.app import Pointer, move_over, open_map, start, time_pointer  # noqa: E402
from vae.atlas import Atlas  # noqa: E402
from vae.checkpoint import ATLAS, load_info  # noqa: E402

FRUITS = ROOT / "assets" / "models" / "fruits"
POINTS = (60_000, 1_000_000)  # Plotly draws the first, the map itself the second
SHAKE = 0.05  # map units; the fruits' map is 30 wide
OPENINGS = 5
FRAMES = 90
FAR = {"latency": 100, "downloadThroughput": 4e6 / 8, "uploadThroughput": 4e6 / 8}  # milliseconds, bytes a second

# Runs in the page: opens the tab, and resolves with the milliseconds until the points are drawn.
OPEN_AND_WAIT = """async () => {
  const begun = performance.now();
  [...document.querySelectorAll("[role=tab]")].find((tab) => tab.textContent.trim() === "Map").click();
  const isDrawn = () => document.querySelector(".latent-map[data-state=ready]");
  while (!isDrawn()) await new Promise(requestAnimationFrame);
  await new Promise(requestAnimationFrame);
  return performance.now() - begun;
}"""

# Runs in the page: drags the map in a circle, and resolves with the milliseconds of each frame.
PAN = """async (frames) => {
  const view = document.querySelector(".latent-map-view");
  const box = view.getBoundingClientRect();
  view.setPointerCapture = () => {}; // a pointer that does not exist cannot be captured
  const [x, y] = [box.left + box.width / 2, box.top + box.height / 2];
  const send = (type, k) => view.dispatchEvent(new PointerEvent(type, {
    clientX: x + 120 * Math.cos(k / 10), clientY: y + 120 * Math.sin(k / 10),
    bubbles: true, pointerId: 77, pointerType: "mouse", button: 0,
  }));
  send("pointerdown", 0);
  const found = [];
  let last = await new Promise(requestAnimationFrame);
  for (let k = 1; k <= frames; k++) {
    send("pointermove", k);
    const now = await new Promise(requestAnimationFrame);
    found.push(now - last);
    last = now;
  }
  send("pointerup", frames);
  return found;
}"""


def make_large(folder: Path, points: int) -> None:
    """A model folder whose map has so many points."""
    folder.mkdir()
    for name in ("config.json", "model.safetensors"):
        (folder / name).symlink_to(FRUITS / name)
    atlas = Atlas.read(FRUITS / ATLAS, load_info(FRUITS).config.latent_shape)
    rows = np.arange(points) % len(atlas)
    shaken = atlas.positions[rows] + np.random.default_rng(0).normal(0, SHAKE, (points, 2))
    replace(
        atlas,
        ids=[atlas.ids[i] for i in rows],
        positions=shaken.astype(np.float32),
        latents=atlas.latents[rows],
        labels={name: [values[i] for i in rows] for name, values in atlas.labels.items()},
        numbers={name: values[rows] for name, values in atlas.numbers.items()},
    ).write(folder / ATLAS)


@contextmanager
def running(*arguments: str) -> Iterator[str]:
    """The address of the app while it runs."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process, _ = start(port, *arguments)
    try:
        yield f"http://127.0.0.1:{port}/"
    finally:
        process.terminate()
        process.wait(30)


def time_opening(page: Page, url: str) -> float:
    """Milliseconds from a click on the tab to the points, on a page that is loaded."""
    page.goto(url)
    page.get_by_role("tab", name="Map").wait_for()
    page.wait_for_timeout(2500)
    return page.evaluate(OPEN_AND_WAIT)


def time_frames(page: Page) -> list[float]:
    """Milliseconds a frame while the map is panned, at the scale where all of it fits less three steps."""
    for _ in range(3):
        page.locator("[data-zoom=in]").click()
        page.wait_for_timeout(500)
    page.wait_for_timeout(1500)  # its pictures come
    return page.evaluate(PAN, FRAMES)


def time_far_pointer(page: Page, url: str, in_browser: bool) -> tuple[Pointer, int]:
    """As `time_pointer`, over a slow network, once the browser draws or with its codec kept away; and its requests.

    A page in a browser of its own: what it fetches is not there yet.
    """
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    session.send("Network.emulateNetworkConditions", {"offline": False, **FAR})
    if not in_browser:
        page.route("**/latentscape/decoders/**", lambda route: route.abort())
    open_map(page, url)
    if in_browser:
        with page.expect_event("requestfinished", lambda request: request.url.endswith(".f16"), timeout=120_000):
            move_over(page)
            page.get_by_text("drawn in your browser").wait_for(timeout=120_000)
            move_over(page)  # the first of these asks for the latents, if none did before
    asked: list[str] = []
    page.on("request", lambda request: request.url.startswith("data:") or asked.append(request.url))
    return move_over(page), len(asked)


def p95(values: list[float]) -> float:
    """The 95th percentile."""
    return quantiles(values, n=20)[-1]


def main() -> None:
    """Prints the table."""
    print(f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the start; milliseconds")
    print(f"{'':<52}{'p50':>8}{'p95':>8}")
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]

        def new_page() -> Page:
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=arguments)
            return browser.new_page(viewport={"width": 1440, "height": 900})

        for points in POINTS:
            made = Path(folder) / str(points)
            make_large(made, points)
            with running("--model", str(made)) as url:
                page = new_page()
                page.goto(url)
                page.wait_for_timeout(20_000)  # the models are loaded and compiled meanwhile
                print(f"{f'tab to {points:,} points, for the first time':<52}{time_opening(page, url):>8.0f}")
                first, later = [], []
                for _ in range(OPENINGS):
                    page.context.browser.close()
                    page = new_page()
                    first.append(time_opening(page, url))
                    later.append(time_opening(page, url))
                for name, found in (("in a new browser", first), ("after that", later)):
                    row = f"tab to {points:,} points, {name}"
                    print(f"{row:<52}{median(found):>8.0f}{max(found):>8.0f}  (the largest of {OPENINGS})")
                frames = time_frames(page)
                print(f"{f'frame while panning {points:,} points':<52}{median(frames):>8.1f}{p95(frames):>8.1f}")
                page.context.browser.close()
        with running() as url:
            page = new_page()
            page.goto(url)
            page.wait_for_timeout(20_000)
            print(f"pointer to picture, fruits: {time_pointer(page, url)}")
            for who, in_browser in (("server", False), ("browser", True)):
                page.context.browser.close()
                page = new_page()
                pointer, requests = time_far_pointer(page, url, in_browser)
                print(f"the same at 100 ms and 4 Mbit/s, the {who} draws: {pointer}, {requests} requests")
        page.context.browser.close()


if __name__ == "__main__":
    main()
