"""How well the pictures are drawn, under the map in a real Chromium: from a histogram to a picture."""

import csv

import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.browser.waiting import downloaded

pytestmark = pytest.mark.browser


def test_a_range_narrows_the_list_and_the_map_and_a_picture_leads_to_its_point(page, server):
    page.goto(f"{server}?model=emoji&tab=map")
    expect(page.locator(".latent-map[data-state=ready]")).to_be_visible()
    page.locator("#map-failures").scroll_into_view_if_needed()
    tiles, said = page.locator(".failures-tiles button"), page.locator(".failures-count")
    expect(tiles).to_have_count(12)
    expect(tiles.first.locator("img")).to_have_count(2)

    flags = page.locator(".failures-list button", has_text="Flags")
    all_flags = flags.text_content()
    page.locator(".failures-bars span").nth(20).click()
    expect(said).to_contain_text("of 3,438 pictures, here and on the map")
    expect(flags, "those within the range").not_to_have_text(all_flags)
    page.get_by_label("reconstruction error (L1), to").press("End")
    page.get_by_label("reconstruction error (L1), to").blur()
    page.locator(".failures-list button", has_text="Flags").click()
    expect(page.locator(".failures-list [aria-pressed=true]")).to_contain_text("Flags")
    expect(tiles.first).to_contain_text("Flags")
    page.wait_for_function("location.search.includes('map.drawn=')")
    header, *rows = csv.reader(downloaded(page, ".failures-body >", "CSV")[1].read_text().splitlines())
    assert header == ["measure", "from", "to", "pictures", "chosen"]
    assert sum(int(row[3]) for row in rows if row[0] == rows[0][0]) == 3438
    with Image.open(downloaded(page, ".failures-histograms +", "PNG")[1]) as drawn:
        assert drawn.size == (2384, 440), "three histograms"
    words = said.inner_text()
    page.goto(page.url)
    expect(page.locator(".latent-map[data-state=ready]")).to_be_visible()
    page.locator("#map-failures").scroll_into_view_if_needed()
    expect(said).to_have_text(words)
    expect(page.locator(".failures-list [aria-pressed=true]")).to_contain_text("Flags")
    page.get_by_label("PCA").check()  # what is chosen is of the pictures, and not of their places
    page.wait_for_function("location.search.includes('map.layout=pca')")
    expect(page.get_by_text("principal components")).to_be_visible()
    expect(said).to_have_text(words)

    tiles.first.click()
    expect(page.locator("#map-original img")).to_be_visible()
    expect(page.locator("#map-facts")).to_contain_text("Flags")
    expect(page.locator(".latent-map-overlay .selected")).to_have_count(1)
    expect(page.locator(".latent-map-tooltip")).to_contain_text("Flags")
    page.wait_for_function("location.search.includes('map.point=')")

    page.get_by_role("button", name="All pictures").click()
    expect(said).to_contain_text("All 3,438 pictures")
