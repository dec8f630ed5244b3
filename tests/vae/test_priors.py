"""Priors: what is fitted is what the latents are, what is saved comes back, and damage is explained."""

import json
import stat
import struct

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from vae.checkpoint import PRIOR
from vae.priors import (
    Gaussian,
    Mixture,
    PriorError,
    StandardNormal,
    aggregate_posterior,
    fit_priors,
    load_priors,
    save_priors,
)


def noise(count: int, *shape: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((count, *shape)).astype(np.float32)


def uniform(count: int) -> np.ndarray:
    return np.random.default_rng(7).random(count)


def clusters(*centres: tuple[float, ...], count: int = 2000, deviation: float = 0.3) -> np.ndarray:
    """The same number of latents around each of some centres."""
    centres = np.repeat(np.array(centres, np.float32), count, axis=0)
    return centres + deviation * noise(*centres.shape, seed=6)


def test_the_standard_normal_is_the_noise():
    drawn = StandardNormal()(noise(3, 4), uniform(3))
    np.testing.assert_array_equal(drawn, noise(3, 4))


# ---- what is fitted


@pytest.mark.parametrize("kind", [0, 1], ids=["gaussian", "mixture"])
def test_a_fit_has_the_mean_and_covariance_of_the_latents(kind):
    mixing = np.array([[2, 0, 0], [1, 0.5, 0], [0, 0, 0.1]], np.float32)
    latents = noise(5000, 3, seed=2) @ mixing.T + [1, -2, 0]
    prior = fit_priors(latents, np.zeros(3))[kind]
    drawn = prior(noise(40_000, 3), uniform(40_000))
    np.testing.assert_allclose(drawn.mean(0), latents.mean(0), atol=0.05)
    np.testing.assert_allclose(np.cov(drawn.T), np.cov(latents.T), atol=0.12)


def test_the_mixture_draws_the_clusters_and_nothing_between_them():
    latents = clusters((-4, 0), (4, 0), (4, 6))
    gaussian, mixture = fit_priors(latents, np.zeros(2))
    drawn = mixture(noise(6000, 2), uniform(6000))
    nearest = np.linalg.norm(drawn[:, None] - [[-4, 0], [4, 0], [4, 6]], axis=-1)
    assert (nearest.min(1) > 1.5).mean() < 0.002
    assert (np.abs(gaussian(noise(6000, 2), uniform(6000))[:, 0]) < 2).mean() > 0.25
    for k, centre in enumerate([(-4, 0), (4, 0), (4, 6)]):
        mine = drawn[nearest.argmin(1) == k]
        assert len(mine) == pytest.approx(2000, abs=150)
        np.testing.assert_allclose(mine.mean(0), centre, atol=0.03)
        np.testing.assert_allclose(mine.std(0), 0.3, atol=0.03)


def test_temperature_shrinks_the_mixture_towards_the_middles_of_its_components():
    _, mixture = fit_priors(clusters((-4, 0), (4, 0)), np.zeros(2))
    cold = mixture(np.zeros((200, 2)), uniform(200))
    assert (np.abs(np.abs(cold[:, 0]) - 4) < 1).all()
    assert (cold[:, 0] > 0).any()
    assert (cold[:, 0] < 0).any()


def test_the_width_of_the_posterior_belongs_to_it():
    # A dimension that the encoder never uses: all means are 0, each posterior is the prior.
    latents = np.stack([noise(4000, seed=3), np.zeros(4000, np.float32)], axis=1)
    for variance in (np.array([0.01, 1.0]), np.tile([0.01, 1.0], (4000, 1))):  # averaged, and of each picture
        aggregate = aggregate_posterior(latents, variance)
        np.testing.assert_allclose(aggregate.deviation, [1, 1], atol=0.05)
        assert aggregate.active.tolist() == [True, False]
        assert aggregate.marginal_kl.max() < 0.01
        for prior in fit_priors(latents, variance):
            assert prior(noise(4000, 2), uniform(4000)).std(0) == pytest.approx([1, 1], abs=0.06)


def test_each_picture_is_drawn_with_its_own_width():
    latents = np.repeat([[-5.0], [5.0]], 2000, axis=0)
    variance = np.repeat([[0.01], [1.0]], 2000, axis=0)
    _, mixture = fit_priors(latents, variance)
    drawn = mixture(noise(4000, 1), uniform(4000))
    assert drawn[drawn < 0].std() == pytest.approx(0.1, rel=0.3)
    assert drawn[drawn > 0].std() == pytest.approx(1, rel=0.1)


def test_a_spatial_latent_keeps_what_varies_together_and_how_much_the_rest_varies():
    shape, count = (16, 16, 4), 1500  # 1024 numbers: too many for a whole covariance
    brightness = np.array([0, 0, 3, 0], np.float32)
    latents = noise(count, *shape, seed=4) * 0.5 + noise(count, 1, 1, 1, seed=5) * brightness
    for prior in fit_priors(latents, np.zeros(shape)):
        drawn = prior(noise(count, *shape), uniform(count))
        assert drawn.shape == latents.shape
        np.testing.assert_allclose(drawn.std(0).mean((0, 1)), latents.std(0).mean((0, 1)), rtol=0.06)
        levels = drawn.mean((1, 2))
        assert levels[:, 2].std() == pytest.approx(3, rel=0.1), "a channel's level still varies as a whole"
        assert levels[:, 0].std() < 0.1


def test_a_component_of_few_latents_does_not_learn_them_by_heart():
    """Fifty latents of forty dimensions: in some directions their own covariance is far too narrow."""
    latents = noise(2000, 40, seed=3)
    _, mixture = fit_priors(latents, np.zeros(40))
    assert len(mixture.weights) == 40
    widths = np.linalg.eigvalsh(mixture.roots)
    assert widths.min() > 0.25
    assert widths.max() < 1.8


@pytest.mark.parametrize(("count", "components"), [(2, 1), (49, 1), (100, 2), (2500, 40)])
def test_few_latents_get_few_components(count, components):
    gaussian, mixture = fit_priors(noise(count, 4), np.full(4, 0.1))
    assert len(mixture.weights) == components
    for prior in (gaussian, mixture):
        assert np.isfinite(prior(noise(4, 4), np.full(4, 0.999))).all()


def test_a_mixture_of_vectors_has_full_rank_and_one_of_spatial_latents_a_low_one():
    assert fit_priors(noise(300, 128), np.zeros(128))[1].means.shape[1] == 128
    assert fit_priors(noise(300, 8, 8, 4), np.zeros((8, 8, 4)))[1].means.shape[1] == 32


@pytest.mark.parametrize("shape", [(8,), (16, 16, 4)])
def test_no_noise_is_the_mean_and_fits_are_the_same_every_time(shape):
    latents = noise(120, *shape, seed=8) + 1
    first, second = (fit_priors(latents, np.full(shape, 0.1)) for _ in range(2))
    np.testing.assert_allclose(first[0](np.zeros((1, *shape)), uniform(1))[0], first[0].mean, atol=1e-5)
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a(noise(3, *shape), uniform(3)), b(noise(3, *shape), uniform(3)))


