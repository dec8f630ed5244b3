"""The guide: seven steps, each with something that answers to a hand."""

import pytest
from playwright.sync_api import expect

from tests.browser.accessibility import serious_violations
from tests.browser.waiting import another_picture, come_to_rest, fall_silent, picture_of

pytestmark = pytest.mark.browser

LATTICE, DRAWN, SAMPLES = ".plane-square canvas", ".plane-drawn canvas", ".plane-samples canvas"


def forward(page) -> None:
    page.get_by_role("button", name="Next", exact=True).click()


def test_a_digit_that_is_drawn_gets_a_place_and_the_training_can_be_watched(page, server):
    page.goto(server)
    expect(page.locator("#guide")).to_be_hidden()
    page.get_by_role("button", name="What is a latent space?").click()
    expect(page.locator("#guide-1")).to_be_visible()
    lattice, drawn = picture_of(page, LATTICE), picture_of(page, DRAWN)
    numbers = page.locator(".plane-drawn figcaption")
    before = numbers.inner_text()

    box = page.locator(".plane-ink").bounding_box()
    for k, (x, y) in enumerate([(0.5, 0.1), (0.5, 0.5), (0.5, 0.9)]):  # a one
        page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
        if k == 0:
            page.mouse.down()
    page.mouse.up()
    expect(numbers).not_to_have_text(before)
    drawn = another_picture(page, DRAWN, drawn)

    page.locator(".plane-square").hover(position={"x": 5, "y": 5})
    expect(numbers).to_contain_text("-2.9")
    another_picture(page, DRAWN, drawn)
    page.locator(".plane-square").press("ArrowRight")
    expect(numbers).to_contain_text("-2.7")

    page.get_by_label("Moment of the training").fill("0")
    expect(page.locator(".plane-training output")).to_have_text("step 0 of 1,500")
    another_picture(page, LATTICE, lattice)

    forward(page)
    expect(page.locator("#guide-2")).to_be_visible()
    near = picture_of(page, SAMPLES)
    page.get_by_label("Spread").fill("5")
    another_picture(page, SAMPLES, near)

    forward(page)
    page.get_by_label("Moment of the training").fill("19")
    expect(page.locator(".plane-training output")).to_have_text("step 1,500 of 1,500")
    with_kl = picture_of(page, LATTICE)
    page.get_by_label("without it").check()
    another_picture(page, LATTICE, with_kl)


def test_the_rest_of_the_way_leads_to_a_picture_of_ones_own(page, server, examples):
    page.goto(f"{server}?guide=4")
    expect(page.locator("#guide-walk .scrubber-progress")).to_have_text("33 pictures")
    forward(page)
    expect(page.locator("#guide-glasses .scrubber-progress")).to_have_text("25 pictures")
    assert page.locator("#guide-steps").bounding_box()["y"] >= 0, "the step is read from its top"
    forward(page)
    shown = page.locator("#guide-fails .comparison-before")
    expect(shown).to_be_visible()
    cat = shown.get_attribute("src")
    page.locator("#guide-fails").get_by_title("panda").click()
    expect(shown).not_to_have_attribute("src", cat)
    forward(page)
    page.wait_for_function("location.search.includes('guide=7')")
    page.locator("#guide-yours input[type=file]").set_input_files(examples["another fruit"])
    expect(page.locator("#metrics")).to_contain_text("dB")
    expect(page.locator("#guide")).to_be_hidden()
    page.wait_for_function("!location.search.includes('guide')")


def test_axe_finds_no_serious_violation_and_a_phone_is_wide_enough(page, server):
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{server}?__theme=light&guide=3")
    picture_of(page, LATTICE)
    fall_silent(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    close = page.get_by_role("button", name="Close", exact=True).bounding_box()
    assert close["x"] + close["width"] <= 390
    plane, words = page.locator(".plane-square").bounding_box(), page.locator("#guide-3-without").bounding_box()
    assert plane["y"] + plane["height"] < words["y"], "the plane, and then what is to be tried on it"
    page.locator("#about dfn").last.focus()
    meaning = page.locator("#about dfn > span").last
    expect(meaning).to_be_visible()
    box = meaning.bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390
    for theme in ("light", "dark"):
        page.evaluate("(theme) => document.body.classList.toggle('dark', theme === 'dark')", theme)
        come_to_rest(page)
        assert not (serious := serious_violations(page)), f"{theme}: {serious}"
    forward(page)
    expect(page.locator("#guide-walk .scrubber-progress")).to_have_text("33 pictures")
    assert 0 <= page.locator("#guide").bounding_box()["y"] < 100, "the next step begins at its top"
