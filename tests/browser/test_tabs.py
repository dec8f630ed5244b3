"""A real Chromium that drives each of the four tabs, with the models that ship."""

import re

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser


def open_tab(page: Page, server: str, name: str, model: str = "Fruits") -> None:
    page.goto(server)
    if model != "Fruits":
        page.get_by_label("Model").click()
        page.get_by_role("option", name=model, exact=True).click()
        expect(page.locator("#about")).to_contain_text(f"{model}.")
    page.get_by_role("tab", name=name).click()


def upload(page: Page, element: str, path) -> None:
    page.set_input_files(f"{element} input[type=file]", str(path))


def map_centre(page: Page) -> tuple[float, float]:
    chart = page.locator(".latent-map-view")
    expect(page.locator(".latent-map .js-plotly-plot")).to_be_visible(timeout=60_000)
    box = chart.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


@pytest.mark.parametrize("model", ["Fruits", "Emoji", "Photos"])
def test_map_decodes_the_place_under_the_pointer(page, server, model):
    open_tab(page, server, "Map", model)
    x, y = map_centre(page)
    page.mouse.move(x - 40, y)
    page.mouse.move(x, y, steps=4)
    card = page.locator(".latent-map-card img")
    expect(card).to_be_visible()
    expect(card).to_have_attribute("src", re.compile("^data:image"))


def test_map_click_shows_the_point_and_its_neighbours(page, server):
    open_tab(page, server, "Map")
    x, y = map_centre(page)
    page.locator(".latent-map-view").focus()
    page.mouse.click(x, y)
    if not page.locator("#map-facts").is_visible():  # the middle may be empty: step to the nearest point by keyboard
        page.keyboard.press("ArrowRight")
        page.keyboard.press("Enter")
    expect(page.locator("#map-facts")).to_contain_text("variety")
    expect(page.locator("#map-selected img")).to_be_visible()
    expect(page.locator("#map-neighbours button.thumbnail-item")).to_have_count(8)


def test_map_places_a_dropped_picture(page, server, examples):
    open_tab(page, server, "Map")
    map_centre(page)
    upload(page, "#map-place", examples["fruits"])
    expect(page.locator("#map-facts")).to_contain_text("Your picture")
    expect(page.locator("#map-neighbours button.thumbnail-item")).to_have_count(8)


def test_map_is_coloured_by_the_chosen_label(page, server):
    open_tab(page, server, "Map")
    map_centre(page)
    legend = page.locator(".latent-map-legend")
    expect(legend).to_contain_text("Apple")
    page.locator(".latent-map-colour").select_option("variety")
    expect(legend).to_contain_text(re.compile(r"\d"))
