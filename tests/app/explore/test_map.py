"""The map: its points, the places between them, paths and groups."""

import csv
import dataclasses
import json
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from app.explore import files, map, selections
from app.explore.limits import MAX_THUMBNAILS, PATH_CORNERS, SHEPARD_NEIGHBOURS, RequestError
from app.explore.opened import OpenModel
from app.explore.subject import open_subject
from tests.app.explore.conftest import MODELS, NO_NUMBERS, difference, kind
from vae.atlas import ERROR_COLUMN, KL_COLUMN, Atlas

NAMES = ("faces", "fruits", "emoji", "photos")


@pytest.fixture
def with_atlas(tmp_path):
    """`with_atlas(atlas)`: the fruits with another map."""

    def make(**changes) -> OpenModel:
        folder = tmp_path / f"model-{len(list(tmp_path.iterdir()))}"
        shutil.copytree(MODELS / "fruits", folder)
        whole = Atlas.read(folder / "atlas.parquet", (128,))
        few = {"ids": whole.ids[:6], "positions": whole.positions[:6], "latents": whole.latents[:6], "labels": {}}
        Atlas(**few | changes).write(folder / "atlas.parquet")
        return OpenModel(folder)

    return make


# ---- Points ----


def test_a_point_is_what_the_atlas_says_of_it(fruits):
    atlas, point = fruits.atlas, map.point(fruits, 4724)
    assert (point.index, point.id, point.distance) == (4724, atlas.ids[4724], 0)
    assert point.labels == {name: values[4724] for name, values in atlas.labels.items()}
    assert point.numbers[ERROR_COLUMN] == pytest.approx(atlas.numbers[ERROR_COLUMN][4724])
    norm = np.linalg.norm(atlas.latents[4724].astype(np.float64))
    assert point.numbers[map.PRIOR_COLUMN] == pytest.approx(norm / np.sqrt(128), rel=1e-4)
    np.testing.assert_array_equal(point.latent, atlas.latent(4724))


def test_neighbours_are_nearest_in_latent_space_without_the_point_itself(fruits):
    latents = fruits.atlas.latents.astype(np.float32)
    distances = np.linalg.norm(latents - latents[42], axis=1)
    distances[42] = np.inf
    found = map.neighbours(fruits, 42)
    np.testing.assert_allclose([point.distance for point in found], np.sort(distances)[:8], rtol=1e-3)
    np.testing.assert_allclose([distances[point.index] for point in found], np.sort(distances)[:8], rtol=1e-3)
    assert len(map.neighbours(fruits, 42, 3)) == 3


def test_an_error_is_ranked_among_those_of_the_map(fruits, with_atlas):
    errors = fruits.atlas.numbers[ERROR_COLUMN]
    assert map.share_better(fruits, float(errors.max())) == pytest.approx(1, abs=1e-3)
    assert map.share_better(fruits, float(errors.min())) == 0
    assert map.share_better(fruits, float(np.median(errors))) == pytest.approx(0.5, abs=0.01)
    some = with_atlas(numbers={ERROR_COLUMN: np.array([0.1, 0.2, 0.3, 0.4, np.nan, np.nan], np.float32)})
    assert map.share_better(some, 0.35) == 0.75
    assert map.share_better(with_atlas(), 0.1) is None


def test_a_point_without_a_label_or_a_number_lacks_it(with_atlas):
    model = with_atlas(
        labels={"kind": ["a", "", "a", "b", "", "b"]},
        numbers={"size": np.array([1, np.nan, 3, 4, 5, np.inf], np.float32)},
    )
    assert map.point(model, 1).labels == {"kind": ""}
    assert "size" not in map.point(model, 1).numbers
    assert map.point(model, 0).numbers["size"] == 1


