"""A picture through a model and back: figures are those of the pictures shown, and what is lacking is None."""

import dataclasses
import io
import math

import numpy as np
import pytest
from PIL import Image

from app.explore import reconstruct as module
from app.explore.limits import LEAST_UNCERTAINTY_SAMPLES, MAX_UNCERTAINTY_SAMPLES, RequestError
from app.explore.opened import OpenModel
from app.explore.reconstruct import is_foreign, loss_terms, reconstruct, uncertainty
from app.explore.subject import open_subject
from tests.app.explore.conftest import MODELS, NO_NUMBERS, difference, kind
from vae.images import to_array

NAMES = ("faces", "fruits", "emoji", "photos")


@pytest.fixture(scope="module")
def deterministic() -> OpenModel:
    """The fruits as if their encoder gave no variance, as those of tiny autoencoders do."""
    model = OpenModel(MODELS / "fruits")
    encode = model._encode
    model._encode = lambda images: encode(images)._replace(log_var=None)
    model.info = dataclasses.replace(model.info, has_variance=False, objective=None)
    return model


@pytest.mark.parametrize("name", NAMES)
def test_reconstruction_resembles_its_own_kind_of_picture(library, examples, name):
    model = library[name]
    made = reconstruct(model, open_subject(examples[name]))
    assert made.picture.size == made.reconstruction.size == (model.info.image_size,) * 2
    assert made.metrics["psnr_db"] > 15
    grey = Image.new("RGB", made.picture.size, "grey")
    assert difference(made.picture, made.reconstruction) < 0.5 * difference(made.picture, grey)
    assert made.latent.shape == made.posterior_deviation.shape == model.info.latent_shape


@pytest.mark.parametrize("name", NAMES)
def test_a_picture_of_another_kind_is_told_from_its_own(library, examples, name):
    model = library[name]
    assert not is_foreign(model, reconstruct(model, open_subject(examples[name])))
    if name in ("faces", "fruits"):  # the others draw nearly everything
        others = [open_subject(path) for kind, path in examples.items() if kind in {*NAMES} - {name}]
        assert all(is_foreign(model, reconstruct(model, other)) for other in others)


def test_without_the_datas_errors_no_picture_is_of_another_kind(without_map, examples):
    subject = open_subject(examples["photos"])
    assert not is_foreign(without_map, reconstruct(without_map, subject))


def test_the_metrics_are_those_of_the_two_pictures_shown(fruits, apple):
    made = reconstruct(fruits, apple)
    error = to_array(made.picture) - to_array(made.reconstruction)
    assert made.metrics["l1"] == pytest.approx(np.abs(error).mean(), abs=1e-3)
    assert made.metrics["psnr_db"] == pytest.approx(-10 * np.log10((error**2).mean()), abs=0.05)
    mean, log_var = made.posterior
    kl = 0.5 * (np.exp(log_var) + mean**2 - 1 - log_var).sum()
    assert made.metrics["kl_nats"] == pytest.approx(kl, rel=1e-4)
    assert made.error.shape == (64, 64)
    assert made.error.mean() == pytest.approx(made.metrics["l1"], abs=1e-3)


def test_what_the_latent_tells_is_counted_in_bits(fruits, apple):
    made = reconstruct(fruits, apple)
    assert made.latent_bits == pytest.approx(made.metrics["kl_nats"] / math.log(2))
    buffer = io.BytesIO()
    made.picture.save(buffer, "PNG", optimize=True)
    assert made.png_bits == 8 * len(buffer.getvalue())
    assert made.known_well == (np.exp(made.posterior.log_var / 2) < 0.7).sum()
    assert 20 < made.known_well < 128


def test_temperature_samples_the_posterior_and_the_seed_repeats_it(fruits, apple):
    mean = reconstruct(fruits, apple, 0, 5)
    sampled = reconstruct(fruits, apple, 1, 5)
    np.testing.assert_array_equal(mean.latent, mean.posterior.mean)
    np.testing.assert_array_equal(sampled.latent, reconstruct(fruits, apple, 1, 5).latent)
    assert difference(mean.reconstruction, sampled.reconstruction) > 0
    assert difference(sampled.reconstruction, reconstruct(fruits, apple, 1, 6).reconstruction) > 0
    assert difference(mean.reconstruction, reconstruct(fruits, apple, 0, 6).reconstruction) == 0
    half = reconstruct(fruits, apple, 0.5, 5).latent
    np.testing.assert_allclose(half - mean.latent, (sampled.latent - mean.latent) / 2, atol=1e-5)


