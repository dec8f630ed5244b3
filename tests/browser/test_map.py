"""The map in a real Chromium, with the models that ship: pictures, colours, search, tools, and the address."""

import base64
import csv
import re
from pathlib import Path
from urllib.parse import unquote
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.browser.waiting import downloaded, fall_silent, picture_of
from tests.conftest import ROOT, running_app
from vae.atlas import Atlas
from vae.checkpoint import ATLAS
from vae.codec import describe

pytestmark = pytest.mark.browser

LARGE = 60_000
TWIN_ROWS = np.random.default_rng(0).permutation(1000)[:600]
TWINS = len(TWIN_ROWS)
READY = ".latent-map[data-state=ready]"


# Drops a file on an element: [name, type, content, "base64" where the content is].
DROP = """(element, [name, type, content, encoding]) => {
  const data = new DataTransfer();
  const bytes = encoding ? Uint8Array.from(atob(content), (c) => c.charCodeAt(0)) : content;
  data.items.add(new File([bytes], name, {type}));
  element.dispatchEvent(new DragEvent("drop", {dataTransfer: data, bubbles: true, cancelable: true}));
}"""


def make_large(folder: Path) -> None:
    """A model folder whose map has 60,000 points."""
    fruits = ROOT / "assets" / "models" / "fruits"
    for name in ("config.json", "model.safetensors"):
        (folder / name).symlink_to(fruits / name)
    generator = np.random.default_rng(0)
    Atlas(
        ids=[str(k) for k in range(LARGE)],
        positions=generator.normal(0, 5, (LARGE, 2)).astype(np.float32),
        latents=generator.normal(size=(LARGE, *describe(fruits).latent_shape)).astype(np.float16),
        labels={},
    ).write(folder / ATLAS)


def make_twin(folder: Path) -> None:
    """A model folder of the digits, whose map has some of them, in another order and upside down."""
    digits = ROOT / "assets" / "models" / "digits"
    for name in ("config.json", "model.safetensors"):
        (folder / name).symlink_to(digits / name)
    atlas = Atlas.read(digits / ATLAS, (2,))
    labels = {name: [values[row] for row in TWIN_ROWS] for name, values in atlas.labels.items()}
    Atlas(
        ids=[atlas.ids[row] for row in TWIN_ROWS],
        positions=-atlas.positions[TWIN_ROWS],
        latents=atlas.latents[TWIN_ROWS],
        labels=labels,
        facts=atlas.facts,
    ).write(folder / ATLAS)


def open_map(page: Page, server: str, model: str = "fruits", **asked) -> None:
    own = {f"map.{key}": value for key, value in asked.items()}
    query = "&".join(f"{key}={value}" for key, value in {"tab": "map", "model": model, **own}.items())
    page.goto(f"{server}?{query}")
    expect(page.locator(READY)).to_be_visible(timeout=60_000)


def pick_model(page: Page, name: str, points: str) -> None:
    page.get_by_label("Model").click()
    page.get_by_role("option", name=name, exact=True).click()
    expect(page.locator(".latent-map-view")).to_have_attribute("aria-label", re.compile(f"^Map of {points} pictures"))
    expect(page.locator(READY)).to_be_visible()


def drag(page: Page, *places: tuple[float, float]) -> None:
    """Draws through places given as shares of the map's width and height."""
    box = page.locator(".latent-map-view").bounding_box()
    points = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in places]
    page.mouse.move(*points[0])
    page.mouse.down()
    for point in points[1:]:
        page.mouse.move(*point, steps=5)
    page.mouse.up()


def pictures_shown(page: Page) -> list[str]:
    return (page.locator(".latent-map").get_attribute("data-pictures") or "").split()


def views_after_a_key(page: Page) -> int:
    """How many views of the map are seen in the second after it was told to zoom in."""
    return page.evaluate(
        """async () => {
            const plot = document.querySelector(".latent-map-plot");
            const press = new KeyboardEvent("keydown", {key: "+", bubbles: true, cancelable: true});
            document.querySelector(".latent-map-view").dispatchEvent(press);
            const views = new Set();
            for (const begun = performance.now(); performance.now() - begun < 1000; ) {
                await new Promise(requestAnimationFrame);
                views.add(plot.layout.xaxis.range.join());
            }
            return views.size;
        }"""
    )


