"""The Reconstruct tab in a real Chromium, with the models that ship."""

import csv
import json
import re
import zipfile

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.browser.waiting import another_picture, downloaded, fall_silent, picture_of

pytestmark = pytest.mark.browser

INPUT = "#reconstruct-picture input[type=file]"
EMPTY = "Its reconstruction appears"


def choose_model(page: Page, title: str) -> None:
    page.get_by_label("Model", exact=True).click()
    page.get_by_role("option", name=title, exact=True).click()
    expect(page.locator("#about")).to_contain_text(f"{title}.")


def show(page: Page, server: str, picture) -> None:
    """The page with a picture reconstructed."""
    page.goto(f"{server}?tab=reconstruct")
    page.set_input_files(INPUT, str(picture))
    expect(page.locator("#metrics")).to_contain_text("dB")


EDITED = "#latent canvas"


def test_shows_comparison_figures_maps_and_latent_of_vectors_and_of_channels(page, server, examples):
    page.goto(f"{server}?tab=reconstruct")
    expect(page.get_by_text(EMPTY)).to_be_visible()
    for model in ("Fruits", "Photos"):
        if model != "Fruits":
            choose_model(page, model)
        page.set_input_files(INPUT, str(examples[model.lower()]))
        fall_silent(page)  # nothing is of the model before
        latent = page.locator("#latent img" if model == "Photos" else "#latent svg rect.bar")
        expect(latent).to_have_count(4 if model == "Photos" else 128)
        expect(page.locator("#comparison img").first).to_be_visible()
        metrics = page.locator("#metrics")
        expect(metrics).to_contain_text(re.compile(r"\d+\.\d dB"))
        expect(metrics).to_contain_text(re.compile(r"[\d,]+ bits"))
        expect(metrics).to_contain_text(re.compile(r"PNG .* needs [\d,]+ bits: \d+ times more"))
        for name in ("error", "uncertainty"):
            heat_map = page.locator(f"#heat-maps [data-map={name}]")
            expect(heat_map).to_have_attribute("data-state", "ready")
            expect(heat_map.locator("img")).to_be_visible()
            expect(heat_map).to_contain_text(re.compile(r"[\d.]+ levels or more"))

    first = picture_of(page, EDITED)
    page.get_by_label("Scale of channel 1").focus()
    page.keyboard.press("Home")
    another_picture(page, EDITED, first)
    expect(page.locator("#latent")).to_contain_text("× 0.00")


def test_examples_of_the_models_own_kind_come_first(page, server):
    page.goto(f"{server}?tab=reconstruct")
    first = page.locator("#reconstruct-examples button").first
    expect(first).to_have_attribute("title", "Tomato 9, point 10671 of the map")
    choose_model(page, "Emoji")
    expect(first).to_have_attribute("value", re.compile("emoji-"))
    first.click()
    expect(page.locator("#metrics")).to_contain_text("dB")
    given = page.locator("#reconstruct-picture img")
    expect(given).to_have_attribute("src", re.compile("emoji-"))
    expect(given, "64 pixels, enlarged to the whole input as they are").to_have_css("image-rendering", "pixelated")
    expect(given).to_have_css("object-fit", "contain")
    expect(first).to_have_attribute("aria-pressed", "true")
    page.get_by_label("Remove Image").first.click()
    expect(first).to_have_attribute("aria-pressed", "false")


def test_a_file_that_is_no_picture_is_explained_once_and_leaves_nothing_behind(page, server, examples, tmp_path):
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(examples["photos"].read_bytes()[:9000])
    show(page, server, examples["fruits"])
    page.set_input_files(INPUT, str(broken))  # in place of the picture
    message = page.get_by_text(re.compile("not a picture|damaged"))
    expect(message).to_be_visible()
    expect(page.get_by_text(EMPTY)).to_be_visible()
    expect(page.locator("#reconstruct-picture img")).to_have_count(0)
    expect(page.locator("#metrics dl")).to_have_count(0)
    fall_silent(page)
    expect(message).to_have_count(1)
    page.get_by_role("tab", name="Sample").click()
    choose_model(page, "Emoji")
    page.get_by_role("tab", name="Reconstruct").click()
    fall_silent(page)
    assert message.count() <= 1, "no second message; the first may be gone by now"
    expect(page.locator("#tabs").get_by_text("Error", exact=True).locator("visible=true")).to_have_count(0)