def test_a_picture_of_another_shape_is_cropped_and_says_so(fruits, subject_of):
    wide = Image.new("RGB", (300, 100), "red")
    wide.paste("lime", (100, 0, 200, 100))
    made = reconstruct(fruits, subject_of(wide))
    assert "300 x 100" in made.note
    assert np.unique(np.asarray(made.picture).reshape(-1, 3), axis=0).tolist() == [[0, 255, 0]]
    assert reconstruct(fruits, subject_of(Image.new("RGB", (64, 64)))).note == ""


@pytest.mark.parametrize("value", [*NO_NUMBERS, -0.1, 3.1], ids=kind)
def test_a_temperature_or_seed_that_is_not_one_is_refused(fruits, apple, value):
    with pytest.raises(RequestError, match="temperature is"):
        reconstruct(fruits, apple, temperature=value)
    with pytest.raises(RequestError, match="seed is"):
        reconstruct(fruits, apple, seed=value)


@pytest.mark.parametrize("name", NAMES)
def test_the_terms_of_the_loss_add_up_to_it(library, examples, name):
    model = library[name]
    made = reconstruct(model, open_subject(examples[name]))
    terms, weights = loss_terms(model, made), model.info.objective.weights
    for term, metric in (("l1", "l1"), ("ssim", "ssim"), ("kl", "kl_nats")):
        assert terms[term] == pytest.approx(made.metrics[metric], rel=1e-4)
    total = weights.l1 * terms["l1"] + weights.ssim * (1 - terms["ssim"]) + weights.kl * terms["kl"]
    assert terms["loss"] == pytest.approx(total, rel=1e-4)
    assert f"{terms['loss']:.4f}" in model.info.objective.in_numbers(terms)


def test_a_loss_that_is_not_known_has_no_terms(apple, monkeypatch):
    model = OpenModel(MODELS / "fruits")
    monkeypatch.setattr(model, "info", dataclasses.replace(model.info, objective=None))
    assert loss_terms(model, reconstruct(model, apple)) is None


def test_an_encoder_without_a_variance_has_no_kl_no_bits_no_deviation_and_no_uncertainty(deterministic, apple):
    made = reconstruct(deterministic, apple, temperature=2, seed=3)
    np.testing.assert_array_equal(made.latent, made.posterior.mean)
    assert made.metrics["psnr_db"] > 15
    assert made.metrics["kl_nats"] is None
    assert (made.latent_bits, made.posterior_deviation, made.known_well) == (None, None, None)
    assert loss_terms(deterministic, made) is None
    assert uncertainty(deterministic, apple) is None


def test_uncertainty_is_how_much_pixels_vary_over_samples_of_the_posterior(fruits, apple, monkeypatch):
    monkeypatch.setattr(fruits, "affordable", lambda seconds, least, most: 5)
    monkeypatch.setattr(fruits, "remember", lambda question, key, compute: compute())
    found = uncertainty(fruits, apple)
    decoded = [reconstruct(fruits, apple, 1, seed).pixels for seed in range(5)]
    assert found.samples == 5
    np.testing.assert_allclose(found.deviation, np.std(decoded, axis=0, ddof=1).mean(-1), atol=1e-6)
    assert found.deviation.shape == (64, 64)
    assert found.deviation.mean() > 0.001


@pytest.mark.parametrize(
    ("seconds", "samples"), [(1e-4, MAX_UNCERTAINTY_SAMPLES), (0.05, 10), (20.0, LEAST_UNCERTAINTY_SAMPLES)]
)
def test_a_slow_decoder_is_asked_for_fewer_samples(apple, monkeypatch, seconds, samples):
    model = OpenModel(MODELS / "fruits")
    monkeypatch.setattr(model, "seconds_per_decode", seconds)
    assert uncertainty(model, apple).samples == samples


def test_the_uncertainty_of_a_picture_is_worked_out_once(apple, monkeypatch):
    model, calls = OpenModel(MODELS / "fruits"), []
    measure = module._measure_uncertainty
    monkeypatch.setattr(module, "_measure_uncertainty", lambda *asked: calls.append(1) or measure(*asked))
    assert uncertainty(model, apple) is uncertainty(model, apple)
    assert len(calls) == 1
