"""Samples, directions, and the data's latents against the prior, on the models that ship."""

import dataclasses
import shutil
from unittest.mock import MagicMock

import numpy as np
import pytest

from app.explore import map
from app.explore import sample as module
from app.explore.limits import RequestError
from app.explore.opened import OpenModel
from app.explore.sample import (
    compare,
    directions,
    label_direction,
    labels,
    local_directions,
    opening,
    origin,
    promptable,
    sample,
    spread,
)
from tests.app.explore.conftest import MODELS, NO_NUMBERS, kind
from vae.atlas import Atlas
from vae.latent import sample_prior
from vae.priors import AggregatePosterior

NAMES = ("faces", "fruits", "emoji", "photos")
PRIORS = {
    "prior": "Prior N(0, I)",
    "gaussian": "Gaussian fitted to the data",
    "mixture": "Mixture fitted to the data",
}
WITH_FLOW = PRIORS | {"flow": "Flow learnt from the data"}


# ---- Samples ----


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("distribution", PRIORS)
def test_a_larger_grid_begins_with_the_smaller(library, name, distribution):
    model = library[name]
    whole = sample(model, distribution, 6, 1.0, 3)
    np.testing.assert_allclose(sample(model, distribution, 2, 1.0, 3), whole[:2], atol=1e-4)
    assert whole.shape == (6, *model.info.latent_shape)
    assert not np.allclose(whole, sample(model, distribution, 6, 1.0, 4))


def test_the_prior_is_standard_normal_noise_times_the_temperature(fruits):
    drawn = sample(fruits, "prior", 64, 1.0, 7)
    assert (drawn.mean(), drawn.std()) == pytest.approx((0, 1), abs=0.05)
    np.testing.assert_array_equal(drawn, sample_prior(7, 64, (128,)))
    np.testing.assert_allclose(sample(fruits, "prior", 64, 0.5, 7), drawn / 2)
    assert not sample(fruits, "prior", 2, 0.0, 7).any()


@pytest.mark.parametrize("distribution", ["gaussian", "mixture"])
def test_one_seed_means_related_latents_under_every_distribution(fruits, distribution):
    prior = sample(fruits, "prior", 8, 1.0, 5).ravel()
    same = np.corrcoef(prior, sample(fruits, distribution, 8, 1.0, 5).ravel())[0, 1]
    other = np.corrcoef(prior, sample(fruits, distribution, 8, 1.0, 6).ravel())[0, 1]
    assert same > 0.5 > abs(other) + 0.3


def test_fitted_priors_draw_latents_nearer_to_the_data_than_the_prior_does(emoji):
    prior, gaussian, mixture = (
        np.mean([emoji.atlas.locate(z).distance for z in sample(emoji, name, 8)]) for name in PRIORS
    )
    assert mixture < gaussian < prior
    assert mixture < 0.95 * prior


def test_places_depend_on_their_neighbours_in_latents_of_photos_and_in_fitted_priors_but_not_in_the_prior(photos):
    def alike(latents: np.ndarray) -> float:
        return np.corrcoef(latents[:, 1:].ravel(), latents[:, :-1].ravel())[0, 1]

    data = photos.atlas.latents.astype(np.float32)
    for distribution in ("gaussian", "mixture"):
        drawn = sample(photos, distribution, 4)
        assert drawn.std() == pytest.approx(data.std(), rel=0.1)
        assert 0.08 < alike(drawn) < alike(data)
    assert abs(alike(sample(photos, "prior", 4))) < 0.03


def test_samples_of_a_spatial_latent_are_drawn_in_turns_of_two_and_do_not_depend_on_each_other(library, monkeypatch):
    faces, turns = library["faces128"], MagicMock()
    monkeypatch.setattr(module, "DECODING", turns)
    three = sample(faces, "flow", 3, label={"style": "micah"})
    assert turns.__enter__.call_count == turns.__exit__.call_count == 2, "others get their turn between"
    np.testing.assert_array_equal(sample(faces, "flow", 2, label={"style": "micah"}), three[:2])
    assert not np.allclose(three[2], sample(faces, "flow", 3, label={"style": "lorelei"})[2], atol=0.1)


@pytest.mark.parametrize("name", NAMES)
def test_every_distribution_that_is_offered_can_be_drawn_from(library, name):
    model = library[name]
    assert model.prior_titles == {name: prior.title for name, prior in model.priors.items()}
    assert model.prior_titles.items() >= PRIORS.items()