@pytest.mark.usefixtures("server_draws")
def test_a_number_of_the_latent_is_changed_by_keyboard_and_by_pointer_and_reset(page, server, examples):
    show(page, server, examples["fruits"])
    first = picture_of(page, EDITED)
    status = page.locator(".latent-editor-status")
    expect(status).to_have_text("As encoded")
    page.locator(".latent-editor-value").focus()
    page.keyboard.press("End")
    second = another_picture(page, EDITED, first)
    expect(status).to_have_text("1 number changed")
    plot = page.locator("#latent svg")
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    page.mouse.move(box["x"] + 0.3 * box["width"], box["y"] + 0.5 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.3 * box["width"], box["y"] + 2, steps=4)
    page.mouse.up()
    another_picture(page, EDITED, second)
    expect(status).to_have_text("2 numbers changed")
    name, png = downloaded(page, "#latent", "PNG")
    assert name == "fruits-edited.png"
    assert {"model": "fruits", "words": "edited"}.items() <= json.loads(Image.open(png).info["latentscape"]).items()
    page.locator("#send-edited .send-a").click()
    expect(page.locator("#interpolate-a img")).to_have_attribute("src", re.compile("edited"))
    page.get_by_role("tab", name="Reconstruct").click()
    page.get_by_role("button", name="Reset", exact=True).click()
    expect(status).to_have_text("As encoded")
    expect(page.locator("#send-edited")).to_be_hidden()
    page.wait_for_function("(before) => document.querySelector('#latent canvas').toDataURL() === before", arg=first)


def test_the_divider_follows_pointer_and_keys_and_two_models_are_compared_on_one_picture(page, server, examples):
    show(page, server, examples["fruits"])
    frame, slider = page.locator("#comparison .comparison-frame"), page.locator("#comparison input")
    box = frame.bounding_box()

    def shown() -> float:
        """Of the input, as a share of the width."""
        divider = page.locator("#comparison .comparison-divider").bounding_box()
        return (divider["x"] + divider["width"] / 2 - box["x"]) / box["width"]

    assert shown() == pytest.approx(0.5, abs=0.01)
    frame.click(position={"x": 0.25 * box["width"], "y": 40})
    assert shown() == pytest.approx(0.25, abs=0.02)
    before = page.locator("#comparison .comparison-before").evaluate("image => getComputedStyle(image).clipPath")
    assert "75%" in before
    slider.focus()
    page.keyboard.press("End")
    assert shown() == pytest.approx(1, abs=0.01)
    with page.expect_download() as download:
        page.locator("#comparison a").click()
    assert download.value.suggested_filename == "fruits-reconstruction.png"
    with Image.open(download.value.path()) as picture:
        assert picture.size == (64, 64)

    page.locator("#compare-with input").click()
    expect(page.get_by_role("option", name="Fruits", exact=True), "the model itself is not offered").to_have_count(0)
    page.get_by_role("option", name="Emoji", exact=True).click()
    compared = page.locator("#compared")
    expect(compared.locator("b", has_text=re.compile("Fruits|Emoji"))).to_be_visible()
    first, second, difference = compared.locator("tr", has_text="PSNR").first.locator("td").all_inner_texts()
    assert float(second) - float(first) == pytest.approx(float(difference.replace("−", "-")), abs=0.011)
    nearer = compared.get_by_role("img", name=re.compile("Orange where Fruits is nearer"))
    expect(nearer).to_be_visible()
    whole, last = compared.bounding_box(), nearer.bounding_box()
    assert last["x"] + last["width"] == pytest.approx(whole["x"] + whole["width"], abs=2), "no gap at the right"
    expect(page.locator("#second-comparison img").first).to_be_visible()
    page.locator("#comparison input").focus()
    page.keyboard.press("Home")
    expect(page.locator("#second-comparison input"), "both dividers move together").to_have_value("0")
    ends = page.locator("[data-map=error] .heat-map-limit").all_inner_texts()
    assert ends[0] == ends[1], "colours of two errors side by side mean the same"


def test_a_wide_picture_is_cropped_and_typed_numbers_are_applied_or_corrected_in_words(page, server, tmp_path):
    Image.new("RGB", (300, 100), "orange").save(tmp_path / "wide.png")
    show(page, server, tmp_path / "wide.png")
    expect(page.get_by_text("300 x 100")).to_be_visible()
    figures = page.locator("#metrics dd").first
    before = figures.inner_text()
    box = page.get_by_label("number input for Posterior temperature")
    box.fill("2")
    box.press("Enter")
    expect(figures).not_to_have_text(before)
    box.fill("9")
    box.press("Enter")
    expect(box).to_have_value("3")
    seed = page.get_by_label("Seed").locator("visible=true")
    seed.fill("1.5")
    seed.press("Enter")
    expect(seed).to_have_value("2")
    expect(page.get_by_text("Seed takes whole numbers from 0 to 4294967295: 1.5 became 2.")).to_be_visible()