# ---- statistics


def test_the_divergence_from_the_prior_counts_correlations():
    # KL(N(0, C) || N(0, I)) of two dimensions with correlation r and variance 1 is -log(1 - r^2) / 2.
    latents = noise(50_000, 2, seed=2) @ np.linalg.cholesky([[1, 0.8], [0.8, 1]]).T
    aggregate = aggregate_posterior(latents, np.zeros(2))
    assert aggregate.kl == pytest.approx(-np.log(1 - 0.8**2) / 2, rel=0.05)
    assert aggregate.marginal_kl.sum() < 0.01


def test_the_divergence_of_known_gaussians():
    # 1/2 (variance + mean^2 - 1 - log variance) a dimension, worked by hand.
    latents = np.array([[1.0, -3.0], [3.0, -3.0]])  # means 2 and -3, variances 1 and 0
    aggregate = aggregate_posterior(latents, np.array([3.0, 0.25]))
    expected = [0.5 * (4 + 4 - 1 - np.log(4)), 0.5 * (0.25 + 9 - 1 - np.log(0.25))]
    np.testing.assert_allclose(aggregate.mean, [2, -3])
    np.testing.assert_allclose(aggregate.deviation, [2, 0.5])
    np.testing.assert_allclose(aggregate.posterior_deviation, np.sqrt([3, 0.25]))
    np.testing.assert_allclose(aggregate.marginal_kl, expected, rtol=1e-6)
    assert aggregate.kl == pytest.approx(sum(expected))