def test_a_drawn_point_is_found_again_by_its_latent(fruits, without_map):
    subject = open_subject(files.save_drawn(fruits, fruits.atlas.latent(4724), map.point(fruits, 4724).words))
    found = map.point_at(fruits, fruits.latent(subject))
    assert (found.index, found.words) == (4724, subject.words)
    assert subject.words.startswith("point 4724 of the map: ")
    assert map.point_at(fruits, fruits.latent(subject) + np.float32(0.01)) is None
    assert map.point_at(without_map, np.zeros(128, np.float32)) is None


# ---- The whole map ----


def test_the_overview_has_each_label_once_the_most_frequent_first(fruits):
    atlas, shown = fruits.atlas, map.overview(fruits)
    np.testing.assert_array_equal(shown.positions, atlas.positions)
    assert [column.name for column in shown.categories] == [*atlas.labels]
    for column in shown.categories:
        values = atlas.labels[column.name]
        assert [column.labels[code] for code in column.codes[::500]] == values[::500]
        counts = np.bincount(column.codes)
        assert (np.diff(counts) <= 0).all()
        assert len(counts) == len(column.labels)
    assert {column.name for column in shown.numbers} == {ERROR_COLUMN, KL_COLUMN, map.PRIOR_COLUMN}


def test_the_map_is_first_coloured_by_what_its_layout_keeps_together(library):
    """Of the faces that was the hair's colour, which is everywhere, as it has the most labels with a colour each."""
    assert [map.overview(library[name]).first for name in NAMES] == ["style", "kind", "category", "source"]
    random = np.random.default_rng(0)
    positions = random.normal(size=(400, 2)).astype(np.float32)
    side = map._categories("side", ["left" if x < 0 else "right" for x in positions[:, 0]])
    chance = map._categories("chance", [str(k) for k in random.integers(9, size=400)])
    names = map._categories("name", [str(k) for k in range(400)])
    assert map.telling_column(positions, [chance, names, side]) == "side"
    assert map.telling_column(positions, [names]) is None
    assert map.telling_column(positions[:1], [side]) is None


def test_colours_run_over_all_but_the_outliers(with_atlas, fruits):
    for column in map.overview(fruits).numbers:
        assert np.mean(column.values < column.low) == pytest.approx(0.01, abs=2e-3)
        assert np.mean(column.values > column.high) == pytest.approx(0.01, abs=2e-3)
    some = with_atlas(numbers={"size": np.array([1, np.nan, 3, 4, 5, np.inf], np.float32)})
    size = next(column for column in map.overview(some).numbers if column.name == "size")
    assert np.isnan(size.values).tolist() == [False, True, False, False, False, True]
    assert 1 <= size.low < size.high <= 5
    none = with_atlas(numbers={"size": np.full(6, np.nan, np.float32)})
    assert map.overview(none).numbers[0].low == 0


@pytest.mark.parametrize("name", NAMES)
def test_the_map_in_numbers(library, name):
    model = library[name]
    atlas, figures = model.atlas, map.figures(model)
    assert figures.count == len(atlas)
    norms = np.linalg.norm(atlas.latents.reshape(len(atlas), -1).astype(np.float64), axis=1)
    assert figures.prior_distance == pytest.approx(np.median(norms) / np.sqrt(model.info.latent_size), rel=1e-4)
    draws = np.random.default_rng(0).normal(size=(500, model.info.latent_size))
    assert figures.prior_spread == pytest.approx(np.sqrt((draws**2).mean(1)).std(), rel=0.15)
    assert figures.error == pytest.approx(np.median(atlas.numbers[ERROR_COLUMN]))
    assert figures.trustworthiness == float(atlas.facts["trustworthiness"])


def test_a_map_of_which_little_was_measured_says_none(with_atlas):
    figures = map.figures(with_atlas(numbers={ERROR_COLUMN: np.full(6, np.nan, np.float32)}))
    assert (figures.count, figures.error, figures.trustworthiness) == (6, None, None)


# ---- Places ----


