"""Which latent is at a place of the map: in the page, from the file that the server has, the same as on the server."""

import numpy as np
import pytest
from PIL import Image

from app.explore import map
from app.explore.limits import SHEPARD_NEIGHBOURS
from app.explore.opened import OpenModel
from app.explore.points_file import points_address, points_file
from app.kit import web
from app.kit.pictures import sheet
from app.widgets.latent_map import LatentMap
from tests.conftest import ROOT

pytestmark = pytest.mark.browser

SHEPARD, PLACES, FILE = (f"../widgets/latent_map/{name}" for name in ("shepard", "places", "latents_file"))
CORNERS = [[0.0, 0.0], [3.0, 4.0], [3.0, 4.0], [-2.0, 4.0]]
POINTS = """
    const { fetchPoints } = await import("/widgets/latent_map/points.js");
    const points = await fetchPoints(value);
"""


@pytest.fixture(scope="module")
def emoji() -> OpenModel:
    return OpenModel(ROOT / "assets" / "models" / "emoji")


@pytest.fixture(scope="module")
def places(emoji) -> list:
    """Points, places between points, two points' own coordinates, and places far off."""
    positions = emoji.atlas.positions
    between = np.random.default_rng(0).uniform(positions.min(0), positions.max(0), (20, 2))
    return [0, 17, 3437, *between.tolist(), *positions[[5, 3000]].tolist(), [900.5, -3.25], [-1e6, 1e6]]


@pytest.fixture
def on_page(run, emoji, monkeypatch):
    """`on_page(module, expression)`: its value, with the `points` of the emoji's map and the file of their latents."""
    path = emoji.map_latents
    positions = points_address(emoji)
    files = web.files() | {path: bytes(emoji.map_latents_file), positions: points_file(emoji).content}
    monkeypatch.setattr(web, "files", lambda: files)
    for suffix in (".f16", ".bin"):
        monkeypatch.setitem(web.TYPES, suffix, "application/octet-stream")
    value = LatentMap.payload(emoji.card, map.overview(emoji), positions, latents=path)

    def evaluate(module: str, expression: str, **values):
        return run(module, f"(async () => {{ {POINTS} return {expression}; }})()", value=value, **values)

    return evaluate


def test_the_latents_of_places_are_the_servers(on_page, emoji, places):
    found = np.float32(on_page(PLACES, "(await m.latentsAt(points, places)).map(list)", places=places))
    atlas = emoji.atlas
    for latent, place in zip(found, places, strict=True):
        there = atlas.latent(place) if isinstance(place, int) else map.latent_at(emoji, *place)[0]
        np.testing.assert_allclose(latent, there, rtol=1e-4, atol=1e-5, err_msg=str(place))


def test_a_place_is_as_far_from_data_as_the_server_says(on_page, emoji, places):
    between = [place for place in places if not isinstance(place, int)]
    found = on_page(SHEPARD, "places.map((place) => m.mixtureAt(points, place))", places=between)
    for mixture, (x, y) in zip(found, between, strict=True):
        place = map.latent_at(emoji, x, y)[1]
        assert mixture["distance"] == pytest.approx(place.distance, rel=1e-4, abs=1e-6)
        assert mixture["weights"] == pytest.approx(place.weights.tolist(), rel=1e-3, abs=1e-9)
        assert len(mixture["rows"]) == SHEPARD_NEIGHBOURS


def test_a_path_has_the_latents_of_the_servers(on_page, emoji):
    expression = "(await m.latentsAt(points, (await import('/widgets/latent_map/shepard.js')).placesAlong(corners, 9)))"
    found = np.float32(on_page(PLACES, f"{expression}.map(list)", corners=CORNERS))
    np.testing.assert_allclose(found, map.walk(emoji, CORNERS, 9), rtol=1e-3, atol=1e-4)


def test_a_path_of_one_leg_has_its_ends_and_even_steps(run):
    found = run(SHEPARD, "m.placesAlong([[0, 0], [3, 4]], 3)")
    assert found == [[0, 0], [1.5, 2], [3, 4]]


