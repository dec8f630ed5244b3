"""The square between four latents, and the angle between two."""

import numpy as np
import pytest

from vae.latent import angle, lerp, mix_corners, slerp

CORNERS = np.random.default_rng(0).normal(size=(4, 16)).astype(np.float32)


@pytest.mark.parametrize("method", ["lerp", "slerp"])
@pytest.mark.parametrize(("k", "u", "v"), [(0, 0, 0), (1, 1, 0), (2, 0, 1), (3, 1, 1)])
def test_the_corners_are_the_four_latents(method, k, u, v):
    np.testing.assert_allclose(mix_corners(*CORNERS, u, v, method), CORNERS[k], atol=1e-5)


def test_with_lerp_the_middle_is_the_mean():
    np.testing.assert_allclose(mix_corners(*CORNERS, 0.5, 0.5, "lerp"), CORNERS.mean(0), atol=1e-5)


def test_edges_are_the_ways_between_two():
    a, b, c, _ = CORNERS
    np.testing.assert_allclose(mix_corners(*CORNERS, 0.3, 0, "slerp"), slerp(a, b, 0.3), atol=1e-5)
    np.testing.assert_allclose(mix_corners(*CORNERS, 0, 0.3, "lerp"), lerp(a, c, 0.3), atol=1e-5)


def test_angles():
    assert angle(np.array([1.0, 0]), np.array([0, 2.0])) == pytest.approx(90)
    assert angle(np.array([1.0, 1]), np.array([3.0, 3])) == pytest.approx(0, abs=1e-4)
    assert angle(np.zeros(2), np.ones(2)) == 0
