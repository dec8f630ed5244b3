"""A researcher's own runs in a real Chromium: one that is followed, and another that is opened on the page."""

import json
import re
import shutil

import pytest
from playwright.sync_api import expect

from tests.browser.waiting import fall_silent
from tests.conftest import ROOT, running_app

pytestmark = pytest.mark.browser

DIGITS = ROOT / "assets" / "models" / "digits"
LAST = "step-001500.safetensors"


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A folder with two runs: "watched", whose last snapshot is yet to come, and "other"."""
    folder = tmp_path_factory.mktemp("runs")
    for name in ("watched", "other"):
        shutil.copytree(DIGITS, folder / name)
    (folder / "watched" / "snapshots" / LAST).unlink()
    config = json.loads((DIGITS / "config.json").read_text())
    (folder / "other" / "config.json").write_text(json.dumps(config | {"title": "Another run"}))
    return folder


@pytest.fixture(scope="module")
def watching(runs):
    """The address of the app, which follows the first."""
    with running_app("--model", str(runs / "watched"), "--watch") as address:
        yield address


def test_a_training_under_way_is_followed_from_moment_to_moment(page, watching, runs):
    page.goto(f"{watching}?tab=reconstruct&reconstruct.picture=digit-3.png")
    said = page.locator("#reconstruct-training-pictures [role=status]")
    expect(said).to_contain_text(re.compile(r"Step 1,\d\d\d of"))
    expect(page.locator("#reconstruct-training-pictures img")).to_have_count(10)
    page.locator("#reconstruct-training-moment input[type=range]").focus()
    page.keyboard.press("Home")
    expect(said).to_contain_text("Step 0 of")
    page.keyboard.press("End")
    shutil.copy(DIGITS / "snapshots" / LAST, runs / "watched" / "snapshots")
    expect(said, "whoever looks at the last sees the next").to_contain_text("Step 1,500 of 1,500")
    expect(page.locator("#watching")).to_contain_text("the last one of step 1,500")
    config = json.loads((DIGITS / "config.json").read_text())
    config["training"] |= {"kept_step": 1234}
    (runs / "watched" / "config.json").write_text(json.dumps(config))
    expect(page.locator("#watching"), "a better checkpoint").to_contain_text("step 1,234 of 1,500")


def test_a_folder_is_opened_on_the_page_and_compared_with_the_same_noise(page, watching, runs):
    page.goto(f"{watching}?tab=sample&sample.from=prior&sample.count=4")
    page.get_by_role("button", name="Open a model").click()
    field = page.locator("#opening-text textarea, #opening-text input")
    field.fill(str(runs / "nowhere"))
    field.press("Enter")
    expect(page.locator("#opening-said")).to_contain_text("That did not work")
    field.fill(str(runs / "other"))
    field.press("Enter")
    expect(page.locator("#opening-said")).to_contain_text("Another run is open")
    expect(page.locator("#about")).to_contain_text("Another run.")
    fall_silent(page)  # the tab is drawn anew
    page.locator("#sample-compare-with input").click()
    page.get_by_role("option", name="watched").click()
    pictures = page.locator("#samples .sample-grid-tiles img")
    expect(pictures).to_have_count(8)
    page.wait_for_function(
        """() => {
            const drawn = [...document.querySelectorAll("#samples .sample-grid-tiles img")].map(({ src }) => src);
            return drawn.length === 8 && drawn.every(Boolean) && drawn.slice(0, 4).join() === drawn.slice(4).join();
        }"""
    )  # the same weights and the same noise
    training = page.locator("#sample-training-pictures section")
    expect(training.locator("h4")).to_have_text(["Another run", "Digits (watched)"])
    expect(training.locator("img")).to_have_count(8)
    page.locator("#sample-training-moment input[type=range]").focus()
    page.keyboard.press("Home")
    expect(training.locator("[role=status]")).to_have_text([re.compile("^Step 0 of 1,500")] * 2)


def test_the_way_between_two_pictures_is_watched_through_training(page, watching):
    page.goto(f"{watching}?tab=interpolate&interpolate.a=digit-3.png&interpolate.b=digit-8.png")
    shown = page.locator("#interpolate-training-pictures")
    expect(shown.locator("img")).to_have_count(7)
    fall_silent(page)
    last = shown.locator("img").last.get_attribute("src")
    page.locator("#interpolate-training-moment input[type=range]").focus()
    page.keyboard.press("Home")
    expect(shown.locator("[role=status]")).to_have_text("Step 0 of 1,500.")
    assert shown.locator("img").last.get_attribute("src") != last
    page.get_by_label("Analogy").click()
    expect(page.locator("#interpolate-training")).to_be_hidden()