def test_zooming_flies_or_jumps_and_pictures_replace_points_when_near_and_stay_while_panning(page, server):
    open_map(page, server)
    fall_silent(page)
    assert pictures_shown(page) == [], "the whole map shows its points"
    assert views_after_a_key(page) > 2, "from one view to another, there are some between"
    page.emulate_media(reduced_motion="reduce")
    assert views_after_a_key(page) <= 2
    page.locator(".latent-map-view").focus()
    for _ in range(2):
        page.keyboard.press("+")
    expect(page.locator(".latent-map")).to_have_attribute("data-pictures", re.compile(r"(\d+ ){8}"))
    fall_silent(page)
    before = pictures_shown(page)
    drag(page, (0.5, 0.5), (0.54, 0.5))
    fall_silent(page)
    after = pictures_shown(page)
    assert len(set(before) & set(after)) >= 0.7 * len(before)
    page.get_by_role("button", name="Pictures").click()
    expect(page.locator(".latent-map")).to_have_attribute("data-pictures", "")


def test_a_lattice_of_decoded_places_covers_the_data(page, server):
    open_map(page, server)
    drawn = "c => c.getContext('2d').getImageData(0, 0, c.width, c.height).data.some((value) => value > 0)"
    canvas = page.locator("canvas.latent-map-lattice")
    assert not canvas.evaluate(drawn)
    page.get_by_role("button", name="Lattice").click()
    expect(page.locator(".latent-map")).to_have_attribute("data-cells", re.compile(r"^[3-9]\d|\d{3}$"))
    assert canvas.evaluate(drawn)
    page.get_by_role("button", name="Lattice").click()
    expect(page.locator(".latent-map")).to_have_attribute("data-cells", "0")
    page.get_by_role("button", name="Density").click()
    expect(page.locator(".latent-map-contours path")).to_have_count(5)
    assert len(page.locator(".latent-map-contours path").first.get_attribute("d")) > 500

    box = page.locator(".latent-map-view").bounding_box()
    name, png = downloaded(page, ".latent-map", "PNG")
    assert name == "fruits-map.png"
    picture = np.asarray(Image.open(png).convert("RGB"))
    assert picture.shape[1] == 2 * box["width"]
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 50
    svg = downloaded(page, ".latent-map", "SVG")[1].read_text()
    assert svg.count("vector-effect: non-scaling-stroke") == 5  # the lines of density
    assert ">Cherry<" in svg  # what the colours mean
    svg = ElementTree.fromstring(svg)
    points = ElementTree.fromstring(unquote(svg.find(".//*[@opacity]/{*}image").get("href").partition(",")[2]))
    assert len(points.findall(".//{*}path[@class='point']")) == 11_894, "a shape for each"


def test_points_are_coloured_by_a_label_or_a_number_and_the_legend_hides_what_is_clicked(page, server):
    open_map(page, server, point=5000)
    expect(page.locator("#map-facts")).to_contain_text(re.compile(r"of 255 levels on average; (better|worse)"))
    expect(page.locator("#map-facts")).to_contain_text("distance from the prior")
    expect(page.get_by_text("one of 11,894 pictures")).to_be_visible()
    legend = page.locator(".latent-map-legend")
    expect(legend).to_contain_text("Apple")
    page.locator(".latent-map-colour").select_option("variety")
    expect(legend).to_contain_text("other (5 more)")
    first = legend.get_by_role("button").first
    expect(first).to_have_attribute("aria-pressed", "true")
    first.click()
    expect(first).to_have_attribute("aria-pressed", "false")
    page.locator(".latent-map-colour").select_option(label="reconstruction error (L1)")
    expect(page.locator(".latent-map-ramp")).to_contain_text(re.compile(r"≤ 0\.0\d+"))
    expect(legend).to_be_hidden()