@pytest.mark.parametrize("name", NAMES)
def test_a_drawn_point_of_the_map_lands_on_itself(library, name):
    model = library[name]
    row = len(model.atlas) // 2
    found = map.locate(model, open_subject(files.save_drawn(model, model.atlas.latent(row), f"point {row}")))
    assert found.neighbours[0].index == row
    np.testing.assert_allclose([found.x, found.y], model.atlas.positions[row], atol=1e-2)
    assert found.distance < 0.01
    assert found.nearness == "among"


def test_a_picture_is_placed_at_the_mean_of_its_nearest_latents_weighted_by_inverse_squared_distance(fruits, apple):
    found = map.locate(fruits, apple)
    latents, z = fruits.atlas.latents.astype(np.float64), fruits.latent(apple)
    distances = np.linalg.norm(latents - z, axis=1)
    nearest = np.argsort(distances)[:8]
    weights = distances[nearest] ** -2.0
    x, y = weights @ fruits.atlas.positions[nearest] / weights.sum()
    assert [point.index for point in found.neighbours] == nearest.tolist()
    assert (found.x, found.y) == pytest.approx((x, y), rel=1e-3)
    np.testing.assert_allclose([point.distance for point in found.neighbours], distances[nearest], rtol=1e-3)
    np.testing.assert_allclose(found.weights, weights / weights.sum(), rtol=1e-3)
    assert found.nearness == map.nearness(found.distance)


@pytest.mark.parametrize(
    ("distance", "word"),
    [(0, "among"), (1.999, "among"), (2, "edge"), (3.999, "edge"), (4, "far"), (40, "far"), (float("inf"), "far")],
)
def test_how_near_a_picture_is_to_the_data(distance, word):
    assert map.nearness(distance) == word


def test_a_place_is_decoded_from_the_points_around_it(fruits):
    positions = fruits.atlas.positions.astype(np.float64)
    x, y = (positions[10] + [0.01, 0.02]).tolist()
    distances = np.linalg.norm(positions - [x, y], axis=1)
    nearest = np.argsort(distances)[:SHEPARD_NEIGHBOURS]
    weights = distances[nearest] ** -2.0
    expected = weights @ fruits.atlas.latents[nearest].astype(np.float64) / weights.sum()
    latent, place = map.latent_at(fruits, x, y)
    np.testing.assert_allclose(latent, expected, atol=2e-2)
    assert place.distance == pytest.approx(distances.min() / fruits.atlas.map_spacing, rel=1e-3)
    assert difference(map.decode_at(fruits, x, y)[0], fruits.decode(latent)) == 0
    assert map.decode_at(fruits, 1e4, 1e4)[1].distance > 100


@pytest.mark.parametrize("value", [*NO_NUMBERS, 1e7, -1e9], ids=kind)
def test_a_place_that_is_not_one_is_refused(fruits, value):
    for ask in (map.decode_at, map.latent_at):
        with pytest.raises(RequestError, match="x is"):
            ask(fruits, value, 0)
        with pytest.raises(RequestError, match="y is"):
            ask(fruits, 0, value)


@pytest.mark.parametrize("value", [*NO_NUMBERS, -1, 11894, 1e9, 1.5], ids=kind)
def test_a_row_that_does_not_exist_is_refused(fruits, value):
    for ask in (map.point, map.neighbours, lambda model, row: map.thumbnails(model, [row])):
        with pytest.raises(RequestError, match="index is"):
            ask(fruits, value)


@pytest.mark.parametrize("name", ["fruits", "photos"])
def test_thumbnails_are_small_pictures_of_points_and_places(library, name):
    model = library[name]
    place = tuple(model.atlas.positions[5].tolist())
    point, there = map.thumbnails(model, [5, place])
    assert point.size == there.size == (64, 64)
    large = model.decode(model.atlas.latent(5))
    assert difference(point, large.resize((64, 64), Image.Resampling.BOX)) < 1
    assert difference(there, point) < 4


