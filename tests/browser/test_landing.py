"""What a visitor sees first: a walk of its own accord, which gives way to whatever is chosen."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.accessibility import serious_violations
from tests.browser.waiting import another_picture, come_to_rest, fall_silent, picture_of

pytestmark = pytest.mark.browser

PICTURE, MARKS = ".landscape-picture", ".landscape-marks"


def walking(page):
    return page.get_by_role("button", name="Stop", exact=True)


def test_it_walks_by_itself_until_a_hand_takes_over(page, server):
    page.goto(server)
    before = picture_of(page, PICTURE)
    expect(walking(page)).to_be_visible()
    before = another_picture(page, PICTURE, before)
    page.mouse.click(5, 5)  # beside everything
    page.get_by_role("button", name="Walk", exact=True).click()
    expect(walking(page)).to_be_visible()
    page.keyboard.press("Shift")
    expect(walking(page)).to_be_hidden()
    fall_silent(page)

    view = page.locator(".landscape-view")
    place, before = picture_of(page, MARKS), picture_of(page, PICTURE)
    view.click(position={"x": 40, "y": 40})
    place, before = another_picture(page, MARKS, place), another_picture(page, PICTURE, before)
    box = view.bounding_box()
    page.mouse.move(box["x"] + 40, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + 300, box["y"] + 200)
    page.mouse.up()
    place, before = another_picture(page, MARKS, place), another_picture(page, PICTURE, before)
    page.mouse.move(box["x"] + 100, box["y"] + 100)  # not pressed
    view.press("ArrowLeft")
    another_picture(page, MARKS, place)


def test_it_gives_way_and_back_leads_to_it(page, server, examples):
    landing = page.locator("#landing")
    page.emulate_media(reduced_motion="reduce")
    page.goto(f"{server}?__theme=dark")  # as the Hub asks for it
    picture_of(page, PICTURE)
    expect(page.get_by_role("button", name="Walk", exact=True)).to_be_visible()  # not of its own accord
    page.get_by_role("tab", name="Reconstruct").click()  # which is open already
    expect(landing).to_be_hidden()
    page.wait_for_function("location.search.includes('tab=reconstruct')")
    page.go_back()
    expect(landing).to_be_visible()
    page.get_by_role("button", name="Open Sample").click()
    expect(landing).to_be_hidden()
    page.wait_for_function("location.search.includes('tab=sample&sample.from=')")
    page.go_back()
    expect(page.get_by_role("tab", name="Reconstruct")).to_have_attribute("aria-selected", "true")
    expect(landing).to_be_visible()
    landing.locator("input[type=file]").set_input_files(examples["fruits"])
    expect(landing).to_be_hidden()
    expect(page.locator("#metrics")).to_contain_text("dB")
    page.wait_for_function("location.search.includes('reconstruct.picture=')")  # it is an example
    page.go_back()
    expect(landing).to_be_visible()
    page.evaluate("window.latentscape.remember('sample.from', 'gaussian')")  # what was on its way
    expect(landing).to_be_visible()
    page.get_by_role("button", name="Seven steps that explain it").click()
    expect(page.locator("#guide-1")).to_be_visible()
    expect(landing).to_be_hidden()
    page.wait_for_function("location.search.includes('guide=1')")
    page.go_back()
    expect(landing).to_be_visible()
    expect(page.locator("#guide-1")).to_be_hidden()
    page.go_forward()
    expect(page.locator("#guide-1")).to_be_visible()
    page.get_by_role("button", name="Close", exact=True).click()
    page.wait_for_function("!location.search.includes('guide')")
    expect(landing).to_be_hidden()  # nobody asked for it again


def test_a_link_to_something_else_does_not_wait_for_it(page, server):
    asked = []
    page.on("request", lambda request: asked.append(request.post_data or ""))
    page.goto(f"{server}?tab=interpolate")
    fall_silent(page)
    expect(page.locator("#landing")).to_be_hidden()
    assert not [data for data in asked if re.search('"fn_name":"(walk|points)"', data)]


def test_axe_finds_no_serious_violation_and_a_phone_is_wide_enough(page, server):
    page.emulate_media(reduced_motion="reduce")
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{server}?__theme=light")
    picture_of(page, PICTURE)
    assert page.locator(PICTURE).bounding_box()["y"] < 844 / 2
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    for theme in ("light", "dark"):
        page.evaluate("(theme) => document.body.classList.toggle('dark', theme === 'dark')", theme)
        come_to_rest(page)
        assert not (serious := serious_violations(page)), f"{theme}: {serious}"