def test_the_address_keeps_the_point_and_a_selected_picture_can_be_sent_by_name(page, server):
    open_map(page, server, point=5000)
    expect(page.locator("#map-facts")).to_contain_text("r_194_100.jpg")
    expect(page.locator("#map-neighbours button.thumbnail-item")).to_have_count(8)
    page.locator("#map-selected").locator("xpath=../..").locator(".send-picture").first.click()
    expect(page.get_by_role("tab", name="Reconstruct")).to_have_attribute("aria-selected", "true")
    sent = page.locator("#reconstruct-picture img").first
    expect(sent).to_have_attribute("src", re.compile("Apple.*Red.*Yellow.*r_194_100"))
    page.get_by_role("tab", name="Map").click()
    assert "map.point=5000" in page.url
    pick_model(page, "Emoji", "3,438")
    assert "map.point=" not in page.url
    expect(page.locator(".latent-map-live")).to_have_text("")
    expect(page.locator("#map-facts")).to_be_hidden()
    page.locator(".latent-map-view").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(page.locator(".latent-map-overlay .selected")).to_have_count(1)
    page.route("**/points/**", lambda route: route.abort(), times=1)
    page.get_by_label("Model").click()
    page.get_by_role("option", name="Digits", exact=True).click()
    expect(page.locator(".latent-map-message")).to_contain_text("its points could not be fetched. Reload the page")
    page.get_by_label("PCA").check()
    expect(page.locator(READY)).to_be_visible()
    expect(page.locator(".latent-map-overlay .selected"), "that was a point of the other map").to_have_count(0)


def test_a_placed_picture_follows_the_model_and_a_damaged_one_is_turned_away(page, server, examples):
    open_map(page, server, point=5000)
    ring = page.locator(".latent-map-overlay .selected")
    expect(ring).to_have_count(1)
    page.set_input_files("#map-place input[type=file]", str(examples["fruits"]))
    marker, facts = page.locator(".latent-map-overlay .marker"), page.locator("#map-facts")
    expect(marker).to_have_count(1)
    expect(ring).to_have_count(0)
    page.wait_for_url("**map.picture=fruit-apple.png*")
    assert "map.point=" not in page.url
    pick_model(page, "Emoji", "3,438")
    expect(marker).to_have_count(1)
    expect(facts).to_contain_text("Example: apple")
    page.wait_for_function(  # all of the neighbourhood comes into view
        """() => {
            const { width, height } = document.querySelector(".latent-map-view").getBoundingClientRect();
            const links = [...document.querySelectorAll(".latent-map-overlay .link")];
            const isWithin = ({ baseVal: { value } }, limit) => value >= 0 && value <= limit;
            return links.length > 0 && links.every(({ x2, y2 }) => isWithin(x2, width) && isWithin(y2, height));
        }"""
    )
    page.get_by_label("Remove Image").or_(page.get_by_label("Clear")).locator("visible=true").first.click()
    expect(marker).to_have_count(0)
    expect(facts).to_be_hidden()
    page.locator(".latent-map-stage").evaluate(DROP, ["broken.png", "image/png", "no picture"])
    expect(page.get_by_text("This file is not a picture that can be read")).to_be_visible()
    expect(marker).to_have_count(0)


def test_what_is_dropped_on_the_map_lands_there_and_replaces_the_picture_in_its_input(page, server, examples):
    open_map(page, server)
    content = base64.b64encode(examples["fruits"].read_bytes()).decode()
    page.locator(".latent-map-stage").evaluate(DROP, ["apple.png", "image/png", content, "base64"])
    expect(page.locator(".latent-map-overlay .marker")).to_have_count(1)
    expect(page.locator(".latent-map-overlay .link")).not_to_have_count(0)
    expect(page.locator("#map-facts")).to_contain_text("Your picture")
    expect(page.locator("#map-neighbours button.thumbnail-item")).to_have_count(8)
    placed = page.locator("#map-place img").first
    expect(placed).to_have_attribute("src", re.compile("apple"))
    content = base64.b64encode(examples["another fruit"].read_bytes()).decode()
    # A name without an ending, of which the browser cannot tell what it is: the server can.
    page.locator(".latent-map-stage").evaluate(DROP, ["a photograph", "", content, "base64"])
    expect(placed).to_have_attribute("src", re.compile("photograph"))
    expect(page.locator(".latent-map-overlay .marker")).to_have_count(1)
    page.locator(".latent-map-stage").evaluate(DROP, ["notes.txt", "text/plain", "no picture"])
    expect(page.get_by_text("This file is not a picture that can be read")).to_be_visible()
    expect(page.locator(".latent-map-overlay .marker")).to_have_count(0)