def test_a_thumbnail_is_drawn_once(fruits, monkeypatch):
    drawn, decode = [], fruits.decode
    monkeypatch.setattr(fruits, "decode", lambda latent: drawn.append(1) or decode(latent))
    map.thumbnails(fruits, [6001, 6002, 6001])
    map.thumbnails(fruits, [6002, [1.25, 3.5], (1.25, 3.5)])
    assert len(drawn) == 3


@pytest.mark.parametrize("places", [None, 5, "5", {}, [], [0] * (MAX_THUMBNAILS + 1), "x" * 1_000_000], ids=kind)
def test_a_number_of_thumbnails_that_is_not_accepted_is_refused(fruits, places):
    with pytest.raises(RequestError, match="1 to 32 pictures"):
        map.thumbnails(fruits, places)


@pytest.mark.parametrize("place", [[0, float("nan")], ["a", "b"], [[0, 0], 0], [1e9, 0], [True, 0]])
def test_a_thumbnail_of_no_place_is_refused(fruits, place):
    with pytest.raises(RequestError, match="it must be a number"):
        map.thumbnails(fruits, [0, place])


# ---- Paths and groups ----


def test_a_walk_has_equal_steps_on_the_map_and_ends_at_its_ends(fruits):
    path = [(0.0, 0.0), (3.0, 0.0), (3.0, 1.0)]
    latents = map.walk(fruits, path, 5)
    for latent, place in zip(latents, [(0, 0), (1, 0), (2, 0), (3, 0), (3, 1)], strict=True):
        np.testing.assert_allclose(latent, map.latent_at(fruits, *place)[0], atol=1e-5)
    assert map.walk(fruits, path).shape == (33, 128)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        (None, "2 to 512 places"),
        ("0,0 1,1", "2 to 512 places"),
        ({"0": [0, 0], "1": [1, 1]}, "2 to 512 places"),
        ([], "2 to 512 places"),
        ([[0, 0]], "2 to 512 places"),
        ([[k, k] for k in range(PATH_CORNERS + 1)], "2 to 512 places"),
        ([[0, 0], [1]], "pair of numbers"),
        ([[0, 0], "11"], "pair of numbers"),
        ([[0, 0], None], "pair of numbers"),
        ([[0, 0], [1, float("nan")]], "y is nan"),
        ([[0, 0], [1e9, 0]], "x is 1000000000"),
        ([[0, 0], [True, 0]], "x is True"),
        ([[0, 0], ["x" * 1_000_000, 0]], "x is xxx"),
        ([[2, 3], [2, 3], [2, 3]], "goes nowhere"),
    ],
    ids=range(14),
)
def test_a_path_that_is_not_one_is_refused(fruits, path, words):
    with pytest.raises(RequestError, match=words) as refusal:
        map.walk(fruits, path)
    assert len(str(refusal.value)) < 150


@pytest.mark.parametrize("count", [*NO_NUMBERS, 1, 66, 2.9], ids=kind)
def test_a_number_of_pictures_that_is_not_one_is_refused(fruits, count):
    for ask in (
        lambda: map.walk(fruits, [(0, 0), (1, 1)], count),
        lambda: map.direction(fruits, [0], [1], None, count),
    ):
        with pytest.raises(RequestError, match="count is"):
            ask()


def test_a_group_is_its_mean_and_its_most_frequent_labels(fruits):
    group = map.group(fruits, [*range(30), *range(6000, 6010), 0, 0])
    rows = [*range(30), *range(6000, 6010)]
    assert group.count == 40
    np.testing.assert_allclose(group.latent, fruits.atlas.latents[rows].astype(np.float64).mean(0), atol=1e-4)
    for column, frequent in group.labels.items():
        counted = Counter(fruits.atlas.labels[column][row] for row in rows)
        assert frequent == counted.most_common(3)
    assert set(group.labels) == {"kind", "variety"}


