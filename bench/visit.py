"""What a first visit costs: requests, bytes over the network, and seconds to the page and to the map at 4 Mbit/s.

pip install -r bench/requirements.txt
python bench/visit.py [http://ADDRESS]    # of an app that runs already, such as another version's
"""

from __future__ import annotations

import shutil
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.app import start

LINK = {"offline": False, "latency": 50, "downloadThroughput": 500_000, "uploadThroughput": 250_000}  # bytes a second
QUIET_SECONDS = 3  # without a request, after which the visit is over


def visit(browser: Browser, url: str, link: dict | None) -> dict:
    """Opens the page and then the map in a browser that has been nowhere; returns what was counted and timed."""
    page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
    page.route("**/latentscape/decoders/**", lambda route: route.abort())  # 5 MB, when the browser is idle
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    if link:
        session.send("Network.emulateNetworkConditions", link)
    kinds, pieces, ends, last = {}, Counter(), {}, [time.perf_counter()]

    def answered(event):
        kinds[event["requestId"]] = event["type"]
        pieces[event["requestId"]] += event["response"]["encodedDataLength"]  # so far: the headers
        last[0] = time.perf_counter()

    def arrived(event):
        pieces[event["requestId"]] += event["encodedDataLength"]
        last[0] = time.perf_counter()

    session.on("Network.responseReceived", answered)
    session.on("Network.dataReceived", arrived)
    session.on("Network.loadingFinished", lambda event: ends.update({event["requestId"]: event["encodedDataLength"]}))
    began = time.perf_counter()
    page.goto(url)
    page.get_by_role("tab", name="Map").wait_for()
    shown = time.perf_counter() - began
    page.get_by_role("tab", name="Map").click()
    page.wait_for_selector(".latent-map[data-state=ready]")
    mapped = time.perf_counter() - began
    while time.perf_counter() - last[0] < QUIET_SECONDS:
        page.wait_for_timeout(100)
    page.context.close()
    received = Counter()
    for request, kind in kinds.items():  # a stream of events may not end, and a document tells no pieces
        received[kind] += max(pieces[request], ends.get(request, 0))
    return {"requests": len(kinds), "bytes": received, "page": shown, "map": mapped}


@contextmanager
def address() -> Iterator[str]:
    """Of the app that is named on the command line; or of one that is started for this."""
    if len(sys.argv) > 1:
        yield sys.argv[1]
        return
    process, _ = start(7914)
    try:
        yield "http://127.0.0.1:7914/"
    finally:
        process.terminate()
        process.wait(30)


def main() -> None:
    """Prints the table."""
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with address() as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=arguments)
        visit(browser, url, None)  # the server's own first time
        free, slow = visit(browser, url, None), visit(browser, url, LINK)
    print(f"{free['requests']} requests, {sum(free['bytes'].values()) / 1e6:.2f} MB:")
    for kind, count in free["bytes"].most_common():
        print(f"  {kind:<12}{count / 1000:>9,.1f} kB")
    for name, found in (("over loopback", free), ("at 4 Mbit/s, 50 ms", slow)):
        print(f"{name:<20} page {found['page']:.1f} s, map {found['map']:.1f} s")


if __name__ == "__main__":
    main()