def test_many_pictures_become_a_table_and_files(page, server, examples, tmp_path):
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no picture")
    page.goto(f"{server}?tab=reconstruct")
    page.get_by_role("tab", name="Many pictures").click()
    files = [examples["fruits"], broken, examples["emoji"]]
    page.set_input_files("#batch-files input[type=file]", [str(path) for path in files])
    expect(page.locator("#batch-status")).to_contain_text("2 of 3 pictures reconstructed")
    expect(page.locator("#batch-table")).to_contain_text("not a picture")
    with page.expect_download() as download:
        page.locator("#batch-csv").click()
    rows = list(csv.DictReader(download.value.path().read_text().splitlines()))
    assert [row["name"] for row in rows] == ["emoji-panda.png", "fruit-apple.png", "broken.png"], "the worst first"
    assert "not a picture" in rows[2]["note"]
    with page.expect_download() as download:
        page.locator("#batch-zip").click()
    with zipfile.ZipFile(download.value.path()) as archive:
        assert len([name for name in archive.namelist() if name.endswith(".png")]) == 2
    page.set_input_files(INPUT, str(examples["fruits"]))  # as if sent from another tab
    expect(page.locator("#metrics dl"), "a picture is shown, and not the table").to_be_visible()


def test_a_row_of_the_table_is_looked_at_and_the_table_says_whose_figures_it_has(page, server, examples):
    page.goto(f"{server}?tab=reconstruct&reconstruct.view=many")
    page.locator("#batch-start").click()
    expect(page.get_by_text("There are no pictures yet")).to_be_visible()
    files = [str(examples[kind]) for kind in ("fruits", "emoji", "photos")]
    page.set_input_files("#batch-files input[type=file]", files)
    table, status = page.locator("#batch-table"), page.locator("#batch-status")
    expect(status).to_contain_text("3 of 3 pictures reconstructed")
    expect(table.get_by_text("fruit-apple.png")).to_be_visible()
    expect(table.locator("img").locator("visible=true")).to_have_count(3)
    choose_model(page, "Emoji")
    expect(status).to_contain_text("These are the figures of Fruits.")
    page.locator("#batch-start").click()
    expect(status).to_contain_text("Emoji: 3 of 3 pictures reconstructed")
    page.locator("#batch-files").get_by_label("Remove").first.click()
    expect(status).to_contain_text("Emoji: 2 of 2 pictures reconstructed")
    table.locator("th", has_text="KL").hover()
    table.locator("th", has_text="KL").get_by_label("Open cell menu").click()
    page.get_by_text("Sort ascending").click()
    table.get_by_text("photo-coffee.jpg").last.click()
    expect(page.locator("#reconstruct-picture img")).to_have_attribute("src", re.compile("photo-coffee"))
    expect(page.locator("#metrics")).to_contain_text("dB")


def test_the_workings_hold_this_pictures_numbers_which_can_be_ordered_by_what_they_do(page, server, examples):
    page.set_viewport_size({"width": 390, "height": 900})
    show(page, server, examples["fruits"])
    page.get_by_text("How it works").locator("visible=true").click()
    workings = page.locator("#reconstruct-workings")
    expect(workings.locator(".katex").first).to_be_visible()
    bits = re.search(r"([\d,]+) bits", page.locator("#metrics").inner_text())[0]
    expect(workings).to_contain_text(bits)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.locator(".latent-editor-order").select_option(label="largest effect on the picture first")
    words = page.locator(".latent-editor-order-words")
    expect(words).to_contain_text("of 128 numbers change it by less than one level")
    places = "[...document.querySelectorAll('#latent svg g')].map((bar) => bar.getBoundingClientRect().left)"
    leftmost = page.evaluate(f"((places) => places.indexOf(Math.min(...places)))({places})")
    assert int(page.locator(".latent-editor-index").input_value()) == leftmost
    page.wait_for_function("location.search.includes('reconstruct.order=effect')")
    page.locator(".latent-editor-order").select_option(label="by number")
    expect(words).to_be_empty()
