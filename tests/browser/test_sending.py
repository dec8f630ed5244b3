"""Pictures and latents on their way between the tabs: originals stay what they are, and latents arrive as they left."""

import re
from collections import Counter
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from app.explore import subject
from app.explore.library import Library
from app.explore.opened import OpenModel
from app.page import launch
from tests.browser.waiting import fall_silent
from tests.conftest import ROOT, free_port

pytestmark = pytest.mark.browser

PICTURES = "#samples .sample-grid-tiles button:not(.is-waiting)"


def send(page: Page, target: str) -> None:
    page.locator(f".send-{target}").locator("visible=true").first.click()


def test_a_sample_arrives_as_its_latent_and_each_tab_says_so(page, server):
    page.goto(f"{server}?tab=sample&model=fruits&sample.from=prior&sample.seed=7")
    expect(page.locator(PICTURES)).to_have_count(16)
    page.get_by_role("button", name="Sample 3", exact=True).click()
    expect(page.locator("#sample-selected img")).to_be_visible()
    send(page, "a")
    used = "A latent of Fruits (sample 3 of seed 7), used as it is: nothing was encoded."
    expect(page.get_by_text(used).locator("visible=true")).to_be_visible()
    page.get_by_role("tab", name="Sample").click()
    send(page, "place")
    expect(page.locator("#map-facts")).to_contain_text(used)

    # Reconstruct says what to make of a drawn picture, and edits the latent that it came from.
    page.get_by_role("tab", name="Sample").click()
    send(page, "picture")
    expect(page.locator("#metrics")).to_contain_text("dB")
    note = page.locator("p", has_text="Drawn by Fruits")
    expect(note).to_contain_text("(sample 3 of seed 7)")
    expect(note).to_contain_text("better than a photograph would")
    expect(page.locator("#latent svg rect.bar")).to_have_count(128)
    expect(page.locator("#latent")).not_to_contain_text("standard deviation of the posterior")

    # Another model encodes it, and says whose it is.
    page.get_by_role("tab", name="Interpolate").click()
    page.get_by_label("Model").first.click()
    page.get_by_role("option", name="Emoji", exact=True).click()
    anew = page.get_by_text("Drawn by Fruits (sample 3 of seed 7), encoded anew by Emoji.")
    expect(anew.locator("visible=true")).to_be_visible()


def test_a_point_of_the_map_is_sent_with_its_error_and_a_placed_picture_as_the_file_that_it_is(page, server, examples):
    page.goto(f"{server}?tab=map&map.point=4724")
    expect(page.locator("#map-facts")).to_contain_text("worse drawn than nearly all pictures")
    send(page, "picture")
    expect(page.get_by_text("not the original picture from the data set")).to_contain_text("0.05")
    page.get_by_role("tab", name="Map").click()
    page.set_input_files("#map-place input[type=file]", str(examples["fruits"]))
    expect(page.locator("#map-facts")).to_contain_text("Example: apple")
    send(page, "picture")
    sent = page.locator("#reconstruct-picture img").first
    expect(sent).to_have_attribute("src", re.compile("fruit-apple.png$"))
    page.wait_for_function("document.querySelector('#reconstruct-picture img').naturalWidth === 256")


def test_a_frame_of_an_interpolation_is_downloaded_and_dropped_in_again_with_its_latent(page, server, tmp_path):
    page.goto(f"{server}?tab=interpolate&interpolate.a=fruit-apple.png&interpolate.b=fruit-lemon.png")
    expect(page.locator("#scrubber .scrubber-progress")).to_have_text("33 pictures")
    fall_silent(page)
    send(page, "centre")
    expect(page.get_by_text("A latent of Fruits (between 0.50), used as it is")).to_be_visible()
    source = page.locator("#sample-centre img").first.get_attribute("src")
    file = tmp_path / "renamed.png"
    file.write_bytes(page.request.get(source).body())
    page.get_by_role("tab", name="Map").click()
    page.set_input_files("#map-place input[type=file]", str(file))
    expect(page.locator("#map-facts")).to_contain_text("A latent of Fruits (between 0.50), used as it is")


@pytest.fixture
def counted(monkeypatch, tmp_path) -> Iterator[tuple[str, Counter]]:
    """The address of an app in this process, and how often it opened a picture file and encoded one, by model."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    counts: Counter = Counter()
    read_picture, encode = subject.read_picture, OpenModel.encode

    def counting_read(*asked):
        counts["opened"] += 1
        return read_picture(*asked)

    def counting_encode(model, picture):
        counts[f"encoded by {model.name}"] += 1
        return encode(model, picture)

    monkeypatch.setattr(subject, "read_picture", counting_read)
    monkeypatch.setattr(OpenModel, "encode", counting_encode)
    app = launch(Library(ROOT / "assets" / "models", ["fruits"]), port=free_port())
    yield app.local_url, counts
    app.close()


def test_an_upload_is_decoded_once_and_encoded_once_for_each_model(page, counted, examples):
    url, counts = counted
    page.goto(f"{url}?tab=reconstruct")
    page.set_input_files("#reconstruct-picture input[type=file]", str(examples["fruits"]))
    expect(page.locator("#heat-maps [data-map=uncertainty]")).to_have_attribute("data-state", "ready")
    page.get_by_label("Compare with").click()
    page.get_by_role("option", name="Emoji", exact=True).click()
    expect(page.locator("#compared")).to_contain_text("PSNR")
    send(page, "a")
    expect(page.get_by_role("tab", name="Interpolate")).to_have_attribute("aria-selected", "true")
    expect(page.locator("#interpolate-a img").first).to_be_visible()
    page.get_by_role("tab", name="Reconstruct").click()
    send(page, "place")
    expect(page.get_by_role("tab", name="Map")).to_have_attribute("aria-selected", "true")
    expect(page.locator("#map-facts")).to_contain_text("Example: apple")
    fall_silent(page)
    assert counts == {"opened": 1, "encoded by fruits": 1, "encoded by emoji": 1}