def test_a_column_that_names_each_picture_says_nothing_of_a_group(emoji):
    group = map.group(emoji, list(range(200)))
    assert "category" in group.labels
    assert "name" not in group.labels


def test_a_direction_runs_from_one_mean_to_the_other_or_from_a_point(fruits):
    a, b = [1, 2, 3], [9000, 9001]
    mean_a, mean_b = (fruits.atlas.latents[rows].astype(np.float32).mean(0) for rows in (a, b))
    latents = map.direction(fruits, a, b, None, 5)
    np.testing.assert_allclose(latents[0], mean_a, atol=1e-5)
    np.testing.assert_allclose(latents[-1], mean_b, atol=1e-5)
    np.testing.assert_allclose(latents[1], 0.75 * mean_a + 0.25 * mean_b, atol=1e-5)
    from_point = map.direction(fruits, a, b, 77, 5)
    np.testing.assert_allclose(from_point[0], fruits.atlas.latent(77), atol=1e-5)
    np.testing.assert_allclose(from_point[-1], fruits.atlas.latent(77) + mean_b - mean_a, atol=1e-5)


@pytest.mark.parametrize(
    "rows",
    [None, [], {}, "12", 3, [1.0], [True], ["1"], [-1], [11894], [10**30], [None], [[1]], [float("nan")]],
    ids=range(14),
)
def test_rows_that_are_not_rows_are_refused(fruits, rows):
    for ask in (
        lambda: map.group(fruits, rows),
        lambda: map.direction(fruits, rows, [1]),
        lambda: map.direction(fruits, [1], rows),
    ):
        with pytest.raises(RequestError, match=r"rows of the map|no points"):
            ask()


@pytest.mark.parametrize("index", [value for value in NO_NUMBERS if value is not None] + [-1, 11894], ids=kind)
def test_a_direction_from_no_point_is_refused(fruits, index):
    with pytest.raises(RequestError, match="index is"):
        map.direction(fruits, [0], [1], index)


@pytest.mark.parametrize(
    "ask",
    [
        map.overview, map.figures, lambda m: map.point(m, 0), lambda m: map.neighbours(m, 0),
        lambda m: map.decode_at(m, 0, 0), lambda m: map.thumbnails(m, [0]), lambda m: map.walk(m, [(0, 0), (1, 1)]),
        lambda m: map.group(m, [0]), lambda m: map.direction(m, [0], [1]), lambda m: map.share_better(m, 0.1),
    ],
    ids=range(10),
)  # fmt: skip
def test_without_a_map_every_question_says_how_to_make_one(without_map, ask):
    with pytest.raises(RequestError, match="python -m train atlas"):
        ask(without_map)


class TestLayouts:
    def test_principal_components_place_the_points_where_they_vary_most(self, fruits):
        placed = map.atlas_in(fruits, "pca").positions
        variances = fruits.atlas.latents.astype(np.float32).var(axis=0)
        assert placed.var(axis=0)[0] >= placed.var(axis=0)[1] > 0
        assert placed.var(axis=0)[0] > variances.max()
        np.testing.assert_allclose(placed.mean(axis=0), 0, atol=1e-2)

    def test_places_are_those_of_the_layout(self, fruits):
        x, y = map.atlas_in(fruits, "pca").positions[5].tolist()
        there, _ = map.latent_at(fruits, x, y, "pca")
        np.testing.assert_allclose(there, fruits.atlas.latent(5), atol=1e-2)
        point, place = map.thumbnails(fruits, [5, [x, y]], "pca")
        assert difference(point, place) < 1
        assert difference(point, map.thumbnails(fruits, [[x, y]], "umap")[0]) > 1

    @pytest.mark.parametrize("layout", ["tsne", None, 3, ["pca"], "x" * 10_000])
    def test_others_are_refused(self, fruits, layout):
        for ask in (lambda: map.overview(fruits, layout), lambda: map.latent_at(fruits, 0, 0, layout)):
            with pytest.raises(RequestError):
                ask()

    def test_points_have_a_number_in_each_dimension(self, fruits, photos):
        found = map.unit(fruits, 3)
        np.testing.assert_array_equal(found.values, fruits.atlas.latents[:, 3].astype(np.float32))
        assert found.low < found.high
        np.testing.assert_allclose(
            map.unit(photos, 1).values[7], photos.atlas.latents[7, ..., 1].astype(np.float32).mean(), atol=1e-3
        )
        for index in (-1, 128, "x", None, 1.5):
            with pytest.raises(RequestError):
                map.unit(fruits, index)


