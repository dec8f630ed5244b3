"""The page as a whole: the address bar, the ways between the tabs, quick hands, and accessibility."""

import json
import re
import urllib.request
from collections import Counter

import pytest
from playwright.sync_api import expect

from app import page as app_page
from tests.browser.accessibility import serious_violations
from tests.browser.waiting import come_to_rest, fall_silent

pytestmark = pytest.mark.browser

TABS = {tab.TITLE: tab.NAME for tab in app_page.TABS}
RESULTS = {"Reconstruct": "#reconstruct-one > .found", "Interpolate": "#scrubber"}


def pick_model(page, name: str) -> None:
    page.get_by_label("Model").first.click()
    page.get_by_role("option", name=name, exact=True).click()


def test_after_quick_switching_the_last_choice_is_shown_and_the_page_falls_silent(page, server):
    page.goto(server)
    expect(page.locator("#about")).to_contain_text("Fruits-360")
    page.wait_for_function("window.Plotly")  # which is there before the map is opened
    assert page.locator(".latent-map").count() == 0
    for model, tab in (("Emoji", "Map"), ("Photos", "Sample"), ("Fruits", "Map"), ("Emoji", "Sample")):
        pick_model(page, model)
        page.get_by_role("tab", name=tab).click()
    expect(page.locator("#about")).to_contain_text("Emoji.")
    expect(page.locator("#samples .sample-grid-tiles button:not(.is-waiting)")).to_have_count(
        32
    )  # a flow's, beside the prior's
    fall_silent(page)