def test_enter_in_find_goes_from_match_to_match_and_names_are_no_colours(page, server):
    open_map(page, server, "emoji")
    options = page.locator(".latent-map-colour option").all_inner_texts()
    assert options[0] == "category"
    assert options[-1] == "name"
    search = page.locator(".latent-map-search")
    search.fill("black cat")
    search.press("Enter")
    expect(page.locator(".latent-map-found")).to_have_text("1 of 2")
    expect(page.locator(".latent-map-tooltip")).to_contain_text("black cat")
    search.press("Enter")
    expect(page.locator(".latent-map-found")).to_have_text("2 of 2")
    search.press("Shift+Enter")
    expect(page.locator(".latent-map-found")).to_have_text("1 of 2")


def test_a_path_drawn_by_hand_or_by_keys_becomes_an_animation(page, server):
    open_map(page, server)
    page.get_by_role("button", name="Path").click()
    drag(page, (0.3, 0.3), (0.5, 0.5), (0.7, 0.4))
    slider = page.locator("#map-scrubber input[type=range]").first
    expect(slider).to_be_visible()
    expect(page.locator(".latent-map-overlay .path")).to_have_count(1)
    page.locator(".latent-map-clear").click()
    expect(slider).to_be_hidden()
    page.locator(".latent-map-view").focus()
    for key in ("ArrowRight", "Enter", *["ArrowRight"] * 4, "Enter"):
        page.keyboard.press(key)
    expect(slider).to_be_visible()
    expect(page.locator(".latent-map-overlay .corner")).to_have_count(2)
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Walk")).to_have_attribute("aria-pressed", "true")


def test_two_groups_have_a_direction_from_lasso_or_legend(page, server):
    open_map(page, server, point=5000)
    page.get_by_role("button", name="Lasso").click()
    drag(page, (0.45, 0.5), (0.75, 0.5), (0.75, 0.75), (0.45, 0.75), (0.45, 0.5))
    result = page.locator("#map-result")
    expect(result).to_contain_text(re.compile(r"Group A: [\d,]+ pictures"))
    expect(result).to_contain_text(re.compile(r"kind: (Apple|Cherry|Tomato) \(\d+%\)"))
    expect(page.locator("#map-mean-a img")).to_be_visible()
    header, *rows = csv.reader(downloaded(page, ".latent-map", "CSV")[1].read_text().splitlines())
    assert header[:7] == ["row", "group", "x", "y", "kind", "variety", "z0"]
    assert f"Group A: {len(rows):,} pictures" in result.inner_text()
    assert {row[1] for row in rows} == {"A"}
    expect(page.locator("#map-scrubber input[type=range]")).to_have_count(0)
    page.locator(".latent-map-chip", has_text=re.compile("^Cherry")).dblclick()
    page.get_by_role("button", name="Shown as B").click()
    expect(result).to_contain_text("Group B: 2,953 pictures")
    expect(result).to_contain_text("kind: Cherry (100%)")
    expect(page.locator("#map-scrubber input[type=range]").first).to_be_visible()
    expect(result).to_contain_text("from one mean to the other")
    groups = [result.locator("p", has_text=f"Group {name}:").bounding_box() for name in "AB"]
    assert groups[0]["y"] == groups[1]["y"], "side by side"
    page.get_by_role("button", name="From the selected point").click()
    expect(result).to_contain_text("added to the selected point")
    group_a = result.inner_text().split("\n")[0]
    page.wait_for_function("/map.groups=o.*%7Er.*%7Ef/.test(location.search)")
    page.goto(page.url)
    expect(page.locator(".latent-map-overlay .group")).to_have_count(2)
    for said in (group_a, "Group B: 2,953 pictures", "added to the selected point"):
        expect(result).to_contain_text(said)
    page.get_by_role("button", name="Clear", exact=True).locator("visible=true").click()
    expect(result).to_be_hidden()


