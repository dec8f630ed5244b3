"""The atlas: places, neighbours, and the file."""

import dataclasses

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.conftest import ROOT
from vae.atlas import Atlas, AtlasError, read_facts
from vae.images import read_thumbnail, write_thumbnail


@pytest.fixture
def atlas() -> Atlas:
    """A 5 x 5 grid of points whose latents are their positions, tenfold, in the first two of four numbers."""
    positions = np.stack(np.meshgrid(np.arange(5.0), np.arange(5.0)), axis=-1).reshape(-1, 2).astype(np.float32)
    latents = np.concatenate([10 * positions, np.zeros_like(positions)], axis=1).astype(np.float16)
    return Atlas([f"p{i}" for i in range(25)], positions, latents, {"row": [str(i // 5) for i in range(25)]})


def test_a_latent_lands_among_its_neighbours(atlas):
    place = atlas.locate(np.array([12.0, 18.0, 0, 0], np.float32), k=4)
    assert (place.x, place.y) == pytest.approx((1.2, 1.8), abs=0.2)
    assert place.neighbours[0] == 11
    assert place.weights.sum() == pytest.approx(1)
    assert (np.diff(place.weights) <= 1e-6).all()


def test_distance_is_in_units_of_the_datas_own_spacing(atlas):
    far = atlas.locate(np.array([100.0, 40.0, 0, 0], np.float32))
    assert far.distance == pytest.approx(6, rel=1e-3)
    _, place = atlas.latent_at(4, 7)
    assert place.distance == pytest.approx(3, rel=1e-3)


def test_the_latent_of_a_place_is_between_those_around_it(atlas):
    latent, place = atlas.latent_at(2.5, 1.0, k=2)
    assert sorted(place.neighbours) == [7, 8]
    np.testing.assert_allclose(latent, [25, 10, 0, 0], atol=1e-3)
    on_top, place = atlas.latent_at(3.0, 3.0)
    np.testing.assert_allclose(on_top, atlas.latent(18), atol=1e-2)
    assert place.distance == 0


def test_no_column_has_an_encoding_that_other_readers_lack(atlas, tmp_path):
    """DuckDB 2.0 reads no float16 that is split by bytes."""
    atlas.write(tmp_path / "atlas.parquet")
    group = pq.read_metadata(tmp_path / "atlas.parquet").row_group(0)
    used = {encoding for k in range(group.num_columns) for encoding in group.column(k).encodings}
    assert used <= {"PLAIN", "RLE", "RLE_DICTIONARY"}


@pytest.fixture
def scattered() -> Atlas:
    """Forty points at random on the map and in latent space."""
    rng = np.random.default_rng(3)
    return Atlas(
        [f"p{i}" for i in range(40)],
        rng.normal(size=(40, 2)).astype(np.float32),
        rng.normal(size=(40, 3)).astype(np.float16),
        {},
    )


def inverse_squared_mean(query: np.ndarray, points: np.ndarray, values: np.ndarray, k: int) -> np.ndarray:
    """The mean of the values of the k nearest points, weighted by 1 / distance^2 (Shepard 1968)."""
    distances = np.linalg.norm(points - query, axis=1)
    nearest = np.argsort(distances)[:k]
    return np.average(values[nearest], axis=0, weights=distances[nearest] ** -2.0)


def test_the_latent_of_a_place_is_the_mean_of_the_six_nearest_by_inverse_squared_distance(scattered):
    latent, place = scattered.latent_at(0.3, -0.4)
    latents = scattered.latents.astype(np.float32)
    expected = inverse_squared_mean(np.array([0.3, -0.4]), scattered.positions, latents, 6)
    np.testing.assert_allclose(latent, expected, rtol=1e-4)
    assert (place.x, place.y) == (0.3, -0.4)
    assert place.weights.sum() == pytest.approx(1)


def test_a_latent_lands_at_the_mean_of_the_eight_nearest_by_inverse_squared_distance(scattered):
    query = np.array([0.1, 0.5, -0.2], np.float32)
    place = scattered.locate(query)
    expected = inverse_squared_mean(query, scattered.latents.astype(np.float32), scattered.positions, 8)
    np.testing.assert_allclose([place.x, place.y], expected, rtol=1e-3)


def test_latents_along_a_path_are_those_of_places_at_equal_distances(atlas):
    path = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 3.0]])  # of length 4, with a corner after the first quarter
    found = atlas.latents_along(path, 5)
    np.testing.assert_allclose(found[:, :2], [[0, 0], [10, 0], [10, 10], [10, 20], [10, 30]], atol=0.05)


def test_the_mean_latent_of_some_points(atlas):
    np.testing.assert_allclose(atlas.mean_latent(np.array([0, 1, 7])), [10, 10 / 3, 0, 0], rtol=1e-3)


def test_the_nearest_points_come_in_order(atlas):
    far = np.linalg.norm(atlas.latents - atlas.latents[12], axis=1)
    found = atlas.neighbours(12)
    assert len(found) == 8
    assert 12 not in found
    assert (np.diff(far[found]) >= 0).all()
    assert far[found].max() <= np.sort(far)[8] + 1e-3
    assert len(atlas.neighbours(12, 100)) == 24


def test_an_atlas_of_one_point_has_places(tmp_path):
    atlas = Atlas(["a"], np.zeros((1, 2), np.float32), np.ones((1, 3), np.float16), {"kind": ["pear"]})
    latent, place = atlas.latent_at(3.0, 4.0)
    np.testing.assert_allclose(latent, [1, 1, 1])
    assert place.distance == pytest.approx(5), "there is no spacing to measure it by"
    assert atlas.locate(np.ones(3, np.float32)).x == 0
    assert len(atlas.neighbours(0)) == 0
    assert atlas.labels_of(0) == {"kind": "pear"}


def test_neighbours_leave_out_the_point_itself_even_among_equals():
    latents = np.zeros((4, 3), np.float16)
    atlas = Atlas(list("abcd"), np.zeros((4, 2), np.float32), latents, {})
    for i in range(4):
        assert set(atlas.neighbours(i)) == set(range(4)) - {i}


def test_written_and_read_again(atlas, tmp_path):
    numbers = {"reconstruction_l1": np.linspace(0, 1, 25, dtype=np.float32)}
    atlas = dataclasses.replace(atlas, numbers=numbers, facts={"seed": "3"})
    atlas.write(tmp_path / "atlas.parquet")
    again = Atlas.read(tmp_path / "atlas.parquet", (4,))
    assert again.ids == atlas.ids
    assert again.labels == atlas.labels
    np.testing.assert_array_equal(again.positions, atlas.positions)
    np.testing.assert_array_equal(again.latents, atlas.latents)
    assert again.numbers.keys() == {"reconstruction_l1"}
    np.testing.assert_array_equal(again.numbers["reconstruction_l1"], numbers["reconstruction_l1"])
    assert again.facts == {"seed": "3"}
    assert [path.name for path in tmp_path.iterdir()] == ["atlas.parquet"]


def test_an_atlas_from_before_there_were_numbers_still_opens(atlas, tmp_path):
    atlas.write(tmp_path / "atlas.parquet")
    again = Atlas.read(tmp_path / "atlas.parquet", (4,))
    assert again.numbers == {}
    assert again.facts == {}


def test_numbers_tell_missing_from_zero(atlas, tmp_path):
    values = np.array([0, np.nan] * 12 + [1], np.float32)
    dataclasses.replace(atlas, numbers={"age": values}).write(tmp_path / "atlas.parquet")
    np.testing.assert_array_equal(Atlas.read(tmp_path / "atlas.parquet", (4,)).numbers["age"], values)


@pytest.mark.parametrize("shape", [(128,), (8, 8, 4)])
def test_distance_from_the_prior_is_one_for_the_prior_itself(shape):
    latents = np.random.default_rng(0).normal(size=(500, *shape)).astype(np.float16)
    atlas = Atlas(["p"] * 500, np.zeros((500, 2), np.float32), latents, {})
    numbers = np.prod(shape)
    assert atlas.prior_distance.mean() == pytest.approx(1, abs=0.01)
    assert atlas.prior_distance.std() == pytest.approx(1 / np.sqrt(2 * numbers), rel=0.15)
    halved = dataclasses.replace(atlas, latents=latents / 2)
    np.testing.assert_allclose(halved.prior_distance, atlas.prior_distance / 2, rtol=1e-2)


def test_spatial_latents_keep_their_shape(tmp_path):
    latents = np.arange(2 * 3 * 3 * 4).reshape(2, 3, 3, 4).astype(np.float16)
    Atlas(["a", "b"], np.zeros((2, 2), np.float32), latents, {}).write(tmp_path / "a.parquet")
    np.testing.assert_array_equal(Atlas.read(tmp_path / "a.parquet", (3, 3, 4)).latents, latents)


def test_a_file_that_is_not_an_atlas_says_why(atlas, tmp_path):
    path = tmp_path / "atlas.parquet"
    path.write_bytes(b"PAR1 not really")
    with pytest.raises(AtlasError, match="cannot be read"):
        Atlas.read(path, (4,))
    pq.write_table(pq.read_table(_written(atlas, tmp_path)).drop(["x"]), path)
    with pytest.raises(AtlasError, match="lacks the columns x"):
        Atlas.read(path, (4,))
    pq.write_table(pq.read_table(_written(atlas, tmp_path))[:0], path)
    with pytest.raises(AtlasError, match="has no points"):
        Atlas.read(path, (4,))
    atlas.write(path)
    with pytest.raises(AtlasError, match="another model's"):
        Atlas.read(path, (5,))


@pytest.mark.parametrize("column", ["x", "latent"])
def test_an_atlas_of_words_is_explained(column, atlas, tmp_path):
    table = pq.read_table(_written(atlas, tmp_path))
    words = pa.array(["here"] * len(table))
    pq.write_table(table.set_column(table.column_names.index(column), column, words), tmp_path / "atlas.parquet")
    with pytest.raises(AtlasError, match="not numbers"):
        Atlas.read(tmp_path / "atlas.parquet", (4,))


def _written(atlas: Atlas, folder):
    atlas.write(folder / "whole.parquet")
    return folder / "whole.parquet"


def test_small_originals_are_kept_beside_the_rows_that_have_them(atlas, tmp_path):
    picture = np.random.default_rng(0).integers(256, size=(64, 64, 3), dtype=np.uint8)
    kept = dataclasses.replace(atlas, thumbnails={3: write_thumbnail(picture), 20: write_thumbnail(picture[::-1])})
    kept.write(tmp_path / "atlas.parquet")
    read = Atlas.read(tmp_path / "atlas.parquet", (4,))
    assert read.thumbnails == kept.thumbnails
    assert read.labels == atlas.labels
    np.testing.assert_array_equal(np.asarray(read_thumbnail(read.thumbnails[3])), picture)
    atlas.write(tmp_path / "atlas.parquet")
    assert Atlas.read(tmp_path / "atlas.parquet", (4,)).thumbnails == {}


def test_facts_are_read_without_the_rest(tmp_path):
    path = tmp_path / "atlas.parquet"
    assert read_facts(path) == {}
    path.write_bytes(b"\0" * 100)
    assert read_facts(path) == {}
    Atlas(["a"], np.zeros((1, 2), np.float32), np.zeros((1, 3), np.float16), {}, facts={"seed": "0"}).write(path)
    assert read_facts(path) == {"seed": "0"} == Atlas.read(path, (3,)).facts


@pytest.mark.parametrize("name", ["faces", "fruits"])
def test_other_tools_read_the_map_as_a_table(name):
    """What `embedding-atlas atlas.parquet --x x --y y` needs, which reads it with pandas."""
    pandas = pytest.importorskip("pandas")
    table = pandas.read_parquet(ROOT / "assets" / "models" / name / "atlas.parquet")
    assert {"x", "y"} <= {*table.select_dtypes("number").columns}
    assert table[["x", "y"]].notna().all().all()
    nested = {column for column in table if isinstance(table[column].iloc[0], list | dict | np.ndarray)}
    assert nested == {"latent"}, "a flat list of numbers, which is read as it is"
    assert table["latent"].iloc[0].dtype == np.float16
