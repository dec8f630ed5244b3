"""Interpolate, in a real Chromium with the shipped models."""

import re
from itertools import pairwise

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.browser.waiting import downloaded, fall_silent, picture_of

pytestmark = pytest.mark.browser

SLOW = 120_000  # ms; what decodes many photos, on a machine that does other things too


def choose(page: Page, letter: str, name: str) -> None:
    """Clicks an example, and waits until it is in the picture input."""
    page.locator("fieldset.examples:visible", has_text=f"Examples for {letter}").get_by_title(name).click()
    expect(page.locator(f"#interpolate-{letter.lower()} img").first).to_be_visible()


def open_tab(page: Page, server: str, query: str = "") -> None:
    page.goto(f"{server}?tab=interpolate{query}")
    expect(page.locator("#scrubber .scrubber-message")).to_be_visible()


def open_with_two(page: Page, server: str, query: str = "") -> None:
    open_tab(page, server, query)
    choose(page, "A", "Apple worm 1")
    choose(page, "B", "Tomato 9")
    expect(page.locator("#scrubber .scrubber-progress")).to_have_text("33 pictures")


def pick_model(page: Page, name: str) -> None:
    page.get_by_label("Model").first.click()
    page.get_by_role("option", name=name, exact=True).click()


def requests_of(page: Page) -> list[str]:
    asked: list[str] = []
    silent = ("data:", "blob:")
    page.on("request", lambda r: None if r.url.startswith(silent) or "heartbeat" in r.url else asked.append(r.url))
    return asked


def test_dragging_asks_the_server_nothing_and_playing_stops_turns_back_or_begins_anew_at_the_end(page, server):
    open_with_two(page, server)
    plot = page.locator("#scrubber .scrubber-distances")
    expect(plot.locator("polyline")).to_have_count(2)
    expect(plot).to_contain_text("Length of each step")
    page.locator("#scrubber input[type=range]").focus()
    page.keyboard.press("Home")
    start = picture_of(page, "#scrubber canvas")
    fall_silent(page)  # what rests at the start is told
    asked = requests_of(page)
    box = page.locator("#scrubber canvas").first.bounding_box()
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + 5, y)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2, y, steps=20)
    middle = picture_of(page, "#scrubber canvas")
    page.mouse.move(box["x"] + box["width"] - 2, y, steps=20)
    end = picture_of(page, "#scrubber canvas")
    assert asked == []
    page.mouse.up()
    assert start != middle != end != start

    page.locator("#scrubber input[type=range]").press("Home")
    mode = page.locator("#scrubber .scrubber-mode select")
    mode.select_option("once")
    page.locator("#scrubber .scrubber-speed select").select_option("2")
    page.locator("#scrubber .scrubber-play").click()
    expect(page.locator("#scrubber .scrubber-t")).to_have_text("t = 1.00")
    expect(page.locator("#scrubber .scrubber-play")).to_have_attribute("aria-pressed", "false")

    for name, turns in (("ping-pong", True), ("loop", False)):
        page.locator("#scrubber input[type=range]").press("Home")
        mode.select_option(name)
        places = page.evaluate(
            """async () => {
                const [slider, play] = ["input[type=range]", ".scrubber-play"].map((name) =>
                    document.querySelector(`#scrubber ${name}`));
                const places = [];
                play.click();
                const begun = performance.now();
                const played = () => performance.now() - begun;
                const turned = () => places.some((place, k) => place < places[k - 1]);
                const ended = () => Math.max(...places) > 0.95; // a slow frame may pass the end of a loop unseen
                while (played() < 2500 || (!(turned() && ended()) && played() < 20_000)) {
                    places.push(Number(slider.value));
                    await new Promise(requestAnimationFrame);
                }
                play.click();
                return places;
            }"""
        )
        steps_back = [b - a for a, b in pairwise(places) if b < a]
        assert max(places) > 0.95
        assert steps_back
        assert all((step > -0.5) == turns for step in steps_back), "small steps back, or jumps to the start"