@pytest.mark.parametrize("model", ["fruits", "photos"])  # vectors, and spatial latents
def test_the_place_under_the_pointer_is_decoded_and_a_point_has_labels_and_neighbours(page, server, model):
    open_map(page, server, model)
    box = page.locator(".latent-map-view").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x - 40, y)
    page.mouse.move(x, y, steps=4)
    picture = page.locator(".latent-map-tooltip img")
    expect(picture).to_have_attribute("src", re.compile("^data:image"))
    first = picture.get_attribute("src")
    page.mouse.move(box["x"] + 0.3 * box["width"], y, steps=4)
    expect(picture).not_to_have_attribute("src", first)
    words = page.locator(".latent-map-nearness")
    page.mouse.move(box["x"] + 8, box["y"] + 8)
    expect(words).to_have_text("far from data" if model == "fruits" else "near data")
    page.locator(".latent-map-view").focus()
    page.keyboard.press("ArrowRight")  # a point has no distance
    expect(words).to_be_hidden()
    page.keyboard.press("Enter")
    facts = page.locator("#map-facts")
    for said in ("reconstruction", *(["variety"] if model == "fruits" else [])):
        expect(facts).to_contain_text(said)
    expect(page.locator("#map-selected img")).to_be_visible()
    expect(page.locator("#map-neighbours button.thumbnail-item")).to_have_count(8)


@pytest.fixture(scope="module")
def other_server(tmp_path_factory):
    """The app with two more models: "large", and "twin", of the digits, whose map has part of them in another order."""
    folder = tmp_path_factory.mktemp("models")
    for name, make in (("large", make_large), ("twin", make_twin)):
        (folder / name).mkdir()
        make(folder / name)
    with running_app("--model", str(folder / "large"), str(folder / "twin")) as address:
        yield address


def test_sixty_thousand_points_are_moved_and_drawn_anew_only_at_rest(page, other_server):
    page.goto(f"{other_server}?tab=map")
    chart = page.locator(".latent-map-view")
    expect(chart).to_have_attribute("aria-label", re.compile("^Map of 60,000 pictures"), timeout=60_000)
    expect(page.locator(READY)).to_be_visible(timeout=60_000)
    plot = page.locator(".latent-map-plot")
    plot.evaluate("(plot) => plot.on('plotly_afterplot', () => (window.drawings = (window.drawings ?? 0) + 1))")
    box = chart.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.evaluate("window.moves = []; addEventListener('pointermove', () => moves.push(performance.now()), true)")
    page.mouse.move(x, y)
    page.mouse.down()
    moved = []
    for k in range(1, 9):
        page.mouse.move(x + 10 * k, y)
        moved.append("translate" in plot.evaluate("(plot) => plot.style.transform"))
    assert any(moved), "a slow machine may rest in between"
    page.mouse.up()
    page.wait_for_function("window.drawings > 0 && document.querySelector('.latent-map-plot').style.transform === ''")
    drawings, rests = page.evaluate("[drawings, moves.filter((when, k) => when - moves[k - 1] > 100).length]")
    assert drawings < 4 + rests, "a slow machine rests on the way, too"