@pytest.mark.parametrize(
    ("latents", "variance"),
    [(noise(100, 16, 16, 4), 0.1), (np.ones((3, 8), np.float32), 0.0)],
    ids=["too long", "of deterministic latents that are all alike"],
)
def test_a_divergence_that_is_unknown_or_infinite_is_none(latents, variance):
    assert aggregate_posterior(latents, np.full(latents.shape[1:], variance)).kl is None


# ---- files


@pytest.fixture(params=[(5,), (16, 16, 4)], ids=["vector", "spatial"])
def fitted(request, tmp_path):
    """A folder with priors in it, and the priors."""
    priors = fit_priors(noise(300, *request.param, seed=8) + 1, np.full(request.param, 0.1))
    save_priors(tmp_path, priors)
    return tmp_path, priors, request.param


def test_a_mixture_whose_roots_are_whole_opens_too(tmp_path):
    """As they were written before their halves were."""
    priors = fit_priors(noise(300, 5, seed=8), np.full(5, 0.1))
    save_priors(tmp_path, priors)
    mixture = load_priors(tmp_path, (5,))["mixture"]
    tensors = load_file(tmp_path / PRIOR)
    tensors["mixture.roots"] = mixture.roots.astype(np.float16)
    save_file(tensors, tmp_path / PRIOR)
    np.testing.assert_array_equal(load_priors(tmp_path, (5,))["mixture"].roots, mixture.roots)


def test_what_is_saved_comes_back(fitted):
    folder, priors, shape = fitted
    loaded = load_priors(folder, shape)
    assert list(loaded) == ["prior", "gaussian", "mixture"]
    assert len({prior.title for prior in loaded.values()}) == 3
    for prior in priors:
        again = loaded[prior.name]
        assert type(again) is type(prior)
        drawn = again(noise(9, *shape), uniform(9))
        assert drawn.dtype == np.float32
        np.testing.assert_allclose(drawn, prior(noise(9, *shape), uniform(9)), atol=0.02)


def test_the_file_is_small_readable_and_no_pickle(fitted):
    folder, _, _ = fitted
    assert [path.name for path in folder.iterdir()] == [PRIOR]
    assert stat.S_IMODE((folder / PRIOR).stat().st_mode) == 0o644
    content = (folder / PRIOR).read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    assert {value["dtype"] for name, value in header.items() if name != "__metadata__"} == {"F16"}


def test_a_folder_without_a_file_has_the_standard_normal(tmp_path):
    assert load_priors(tmp_path, (5,)) == {"prior": StandardNormal()}


def test_a_failed_write_leaves_the_file_that_was_there(fitted, monkeypatch):
    folder, priors, _ = fitted
    before = (folder / PRIOR).read_bytes()

    def write_half(_tensors, path):
        path.write_bytes(b"half a file")
        raise OSError("No space left on device")

    monkeypatch.setattr("vae.priors.save_file", write_half)
    with pytest.raises(OSError, match="No space left"):
        save_priors(folder, priors)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {PRIOR: before}


