"""Latent arithmetic: closed forms, and reproducibility."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vae.latent import Posterior, angle, interpolate, lerp, mix_corners, sample_posterior, sample_prior, slerp


def unit(*values: float) -> jax.Array:
    return jnp.array(values) / np.linalg.norm(values)


def test_lerp_is_the_straight_line():
    a, b = jnp.array([1.0, 2.0]), jnp.array([3.0, -2.0])
    np.testing.assert_allclose(lerp(a, b, 0.25), [1.5, 1.0])


@pytest.mark.parametrize("shape", [(128,), (4, 4, 4)])
def test_slerp_ends_where_it_should_and_turns_evenly(shape):
    rng = np.random.default_rng(0)
    a, b = (jnp.array(rng.normal(size=shape), jnp.float32) for _ in range(2))
    np.testing.assert_allclose(slerp(a, b, 0.0), a, atol=1e-5)
    np.testing.assert_allclose(slerp(a, b, 1.0), b, atol=1e-5)
    path = [np.asarray(slerp(a, b, t)).ravel() for t in np.linspace(0, 1, 9)]
    turns = [np.arccos(np.dot(p, q) / np.linalg.norm(p) / np.linalg.norm(q)) for p, q in itertools.pairwise(path)]
    np.testing.assert_allclose(turns, np.mean(turns), rtol=1e-2)
    lengths = [np.linalg.norm(p) for p in path]
    np.testing.assert_allclose(lengths, np.linspace(lengths[0], lengths[-1], 9), rtol=1e-4)


def test_lerp_goes_on_beyond_its_ends():
    a, b = jnp.array([1.0, 2.0]), jnp.array([3.0, -2.0])
    np.testing.assert_allclose(lerp(a, b, -0.5), [0, 4])
    np.testing.assert_allclose(lerp(a, b, 2.0), [5, -6])


def test_slerp_between_two_known_latents():
    """A third of a right angle, and a third of the way from length 2 to length 5."""
    a, b = 2 * unit(1, 0), 5 * unit(0, 1)
    np.testing.assert_allclose(slerp(a, b, 1 / 3), 3 * unit(np.sqrt(3), 1), rtol=1e-5)


def test_slerp_keeps_the_length_that_lerp_loses():
    a, b = 5 * unit(1, 0, 0), 5 * unit(0, 1, 0)
    assert np.linalg.norm(slerp(a, b, 0.5)) == pytest.approx(5)
    assert np.linalg.norm(lerp(a, b, 0.5)) == pytest.approx(5 / np.sqrt(2))


@pytest.mark.parametrize(
    ("a", "b"), [([1.0, 0], [2.0, 0]), ([1.0, 0], [1.0, 1e-5]), ([1.0, 0], [-1.0, 0]), ([0.0, 0], [1.0, 1.0])]
)
def test_slerp_falls_back_to_lerp_where_no_great_circle_is_determined(a, b):
    a, b = jnp.array(a), jnp.array(b)
    for t in (0.0, 0.3, 1.0):
        np.testing.assert_allclose(slerp(a, b, t), lerp(a, b, t), atol=1e-5)


def test_interpolate_knows_two_methods():
    a, b = unit(1, 0), unit(0, 1)
    np.testing.assert_array_equal(interpolate(a, b, 0.5, "slerp"), slerp(a, b, 0.5))
    np.testing.assert_array_equal(interpolate(a, b, 0.5, "lerp"), lerp(a, b, 0.5))
    with pytest.raises(ValueError, match="cubic"):
        interpolate(a, b, 0.5, "cubic")


CORNERS = np.random.default_rng(0).normal(size=(4, 16)).astype(np.float32)


@pytest.mark.parametrize("method", ["lerp", "slerp"])
@pytest.mark.parametrize(("k", "u", "v"), [(0, 0, 0), (1, 1, 0), (2, 0, 1), (3, 1, 1)])
def test_the_corners_of_a_square_are_its_four_latents(method, k, u, v):
    np.testing.assert_allclose(mix_corners(*CORNERS, u, v, method), CORNERS[k], atol=1e-5)


def test_with_lerp_a_square_is_bilinear():
    a, b, c, d = CORNERS
    expected = 0.7 * 0.8 * a + 0.3 * 0.8 * b + 0.7 * 0.2 * c + 0.3 * 0.2 * d
    np.testing.assert_allclose(mix_corners(*CORNERS, 0.3, 0.2, "lerp"), expected, atol=1e-5)


def test_with_slerp_a_square_goes_along_its_top_and_bottom_first():
    a, b, c, d = CORNERS
    expected = slerp(slerp(a, b, 0.3), slerp(c, d, 0.3), 0.2)
    np.testing.assert_allclose(mix_corners(*CORNERS, 0.3, 0.2, "slerp"), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("a", "b", "degrees"),
    [([1, 0], [0, 2], 90), ([1, 1], [3, 3], 0), ([1, 0], [-4, 0], 180), ([2, 0], [1, 3**0.5], 60), ([0, 0], [1, 1], 0)],
)
def test_angles(a, b, degrees):
    assert angle(np.array(a, np.float32), np.array(b, np.float32)) == pytest.approx(degrees, abs=0.05)


def test_a_grid_of_samples_can_be_drawn_in_parts():
    whole = sample_prior(5, 6, (3,))
    parts = [sample_prior(5, 2, (3,), first=first) for first in (0, 2, 4)]
    np.testing.assert_array_equal(np.concatenate(parts), whole)


def test_prior_samples_are_standard_normal_scaled_by_temperature():
    samples = sample_prior(3, 64, (512,))
    assert samples.mean() == pytest.approx(0, abs=0.02)
    assert samples.std() == pytest.approx(1, abs=0.02)
    np.testing.assert_allclose(sample_prior(3, 64, (512,), 0.5), 0.5 * samples)
    assert np.abs(np.corrcoef(samples[:8])[np.triu_indices(8, 1)]).max() < 0.2


def test_a_seed_means_the_same_numbers_for_good():
    # Written down once: a later JAX, or another machine, must draw the same.
    expected = [1.0040143, -0.9063372, -0.7481722, -1.1713669]
    np.testing.assert_allclose(sample_prior(0, 1, (4,))[0], expected, atol=1e-4)


def test_posterior_samples_have_its_mean_and_deviation():
    posterior = Posterior(jnp.full((1, 4000), 2.0), jnp.full((1, 4000), 2 * np.log(0.3)))
    sample = np.asarray(sample_posterior(posterior, seed=1))
    assert sample.mean() == pytest.approx(2.0, abs=0.02)
    assert sample.std() == pytest.approx(0.3, abs=0.02)
    np.testing.assert_allclose(sample_posterior(posterior, 1, temperature=0.0), posterior.mean)
    np.testing.assert_array_equal(sample, sample_posterior(posterior, seed=1))
    assert (sample != sample_posterior(posterior, seed=2)).any()


def test_a_temperature_scales_the_noise_of_a_posterior():
    posterior = Posterior(jnp.array([[1.0, -2.0]]), jnp.array([[0.0, 2.0]]))
    one, two = (sample_posterior(posterior, 3, temperature) - posterior.mean for temperature in (1.0, 2.0))
    np.testing.assert_allclose(two, 2 * one, rtol=1e-5)


def test_a_deterministic_encoder_has_one_sample():
    posterior = Posterior(jnp.array([[1.0, -2.0]]), None)
    np.testing.assert_array_equal(sample_posterior(posterior, 3, temperature=2.0), posterior.mean)
