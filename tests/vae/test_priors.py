"""The aggregate posterior: what is fitted is what the latents are."""

import numpy as np
import pytest

from vae.priors import fit_aggregate


def noise(count: int, *shape: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((count, *shape)).astype(np.float32)


def test_the_gaussian_has_the_mean_and_covariance_of_the_latents():
    mixing = np.array([[2, 0, 0], [1, 0.5, 0], [0, 0, 0.1]], np.float32)
    latents = noise(5000, 3, seed=2) @ mixing.T + [1, -2, 0]
    drawn = fit_aggregate(latents, np.zeros(3)).gaussian(noise(20_000, 3))
    np.testing.assert_allclose(drawn.mean(0), latents.mean(0), atol=0.05)
    np.testing.assert_allclose(np.cov(drawn.T), np.cov(latents.T), atol=0.1)


def test_the_divergence_from_the_prior_counts_what_the_numbers_tell_of_each_other():
    # KL(N(0, C) || N(0, I)) of two numbers with correlation r and variance 1 is -log(1 - r^2) / 2.
    latents = noise(50_000, 2, seed=2) @ np.linalg.cholesky([[1, 0.8], [0.8, 1]]).T
    aggregate = fit_aggregate(latents, np.zeros(2))
    assert aggregate.kl == pytest.approx(-np.log(1 - 0.8**2) / 2, rel=0.05)
    assert aggregate.marginal_kl.sum() < 0.01
    assert fit_aggregate(noise(100, 16, 16, 4), np.zeros((16, 16, 4))).kl is None


def test_the_width_of_the_posterior_belongs_to_it():
    # A number that the encoder never uses: all means are 0, each posterior is the prior.
    latents = np.stack([noise(4000, seed=3), np.zeros(4000, np.float32)], axis=1)
    aggregate = fit_aggregate(latents, np.array([0.01, 1.0]))
    np.testing.assert_allclose(aggregate.deviation, [1, 1], atol=0.05)
    assert aggregate.is_unused.tolist() == [False, True]
    assert aggregate.gaussian(noise(4000, 2)).std(0) == pytest.approx([1, 1], abs=0.06)
    assert aggregate.marginal_kl.max() < 0.01


def test_a_gaussian_of_a_latent_map_keeps_what_varies_together_and_how_much_the_rest_varies():
    shape, count = (16, 16, 4), 1500  # 1024 numbers: too many for a whole covariance
    brightness = np.array([0, 0, 3, 0], np.float32)
    latents = noise(count, *shape, seed=4) * 0.5 + noise(count, 1, 1, 1, seed=5) * brightness
    drawn = fit_aggregate(latents, np.zeros(shape)).gaussian(noise(count, *shape))
    assert drawn.shape == latents.shape
    np.testing.assert_allclose(drawn.std(0).mean((0, 1)), latents.std(0).mean((0, 1)), rtol=0.06)
    levels = drawn.mean((1, 2))[:, 2]
    assert levels.std() == pytest.approx(3, rel=0.1), (
        "the channel's level still varies from picture to picture as a whole"
    )
    assert drawn.mean((1, 2))[:, 0].std() < 0.1


def test_the_mixture_draws_from_the_clusters_and_not_from_between_them():
    centres = np.array([[-4.0, 0], [4, 0]])
    latents = (np.repeat(centres, 1000, axis=0) + 0.3 * noise(2000, 2, seed=6)).astype(np.float32)
    aggregate = fit_aggregate(latents, np.zeros(2))
    picks = np.random.default_rng(7).random(2000)
    between = {
        name: (np.abs(drawn[:, 0]) < 2).mean()
        for name, drawn in (
            ("gaussian", aggregate.gaussian(noise(2000, 2))),
            ("mixture", aggregate.mixture(noise(2000, 2), picks)),
        )
    }
    assert between["gaussian"] > 0.25
    assert between["mixture"] < 0.01


@pytest.mark.parametrize("shape", [(8,), (16, 16, 4)])
def test_no_noise_is_the_mean_and_fits_are_the_same_every_time(shape):
    latents = noise(100, *shape, seed=8) + 1
    a, b = (fit_aggregate(latents, np.full(shape, 0.1)) for _ in range(2))
    np.testing.assert_allclose(a.gaussian(np.zeros((1, *shape)))[0], a.mean, atol=1e-5)
    np.testing.assert_array_equal(a.gaussian(noise(3, *shape)), b.gaussian(noise(3, *shape)))
    np.testing.assert_array_equal(
        a.mixture(noise(3, *shape), [0, 0.5, 0.99]), b.mixture(noise(3, *shape), [0, 0.5, 0.99])
    )


def test_a_handful_of_latents_is_enough():
    aggregate = fit_aggregate(noise(3, 8), np.full(8, 0.1))
    assert np.isfinite(aggregate.mixture(noise(4, 8), np.full(4, 0.999))).all()