@pytest.mark.parametrize("distribution", ["flows", "", None, 3, True, ["prior"], {}, "prior" * 200_000], ids=kind)
def test_another_distribution_is_refused(fruits, distribution):
    with pytest.raises(RequestError, match='accepted: "prior", "gaussian", "mixture"') as refusal:
        sample(fruits, distribution)
    assert len(str(refusal.value)) < 150


@pytest.mark.parametrize("value", [*NO_NUMBERS, -1, 1e9], ids=kind)
@pytest.mark.parametrize("name", ["count", "temperature", "seed"])
def test_numbers_that_are_out_of_range_are_refused(fruits, name, value):
    value = 2**32 if (name, value) == ("seed", 1e9) else value
    with pytest.raises(RequestError, match=f"{name} is"):
        sample(fruits, **{name: value})


@pytest.mark.parametrize("ask", [{"count": 0}, {"count": 65}, {"count": 1.5}, {"temperature": 3.01}])
def test_the_bounds_of_a_grid(fruits, ask):
    with pytest.raises(RequestError, match=f"{next(iter(ask))} is"):
        sample(fruits, **ask)


@pytest.mark.parametrize("distribution", ["gaussian", "mixture"])
def test_without_a_map_only_the_prior_can_be_drawn_from(without_map, distribution):
    assert without_map.prior_titles == {"prior": PRIORS["prior"]}
    assert len(sample(without_map, count=2)) == 2
    with pytest.raises(RequestError, match="python -m train atlas"):
        sample(without_map, distribution)


def test_a_model_with_its_own_priors_needs_no_map_for_them(without_map, fruits, tmp_path):
    shutil.copytree(without_map.folder, tmp_path / "model")
    shutil.copy(fruits.folder / "prior.safetensors", tmp_path / "model")
    model = OpenModel(tmp_path / "model")
    assert model.prior_titles == WITH_FLOW
    for name in WITH_FLOW:
        np.testing.assert_allclose(sample(model, name, 4), sample(fruits, name, 4), atol=0.02)


def test_a_flow_is_offered_where_the_model_has_one_and_is_what_it_begins_with(fruits, photos):
    assert fruits.prior_titles == {name: prior.title for name, prior in fruits.priors.items()} == WITH_FLOW
    assert (opening(fruits), opening(photos)) == ("flow", "prior")
    drawn = sample(fruits, "flow", count=3, seed=4)
    assert drawn.shape == (3, 128)
    np.testing.assert_allclose(sample(fruits, "flow", count=2, seed=4), drawn[:2], atol=1e-4)


def test_a_flow_draws_what_it_is_asked_for(fruits):
    assert promptable(fruits)["kind"] == ("Apple", "Cherry", "Tomato")
    latents, kinds = fruits.atlas.latents.astype(np.float32), np.array(fruits.atlas.labels["kind"])
    centres = {kind: latents[kinds == kind].mean(0) for kind in promptable(fruits)["kind"]}
    for name in centres:
        drawn = sample(fruits, "flow", 64, seed=4, label={"kind": name}).mean(0)
        assert min(centres, key=lambda other: np.linalg.norm(drawn - centres[other])) == name
    again = [sample(fruits, "flow", 2, seed=4, label={"kind": "Apple"}) for _ in range(2)]
    np.testing.assert_array_equal(*again)


@pytest.mark.parametrize(
    ("distribution", "label", "words"),
    [
        ("flow", {"kind": "Pear"}, "kind has no label 'Pear'; it has: Apple"),
        ("flow", {"colour": "red"}, "no label column 'colour'; there are: "),
        ("flow", {"self": "Apple"}, "no label column 'self'"),
        ("flow", {"kind": "x" * 1_000_000}, "kind has no label"),
        ("flow", {"kind": 3}, "accepted: columns with their labels"),
        ("flow", ["kind", "Apple"], "accepted: columns with their labels"),
        ("flow", "Apple", "accepted: columns with their labels"),
        ("prior", {"kind": "Apple"}, 'only "flow" can be asked'),
    ],
)
def test_a_label_that_cannot_be_drawn_is_refused(fruits, distribution, label, words):
    with pytest.raises(RequestError, match=words) as refusal:
        sample(fruits, distribution, 1, label=label)
    assert len(str(refusal.value)) < 300


def test_labels_that_are_too_many_to_choose_from_are_not_offered(monkeypatch, fruits, photos):
    monkeypatch.setattr("app.explore.sample.MAX_LABELS", 10)
    assert [*promptable(fruits)] == ["kind"]
    assert promptable(photos) == {}


