"""What the map asks of Explorer, and what its widget sends to the page, on the models that ship."""

import base64
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from app.checks import RequestError
from app.explorer import MAX_CORNERS, MAX_THUMBNAILS, THUMBNAIL
from app.library import Library
from app.main import MODELS
from app.tabs import map as map_tab
from app.widgets.latent_map import LatentMap, Number
from tests.conftest import ROOT
from train.data import load_pictures
from vae.atlas import ERROR_COLUMN
from vae.images import to_array


@pytest.fixture(scope="module")
def library() -> Library:
    return Library(MODELS)


@pytest.fixture(scope="module")
def fruits(library):
    return library["fruits"]


def same(a: Image.Image, b: Image.Image) -> bool:
    return a.size == b.size and np.abs(to_array(a) - to_array(b)).max() <= 2 / 255


def test_the_stored_error_is_that_of_the_picture_decoded_from_its_mean(library):
    emoji = library["emoji"]
    pictures = load_pictures(str(ROOT / "assets" / "datasets" / "emoji.parquet"), "train", 64, limit=40)
    stored = emoji.atlas.numbers[ERROR_COLUMN]
    rows = {design: i for i, design in enumerate(zip(*map(emoji.atlas.labels.get, ("name", "style")), strict=True))}
    assert stored.min() > 0
    assert stored.max() < 0.5
    for i in (0, 17, 39):
        measured = emoji.reconstruct(pictures.images[i]).metrics["l1"]
        row = rows[pictures.labels["name"][i], pictures.labels["style"][i]]
        assert stored[row] == pytest.approx(measured, abs=1e-4)


class TestThumbnails:
    def test_are_those_of_points_and_places(self, fruits):
        x, y = fruits.atlas.positions[7].tolist()
        point, place = fruits.thumbnails([7, [x + 1, y]])
        assert same(point, fruits.point(7).picture)
        assert same(place, fruits.decode_at(x + 1, y)[0])

    def test_of_a_large_picture_are_small(self, library):
        (picture,) = library["photos"].thumbnails([3])
        assert picture.size == (THUMBNAIL, THUMBNAIL)

    def test_are_decoded_once(self, fruits, monkeypatch):
        before = fruits.thumbnails([11, [0.5, 0.5]])
        monkeypatch.setattr(fruits, "decode", lambda latent: pytest.fail("decoded again"))
        assert all(a is b for a, b in zip(before, fruits.thumbnails([11, [0.5, 0.5]]), strict=True))

    @pytest.mark.parametrize(
        "places",
        [[], [0] * (MAX_THUMBNAILS + 1), [-1], [10**9], ["a"], [None], [[1]], [[1, 2, 3]], [[1, float("nan")]], [{}]],
    )
    def test_forged_requests_are_turned_away(self, fruits, places):
        with pytest.raises(RequestError):
            fruits.thumbnails(places)

    def test_travel_as_one_strip(self, fruits):
        chart = LatentMap(thumbnails=map_tab.thumbnails(Library(MODELS)))
        answer = chart.thumbnails(["fruits", [1, 2, 3]])
        kind, _, data = answer["strip"].partition(",")
        strip = Image.open(io.BytesIO(base64.b64decode(data)))
        assert kind == "data:image/webp;base64"
        assert strip.size == (3 * answer["side"], answer["side"])
        second = strip.crop((answer["side"], 0, 2 * answer["side"], answer["side"])).convert("RGB")
        assert np.abs(to_array(second) - to_array(fruits.point(2).picture)).mean() < 0.02

    @pytest.mark.parametrize("arguments", [[], ["fruits"], ["fruits", 3], [1, [1]], ["nowhere", [1]], ["fruits", []]])
    def test_a_forged_request_is_answered_in_words(self, library, arguments):
        chart = LatentMap(thumbnails=map_tab.thumbnails(library))
        assert chart.thumbnails(arguments).keys() == {"error"}


class TestPath:
    def test_goes_in_equal_steps_whatever_its_corners(self, fruits):
        atlas = fruits.atlas
        path = np.array([[0, 0], [0, 1], [0, 1], [0, 4]])  # a corner near the start, one twice
        asked = []
        recording = type("Recording", (), {"latent_at": lambda self, x, y: asked.append((x, y)) or (np.zeros(2), None)})
        type(atlas).latents_along(recording(), path, 5)
        np.testing.assert_allclose(asked, [[0, 0], [0, 1], [0, 2], [0, 3], [0, 4]])

    def test_begins_and_ends_where_it_was_drawn(self, fruits):
        a, b = fruits.atlas.positions[[10, 5000]].tolist()
        frames = list(fruits.walk([a, b], 5))
        assert len(frames) == 5
        assert same(frames[0], fruits.decode_at(*a)[0])
        assert same(frames[-1], fruits.decode_at(*b)[0])

    @pytest.mark.parametrize(
        "path",
        [
            None,
            "ab",
            [],
            [[0, 0]],
            [[0, 0], [0, 0]],
            [[0, 0], [1]],
            [[0, 0], ["a", 1]],
            [[0, 0], [float("inf"), 1]],
            [[0, k] for k in range(MAX_CORNERS + 1)],
        ],
    )
    def test_what_is_none_is_explained(self, fruits, path):
        with pytest.raises(RequestError):
            fruits.walk(path)


