"""The Sample tab in a real Chromium, with the models that ship."""

import json
import re
import urllib.request

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.browser.waiting import downloaded

pytestmark = pytest.mark.browser

PICTURES = "#samples .sample-grid-tiles button:not(.is-waiting) img"


def open_sample(page: Page, server: str, address: str = "model=fruits") -> None:
    page.goto(f"{server}?tab=sample&sample.from=prior&{address}")
    expect(page.locator(PICTURES).first).to_be_visible()


def sources(page: Page) -> list[str]:
    return page.locator(PICTURES).evaluate_all("pictures => pictures.map(picture => picture.src)")


def changes(page: Page, selector: str, before: str) -> None:
    expect(page.locator(selector).first).not_to_have_attribute("src", before)


@pytest.mark.usefixtures("server_draws")
def test_a_grid_is_kept_with_its_seed_and_a_fitted_distribution_is_drawn_beside_it(page, server):
    open_sample(page, server, "model=emoji")
    expect(page.locator(PICTURES)).to_have_count(16)
    first = sources(page)
    page.locator("#shuffle-button").click()
    changes(page, PICTURES, first[0])
    seed = page.get_by_label("Seed").locator("visible=true")
    seed.fill("0")
    seed.press("Enter")
    expect(page.locator(PICTURES).first).to_have_attribute("src", first[0])
    page.get_by_role("radio", name="Mixture fitted").check()
    expect(page.locator(PICTURES)).to_have_count(32)
    assert sources(page)[:16] == first
    assert not set(sources(page)[16:]) & set(first)
    page.get_by_role("checkbox", name="Beside the prior").uncheck()
    expect(page.locator(PICTURES)).to_have_count(16)
    expect(page.locator("#aggregate svg rect.spread")).to_have_count(128)


def test_a_chosen_sample_is_shown_large_and_sent_under_a_telling_name(page, server):
    page.goto(f"{server}?tab=sample&sample.from=prior&model=fruits&sample.seed=7")
    page.get_by_role("button", name="Sample 3", exact=True).click()  # before its picture is there
    large = page.locator("#sample-selected img")
    expect(large).to_be_visible()
    box = large.bounding_box()
    assert min(box["width"], box["height"]) >= 320
    expect(large).to_have_attribute("src", re.compile("fruits-sample-3-of-seed-7.png$"))
    expect(page.locator(PICTURES)).to_have_count(16)
    name, sheet = downloaded(page, "#samples", "PNG")
    assert name == "fruits-samples-of-seed-7.png"
    assert Image.open(sheet).size == (4 * 64, 4 * 64)
    assert np.load(downloaded(page, "#samples", "NPY")[1]).shape == (16, 128)
    page.locator(".send-picture").locator("visible=true").click()
    expect(page.locator("#metrics")).to_contain_text("dB")


@pytest.mark.usefixtures("server_draws")
def test_photos_come_one_after_the_other_and_the_page_says_what_they_are(page, server):
    open_sample(page, server, "model=photos")
    shown = page.locator(PICTURES).count()
    assert 0 < shown < 16, "the first are there before the last"
    expect(page.get_by_text("Why these are texture")).to_be_visible()
    expect(page.locator(PICTURES)).to_have_count(16)
    expect(page.locator("#aggregate svg rect.spread")).to_have_count(4)
    open_sample(page, server)
    expect(page.get_by_text("Why these are texture")).to_be_hidden()


def test_a_number_that_is_not_accepted_becomes_one_that_is_and_a_sentence_says_so(page, server):
    open_sample(page, server)
    for label, typed, becomes, sentence in (
        ("number input for How many", "500", "64", "How many takes whole numbers from 1 to 64: 500 became 64."),
        ("number input for Temperature", "9", "3", "Temperature takes numbers from 0 to 3: 9 became 3."),
        ("Seed", "1.5", "2", "Seed takes whole numbers from 0 to 4294967295: 1.5 became 2."),
        ("Seed", "-3", "0", "Seed takes whole numbers from 0 to 4294967295: -3 became 0."),
        ("Seed", "", "0", "Seed takes whole numbers from 0 to 4294967295: nothing became 0."),
    ):
        box = page.get_by_label(label).locator("visible=true")
        box.fill(typed)
        box.press("Enter")
        expect(page.get_by_text(sentence)).to_be_visible()
        expect(box).to_have_value(becomes)
    expect(page.locator("#samples .sample-grid-tiles button")).to_have_count(64)