def test_what_is_pointed_at_or_clicked_on_one_map_is_marked_on_those_beside_it(page, other_server):
    page.goto(f"{other_server}?tab=map&model=digits&map.compare=twin|emoji&map.point={TWIN_ROWS[0]}")
    own, twin, emoji = (page.locator(f"#{name}-map .latent-map") for name in ("latent", "second", "third"))
    for one in (own, twin, emoji):
        expect(one).to_have_attribute("data-state", "ready")
    expect(page.locator("#map-linked")).to_contain_text(f"{TWINS} of these pictures")
    expect(page.locator("#map-linked")).to_contain_text("The map of Emoji shows other pictures")
    expect(page.locator("#map-linked")).to_contain_text("The tools are below the first map")
    expect(twin.locator(".latent-map-overlay .selected"), "the point of the link").to_have_count(1)
    widths = [one.locator(".latent-map-stage").bounding_box()["width"] for one in (own, twin, emoji)]
    assert min(widths) > 390, "the three have the page's whole width"
    expect(page.locator("#map-collapse")).to_contain_text("None has collapsed.")
    expect(page.locator("#map-compared figure", has_text="Emoji").first.locator("img")).to_have_count(2)
    table, worst = (page.locator(f"#map-compared section > {part}").first.bounding_box() for part in ("table", "div"))
    assert table["x"] + table["width"] < worst["x"], "side by side"
    twin.locator(".latent-map-view").focus()
    page.keyboard.press("ArrowRight")
    marked = own.locator(".latent-map-overlay .aimed")
    expect(marked).to_have_count(1)
    said = [one.locator(".latent-map-tooltip li").inner_text() for one in (own, twin)]
    assert said[0] == said[1], "the same digit"
    page.keyboard.press("Enter")
    expect(own.locator(".latent-map-overlay .selected")).to_have_count(1)
    expect(page.locator("#map-facts")).to_contain_text("digit")
    row = int(re.search(r"map\.point=(\d+)", page.url)[1])
    assert row in TWIN_ROWS
    assert row != TWIN_ROWS[0]
    expect(emoji.locator(".latent-map-overlay circle")).to_have_count(0)
    expect(twin.get_by_role("group", name="Download")).to_be_hidden()
    emoji.locator(".latent-map-view").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(emoji.locator(".latent-map-overlay .selected"), "a point of its own").to_have_count(1)
    expect(own.locator(".latent-map-overlay .selected")).to_have_count(1)
    assert f"map.point={row}" in page.url
    own.locator(".latent-map-colour").select_option(label="nothing")
    page.wait_for_function(
        "document.querySelector('#second-map .latent-map-colour').selectedOptions[0].text === 'nothing'"
    )
    own.locator(".latent-map-colour").select_option(label="a dimension of the latent")
    expect(twin.locator(".latent-map-ramp figcaption")).to_contain_text("dimension 0")
    own.locator(".latent-map-colour").select_option(label="distance from the prior")
    expect(twin.locator(".latent-map-ramp figcaption")).to_contain_text("distance from the prior")
    scales = [one.locator(".latent-map-scale").inner_text() for one in (own, twin)]
    assert scales[0] == scales[1], "a colour means the same on both"


def test_neighbours_are_marked_and_lead_on_and_points_are_laid_out_and_coloured_otherwise(page, server):
    open_map(page, server, "digits", point=100)
    links = page.locator(".latent-map-overlay .link")
    expect(links).to_have_count(8)
    page.locator("#map-neighbours button.thumbnail-item").nth(2).click()
    expect(page.locator("#map-facts")).not_to_contain_text("row 100")
    assert "map.point=100" not in page.url
    expect(links).to_have_count(8)
    row = re.search(r"row \d+", page.locator("#map-facts").inner_text())[0]
    page.get_by_label("PCA").check()
    expect(page.get_by_text("placed by its first two")).to_be_visible()
    expect(page.locator(READY)).to_be_visible()
    expect(page.locator("#map-facts"), "the point stays").to_contain_text(row)
    page.locator(".latent-map-colour").select_option(label="a dimension of the latent")
    page.locator(".latent-map-unit").fill("1")
    page.locator(".latent-map-unit").press("Enter")
    expect(page.locator(".latent-map-ramp figcaption")).to_contain_text("dimension 1")
    page.goto(page.url)
    expect(page.locator(".latent-map-ramp figcaption"), "by its link").to_contain_text("dimension 1")
    page.route(re.compile("component_server"), lambda route: route.abort())
    page.locator(".latent-map-unit").fill("0")
    page.locator(".latent-map-unit").press("Enter")
    expect(page.locator(".latent-map-uncoloured")).to_have_text("No answer came. Is the app still running?")


def test_the_map_is_seen_at_the_moments_of_its_training(page, server):
    open_map(page, server, "digits")
    part = page.locator("#map-training")
    moment, slider = part.locator("output"), part.get_by_label("Moment of the training")
    expect(moment).to_have_text("step 1,500 of 1,500")
    expect(part.locator("li")).to_have_text([str(k) for k in range(10)])
    trained = picture_of(page, "#map-training canvas")
    slider.press("Home")
    expect(moment).to_have_text("step 0 of 1,500")
    assert picture_of(page, "#map-training canvas") != trained
    slider.press("ArrowRight")
    expect(moment).to_have_text("step 4 of 1,500")
    slider.press("ArrowLeft")
    part.get_by_role("button", name="Watch it learn").click()
    expect(moment).not_to_have_text("step 0 of 1,500")
    slider.press("End")
    expect(moment).to_have_text("step 1,500 of 1,500")
    assert picture_of(page, "#map-training canvas") == trained