class TestGroups:
    def test_a_group_is_its_mean_and_its_labels(self, fruits):
        kinds = fruits.atlas.labels["kind"]
        rows = [*np.flatnonzero(np.array(kinds) == "Cherry")[:60].tolist(), kinds.index("Apple")]
        group = fruits.group(rows)
        assert group.count == 61
        assert group.labels["kind"] == [("Cherry", 60), ("Apple", 1)]
        mean = fruits.atlas.latents[rows].astype(np.float32).mean(axis=0)
        assert same(group.picture, fruits.decode(mean))
        assert "Cherry (98%)" in map_tab.in_words("A", group)

    def test_a_direction_goes_from_mean_to_mean(self, fruits):
        a, b = list(range(50)), list(range(6000, 6050))
        frames = list(fruits.direction(a, b, count=3))
        assert same(frames[0], fruits.group(a).picture)
        assert same(frames[-1], fruits.group(b).picture)

    def test_a_direction_is_added_to_a_point(self, fruits):
        a, b = list(range(50)), list(range(6000, 6050))
        frames = list(fruits.direction(a, b, 300, count=2))
        assert same(frames[0], fruits.point(300).picture)
        means = [fruits.atlas.latents[rows].astype(np.float32).mean(axis=0) for rows in (a, b)]
        assert same(frames[1], fruits.decode(fruits.atlas.latent(300) + means[1] - means[0]))

    @pytest.mark.parametrize("rows", [None, [], "12", [1.5], ["1"], [True], [-1], [10**9], {"a": 1}])
    def test_rows_that_are_none_are_explained(self, fruits, rows):
        with pytest.raises(RequestError):
            fruits.group(rows)


class TestNamedPictures:
    def test_the_file_says_what_it_shows(self, fruits):
        picture = fruits.point(5).picture
        path = Path(fruits.save(picture, "Apple", "Apple 11", "r0_0_100"))
        assert path.name == "Apple-Apple 11-r0_0_100.png"
        assert same(Image.open(path), picture)
        assert fruits.save(picture, "Apple", "Apple 11", "r0_0_100") == str(path)

    def test_no_word_leads_out_of_the_folder(self, fruits):
        picture = fruits.point(5).picture
        for words in (("../../etc/passwd",), ("..",), ("",), ("a/b\\c\0d\n",), ("keycap: *",), ("x" * 500,)):
            path = Path(fruits.save(picture, *words))
            assert path.is_file()
            assert path.parent.parent == fruits._pictures
            assert path.stem not in ("", ".", "..")


class TestNumbers:
    def test_survive_the_journey_with_a_range_that_outliers_do_not_take(self):
        values = np.append(np.linspace(0, 1, 999), 1e6).astype(np.float32)
        values[5] = np.inf
        payload = LatentMap.payload("m", range(1000), range(1000), {}, {"error": Number(values, "small")}, 0.5)
        (number,) = payload["numbers"]
        arrived = np.frombuffer(base64.b64decode(number["values"]), "<f4")
        assert (number["name"], number["note"], payload["spacing"]) == ("error", "small", 0.5)
        assert np.isnan(arrived[5])
        np.testing.assert_array_equal(np.delete(arrived, 5), np.delete(values, 5))
        assert number["range"][1] < 1.1

    def test_of_another_length_are_refused(self):
        with pytest.raises(ValueError, match="'error'"):
            LatentMap.payload("m", [0], [0], {}, {"error": Number([1, 2])})

    @pytest.mark.parametrize("name", ["fruits", "emoji", "photos"])
    def test_every_shipped_map_can_be_coloured_by_its_numbers(self, library, name):
        numbers = {number["name"] for number in map_tab.payload(library[name])["numbers"]}
        assert map_tab.PRIOR in numbers
        assert (map_tab.ERROR in numbers) == (ERROR_COLUMN in library[name].atlas.numbers)

    def test_an_error_is_compared_with_the_others(self):
        errors = np.linspace(0, 1, 101)
        assert "better drawn than 90%" in map_tab.error_in_words(0.095, errors)
        assert "worse drawn than 90%" in map_tab.error_in_words(0.905, errors)

    @pytest.mark.parametrize("name", ["fruits", "photos"])
    def test_how_it_works_holds_this_maps_figures(self, library, name):
        text = map_tab.how_it_works(library[name])
        atlas = library[name].atlas
        assert f"{len(atlas):,} points" in text
        assert atlas.facts["trustworthiness"] in text
        assert ("cross-fade" in text) == library[name].is_spatial