def test_the_place_is_kept_in_the_address_when_the_path_changes_and_as_its_picture_is_sent(page, server):
    open_with_two(page, server, "&interpolate.t=0.25")
    place = page.locator("#scrubber .scrubber-t")
    expect(place).to_have_text("t = 0.25")
    page.get_by_label("Straight (lerp)").click()
    fall_silent(page)
    expect(place).to_have_text("t = 0.25")
    page.locator("#scrubber input[type=range]").focus()
    page.keyboard.press("End")
    page.wait_for_function("location.search.includes('interpolate.t=1')")
    page.get_by_label("Spherical (slerp)").click()  # other pictures, the same place
    fall_silent(page)
    page.locator(".send-picture:visible").first.click()
    expect(page.get_by_role("tab", name="Reconstruct")).to_have_attribute("aria-selected", "true")
    expect(page.locator("#reconstruct-picture img")).to_have_attribute("src", re.compile("between-1.00"))


def test_one_click_downloads_a_file_that_opens_and_of_places_visited_in_quick_succession_the_last_is_sent(page, server):
    open_with_two(page, server)
    name, gif = downloaded(page, "#scrubber", "GIF")
    assert name == "fruits-between.gif"
    assert Image.open(gif).n_frames == 64, "33 there and 31 back"
    assert Image.open(downloaded(page, "#scrubber", "PNG")[1]).size == (9 * 64, 64)
    assert downloaded(page, "#scrubber", "MP4")[1].read_bytes()[4:8] == b"ftyp"
    assert np.load(downloaded(page, "#scrubber", "NPY")[1]).shape == (33, 128)
    page.get_by_label("9", exact=True).click()
    expect(page.locator("#scrubber .scrubber-progress")).to_have_text("9 pictures")
    assert len(downloaded(page, "#scrubber", "CSV")[1].read_text().splitlines()) == 10
    page.evaluate(
        "[1, 3, 4, 5, 6].forEach((k) => document.querySelectorAll('#scrubber .scrubber-strip button')[k].click())"
    )
    expect(page.locator("#scrubber .scrubber-t")).to_have_text("t = 0.75")
    fall_silent(page)  # the server has the picture
    page.locator(".send-picture:visible").click()
    expect(page.locator("#reconstruct-picture img")).to_have_attribute("src", re.compile(r"between-0\.75"))


def test_nothing_of_the_way_before_is_handed_out_while_another_is_drawn(page, server):
    open_with_two(page, server)
    page.get_by_label("17", exact=True).click()
    expect(page.locator("#scrubber .scrubber-progress")).to_have_text("17 pictures")
    pick_model(page, "Photos")
    expect(page.locator("#scrubber .scrubber")).to_have_attribute("data-state", "refining", timeout=SLOW)
    name, gif = downloaded(page, "#scrubber", "GIF")
    assert name == "photos-between.gif"
    assert (Image.open(gif).size, Image.open(gif).n_frames) == ((256, 256), 32), "17 there and 15 back"


def test_going_through_the_modes_and_back_leaves_the_page_as_it_was(page, server):
    open_tab(page, server)
    words = page.locator("#scrubber .scrubber-message")
    expect(words).to_have_text("Choose A and B above. The pictures between them appear here.")
    for mode in ("Four corners", "Analogy: A - B + C", "Between two"):
        page.get_by_label(mode).click()
    expect(words).to_have_text("Choose A and B above. The pictures between them appear here.")
    expect(words).to_be_visible()
    picture_c, picture_d = (page.locator(f"#interpolate-{letter}") for letter in "cd")
    stray = page.get_by_role("button", name="Download", exact=True)
    for gone in (picture_c, picture_d, page.locator("#corners"), page.locator("#analogy"), stray):
        expect(gone).not_to_be_visible()
    page.get_by_label("Analogy: A - B + C").click()
    expect(page.locator("#analogy")).to_be_visible()
    expect(picture_c).to_be_visible()
    for gone in (picture_d, page.locator("#scrubber"), page.get_by_label("Spherical (slerp)")):
        expect(gone).not_to_be_visible()


