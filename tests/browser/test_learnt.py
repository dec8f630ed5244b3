"""The Model tab in a real Chromium: what each dimension does."""

import csv
import re

import pytest
from playwright.sync_api import expect

from tests.browser.waiting import downloaded

pytestmark = pytest.mark.browser

STRIP = "#dimensions .dimensions-strips img:not(.is-waiting)[src]"


def test_bars_and_cells_lead_to_traversals(page, server):
    page.goto(f"{server}?model=fruits&tab=Model")  # as its title is, which a person would type
    bars = page.locator("#dimensions .dimensions-bars button")
    expect(bars).to_have_count(128)
    expect(page.locator("#dimensions .is-faint")).to_have_count(42)
    expect(page.locator("#about")).to_contain_text("the other 42 have collapsed")
    expect(page.locator(STRIP)).to_have_count(4)
    most = page.locator("#dimensions figcaption strong").inner_text()
    assert page.locator("#dimensions .dimensions-number").input_value() == most.removeprefix("Dimension ")
    first = page.locator(STRIP).first.get_attribute("src")

    bars.first.focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#dimensions figcaption strong")).not_to_have_text(most)
    expect(page.locator(STRIP).first).not_to_have_attribute("src", first)

    page.get_by_title("Sort by variety").click()
    best = page.locator("#dimensions .is-chosen")
    expect(best).to_have_count(1)
    expect(page.locator("#dimensions figcaption strong")).to_have_text(f"Dimension {best.get_attribute('data-unit')}")
    cell = page.locator("#dimensions tbody button").last
    cell.click()
    expect(page.locator("#dimensions figcaption strong")).to_have_text(f"Dimension {cell.get_attribute('data-unit')}")

    page.locator("#dimensions .dimensions-measure").select_option(label="effect on the picture")
    expect(page.locator("#dimensions .dimensions-chart + .dimensions-words")).to_contain_text("by less than one level")
    expect(bars.first).to_have_attribute("aria-label", re.compile("levels"))
    header, first, *others = csv.reader(downloaded(page, ".dimensions-body >", "CSV")[1].read_text().splitlines())
    assert header[:3] == ["dimension", "KL (nats per picture)", "spread of the means (standard deviation)"]
    assert (first[0], len(others), len(first)) == ("0", 127, len(header))
    assert all(row[header.index("effect on the picture (of 255 levels)")] for row in others)

    page.get_by_label("Order").select_option(label="by number")
    chosen = page.locator("#dimensions figcaption strong").inner_text()
    page.wait_for_function("/learnt.measure=effect.*learnt.order=number/.test(location.search)")
    page.goto(page.url)
    expect(bars.first).to_have_attribute("aria-label", re.compile("^dimension 0: .* levels"))
    expect(page.locator("#dimensions figcaption strong")).to_have_text(chosen)
    expect(page.locator("#dimensions th[aria-sort=descending]")).to_have_text("variety")