@pytest.mark.usefixtures("server_draws")
def test_sliders_move_the_picture_and_labels_make_a_direction(page, server):
    open_sample(page, server)
    page.get_by_role("tab", name="Directions").click()
    expect(page.locator(".direction-strip[src]")).to_have_count(7)
    picture = page.locator(".direction-picture")
    middle = picture.get_attribute("src")
    slider = page.get_by_label("Direction 1, standard deviations")
    slider.focus()
    slider.press("End")
    changes(page, ".direction-picture", middle)
    expect(page.locator(".direction-row output").first).to_have_text("+3.00 σ")
    right = picture.get_attribute("src")
    slider.press("Home")
    changes(page, ".direction-picture", right)
    page.get_by_role("button", name="Reset sliders").click()
    expect(picture).to_have_attribute("src", middle)

    expect(page.get_by_text("deviations apart")).to_be_visible()
    before = page.locator(".direction-strip").last.get_attribute("src")
    page.get_by_label("Label column").select_option("variety")
    changes(page, ".direction-row:last-child .direction-strip", before)
    page.get_by_label("To label").select_option(index=0)
    expect(page.get_by_text("Choose two different labels.")).to_be_visible()


@pytest.mark.usefixtures("server_draws")
def test_directions_and_a_walk_start_from_the_selected_sample(page, server):
    open_sample(page, server)
    page.get_by_role("tab", name="Directions").click()
    expect(page.locator(".direction-start")).to_have_text("From: The mean of the data, until you select a sample")
    page.get_by_label("The mean of the data").check()
    page.get_by_label("The selected sample").check()
    expect(page.get_by_text("No sample of this model is selected")).to_be_visible()
    page.get_by_role("tab", name="Grid").click()
    sample = page.get_by_role("button", name="Sample 5", exact=True)
    source = sample.locator("img").get_attribute("src")
    sample.click()
    expect(page.locator("#sample-selected img")).to_be_visible()
    page.get_by_role("tab", name="Directions").click()
    expect(page.locator(".direction-picture")).to_have_attribute("src", source)
    expect(page.locator(".direction-start")).to_have_text("From: Sample 5 of seed 0")

    # A walk goes where one clicks, and back.
    page.get_by_role("tab", name="Grid").click()
    page.get_by_role("button", name="Sample 2", exact=True).click()
    page.locator("#sample-walk").click()
    tiles = page.locator("#around .local-grid-tiles button:not(.is-waiting) img")
    expect(tiles).to_have_count(25)
    assert Image.open(downloaded(page, "#around", "PNG")[1]).size == (5 * 64, 5 * 64)
    start = page.get_by_role("button", name="The centre").locator("img").get_attribute("src")
    there = page.get_by_role("button", name="2 right", exact=True).locator("img").get_attribute("src")
    page.get_by_role("button", name="2 right", exact=True).click()
    centre = page.get_by_role("button", name="The centre").locator("img")
    expect(centre).to_have_attribute("src", there)
    expect(page.locator("#around-middle img")).to_have_attribute("src", re.compile("fruits-around-step-1.png$"))
    page.get_by_role("button", name="Back").click()
    expect(centre).to_have_attribute("src", start)


def test_a_picture_is_walked_around_and_so_is_one_sent_from_another_tab(page, server, examples):
    page.goto(f"{server}?tab=reconstruct")
    page.set_input_files("#reconstruct-picture input[type=file]", str(examples["fruits"]))
    expect(page.locator("#metrics")).to_contain_text("dB")
    page.locator(".send-centre").locator("visible=true").click()
    expect(page.locator(".local-grid-steps")).to_have_text("Example: apple")
    expect(page.locator("#around .local-grid-tiles button:not(.is-waiting) img")).to_have_count(25)
    page.get_by_role("tab", name="Directions").click()
    expect(page.locator(".direction-start")).to_have_text("From: Example: apple")


def test_forged_requests_are_answered_in_words(server):
    """What no page sends: a server function must answer, not fail."""
    with urllib.request.urlopen(f"{server}config") as answer:
        components = json.load(answer)["components"]
    functions = {name: part["id"] for part in components for name in part["props"].get("server_fns") or []}

    def ask(name: str, data) -> dict:
        body = {"data": data, "component_id": functions[name], "fn_name": name, "session_hash": "forged"}
        request = urllib.request.Request(
            f"{server}gradio_api/component_server", json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)

    for name, data in (
        ("sample", None),
        ("sample", ["fruits", "prior", 10**6, 1, 0, {}]),
        ("sample", ["../fruits", "prior", 1, 1, 0, {}]),
        ("sample", ["fruits", "no such", 1, 1, 0, {}]),
        ("sample", ["fruits", "prior", 1, float("nan"), 0, {}]),
        ("sample", ["fruits", "prior", 1, 1, 0, {"kind": "Apple"}]),
        ("decode", ["fruits", {}]),
        ("decode", ["fruits", "no latent"]),
        ("decode", [["fruits"], ""]),
        ("directions", [{}]),
        ("label_direction", ["fruits", "kind", "Apple", "Apple"]),
        ("local_directions", ["fruits", "AAAA"]),
    ):
        assert set(ask(name, data)) == {"error"}, (name, data)
    drawn = ask("sample", ["fruits", "prior", 2, 1, 0, {}])["latents"]
    assert ask("decode", ["fruits", drawn])["count"] == 2