# A host of a spatial model's latents, three of four numbers; with its requests' Range headers.
HOST = """
    const asked = [];
    const all = Uint16Array.from([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11], (n) => 0x3c00 + n);
    window.fetch = async (url, { headers }) => {
        asked.push(headers.Range ?? "all");
        const [first, last] = headers.Range?.match(/\\d+/g).map(Number) ?? [];
        if (isDown) return new Response("", { status: 503 });
        if (!knowsRange || !headers.Range) return new Response(all);
        return new Response(all.buffer.slice(first, last + 1), { status: 206 });
    };
    const file = new m.LatentsFile("latents/0/m.f16", { shape });
    const latents = async (rows) => (await file.latentsOf(rows)).map(list);
"""
SECOND, THIRD = ([1 + k / 1024 for k in range(4 * row, 4 * row + 4)] for row in (1, 2))


@pytest.fixture
def host(run):
    """`host(expression)`: its value, and what the host was asked for."""

    def evaluate(expression: str, shape=(2, 1, 2), knows_range: bool = True, is_down: bool = False):
        body = f"""(async () => {{
            const fetched = window.fetch;
            {HOST}
            try {{ return [{expression}, asked]; }} finally {{ window.fetch = fetched; }}
        }})()"""
        return run(FILE, body, shape=shape, knowsRange=knows_range, isDown=is_down)

    return evaluate


def test_long_latents_come_one_by_one_and_are_kept(host):
    found, asked = host("[file.isOpen, await latents([1]), await latents([1, 2])]")
    assert found == [True, [SECOND], [SECOND, THIRD]]
    assert asked == ["bytes=8-15", "bytes=16-23"]


def test_a_host_without_ranges_is_asked_once(host):
    found, asked = host("[await latents([1]), await latents([2, 1])]", knows_range=False)
    assert found == [[SECOND], [THIRD, SECOND]]
    assert asked == ["bytes=8-15"]


def test_vectors_come_all_at_once_when_the_page_is_idle(host):
    found, asked = host("[file.isOpen, await Promise.all([file.open(), file.open()]), file.isOpen]", shape=(4,))
    assert (found[0], found[2]) == (False, True)
    assert asked == ["all"]


def test_a_file_that_does_not_come_is_not_tried_again_behind_the_servers_back(host):
    found, asked = host("[await file.open(), file.isOpen, await file.open()]", shape=(4,), is_down=True)
    assert found[1] is False
    assert asked == ["all"]


# In place of web/codec/client.js: a codec that is faster than the server.
CLIENT = """export const openCodec = async () => ({
    milliseconds: 1,
    decode: async (latents) => latents.map(() => new ImageData(1, 1)),
    close() {},
});"""


def test_the_server_draws_until_the_browser_has_all_it_needs_and_when_it_has_not(run, monkeypatch):
    files = web.files() | {"web/codec/client.js": CLIENT.encode()}
    monkeypatch.setattr(web, "files", lambda: files)
    script = """(async () => {
        const { codecOf } = await import("/web/browser_codecs.js");
        const { PointGrid } = await import("/widgets/latent_map/geometry.js");
        const counts = { asked: 0, opened: 0 };
        const server = { decode_place: async () => {
            counts.asked++;
            await new Promise((resolve) => setTimeout(resolve, 30));
            return sheet;
        } };
        const model = { name: "places", size: 1, shape: [1], codec: { weights: "decoders/places" } };
        const latentsOf = async (rows) => rows.map(() => f32([1]));
        const latents = { isOpen: false, open: () => counts.opened++, latentsOf };
        const points = { model, latents, grid: new PointGrid([0], [0]), place: () => [0, 0], spacing: 1 };
        const places = new m.Places(server);
        const told = [];
        const one = async () => {
            const { pictures } = await places.one(points, { index: null, x: 1, y: 1 });
            told.push([pictures.length, counts.asked, counts.opened]);
        };
        await one();
        while (!codecOf(model)) await new Promise(requestAnimationFrame);
        await one();
        latents.isOpen = true;
        await one();
        latents.latentsOf = () => Promise.reject(new Error("Gone."));
        await one();
        return told;
    })()"""
    found = run(PLACES, script, sheet=sheet([Image.new("RGB", (1, 1))]))
    assert found == [[1, 1, 0], [1, 2, 1], [1, 2, 1], [1, 3, 1]]