def test_four_corners_follow_pointer_and_keys_without_the_server(page, server):
    open_with_two(page, server)
    page.get_by_label("Four corners").click()
    choose(page, "C", "Cherry 4")
    choose(page, "D", "Apple 13")
    grid = page.locator(".corners-grid")
    expect(grid).to_have_attribute("aria-label", re.compile("^81 pictures between A, B, C and D"))
    large = ".corners-large canvas"
    fall_silent(page)  # the server has the picture in the middle
    asked = requests_of(page)
    grid.hover(position={"x": 5, "y": 5})
    first = picture_of(page, large)
    grid.hover(position={"x": 300, "y": 300})
    second = picture_of(page, large)
    assert Image.open(downloaded(page, "#corners", "PNG")[1]).size == (9 * 64, 9 * 64)
    assert asked == []
    grid.focus()
    page.keyboard.press("Home")
    page.keyboard.press("PageUp")
    third = picture_of(page, large)
    assert second != first == third
    grid.click(position={"x": 300, "y": 5})
    words = page.locator(".corners-large figcaption")
    expect(words).to_have_text(re.compile(r"^0\.\d\d to the right, 0.00 down"))
    chosen = words.text_content()
    page.mouse.move(5, 5)
    expect(words).to_have_text(chosen)
    fall_silent(page)  # the server has the picture
    page.locator(".send-picture:visible").click()
    expect(page.locator("#reconstruct-picture img")).to_have_attribute("src", re.compile(f"corners-{chosen[:4]}-0.00"))


@pytest.mark.usefixtures("server_draws")
def test_an_analogy_of_equal_pictures_gives_the_third_back(page, server):
    open_tab(page, server)
    page.get_by_label("Analogy").click()
    expect(page.locator("#analogy")).to_contain_text("Choose A, B and C")
    choose(page, "A", "Apple worm 1")
    choose(page, "B", "Apple worm 1")
    choose(page, "C", "Apple 13")
    pictures = page.locator("#analogy img")
    expect(pictures).to_have_count(4)
    page.wait_for_function(  # they come one after the other
        "[...document.querySelectorAll('#analogy img')].slice(2).every(({ src }, k, all) => src && src === all[0].src)"
    )
    choose(page, "B", "Tomato 9")
    expect(pictures.nth(3)).not_to_have_attribute("src", pictures.nth(2).get_attribute("src"))


@pytest.mark.usefixtures("server_draws")
def test_photos_show_the_first_pictures_before_the_last_and_what_is_asked_for_last_does_not_wait(page, server):
    open_tab(page, server, "&model=photos&interpolate.steps=17")
    expect(page.get_by_text("cross-fade")).to_be_visible()
    progress = page.locator("#scrubber .scrubber-progress")
    choose(page, "A", "cat")
    choose(page, "B", "coffee")
    expect(page.locator("#scrubber[data-state=refining], #scrubber .scrubber[data-state=refining]")).to_be_visible()
    expect(progress).to_have_text("17 pictures", timeout=SLOW)
    page.evaluate(
        """() => {
            const progress = document.querySelector("#scrubber .scrubber-progress");
            window.seen = [];
            new MutationObserver(() => window.seen.push(progress.textContent))
                .observe(progress, {childList: true, characterData: true, subtree: true});
        }"""
    )
    page.locator("#interpolate-steps").get_by_label("65", exact=True).click()
    expect(progress).to_contain_text("of 65")
    page.locator("#interpolate-steps").get_by_label("9", exact=True).click()
    expect(progress).to_have_text("9 pictures")
    fall_silent(page)  # nothing of the 65 comes after them
    assert page.evaluate("window.seen").count("65 pictures") == 0
    expect(progress).to_have_text("9 pictures")