def test_a_link_brings_back_model_tab_and_seed_and_can_be_copied(page, server):
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(f"{server}?model=emoji&tab=sample&sample.seed=7")
    expect(page.locator("#about")).to_contain_text("Emoji.")
    expect(page.get_by_role("tab", name="Sample")).to_have_attribute("aria-selected", "true")
    expect(page.get_by_label("Seed").locator("visible=true")).to_have_value("7")
    expect(page.locator("#notice")).to_be_hidden()
    page.wait_for_function("location.search.includes('sample.from=flow')")  # of this model, said once it is known
    page.get_by_role("button", name="Copy link").click()
    expect(page.get_by_role("button", name="Link copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == page.evaluate("location.href")
    expect(page.get_by_role("button", name="Copy link")).to_be_visible()
    pick_model(page, "Fruits")
    page.get_by_role("tab", name="Map").click()
    expect(page.locator("#about")).to_contain_text("Fruits")
    page.wait_for_function("location.search.includes('model=fruits') && location.search.includes('tab=map')")


def test_a_link_brings_back_a_way_between_examples(page, server):
    page.goto(f"{server}?model=emoji")
    page.get_by_role("tab", name="Interpolate").click()
    for letter, name in (("A", "panda"), ("B", "hot dog")):
        page.locator("fieldset.examples:visible", has_text=f"Examples for {letter}").get_by_title(name).click()
    page.get_by_label("Straight (lerp)").click()
    page.get_by_label("17", exact=True).click()
    page.wait_for_function(
        "['a=', 'b=', 'path=lerp', 'steps=17'].every((part) => location.search.includes(`interpolate.${part}`))"
    )
    page.goto(page.url)
    expect(page.locator("#scrubber .scrubber-progress")).to_have_text("17 pictures")
    expect(page.locator("#interpolate-a img")).to_have_attribute("src", re.compile("emoji-panda"))
    expect(page.locator("#interpolate-b img")).to_have_attribute("src", re.compile("emoji-hot-dog"))
    expect(page.get_by_label("Straight (lerp)")).to_be_checked()
    page.get_by_role("button", name="Swap A and B").click()
    expect(page.locator("#interpolate-a img")).to_have_attribute("src", re.compile("emoji-hot-dog"))
    expect(page.locator("#interpolate-b img")).to_have_attribute("src", re.compile("emoji-panda"))
    for letter, name in (("A", "hot dog"), ("B", "panda")):  # are marked
        offered = page.locator("fieldset.examples:visible", has_text=f"Examples for {letter}")
        expect(offered.locator("[aria-pressed=true]")).to_have_attribute("title", name)
    page.wait_for_function("location.search.includes('interpolate.a=emoji-hot-dog')")


def test_a_link_brings_back_a_checkbox(page, server):
    page.goto(f"{server}?tab=sample&sample.from=mixture&sample.beside=false")
    expect(page.get_by_role("radio", name="Mixture fitted")).to_be_checked()
    expect(page.get_by_role("checkbox", name="Beside the prior")).not_to_be_checked()
    expect(page.locator("#samples .sample-grid-tiles button:not(.is-waiting)")).to_have_count(16)
    page.get_by_role("checkbox", name="Beside the prior").check()
    expect(page.locator("#samples .sample-grid-tiles button:not(.is-waiting)")).to_have_count(32)
    page.wait_for_function("location.search.includes('sample.beside=true')")


def test_a_link_holds_a_drawn_picture_as_its_latent(page, server):
    page.goto(f"{server}?tab=sample&sample.from=prior&sample.seed=7")
    expect(page.locator("#samples .sample-grid-tiles button:not(.is-waiting)")).to_have_count(16)
    page.get_by_role("button", name="Sample 3", exact=True).click()
    page.locator(".send-picture").locator("visible=true").click()
    expect(page.locator("#metrics")).to_contain_text("dB")
    page.wait_for_function("location.search.includes('reconstruct.picture=z%3Afruits%3A')")
    figures = page.locator("#metrics dd").first.inner_text()
    page.goto(page.url)
    expect(page.locator("#metrics dd").first).to_have_text(figures, use_inner_text=True)
    expect(page.get_by_text("drawn by Fruits (from a link)")).to_be_visible()


def test_a_long_latent_is_left_out_of_the_link(page, server):
    page.goto(f"{server}?model=photos&tab=sample&sample.count=1")
    expect(page.locator("#samples .sample-grid-tiles button:not(.is-waiting)")).to_have_count(1)
    page.get_by_role("button", name="Sample 1", exact=True).click()
    page.locator(".send-picture").locator("visible=true").click()
    expect(page.locator("#metrics")).to_contain_text("dB")
    fall_silent(page)
    assert "reconstruct.picture" not in page.url


def test_back_goes_to_the_tab_before_and_the_model_stays(page, server):
    page.goto(server)
    page.get_by_role("tab", name="Sample").click()
    page.wait_for_function("location.search.includes('tab=sample')")  # as a person does
    page.get_by_role("tab", name="Interpolate").click()
    expect(page.get_by_role("tab", name="Interpolate")).to_have_attribute("aria-selected", "true")
    pick_model(page, "Emoji")
    page.wait_for_function("location.search.includes('model=emoji') && location.search.includes('tab=interpolate')")
    page.go_back()
    expect(page.get_by_role("tab", name="Sample")).to_have_attribute("aria-selected", "true")
    page.wait_for_function("location.search.includes('model=emoji') && location.search.includes('tab=sample')")
    expect(page.locator("#about")).to_contain_text("Emoji.")
    page.go_back()
    expect(page.get_by_role("tab", name="Reconstruct")).to_have_attribute("aria-selected", "true")
    page.go_forward()
    expect(page.get_by_role("tab", name="Sample")).to_have_attribute("aria-selected", "true")


def test_after_a_link_another_model_draws_the_picture_anew(page, server):
    page.goto(f"{server}?model=photos")
    expect(page.locator("#about")).to_contain_text("Photos.")
    page.locator("#reconstruct-examples").get_by_title("cat").click()
    expect(page.locator("#latent")).to_contain_text("Channel")
    expect(page.locator("#metrics")).to_contain_text("dB")
    before = page.locator("#metrics").inner_text()
    warning = page.get_by_text("unlike the pictures that Fruits was trained on")
    expect(warning).to_be_hidden()
    pick_model(page, "Fruits")
    expect(page.locator("#metrics")).not_to_have_text(before, use_inner_text=True)
    expect(page.locator("#metrics")).to_contain_text("dB")
    expect(warning).to_be_visible()
    expect(page.get_by_text("try the model Photos")).to_be_visible()


def test_an_upload_while_the_page_still_draws_is_drawn(page, server, examples):
    """The drawing that the page began with, of no picture, must not end after that of the picture."""
    held = []

    def hold_the_first(route):  # what is asked before the picture is there arrives after it
        if held:
            route.continue_()
        else:
            held.append(route)

    page.route("**/queue/join*", hold_the_first)
    page.goto(server)
    page.wait_for_selector("#reconstruct-picture input[type=file]", state="attached")
    with page.expect_response("**/upload*"):
        page.set_input_files("#reconstruct-picture input[type=file]", str(examples["fruits"]))
    assert held
    held[0].continue_()
    expect(page.locator("#metrics")).to_contain_text("dB")
    fall_silent(page)
    expect(page.locator("#metrics")).to_contain_text("dB")


# The network brings the end of a stream of answers late.
LATE_END = """
const fetched = window.fetch;
const late = () => new TransformStream({
  async transform(text, controller) {
    for (const message of text.split(/(?<=\\n\\n)/)) {
      if (message.includes('"close_stream"')) await new Promise((resolve) => setTimeout(resolve, 3000));
      controller.enqueue(message);
    }
  },
});
window.fetch = async (...parts) => {
  const response = await fetched(...parts);
  if (!/queue.data/.test(String(parts[0]?.url ?? parts[0]))) return response;
  const body = response.body.pipeThrough(new TextDecoderStream()).pipeThrough(late());
  return new Response(body.pipeThrough(new TextEncoderStream()), response);
};
"""


def test_a_question_that_is_asked_as_the_answer_before_it_ends_is_answered(page, server):
    page.add_init_script(LATE_END)
    page.goto(f"{server}?tab=sample")
    expect(page.locator("#samples .sample-grid-tiles button:not(.is-waiting)")).to_have_count(32)
    page.get_by_role("tab", name="Map").click()
    expect(page.locator(".latent-map[data-state=ready]")).to_be_visible()
    page.get_by_role("tab", name="Model").click()
    expect(page.locator("#dimensions")).to_contain_text("All 128")


def test_a_question_that_does_not_reach_the_server_keeps_no_answer_back(page, server):
    page.goto(server)
    fall_silent(page)
    held = []
    page.route("**/queue/join*", lambda route: route.continue_() if held else held.append(route))
    with page.expect_request("**/queue/join*"):
        page.get_by_role("tab", name="Model").click()
    with page.expect_response("**/queue/data*") as stream:
        page.get_by_role("tab", name="Map").click()
        expect(page.locator(".latent-map[data-state=ready]")).to_be_visible()
    stream.value.finished()
    page.get_by_role("tab", name="Sample").click()
    expect(page.locator("#samples .sample-grid-tiles button:not(.is-waiting)")).to_have_count(32)


def test_what_a_proxy_answers_while_the_app_is_away_is_said_in_a_sentence(page, server):
    page.goto(f"{server}?tab=sample")
    samples = page.locator("#samples .sample-grid-tiles button:not(.is-waiting)")
    expect(samples).to_have_count(32)
    page.route(
        "**/queue/join*",
        lambda route: route.fulfill(status=502, body="<html><b>Bad</b> gateway", content_type="text/html"),
    )
    page.locator("#shuffle-button").click()
    expect(page.locator(".toast-body")).to_contain_text("No answer came. Is the app still running?")
    page.unroute("**/queue/join*")
    seed = page.get_by_role("spinbutton", name="Seed")
    before = seed.input_value()
    page.locator("#shuffle-button").click()
    expect(seed).not_to_have_value(before)
    expect(samples).to_have_count(32)


def test_the_name_of_a_file_is_text_also_where_it_is_too_large(page, server):
    page.goto(f"{server}?tab=reconstruct")
    choose = """(input) => {
        const chosen = new DataTransfer();
        chosen.items.add(new File([new Uint8Array(32e6)], "<b>bold</b><img src=x>.png", { type: "image/png" }));
        input.files = chosen.files;
        input.dispatchEvent(new Event("change", { bubbles: true }));
    }"""
    page.locator("#reconstruct-picture input[type=file]").evaluate(choose)
    expect(page.locator(".toast-body")).to_contain_text("‹b>bold‹/b>‹img src=x>.png")
    assert page.locator(".toast-body b, .toast-body img").count() == 0


def test_a_stream_of_answers_that_the_server_refuses_is_closed(page, server):
    """Else a page takes it for open, and hears no answer any more."""
    page.goto(server)
    fall_silent(page)
    told = page.evaluate("async () => (await fetch('gradio_api/queue/data?session_hash=nobody')).text()")
    assert "404: Not Found" in told
    assert told.endswith('data: {"msg":"close_stream"}\n\n')


def test_nonsense_in_a_link_is_said_and_leaves_the_address(page, server):
    nonsense = {
        "model": "nonexist",
        "tab": "nowhere",
        "sample.seed": "-1e9",
        "interpolate.t": "abc",
        "map.point": "99999999999",
        "interpolate.a": "../../x",
        "interpolate.steps": "7",
        "sample.temperature": "nan",
        "sample.beside": "perhaps",
        "sample.from": 200 * "x",
        "reconstruct.picture": "<img src=x onerror=alert(1)>",  # tests/app/test_address.py has other hostile ones
    }
    page.goto(f"{server}?{'&'.join(f'{key}={text}' for key, text in nonsense.items())}&sample.count=7")
    expect(page.locator("#notice")).to_contain_text("There is no such choice; there are: fruits")
    expect(page.locator("#notice")).to_contain_text("nonexist")
    expect(page.locator("#notice")).to_contain_text("no such example picture")
    assert page.locator("#notice img").count() == 0
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    page.set_viewport_size({"width": 1280, "height": 720})
    expect(page.locator("#about")).to_contain_text("Fruits")
    page.wait_for_function("!/nonexist|picture/.test(location.search) && location.search.includes('sample.count=7')")
    expect(page.get_by_role("tab", name="Reconstruct")).to_have_attribute("aria-selected", "true")
    for key in nonsense.keys() - {"interpolate.t", "map.point"}:  # those two are their widgets' own
        expect(page.locator("#notice")).to_contain_text(f"{key} = ")
    page.get_by_role("tab", name="Map").click()
    expect(page.locator(".latent-map[data-state=ready]")).to_be_visible()
    pick_model(page, "Emoji")
    expect(page.locator("#notice")).to_be_hidden()


def test_no_tab_is_wider_than_the_screen_and_axe_finds_no_serious_violation(page, server):
    page.goto(f"{server}?__theme=dark&tab=reconstruct")
    expect(page.locator("body")).to_have_class(re.compile(r"\bdark\b"))
    for tab in TABS:
        page.get_by_role("tab", name=tab).click()
        expect(page.get_by_role("tab", name=tab)).to_have_attribute("aria-selected", "true")
        if tab == "Reconstruct":
            page.locator("#reconstruct-examples button").first.click()
            expect(page.locator("#metrics")).to_contain_text("dB")
        for width, theme in ((1440, "light"), (390, "dark")):
            page.set_viewport_size({"width": width, "height": 900})
            page.evaluate("(theme) => document.body.classList.toggle('dark', theme === 'dark')", theme)
            fall_silent(page)
            come_to_rest(page)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, tab
            expect(page.locator("footer .divider:visible")).to_have_count(int(width > 640))  # between two links
            if width < 640 and tab in RESULTS:
                top = page.locator(RESULTS[tab]).evaluate("part => part.getBoundingClientRect().top + scrollY")
                assert top < 750, f"{tab}: what comes out begins on a phone's first screen"
            assert not (serious := serious_violations(page)), (tab, theme, serious)


def test_no_event_wakes_several_listeners_that_keep_the_last_call(server):
    """Gradio sends an event that was kept to all its listeners again: several would wake each other for ever."""
    with urllib.request.urlopen(f"{server}config") as answer:
        config = json.load(answer)
    keeping = Counter(
        tuple(target)
        for listener in config["dependencies"]
        if listener["trigger_mode"] == "always_last" and listener["backend_fn"]
        for target in listener["targets"]
        if target[0] is not None
    )
    assert [target for target, count in keeping.items() if count > 1] == []
