"""What a link brings back of what was set, and what Back undoes."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.waiting import another_picture, fall_silent, picture_of

pytestmark = pytest.mark.browser

READY = ".latent-map[data-state=ready]"
SAMPLES = "#samples .sample-grid-tiles button:not(.is-waiting)"


def in_address(page, *parts: str) -> None:
    page.wait_for_function(
        "(parts) => parts.every((part) => decodeURIComponent(location.search).includes(part))", arg=parts
    )


@pytest.mark.usefixtures("server_draws")
def test_a_link_brings_back_the_sample_its_sliders_and_the_steps_from_it(page, server):
    page.goto(f"{server}?tab=sample&sample.from=prior&sample.seed=7")
    expect(page.locator(SAMPLES)).to_have_count(16)
    page.get_by_role("button", name="Sample 3", exact=True).click()
    expect(page.locator("#sample-selected img")).to_be_visible()
    page.locator("#sample-vary").click()
    expect(page.locator(".direction-start")).to_have_text("From: Sample 3 of seed 7")
    slider = page.get_by_label("Direction 2, standard deviations")
    expect(page.locator(".direction-strip[src]")).to_have_count(7)
    value = page.locator(".direction-row output").nth(1)
    page.route("**/component_server**", lambda route: None)
    slider.focus()
    slider.press("End")
    in_address(page, "sample.directions=0,3,0")
    page.go_back()
    expect(value, "undone, though its picture is still to come").to_have_text("0.00 σ")
    page.unroute("**/component_server**")  # what was held goes on
    page.go_forward()
    page.get_by_label("To label").select_option("Cherry")
    in_address(page, "sample.view=directions", "sample.pick=0,2", "between=kind|Apple|Cherry")
    in_address(page, "sample.directions=0,3,0")
    page.goto(page.url)
    expect(page.locator(".direction-start")).to_have_text("From: Sample 3 of seed 7")
    expect(value).to_have_text("+3.00 σ")
    expect(page.get_by_label("To label")).to_have_value("Cherry")
    page.get_by_role("tab", name="Grid").click()
    expect(page.get_by_role("button", name="Sample 3", exact=True)).to_have_attribute("aria-pressed", "true")
    page.locator("#sample-walk").click()
    tiles = page.locator("#around .local-grid-tiles button:not(.is-waiting) img")
    for place, name in enumerate(("2 right", "1 up")):
        expect(tiles).to_have_count(25)
        page.get_by_role("button", name=name, exact=True).click()
        expect(page.locator(".local-grid-steps")).to_have_text(re.compile(rf"^{place + 1} step"))
    in_address(page, "sample.view=around", "sample.steps=14,7")
    page.goto(page.url)
    expect(page.locator(".local-grid-steps")).to_have_text("2 steps from: Sample 3 of seed 7")


def test_a_question_of_before_the_link_was_brought_back_changes_nothing_when_it_comes_late(page, server):
    """Of what the link sets, the seed may be known to the page before the distribution is."""
    held = []
    is_early = re.compile(r'"data":\["fruits",[^"]*null,\[\],true,\[\],16,1,7\]').search  # no distribution yet

    def hold(route):
        return held.append(route) if is_early(route.request.post_data) else route.continue_()

    page.route("**/queue/join*", hold)
    page.goto(f"{server}?tab=sample&sample.from=prior&sample.seed=7")
    expect(page.locator(SAMPLES)).to_have_count(16)
    assert held, "the page asks no such question"
    for route in held:
        route.continue_()
    fall_silent(page)
    expect(page.locator(SAMPLES)).to_have_count(16)


def test_a_link_brings_back_what_was_set_on_the_map(page, server):
    page.emulate_media(reduced_motion="reduce")
    page.goto(f"{server}?tab=map")
    expect(page.locator(READY)).to_be_visible()
    page.locator(".latent-map-colour").select_option(label="variety")
    page.locator(".latent-map-chip").first.click()
    page.locator(".latent-map-search").fill("red")
    page.get_by_role("button", name="Pictures", exact=True).click()
    page.get_by_role("button", name="Density").click()
    page.get_by_role("button", name="Zoom in").click()
    in_address(page, "map.colour=variety", "map.hidden=", "map.find=red", "map.layers=contours", "map.view=")
    page.get_by_role("button", name="Path").click()
    view = page.locator(".latent-map-view")
    for x, y in ((200, 200), (400, 300)):
        view.click(position={"x": x, "y": y})
    expect(page.locator("#map-scrubber .scrubber-progress")).to_have_text("33 pictures")
    in_address(page, "map.path=corners,")
    axis = "document.querySelector('.latent-map-plot').layout.xaxis.range"
    seen = page.evaluate(axis)
    page.goto(page.url)
    expect(page.locator("#map-scrubber .scrubber-progress")).to_have_text("33 pictures")
    expect(page.locator(".latent-map-overlay .corner")).to_have_count(2)
    assert page.evaluate(axis) == pytest.approx(seen, abs=0.02)
    assert page.locator(".latent-map-colour option:checked").inner_text() == "variety"
    expect(page.locator(".latent-map-chip").first).to_have_attribute("aria-pressed", "false")
    expect(page.locator(".latent-map-found")).to_contain_text("found")
    expect(page.locator(".latent-map-contours path")).to_have_count(5)
    expect(page.get_by_role("button", name="Pictures", exact=True)).to_have_attribute("aria-pressed", "false")
    page.get_by_label("PCA").check()
    expect(page.get_by_text("placed by its first two")).to_be_visible()
    expect(page.locator(READY)).to_be_visible()
    page.wait_for_function("!/map.(view|path)=/.test(location.search)")  # its places are others
    in_address(page, "map.layout=pca", "map.colour=variety")
    page.go_back()
    expect(page.locator(".latent-map-overlay .corner")).to_have_count(2)
    in_address(page, "map.path=corners,", "map.view=")
    assert page.evaluate(axis) == pytest.approx(seen, abs=0.02)
    page.goto(f"{server}?tab=map&map.layout=pca&map.view=0.5,0,4")
    expect(page.get_by_text("placed by its first two")).to_be_visible()
    expect(page.locator(READY)).to_be_visible()
    page.wait_for_function(f"Math.abs({axis}[0] + {axis}[1] - 1) < 0.01")


@pytest.mark.usefixtures("server_draws")
def test_back_undoes_one_move_after_another_and_forward_makes_them_again(page, server):
    page.goto(f"{server}?tab=reconstruct&reconstruct.picture=fruit-apple.png")
    expect(page.locator("#metrics")).to_contain_text("dB")
    status, canvas = page.locator(".latent-editor-status"), "#latent canvas"
    fall_silent(page)
    before = picture_of(page, canvas)
    slider = page.locator(".latent-editor-value")
    slider.focus()
    slider.press("End")
    edited = another_picture(page, canvas, before)
    in_address(page, "reconstruct.edits=")
    link = page.url
    page.locator("#reconstruct-examples").get_by_title("Tomato 9").click()
    expect(status).to_have_text("As encoded")
    page.wait_for_function("!location.search.includes('fruit-apple')")
    fall_silent(page)
    page.go_back()
    in_address(page, "fruit-apple", "reconstruct.edits=")
    expect(status).to_have_text("1 number changed")
    page.wait_for_function(f"(edited) => document.querySelector('{canvas}').toDataURL() === edited", arg=edited)
    page.go_back()
    expect(status).to_have_text("As encoded")
    page.wait_for_function("!location.search.includes('edits')")
    page.go_forward()
    expect(status).to_have_text("1 number changed")
    page.goto(f"{link}&reconstruct.order=effect")
    expect(page.locator(".latent-editor-order")).to_have_value("effect")
    expect(status).to_have_text("1 number changed")
    page.wait_for_function(f"(edited) => document.querySelector('{canvas}').toDataURL() === edited", arg=edited)
    page.get_by_label("Remove Image").first.click()
    page.wait_for_function("!location.search.includes('edits')")


def test_back_undoes_another_seed_with_the_choice_that_it_took(page, server):
    page.goto(f"{server}?tab=sample&sample.from=prior&sample.seed=7&sample.pick=0,4")
    chosen = page.get_by_role("button", name="Sample 5", exact=True)
    expect(chosen).to_have_attribute("aria-pressed", "true")
    fall_silent(page)
    first = chosen.locator("img").get_attribute("src")
    page.locator("#shuffle-button").click()
    expect(chosen.locator("img")).not_to_have_attribute("src", first)
    expect(chosen).to_have_attribute("aria-pressed", "false")
    fall_silent(page)
    page.get_by_role("radio", name="Mixture fitted").check()
    in_address(page, "sample.from=mixture")
    expect(page.locator(SAMPLES)).to_have_count(32)
    fall_silent(page)
    page.go_back()
    expect(page.locator(SAMPLES)).to_have_count(16)
    fall_silent(page)
    page.go_back()
    expect(chosen).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_label("Seed").locator("visible=true")).to_have_value("7")
    page.get_by_role("tab", name="Map").click()
    expect(page.locator(READY)).to_be_visible()
    page.go_back()
    expect(page.get_by_role("tab", name="Sample")).to_have_attribute("aria-selected", "true")
    expect(chosen).to_have_attribute("aria-pressed", "true")


def test_a_link_of_nonsense_sets_nothing(page, server):
    nonsense = {
        "sample.pick": "9,-1",
        "sample.directions": "1e9,NaN",
        "sample.directions.between": "constructor|x|y",
        "sample.steps": "12,0.5",
        "sample.view": "<img>",
        "map.point": "99999999999",
        "map.colour": "__proto__",
        "map.view": "0,0,1e400",
        "map.layers": "plot,constructor",
        "map.hidden": "nobody|",
        "map.path": "line,1,2,x",
        "map.groups": "o1,2~r9-zzz",
        "map.drawn": '[{"kl_nats":[1,"x"]},"kind","nobody"]',
        "reconstruct.picture": "fruit-apple.png",  # which is good, as the edits are of it
        "reconstruct.edits": "3,1,0,101",  # a position may be that, a number not
        "interpolate.place": "2,2",
    }
    square = "interpolate.mode=square&" + "&".join(f"interpolate.{letter}=fruit-apple.png" for letter in "abcd")
    asked = "&".join(f"{key}={text}" for key, text in nonsense.items())
    page.goto(f"{server}?tab=sample&sample.from=prior&{square}&{asked}")
    expect(page.locator(SAMPLES)).to_have_count(16)
    expect(page.locator("#samples [aria-pressed=true]")).to_have_count(0)
    expect(page.locator("#notice")).to_contain_text("sample.view = ")
    page.get_by_role("tab", name="Directions").click()
    expect(page.locator(".direction-row output").first).to_have_text("0.00 σ")
    expect(page.get_by_label("Label column")).to_have_value("kind")
    page.get_by_role("tab", name="Around").click()
    expect(page.locator(".local-grid-steps")).to_have_text(re.compile(r"^(?!\d+ step)."))
    page.get_by_role("tab", name="Map").click()
    expect(page.locator(READY)).to_be_visible()
    expect(page.locator(".latent-map-overlay .path")).to_have_count(0)
    expect(page.locator(".latent-map-overlay .selected")).to_have_count(0)
    assert "map.point=" not in page.url
    assert page.locator(".latent-map-colour option:checked").inner_text() == "kind"
    for layer, is_on in (("Pictures", "true"), ("Lattice", "false"), ("Density", "false")):
        expect(page.get_by_role("button", name=layer, exact=True)).to_have_attribute("aria-pressed", is_on)
    expect(page.locator(".latent-map-chip[aria-pressed=true]")).to_have_count(3)
    left, right = page.evaluate("document.querySelector('.latent-map-plot').layout.xaxis.range")
    assert right - left > 5, "the whole map"
    page.get_by_role("tab", name="Reconstruct").click()
    expect(page.locator(".latent-editor-status")).to_have_text("As encoded")
    page.get_by_role("tab", name="Interpolate").click()
    expect(page.locator(".corners figcaption")).to_have_text(re.compile(r"^0\.50 to the right, 0\.50 down"))
