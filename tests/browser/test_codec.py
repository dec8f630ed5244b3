"""The browser draws latents itself, with the models that ship; without it, the server does, and nobody notices."""

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.browser.waiting import another_picture, fall_silent, picture_of

pytestmark = pytest.mark.browser

DECODERS, LATENTS = (re.compile(f"/latentscape/{kind}/") for kind in ("decoders", "latents"))
QUESTIONS = "component_server"
SIGN = "#who-draws"
HERE, THERE = re.compile(r"^drawn in your browser, [\d.]+ ms$"), re.compile(r"^drawn by the server, [\d.]+ ms$")
PICTURE = ".direction-picture"
SLOW = 120_000  # ms; a machine that runs server and browser, and other things too


@pytest.fixture
def page(page):
    page.set_default_timeout(SLOW)
    return page


def slow_server(page: Page, milliseconds: int = 400) -> None:
    """As over a network: else the server may be the faster one, on the machine that also runs the browser."""
    page.add_init_script(f"""{{
        const fetched = window.fetch;
        window.fetch = async (url, options) => {{
            const names = ['"decode"', '"decode_place"', '"thumbnails"'];
            const isDecode = String(url).includes("component_server") && names.some((n) => options?.body?.includes(n));
            if (isDecode) await new Promise((resolve) => setTimeout(resolve, {milliseconds}));
            return fetched(url, options);
        }};
    }}""")


def requests_of(page: Page, pattern: str = QUESTIONS) -> list[str]:
    """Those that the page makes from now on, if their address matches; by default the widgets' questions."""
    asked: list[str] = []

    def note(request):
        if re.search(pattern, request.url):
            asked.append(request.url)

    page.on("request", note)
    return asked


def open_directions(page: Page, server: str, model: str = "fruits", strips: int = 7) -> None:
    page.goto(f"{server}?tab=sample&model={model}")
    page.get_by_role("tab", name="Directions").click()
    expect(page.locator(".direction-strip[src]")).to_have_count(strips)


def drag(page: Page) -> list[str]:
    """Moves the first slider over all its length, with the button held; the pictures at both ends."""
    picture = page.locator(PICTURE)
    box = page.get_by_label("Direction 1, standard deviations").bounding_box()
    y = box["y"] + box["height"] / 2
    seen = [picture.get_attribute("src")]
    page.mouse.move(box["x"] + box["width"] / 2, y)
    page.mouse.down()
    for x in (box["x"] + 1, box["x"] + box["width"] - 1):
        page.mouse.move(x, y, steps=10)
        expect(picture).not_to_have_attribute("src", seen[-1])
        page.evaluate("() => new Promise(requestAnimationFrame)")
        seen.append(picture.get_attribute("src"))
    return seen[1:]


def pixels(url: str) -> np.ndarray:
    content = base64.b64decode(url.partition(",")[2])
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB"), np.int16)


def test_a_slider_asks_the_server_nothing_until_the_worker_is_lost_and_the_picture_follows(page, server):
    slow_server(page)
    open_directions(page, server)
    expect(page.locator(SIGN)).to_have_text(HERE)
    asked = requests_of(page)
    left, right = drag(page)
    assert asked == []
    page.mouse.up()
    assert np.abs(pixels(left) - pixels(right)).mean() > 2
    page.workers[0].evaluate("self.close()")  # as when memory runs out: no event tells of it
    drag(page)
    page.mouse.up()
    expect(page.locator(SIGN)).to_have_text(THERE)


def test_the_latent_editor_asks_the_server_for_no_picture(page, server, examples):
    slow_server(page)
    page.goto(f"{server}?tab=sample&model=emoji")  # whose grid the server draws
    expect(page.locator(SIGN)).to_have_text(HERE)
    page.get_by_role("tab", name="Reconstruct").click()
    page.set_input_files("#reconstruct-picture input[type=file]", str(examples["emoji"]))
    canvas = ".latent-editor canvas"
    before = picture_of(page, canvas)
    asked = requests_of(page)
    slider = page.locator(".latent-editor-value")
    slider.focus()
    slider.press("End")
    high = another_picture(page, canvas, before)
    slider.press("Home")
    another_picture(page, canvas, high)
    assert asked == []


