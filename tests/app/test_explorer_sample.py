"""Explorer's priors, directions and held latents, on the models that ship."""

import numpy as np
import pytest
from PIL import Image

from app.checks import RequestError
from app.explorer import MAX_KEPT, Explorer
from app.library import Library
from app.main import MODELS

NAMES = ("fruits", "emoji", "photos")


@pytest.fixture(scope="module")
def library() -> Library:
    return Library(MODELS)


@pytest.fixture(scope="module")
def without_map(tmp_path_factory) -> Explorer:
    folder = tmp_path_factory.mktemp("no-map")
    for name in ("config.json", "model.safetensors"):
        (folder / name).write_bytes((MODELS / "fruits" / name).read_bytes())
    return Explorer(folder)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("distribution", ["prior", "gaussian", "mixture"])
def test_a_grid_drawn_in_parts_is_the_grid(library, name, distribution):
    explorer = library[name]
    whole = explorer.sample_latents(6, 1.0, 3, distribution)
    parts = [explorer.sample_latents(2, 1.0, 3, distribution, first) for first in (0, 2, 4)]
    np.testing.assert_allclose(np.concatenate(parts), whole, atol=1e-4)
    assert whole.shape == (6, *explorer.info.latent_shape)
    assert not np.allclose(whole, explorer.sample_latents(6, 1.0, 4, distribution))


def test_fitted_priors_draw_latents_nearer_to_the_data_than_the_prior_does(library):
    emoji = library["emoji"]
    prior, gaussian, mixture = (
        np.mean([emoji.atlas.locate(z).distance for z in emoji.sample_latents(8, 1.0, 0, kind)])
        for kind in ("prior", "gaussian", "mixture")
    )
    assert mixture < gaussian
    assert mixture < 0.95 * prior


def test_fitted_priors_are_as_wide_as_the_latents_of_the_photos_and_the_prior_is_not(library):
    photos = library["photos"]
    width = photos.atlas.latents.astype(np.float32).std()
    for distribution in ("gaussian", "mixture"):
        assert photos.sample_latents(4, 1.0, 0, distribution).std() == pytest.approx(width, rel=0.1)
    assert photos.sample_latents(4).std() < 0.6 * width


def test_the_unused_numbers_of_a_latent_are_as_wide_as_the_prior(library):
    aggregate = library["fruits"].aggregate
    quiet = aggregate.posterior_deviation > 0.9
    assert quiet.sum() > 20
    np.testing.assert_allclose(aggregate.deviation[quiet], 1, atol=0.15)


def test_moving_towards_a_label_gives_pictures_of_that_label(library):
    fruits = library["fruits"]
    choices = fruits.label_choices
    assert "kind" in choices
    start, end = choices["kind"][:2]
    labels = np.array(fruits.atlas.labels["kind"])
    origin = fruits.atlas.latents[labels == start].mean(0, dtype=np.float32)
    _, apart = fruits.label_direction("kind", start, end)
    there = fruits.move(origin, [], ("kind", start, end), apart)
    np.testing.assert_allclose(there, fruits.atlas.latents[labels == end].mean(0, dtype=np.float32), atol=1e-2)


def test_columns_that_name_each_picture_are_not_offered(library):
    assert "name" not in library["emoji"].label_choices
    assert "category" in library["emoji"].label_choices


@pytest.mark.parametrize("name", NAMES)
def test_a_principal_direction_changes_the_picture_and_its_reverse_differently(library, name):
    explorer = library[name]
    mean = explorer.principal.mean
    left, right = (np.asarray(explorer.decode(explorer.move(mean, [c])), int) for c in (-3, 3))
    assert np.abs(left - right).mean() > 5
    shares = explorer.principal.shares
    assert (np.diff(shares) <= 0).all()
    assert 0 < shares.sum() < 1


def test_local_directions_are_those_of_the_neighbours(library):
    fruits = library["fruits"]
    latent = fruits.atlas.latent(77)
    found = fruits.local_directions(latent)
    near = fruits.atlas.latents[fruits.atlas.locate(latent, 32).neighbours].astype(np.float32)
    spread = (near.reshape(32, -1) @ found.directions.reshape(2, -1).T).std(0, ddof=1)
    np.testing.assert_allclose(spread, found.deviations, rtol=1e-2)
    assert found.deviations[0] >= found.deviations[1] > 0


def test_latents_are_held_under_a_name_and_the_oldest_let_go(library):
    fruits = library["fruits"]
    token = fruits.keep(np.full(128, 2.0))
    np.testing.assert_array_equal(fruits.kept(token), np.full(128, 2.0))
    for _ in range(MAX_KEPT):
        fruits.keep(np.zeros(128))
    with pytest.raises(RequestError, match="no longer held"):
        fruits.kept(token)


def test_a_saved_picture_has_the_models_name_and_its_pixels(library):
    fruits = library["fruits"]
    latent = fruits.sample_latents(1)[0]
    path = fruits.save_picture(latent, "seed-7-sample-3")
    assert path.endswith("/fruits-seed-7-sample-3.png")
    np.testing.assert_array_equal(np.asarray(Image.open(path)), np.asarray(fruits.decode(latent)))


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda e: e.sample(1, distribution="flow"), '"prior", "gaussian", "mixture"'),
        (lambda e: e.sample(1, first=64), "first is 64"),
        (lambda e: e.move(e.principal.mean, [4]), "coefficient is 4"),
        (lambda e: e.move(e.principal.mean, [float("nan")]), "coefficient is nan"),
        (lambda e: e.move(e.principal.mean, [0] * 7), "There are 6 principal directions"),
        (lambda e: e.move(e.principal.mean, [0], ("kind", "Apple", "Apple"), 1), "two different labels"),
        (lambda e: e.move(e.principal.mean, [0], ("colour", "red", "green"), 1), "two different labels"),
        (lambda e: e.kept("../../etc"), "no longer held"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_words(library, ask, words):
    with pytest.raises(RequestError, match=words):
        ask(library["fruits"])


@pytest.mark.parametrize("distribution", ["gaussian", "mixture"])
def test_without_a_map_only_the_prior_can_be_drawn_from(without_map, distribution):
    assert len(without_map.sample_latents(2)) == 2
    with pytest.raises(RequestError, match="python -m train atlas"):
        without_map.sample_latents(2, distribution=distribution)