class TestSelections:
    def test_groups_are_kept_under_a_name_and_written_as_a_table(self, fruits):
        kept = selections.add(fruits, {}, " two ", selections.pack(fruits, [3, 5, 3], [7]))
        assert [np.flatnonzero(selections.rows_of(fruits, rows)).tolist() for rows in kept.values()] == [[3, 5], [7]]
        rows = list(csv.DictReader(Path(selections.save(fruits, kept)).read_text("utf-8").splitlines()))
        assert [(row["selection"], row["row"]) for row in rows] == [("two", "3"), ("two", "5"), ("two (B)", "7")]
        assert rows[0]["id"] == fruits.atlas.ids[3]
        assert rows[0]["kind"] == fruits.atlas.labels["kind"][3]
        assert float(rows[0]["reconstruction_l1"]) == pytest.approx(fruits.atlas.numbers["reconstruction_l1"][3], 1e-4)

    def test_a_table_of_very_many_points_is_refused(self, fruits, monkeypatch):
        kept = selections.add(fruits, {}, "two", selections.pack(fruits, [3, 5], [3]))
        monkeypatch.setattr(selections, "MAX_SAVED_LINES", 2)
        with pytest.raises(RequestError, match="have 3 points; a table has at most 2"):
            selections.save(fruits, kept)

    def test_the_browser_keeps_those_of_each_map_while_there_is_room(self, fruits, monkeypatch):
        own = selections.add(fruits, {}, "one", selections.pack(fruits, [3]))
        before = {"old": {"a": "A" * 500}, "other": {"b": "AA=="}}
        stored = json.loads(json.dumps(selections.store(fruits, before, own)))
        assert selections.read(fruits, stored) == own
        assert [*stored][:2] == ["old", "other"]
        monkeypatch.setattr(selections, "MAX_KEPT", 2400)
        assert next(iter(selections.store(fruits, stored, own))) == "other", "the oldest goes"
        assert [*selections.store(fruits, stored, {})] == ["old", "other"]
        with pytest.raises(RequestError, match="no room"):
            selections.store(fruits, stored, selections.add(fruits, own, "two", selections.pack(fruits, [4])))

    def test_what_a_browser_sends_may_be_anything(self, fruits):
        (name,) = selections.store(fruits, None, selections.add(fruits, {}, "one", selections.pack(fruits, [3])))
        for sent in (None, "x", [1], {name: 1}, {name: {"one": 1}}, {name: {"one": "?"}}, {name: {"one": "AAAA"}}):
            assert selections.read(fruits, sent) == {}
            selections.store(fruits, sent, {})

    def test_what_cannot_be_kept_is_refused(self, fruits):
        for rows in ([], [10**9], [-1], [1.0], "1", None):
            with pytest.raises(RequestError):
                selections.pack(fruits, rows)
        one = selections.pack(fruits, [1])
        of_another = dataclasses.replace(one, map="another")
        for name, groups in (("", one), (None, one), ("x" * 61, one), ("a", None), ("a", of_another)):
            with pytest.raises(RequestError):
                selections.add(fruits, {}, name, groups)
        full = {str(k): b"" for k in range(32)}
        with pytest.raises(RequestError, match="32 selections"):
            selections.add(fruits, full, "one more", selections.pack(fruits, [1]))
