"""A model's page as static files: in a real Chromium, from `python -m http.server`, in a subfolder."""

import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from app.explore.opened import OpenModel
from app.export import LATENTS, POINTS, WEIGHTS, export
from app.kit.web import PLOTLY
from tests.browser.accessibility import serious_violations
from tests.browser.waiting import another_picture, picture_of
from tests.conftest import ROOT, free_port

pytestmark = pytest.mark.browser

BELOW = "some/folder/"
FACES = ROOT / "assets" / "models" / "faces"
READY = ".latent-map[data-state=ready]"
TILES = ".sample-grid-tiles button:not(.is-waiting) img"


@pytest.fixture(scope="module")
def root(tmp_path_factory, quick_compiling) -> Path:
    """A web server's root, with the faces' page in a folder below it."""
    folder = tmp_path_factory.mktemp("static")
    export(OpenModel(FACES), folder / BELOW)
    return folder


@pytest.fixture(scope="module")
def address(root) -> Iterator[str]:
    port = free_port()
    command = [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1", "--directory", str(root)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        url = f"http://127.0.0.1:{port}/{BELOW}"
        for _ in range(100):
            try:
                urllib.request.urlopen(url).close()
                break
            except OSError:
                time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture(scope="module")
def asked() -> list[str]:
    """What the page has asked for."""
    return []


@pytest.fixture(scope="module")
def site(context, address, asked) -> Iterator[Page]:
    """The page, drawn; a JavaScript error on it, or a file that is not there, fails its last test."""
    wrong: list[str] = []
    page = context.new_page()
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.on("response", lambda response: response.ok or wrong.append(response.url))
    page.emulate_media(reduced_motion="reduce")
    page.goto(address)
    expect(page.locator(READY)).to_be_visible()
    expect(page.locator(TILES)).to_have_count(24)
    picture_of(page, "#editor canvas")
    yield page
    page.close()
    assert not wrong


def point_at(page: Page, x: float, y: float, *, click: bool = False) -> None:
    """Moves to these shares of the map's width and height."""
    box = page.locator(".latent-map-view").bounding_box()
    place = (box["x"] + x * box["width"], box["y"] + y * box["height"])
    if click:
        page.mouse.click(*place)
    else:
        page.mouse.move(*place)


def test_it_is_light_beside_what_the_model_is(root):
    sizes = {path.relative_to(root / BELOW).as_posix(): path.stat().st_size for path in root.rglob("*.*")}
    for heavy in (WEIGHTS, LATENTS, f"modules/{PLOTLY}"):
        assert sizes.pop(heavy) > 1_000_000
    assert sizes.pop(POINTS) > 0
    assert sum(sizes.values()) <= 1_000_000


def test_it_asks_for_nothing_outside_of_its_folder_and_for_nothing_more_once_it_is_drawn(site, address, asked):
    point_at(site, 0.5, 0.5)
    tooltip = site.locator(".latent-map-tooltip img")
    expect(tooltip).to_have_attribute("src", re.compile("^data:image"))
    assert len(asked) > 20
    assert [url for url in asked if not url.startswith((address, "data:"))] == []
    before, count = tooltip.get_attribute("src"), len(asked)
    point_at(site, 0.3, 0.4)
    expect(tooltip).not_to_have_attribute("src", before)
    site.get_by_role("button", name="Lattice").click()
    expect(site.locator(".latent-map")).to_have_attribute("data-cells", re.compile(r"^[2-9]\d|\d{3}$"))
    site.get_by_role("button", name="Lattice").click()
    assert [url for url in asked[count:] if not url.startswith("data:")] == []


def test_a_path_over_the_map_becomes_an_animation(site):
    site.get_by_role("button", name="Path").click()
    point_at(site, 0.4, 0.4, click=True)
    point_at(site, 0.6, 0.6, click=True)
    expect(site.locator("#path .scrubber-progress")).to_have_text("33 pictures")
    ends = site.locator("#path .scrubber-strip canvas")
    first, last = (ends.nth(k).evaluate("canvas => canvas.toDataURL()") for k in (0, 8))
    assert first != last
    site.get_by_role("button", name="Clear", exact=True).click()
    expect(site.locator("#path")).to_be_hidden()
    site.get_by_role("button", name="Walk").click()


def test_a_picture_of_ones_own_is_redrawn_and_placed_and_its_numbers_can_be_changed(site, examples):
    site.set_input_files("#own-file", str(examples["faces"]))
    expect(site.locator("#own-words")).to_contain_text(re.compile(r"as the model draws it: 3[3-9]\.\d dB PSNR"))
    expect(site.locator(".latent-map-overlay .marker")).to_have_count(1)
    expect(site.locator(".latent-map-overlay .link")).to_have_count(8)
    expect(site.locator("#editor-title")).to_have_text("Your picture")
    expect(site.locator("#editor .latent-editor-words")).to_contain_text("128 numbers: each bar is one")
    before = picture_of(site, "#editor canvas")
    site.locator("#editor .latent-editor-value").focus()
    site.keyboard.press("Home")
    another_picture(site, "#editor canvas", before)
    site.set_input_files("#own-file", {"name": "a.png", "mimeType": "image/png", "buffer": b"no picture"})
    expect(site.locator("#message")).to_have_text("This file is not a picture that the browser can read.")


@pytest.mark.parametrize("distribution", ["flow", "prior"])
def test_samples_are_drawn_from_what_is_chosen_and_can_be_looked_at(site, distribution):
    first = site.locator(TILES).first
    before = first.get_attribute("src")
    site.locator("#distribution").select_option(distribution)
    site.get_by_role("button", name="Draw others").click()
    expect(first).not_to_have_attribute("src", before)
    expect(site.locator(TILES)).to_have_count(24)
    first.click()
    expect(site.locator("#editor-title")).to_have_text(re.compile("sample 1 of seed"))
    expect(site.get_by_label("Temperature")).to_be_visible(visible=distribution == "prior")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_follows_the_visitors_theme_fits_a_phone_and_can_be_used_by_all(site, scheme):
    site.emulate_media(color_scheme=scheme)
    site.wait_for_function("isDark => document.body.classList.contains('dark') === isDark", arg=scheme == "dark")
    site.set_viewport_size({"width": 390, "height": 844})
    assert site.evaluate("document.documentElement.scrollWidth") == 390
    assert not (serious := serious_violations(site)), serious
    site.set_viewport_size({"width": 1440, "height": 900})