def test_damaged_priors_are_explained_and_leave_the_prior_alone(fruits, tmp_path):
    shutil.copytree(MODELS / "fruits", tmp_path / "model")
    (tmp_path / "model" / "prior.safetensors").write_bytes(b"\0" * 50)
    model = OpenModel(tmp_path / "model")
    assert model.prior_titles == PRIORS
    np.testing.assert_array_equal(sample(model, "prior"), sample(fruits, "prior"))
    with pytest.raises(RequestError, match="cannot be read"):
        sample(model, "mixture")


# ---- Directions ----


@pytest.mark.parametrize("name", NAMES)
def test_principal_directions_are_where_the_data_varies_most(library, name):
    model = library[name]
    found, size = directions(model), model.info.latent_size
    flat = model.atlas.latents.reshape(-1, size).astype(np.float64)
    units = found.directions.reshape(6, size)
    np.testing.assert_allclose(units @ units.T, np.eye(6), atol=1e-3)
    along = (flat - flat.mean(0)) @ units.T
    np.testing.assert_allclose(along.std(0), found.deviations, rtol=0.01)
    np.testing.assert_allclose(along.var(0) / flat.var(0).sum(), found.shares, rtol=0.02)
    assert (np.diff(found.shares) <= 0).all()
    assert 0 < found.shares.sum() < 1
    np.testing.assert_allclose(origin(model), flat.mean(0).reshape(model.info.latent_shape), atol=1e-3)


def test_moving_towards_a_label_by_how_far_it_is_apart_ends_at_its_mean(fruits):
    start, end = labels(fruits)["kind"][:2]
    found, apart = label_direction(fruits, "kind", start, end)
    kinds = np.array(fruits.atlas.labels["kind"])
    mean_start, mean_end = (fruits.atlas.latents[kinds == label].mean(0, dtype=np.float32) for label in (start, end))
    assert apart > 0.5
    there = mean_start + apart * found.deviations[0] * found.directions[0]
    np.testing.assert_allclose(there, mean_end, atol=1e-2)
    back, _ = label_direction(fruits, "kind", end, start)
    np.testing.assert_allclose(back.directions, -found.directions, atol=1e-4)


def test_labels_are_those_that_enough_pictures_share_the_most_frequent_first(emoji):
    offered = labels(emoji)
    assert "name" not in offered, "a name for each picture is nothing to go towards"
    values = emoji.atlas.labels["category"]
    counts = [values.count(label) for label in offered["category"]]
    assert counts == sorted(counts, reverse=True)
    assert min(counts) >= 20
    assert {label for label in values if values.count(label) >= 20} == set(offered["category"])


@pytest.mark.parametrize(
    "asked",
    [("kind", "Apple", "Apple"), ("colour", "red", "green"), ("kind", "Apple", "x" * 1_000_000), ("kind", None, 3),
     (None, "a", "b"), (["kind"], "a", "b"), ({}, {}, {}), ("kind", ["Apple"], ["Cherry"]), ("kind", True, False)],
    ids=range(9),
)  # fmt: skip
def test_labels_that_are_not_two_of_one_column_are_refused(fruits, asked):
    with pytest.raises(RequestError, match="two different labels of one column"):
        label_direction(fruits, *asked)


def test_local_directions_are_those_of_the_neighbours(fruits):
    latent = fruits.atlas.latent(77)
    found = local_directions(fruits, latent)
    near = fruits.atlas.latents[fruits.atlas.locate(latent, 32).neighbours].astype(np.float32)
    spread_of_near = (near.reshape(32, -1) @ found.directions.reshape(2, -1).T).std(0, ddof=1)
    np.testing.assert_allclose(spread_of_near, found.deviations, rtol=1e-2)
    assert found.deviations[0] >= found.deviations[1] > 0


def test_what_is_expensive_is_worked_out_once(monkeypatch):
    model, calls = OpenModel(MODELS / "emoji"), []
    for name in ("principal_directions", "_shared_labels"):
        work_out = getattr(module, name)
        monkeypatch.setattr(module, name, lambda *asked, f=work_out: calls.append(1) or f(*asked))
    between = module.vae_directions.label_direction
    monkeypatch.setattr(module.vae_directions, "label_direction", lambda *asked: calls.append(1) or between(*asked))
    start, end = labels(model)["category"][:2]
    for _ in range(3):
        for ask in (directions, labels, origin, lambda model: label_direction(model, "category", start, end)):
            ask(model)
    assert len(calls) == 3


