"""What the dimensions of a latent do, on the models that ship and on a map whose dimensions are known."""

import dataclasses
import shutil

import numpy as np
import pytest

from app.explore import dimensions as module
from app.explore.dimensions import dimensions, factors, scores, starts
from app.explore.limits import RequestError
from app.explore.opened import OpenModel
from app.explore.sample import compare
from app.tabs import learnt, reconstruct
from tests.app.explore.conftest import MODELS
from vae.atlas import Atlas


@pytest.fixture
def known(tmp_path) -> OpenModel:
    """The fruits with a map on which dimension 5 tells the shape and half the rest never vary."""
    random = np.random.default_rng(0)
    shape = random.integers(3, size=900)
    latents = random.normal(size=(900, 128)) * (np.arange(128) < 64)
    latents[:, 5] = shape + random.normal(scale=0.05, size=900)
    for name in ("config.json", "model.safetensors"):
        shutil.copy(MODELS / "fruits" / name, tmp_path)
    labels = {"shape": [*map(str, shape)], "chance": [*map(str, random.integers(2, size=900))]}
    labels |= {"name": [*map(str, range(900))], "same": ["x"] * 900}
    Atlas(
        ids=[*map(str, range(900))],
        positions=random.normal(size=(900, 2)).astype(np.float32),
        latents=latents.astype(np.float16),
        labels=labels,
    ).write(tmp_path / "atlas.parquet")
    return OpenModel(tmp_path)


@pytest.mark.parametrize(("name", "tolerance"), [("fruits", 0.03), ("photos", 0.06)])
def test_the_dimensions_kl_sums_to_the_models(library, name, tolerance):
    """Which `evaluate` measured on held-out pictures, from their own posteriors; the photos' map has 500 of others."""
    model = library[name]
    found = dimensions(model)
    assert found.kl.sum() == pytest.approx(model.metrics["kl_nats"], rel=tolerance)
    assert len(found.kl) == len(found.deviation) == model.info.latent_shape[-1]
    assert (found.kl > 0).all()


def test_an_active_dimension_may_tell_next_to_nothing(known):
    """Of 64 that vary as N(0, 1) does, the posteriors of the fruits' model decide; the others' means do not vary."""
    found = dimensions(known)
    tells = found.kl >= np.log(2) / 2
    assert found.telling == (tells & (found.active > 0)).sum() < tells.sum(), "what never varies tells nothing"
    assert 0 < found.telling < 128


def test_active_is_one_number_wherever_it_is_said(fruits):
    """On the page there were two: of the map's pictures, and of those that were held out."""
    active = int(dimensions(fruits).active.sum())
    assert fruits.metrics["active_units"] != active, "the two would not be told apart"
    assert compare(fruits.aggregate).unused == 128 - active
    said = f"{active} of the latent's 128 dimensions are active; the other {128 - active} have collapsed"
    assert said in fruits.figures()
    assert f"the other {128 - active} have collapsed" in reconstruct.describe_workings(fruits, None, 0)


def test_collapse_is_told_from_the_metrics_without_a_map(without_map):
    assert "active" not in without_map.describe()
    without_map = OpenModel(without_map.folder)
    without_map.metrics = {**OpenModel(MODELS / "fruits").metrics}
    assert "87 of the latent's 128 dimensions are active" in without_map.figures()
    without_map.metrics |= {"active_units": 0}
    assert "None of the latent's 128 dimensions is active" in without_map.figures()
    for odd in ({"active_units": "x"}, {"active_units": 300}, {"count": 1}, {"latent_units": None}):
        without_map.metrics = {**OpenModel(MODELS / "fruits").metrics, **odd}
        assert "active" not in without_map.describe()


def test_a_channel_of_a_spatial_latent_is_all_its_places(photos):
    found = dimensions(photos)
    assert (found.places, found.active.tolist()) == (1024, [1024] * 4)
    np.testing.assert_allclose(found.deviation, photos.atlas.latents.astype(float).std(0).mean((0, 1)), rtol=0.01)
    assert factors(photos).names == []


def test_a_traversal_starts_at_the_mean_and_at_points_of_the_map(fruits):
    found = starts(fruits)
    np.testing.assert_array_equal(found[0], fruits.aggregate.mean)
    rows = [int(np.flatnonzero((fruits.atlas.latents == start).all(axis=1))[0]) for start in found[1:]]
    assert len({*rows}) == 3


def test_the_dimension_that_tells_a_label_is_found(known):
    found = factors(known)
    assert found.names == ["shape", "chance"], "a name of each picture, and what never varies, are no factors"
    assert found.shares[5, 0] > 0.95
    assert np.delete(found.shares, 5, axis=0).max() < 0.1
    assert dimensions(known).active.tolist() == [1] * 64 + [0] * 64
    assert not dimensions(known).deviation[64:].any()


def test_of_many_numbers_some_pictures_are_enough(known, monkeypatch):
    monkeypatch.setattr(module, "FACTOR_VALUES", 128 * 300)
    found = factors(known)
    assert found.count == 300
    assert found.shares[5, 0] > 0.9


def test_an_encoder_without_a_variance_has_no_kl(known):
    known.info = dataclasses.replace(known.info, has_variance=False)
    encode = known._encode
    known._encode = lambda images: encode(images)._replace(log_var=None)
    found = dimensions(known)
    assert found.kl is None
    assert found.active.sum() == 64
    assert "KL of a dimension" not in learnt.how_it_works(known)


def test_without_a_map_there_is_nothing_to_measure(without_map):
    with pytest.raises(RequestError, match="no map yet"):
        dimensions(without_map)
    assert "python -m train atlas" in learnt.introduce(without_map)


def test_scores_are_shown_as_far_as_they_are_scores(library, fruits, known):
    assert [*scores(library["faces"])] == [*learnt.SCORES]
    assert scores(fruits) == {}
    assert learnt.score_tiles({}) == ""
    known.metrics = {"mig": 0.25, "sap": "<b>", "dci_completeness": float("nan"), "dci_disentanglement": 7}
    assert scores(known) == {"mig": 0.25}
    assert "<dd>0.25</dd>" in learnt.score_tiles(scores(known))