def changed(name, change):
    """Damage: one tensor of the file, changed; or left out, where `change` gives None."""

    def damage(path):
        tensors = load_file(path)
        array = change(tensors.pop(name))
        save_file(tensors | ({} if array is None else {name: array}), path)

    return damage


def with_nan(array):
    array.flat[0] = np.nan
    return array


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:-10]), "cannot be read"),
        (lambda path: path.write_bytes(b""), "cannot be read"),
        (lambda path: path.write_bytes(b"\x80\x04\x95 a pickle"), "cannot be read"),
        (changed("gaussian.mean", lambda _: None), "gaussian.mean is missing"),
        (changed("mixture.roots", lambda _: None), "mixture.roots is missing"),
        (changed("gaussian.mean", lambda a: a[:3]), "gaussian.mean has the shape (3,), not 5"),
        (changed("gaussian.mean", with_nan), "gaussian.mean holds numbers that are not finite"),
        (changed("gaussian.deviations", lambda a: a[:2]), "gaussian.deviations has the shape (2,), not 5"),
        (changed("gaussian.directions", lambda a: a[:0]), "gaussian.directions has the shape (0, 5), not any x 5"),
        (changed("gaussian.residual", lambda a: np.full(5, np.inf, "f2")), "gaussian.residual holds numbers"),
        (changed("mixture.weights", lambda a: a * 2), "mixture.weights are not shares"),
        (changed("mixture.weights", lambda a: -a), "mixture.weights are not shares"),
        (changed("mixture.weights", lambda a: a[:1]), "mixture.weights has the shape (1,), not 6"),
        (changed("mixture.means", lambda a: a.ravel()), "mixture.means has the shape (30,), not any x any"),
        (changed("mixture.means", lambda a: np.zeros((6, 9), "f2")), "mixture.means has 9 columns, of 5 directions"),
        (changed("mixture.roots", lambda a: a.astype(np.int32)), "mixture.roots is of type int32"),
        (changed("mixture.roots", lambda a: a[:, :2]), "mixture.roots has the shape (6, 2), not 6 x 15"),
    ],
)
def test_damage_is_explained(damage, words, tmp_path):
    save_priors(tmp_path, fit_priors(noise(300, 5), np.zeros(5)))
    damage(tmp_path / PRIOR)
    with pytest.raises(PriorError) as error:
        load_priors(tmp_path, (5,))
    message = str(error.value)
    assert words in message
    assert str(tmp_path / PRIOR) in message
    assert message.endswith("Make it again: python -m train prior")


def test_the_priors_of_another_model_are_refused(tmp_path):
    save_priors(tmp_path, fit_priors(noise(300, 5), np.zeros(5)))
    for shape in [(6,), (5, 1), (1, 5, 1)]:
        with pytest.raises(PriorError, match="does not fit the model"):
            load_priors(tmp_path, shape)


def test_a_type_of_number_that_numpy_lacks_is_explained(tmp_path):
    header = json.dumps({"gaussian.mean": {"dtype": "F8_E4M3", "shape": [4], "data_offsets": [0, 4]}}).encode()
    (tmp_path / PRIOR).write_bytes(struct.pack("<Q", len(header)) + header + bytes(4))
    with pytest.raises(PriorError, match="cannot be read"):
        load_priors(tmp_path, (2,))


def test_a_prior_of_a_later_version_is_left_alone(tmp_path):
    save_priors(tmp_path, fit_priors(noise(300, 5), np.zeros(5)))
    save_file(load_file(tmp_path / PRIOR) | {"spline.layer": np.zeros(3, np.float32)}, tmp_path / PRIOR)
    loaded = load_priors(tmp_path, (5,))
    assert list(loaded) == ["prior", "gaussian", "mixture"]
    assert (type(loaded["gaussian"]), type(loaded["mixture"])) == (Gaussian, Mixture)