def test_without_a_map_a_walk_begins_at_the_priors_mean(without_map):
    np.testing.assert_array_equal(origin(without_map), np.zeros(128))
    between, around = lambda m: label_direction(m, "kind", "a", "b"), lambda m: local_directions(m, origin(m))
    for ask in (directions, labels, between, around):
        with pytest.raises(RequestError, match="python -m train atlas"):
            ask(without_map)


def test_a_map_of_a_single_picture_can_be_explored(tmp_path):
    shutil.copytree(MODELS / "fruits", tmp_path / "one", ignore=shutil.ignore_patterns("prior.safetensors"))
    whole = Atlas.read(MODELS / "fruits" / "atlas.parquet", (128,))
    Atlas(whole.ids[:1], whole.positions[:1], whole.latents[:1], {}).write(tmp_path / "one" / "atlas.parquet")
    one = OpenModel(tmp_path / "one")
    np.testing.assert_array_equal(origin(one), whole.latent(0))
    assert not directions(one).deviations.any()
    assert labels(one) == {}
    assert len(sample(one)) == 16
    assert map.overview(one, "pca").positions.tolist() == [[0, 0]]
    for ask in (lambda: sample(one, "mixture"), lambda: one.aggregate):
        with pytest.raises(RequestError, match="single picture"):
            ask()


# ---- The data's latents against the prior ----


def test_the_unused_dimensions_are_as_wide_as_the_prior(fruits):
    aggregate = fruits.aggregate
    quiet = aggregate.posterior_deviation > 0.9
    assert quiet.sum() > 20
    np.testing.assert_allclose(aggregate.deviation[quiet], 1, atol=0.15)


def test_the_posteriors_variance_is_near_what_evaluation_measured(library):
    for name in NAMES:
        model = library[name]
        measured = float((model.aggregate.posterior_deviation**2).mean())
        assert measured == pytest.approx(model.metrics["posterior_variance"], rel=0.5)


def test_an_encoder_without_a_variance_leaves_nothing_open(tmp_path):
    model = OpenModel(MODELS / "fruits")
    model.info = dataclasses.replace(model.info, has_variance=False)
    encode = model._encode
    model._encode = lambda images: encode(images)._replace(log_var=None)
    assert not model.aggregate.posterior_deviation.any()
    assert compare(model.aggregate).idle == 0
    assert sample(model, "gaussian", 2).shape == (2, 128)


def test_the_comparison_counts_dimensions():
    aggregate = AggregatePosterior(
        mean=np.array([0.0, 0.3, -0.3, 0.1]),
        deviation=np.array([1.0, 1.3, 0.7, 1.0]),
        posterior_deviation=np.array([0.999, 0.5, 0.1, 0.2]),
        active=np.array([False, True, True, True]),
        kl=3.0,
    )
    found = compare(aggregate)
    assert (found.size, found.unused, found.idle, found.off_centre, found.wide, found.narrow) == (4, 1, 1, 2, 1, 1)
    assert (found.least, found.most, found.kl) == (0.7, 1.3, 3.0)
    variance = aggregate.deviation**2
    assert found.marginal_kl == pytest.approx(0.5 * (variance + aggregate.mean**2 - 1 - np.log(variance)).sum())


def test_a_dimension_that_never_varies_makes_the_divergence_infinite_which_is_none():
    still = AggregatePosterior(np.zeros(2), np.array([1.0, 0.0]), np.zeros(2), np.array([True, False]), None)
    assert compare(still).marginal_kl is None


def test_the_spread_of_a_vector_is_told_dimension_by_dimension_the_widest_first(fruits):
    aggregate = fruits.aggregate
    shown = spread(aggregate)
    assert shown.unit == "dimension"
    assert sorted(shown.order) == list(range(128))
    assert (np.diff(shown.deviation) <= 0).all()
    for given, ordered in (("mean", shown.mean), ("posterior_deviation", shown.posterior_deviation)):
        np.testing.assert_array_equal(getattr(aggregate, given)[shown.order], ordered)


def test_the_spread_of_a_spatial_latent_is_told_channel_by_channel(photos):
    aggregate = photos.aggregate
    shown = spread(aggregate)
    assert shown.unit == "channel"
    assert sorted(shown.order) == [0, 1, 2, 3]
    first = shown.order[0]
    assert shown.mean[0] == pytest.approx(aggregate.mean[..., first].mean(), abs=1e-5)
    assert shown.deviation[0] == pytest.approx(np.sqrt((aggregate.deviation[..., first] ** 2).mean()), rel=1e-4)