def picture_at(page: Page, x: float, y: float) -> str:
    """The picture that is shown once the pointer is at these shares of the map's width and height."""
    picture = page.locator(".latent-map-tooltip img")
    before = picture.get_attribute("src")
    box = page.locator(".latent-map-view").bounding_box()
    page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
    shows_another = "([picture, before]) => picture.src !== (before ?? '') && picture.src"
    another = page.wait_for_function(shows_another, arg=[picture.element_handle(), before])
    return another.json_value()


def test_over_the_map_nothing_is_asked_and_the_pictures_are_the_servers(page, server):
    slow_server(page)
    with page.expect_response(LATENTS) as latents:
        page.goto(f"{server}?tab=map&model=emoji")
        expect(page.locator(".latent-map[data-state=ready]")).to_be_visible()
        there = picture_at(page, 0.02, 0.02)
        expect(page.locator(SIGN)).to_have_text(HERE)
        picture_at(page, 0.5, 0.4)  # now the page wants the latents
    latents.value.finished()
    fall_silent(page)
    asked = requests_of(page)
    picture_at(page, 0.55, 0.5)
    here = picture_at(page, 0.02, 0.02)
    page.get_by_role("button", name="Lattice").click()
    expect(page.locator(".latent-map")).to_have_attribute("data-cells", re.compile(r"^[2-9]\d|\d{3}$"))
    assert asked == []
    assert np.abs(pixels(here) - pixels(there)).max() <= 2


@pytest.mark.parametrize("cause", ["blocked", "saved"])
def test_without_the_decoder_the_server_draws(page, server, cause):
    fetched = requests_of(page, "/decoders/|codec/client.js")
    if cause == "blocked":
        page.route(DECODERS, lambda route: route.abort())
    else:
        page.add_init_script("Object.defineProperty(navigator, 'connection', { value: { saveData: true } })")
    open_directions(page, server)
    if cause != "saved":
        page.wait_for_function(
            "performance.getEntriesByType('resource').some(({ name }) => name.includes('client.js'))"
        )
    drawn = requests_of(page)
    drag(page)
    page.mouse.up()
    page.evaluate("() => new Promise((done) => requestIdleCallback(done))")
    assert drawn
    expect(page.locator(SIGN)).to_have_text(THERE)
    assert len(fetched) == (0 if cause == "saved" else 2), "it is not tried again"


@pytest.mark.parametrize("model", ["fruits", "photos"])
def test_both_draw_the_same_pictures(page, server, model):
    slow_server(page, 3000)  # longer than the photos' decoder takes anywhere
    tiles = page.locator("#samples .sample-grid-tiles button:not(.is-waiting) img")
    sources = "pictures => pictures.map(picture => picture.src)"
    page.goto(f"{server}?tab=sample&model={model}&sample.from=prior&sample.count=3")
    expect(tiles).to_have_count(3, timeout=SLOW)
    by_server = tiles.evaluate_all(sources)
    expect(page.locator(SIGN)).to_have_text(HERE, timeout=SLOW)
    asked = requests_of(page)
    seed = page.get_by_label("Seed").locator("visible=true")
    for value in ("1", "0"):
        before = tiles.evaluate_all(sources)
        seed.fill(value)
        seed.press("Enter")
        for k, source in enumerate(before):
            expect(tiles.nth(k)).not_to_have_attribute("src", source, timeout=SLOW)
    in_browser = tiles.evaluate_all(sources)
    differences = [np.abs(pixels(a) - pixels(b)) for a, b in zip(by_server, in_browser, strict=True)]
    if model == "photos":  # large pictures come as WebP, which loses a little
        assert max(difference.mean() for difference in differences) < 3
    else:
        assert max(difference.max() for difference in differences) <= 2
    assert len(asked) == 2, "the latents of each seed, and no picture"


def test_of_three_models_two_stay_open(page, server):
    slow_server(page)
    page.goto(f"{server}?tab=sample&model=fruits")
    expect(page.locator(SIGN)).to_have_text(HERE)
    for name in ("Emoji", "Photos"):
        with page.expect_event("worker") as worker:
            page.get_by_label("Model").first.click()
            page.get_by_role("option", name=name, exact=True).click()
        assert worker.value
    page.wait_for_function("() => document.getElementById('who-draws').textContent.includes('server')")
    expect(page.locator(SIGN)).to_have_text(re.compile("^drawn"))
    assert len(page.workers) == 2
