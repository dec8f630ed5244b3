"""How fast the app answers: from start to page, and from a question to its answer.

    python bench/app.py

Starts the app, then asks over HTTP and through the page in a headless Chromium. Medians.
"""

from __future__ import annotations

import os
import platform
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from importlib.metadata import version
from pathlib import Path
from statistics import median, quantiles
from typing import NamedTuple

from gradio_client import Client, handle_file
from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
APPLE = handle_file(str(ROOT / "assets" / "examples" / "fruit-apple.png"))
LEMON = handle_file(str(ROOT / "assets" / "examples" / "fruit-lemon.png"))
ASKED = 15
MOVES = 60

# Runs in the page: moves the pointer to a place, and resolves with the milliseconds until another picture is in the
# page, and until the frame that shows it, of which there are sixty a second; null if none comes.
MOVE_AND_WAIT = """async ([x, y]) => {
  const view = document.querySelector(".latent-map-view");
  const tooltip = document.querySelector(".latent-map-tooltip img");
  let observer;
  const another = new Promise((resolve) => {
    observer = new MutationObserver(() => resolve(performance.now()));
    observer.observe(tooltip, {attributeFilter: ["src"]});
  });
  const start = performance.now();
  view.dispatchEvent(new PointerEvent("pointermove", {clientX: x, clientY: y, bubbles: true, pointerType: "mouse"}));
  const put = await Promise.race([another, new Promise((resolve) => setTimeout(resolve, 2000, null))]);
  observer.disconnect();
  if (put === null) return null;
  await new Promise(requestAnimationFrame);
  return [put - start, performance.now() - start];
}"""


class Pointer(NamedTuple):
    """Milliseconds from the pointer's moves over the map to the decoded pictures.

    Attributes:
        put: until each is in the page.
        shown: until the frame that shows it.
        missed: how many moves showed none.
    """

    put: tuple[float, ...]
    shown: tuple[float, ...]
    missed: int

    def __str__(self) -> str:
        if len(self.put) < 2:
            return f"none in {self.missed} of {MOVES} moves"
        told = (f"{median(times):.1f} ms (p95 {quantiles(times, n=20)[-1]:.1f})" for times in (self.put, self.shown))
        return f"in the page after {', and on the screen after '.join(told)}; {self.missed} of {MOVES} none"


def start(port: int, *arguments: str) -> tuple[subprocess.Popen, float]:
    """The running app, and the seconds that its page took to be there."""
    began = time.perf_counter()
    command = [sys.executable, str(ROOT / "app" / "main.py"), "--port", str(port), *arguments]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    while True:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5).close()
            return process, time.perf_counter() - began
        except OSError:
            time.sleep(0.05)


def time_endpoints(url: str) -> list[tuple[str, float]]:
    """Each endpoint's name and its median milliseconds through `gradio_client`, uploads and downloads included."""
    client = Client(url, verbose=False)
    questions = [("/models", ())]
    for model in ("fruits", "photos"):
        questions += [
            ("/reconstruct", (APPLE, 0, 0, model)),
            ("/interpolate", (APPLE, LEMON, 0.5, "slerp", model)),
            ("/sample", (1, 1, 0, model)),
            ("/locate", (APPLE, model)),
            ("/decode_at", (0, 0, model)),
        ]
    rows = []
    for name, arguments in questions:
        client.predict(*arguments, api_name=name)  # compiles, reads the map
        milliseconds = []
        for _ in range(ASKED):
            began = time.perf_counter()
            client.predict(*arguments, api_name=name)
            milliseconds.append((time.perf_counter() - began) * 1000)
        rows.append((f"{name} {arguments[-1] if arguments else ''}", median(milliseconds)))
    return rows


def time_pointer(page: Page, url: str) -> Pointer:
    """The pointer on the fruits' map."""
    open_map(page, url)
    page.wait_for_timeout(3000)
    return move_over(page)


def open_map(page: Page, url: str) -> None:
    """The map of the fruits."""
    page.goto(f"{url}?model=fruits")
    page.get_by_role("tab", name="Map").click()
    page.wait_for_selector(".latent-map[data-state=ready]", timeout=120_000)


def move_over(page: Page) -> Pointer:
    """The pointer on a map that is open."""
    box = page.locator(".latent-map-view").bounding_box()
    found = []
    for i in range(MOVES):
        share_x, share_y = 0.3 + 0.4 * ((i * 0.618) % 1), 0.25 + 0.5 * ((i * 0.381) % 1)
        place = [box["x"] + share_x * box["width"], box["y"] + share_y * box["height"]]
        found.append(page.evaluate(MOVE_AND_WAIT, place))
        page.wait_for_timeout(60)
    came = [pair for pair in found if pair is not None]
    return Pointer(tuple(put for put, _ in came), tuple(shown for _, shown in came), len(found) - len(came))


def main() -> None:
    """Prints the table."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}/"
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, ", end="")
    print(", ".join(f"{name} {version(name)}" for name in ("jax", "gradio")))
    process, seconds = start(port)
    try:
        print(f"{'start to page':<28}{seconds * 1000:>9.0f} ms")
        for name, milliseconds in time_endpoints(url):
            print(f"{name:<28}{milliseconds:>9.1f} ms")
        with sync_playwright() as playwright:
            arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=arguments)
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            print(f"pointer to picture, fruits: {time_pointer(page, url)}")
    finally:
        process.terminate()
        process.wait(30)


if __name__ == "__main__":
    main()
