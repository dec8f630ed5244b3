"""Directions of variation: those put in are those found."""

import numpy as np
import pytest

from vae.directions import label_direction, principal_directions


def noise(count: int, *shape: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((count, *shape)).astype(np.float32)


@pytest.mark.parametrize("size", [16, 900])  # exact; randomised
def test_principal_directions_are_those_of_largest_spread_in_order(size):
    latents = 0.1 * noise(2000, size)
    latents[:, 3] *= 50
    latents[:, 5] *= 20
    found = principal_directions(latents, 2)
    np.testing.assert_allclose(found.directions[0], np.eye(size)[3], atol=0.05)
    np.testing.assert_allclose(found.directions[1], np.eye(size)[5], atol=0.05)
    np.testing.assert_allclose(found.deviations, [5, 2], rtol=0.06)
    assert found.shares == pytest.approx([25, 4] / latents.var(0).sum(), rel=0.1)


def test_a_move_goes_so_many_standard_deviations_along_each():
    latents = noise(3000, 4, 4, 1) * 0.1
    latents[:, 0, 0] += 2 * noise(3000, 1, seed=2)
    latents[:, 3, 3] += noise(3000, 1, seed=3)
    found = principal_directions(latents, 6)
    moved = found.move(found.mean, [1, -2]) - found.mean
    assert moved.shape == (4, 4, 1)
    assert moved[0, 0, 0] == pytest.approx(2, rel=0.1)
    assert moved[3, 3, 0] == pytest.approx(-2, rel=0.1)


def test_there_are_no_more_directions_than_latents():
    assert len(principal_directions(noise(3, 900), 6).directions) == 3


def test_a_label_direction_goes_from_one_mean_to_the_other():
    labels = np.array(["pear", "apple", "plum", "apple"] * 50)
    latents = 0.01 * noise(200, 2, 2, 1)
    latents[labels == "apple", 0, 0] += 3
    latents[labels == "plum", 1, 1] += 9
    found, apart = label_direction(latents, labels, "pear", "apple")
    np.testing.assert_allclose(found.directions[0].ravel(), [1, 0, 0, 0], atol=0.01)
    pears = latents[labels == "pear"].mean(0)
    np.testing.assert_allclose(found.move(pears, [apart]), latents[labels == "apple"].mean(0), atol=1e-2)
    with pytest.raises(ValueError, match="no picture has the label 'fig'"):
        label_direction(latents, labels, "pear", "fig")
    with pytest.raises(ValueError, match="same mean"):
        label_direction(latents, labels, "pear", "pear")