def test_a_selection_is_kept_over_a_reload_and_downloaded(page, server):
    open_map(page, server, "digits")
    page.get_by_role("button", name="Lasso").click()
    page.locator(".latent-map-chip", has_text=re.compile("^3")).dblclick()
    page.get_by_role("button", name="Shown as A").click()
    page.get_by_label("Keep this selection as").fill("all threes")
    page.get_by_role("button", name="Keep", exact=True).click()
    expect(page.locator("#selection-shown")).to_be_visible()
    page.reload()
    expect(page.locator("#selection-shown")).to_be_visible()
    with page.expect_download() as download:
        page.locator("#selection-csv").click()
    rows = list(csv.DictReader(Path(download.value.path()).read_text().splitlines()))
    assert {(row["selection"], row["digit"]) for row in rows} == {("all threes", "3")}
    assert rows[0].keys() >= {"row", "id", "x", "y", "reconstruction_l1"}
    page.get_by_label("Show a kept selection").click()
    page.get_by_role("option", name=re.compile("^all threes")).click()
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(page.locator("#selection-shown")).to_be_hidden()


def test_a_finger_decodes_as_it_moves_two_zoom_and_the_page_scrolls_past(browser, server):
    phone = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page = phone.new_page()
    open_map(page, server)
    hint = page.get_by_text("swipe above or below the map")
    expect(hint).to_be_visible()
    page.locator(".latent-map-modes").evaluate("(modes) => modes.scrollIntoView()")
    hand = phone.new_cdp_session(page)
    box = page.locator(".latent-map-view").bounding_box()

    def touch(kind: str, *places: tuple[float, float]) -> None:
        """At shares of the map's width and height."""
        points = [
            {"x": box["x"] + x * box["width"], "y": box["y"] + y * box["height"], "id": k}
            for k, (x, y) in enumerate(places)
        ]
        hand.send("Input.dispatchTouchEvent", {"type": f"touch{kind}", "touchPoints": points})

    def swipe(*places: tuple[float, float]) -> None:
        touch("Start", places[0])
        for place in places[1:]:
            touch("Move", place)
        touch("End")

    view = "(() => document.querySelector('.latent-map-plot').layout.xaxis.range.join())()"
    whole = page.evaluate(view)
    picture = page.locator(".latent-map-tooltip img")
    touch("Start", (0.4, 0.6))
    expect(picture).to_have_attribute("src", re.compile("^data:image"))
    first = picture.get_attribute("src")
    for step in range(1, 8):
        touch("Move", (0.4 + 0.04 * step, 0.6 - 0.02 * step))
    expect(picture).not_to_have_attribute("src", first)
    tooltip = page.locator(".latent-map-tooltip").bounding_box()
    x, y = box["x"] + 0.68 * box["width"], box["y"] + 0.46 * box["height"]
    above, right = y - tooltip["y"] - tooltip["height"], x - tooltip["x"] - tooltip["width"]
    assert max(above, right, tooltip["x"] - x) > 30, "beside the finger, and not under it"
    touch("End")
    expect(picture).to_be_visible()  # to be looked at without a finger on it
    swipe((0.5, 0.9), (0.5, 0.7), (0.5, 0.3))
    assert page.evaluate(view) == whole
    assert page.locator(".latent-map-view").bounding_box()["y"] == pytest.approx(box["y"], abs=2)

    touch("Start", (0.4, 0.5), (0.6, 0.5))
    touch("Move", (0.3, 0.5), (0.7, 0.5))
    touch("Move", (0.1, 0.5), (0.9, 0.5))
    touch("End")
    page.wait_for_function(f"(whole) => {view} !== whole", arg=whole)
    expect(picture).to_be_hidden()

    below = 1 + 150 / box["height"]
    swipe(*((0.5, below - 0.05 * k) for k in range(8)))
    page.wait_for_function(
        "(top) => document.querySelector('.latent-map-view').getBoundingClientRect().top < top - 50", arg=box["y"]
    )
    phone.close()
