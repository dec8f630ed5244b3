"""Distances between sets, in cases whose answers are known."""

import numpy as np
import pytest

from train.distances import frechet_distance, kernel_distance, nearest, precision_and_recall

RNG = np.random.default_rng(0)


def with_moments(mean, covariance, count):
    """Rows that have exactly this mean and covariance."""
    rows = RNG.standard_normal((count, len(mean)))
    rows -= rows.mean(0)
    whitened = rows @ np.linalg.inv(np.linalg.cholesky(np.cov(rows.T))).T
    return whitened @ np.linalg.cholesky(covariance).T + mean


@pytest.mark.parametrize("count", [400, 7], ids=["more rows than features", "hardly more"])
def test_the_frechet_distance_of_gaussians_that_share_their_axes_is_the_closed_form(count):
    """`|difference of means|^2 + sum of (difference of deviations)^2`, in a basis that is turned away from the axes."""
    turn = np.linalg.qr(RNG.standard_normal((5, 5)))[0]
    deviations = np.array([[1, 2, 3, 0.5, 1], [2, 2, 1, 0.1, 1]])
    means = RNG.standard_normal((2, 5))
    a, b = (with_moments(means[i], turn @ np.diag(deviations[i] ** 2) @ turn.T, count) for i in range(2))
    expected = ((means[0] - means[1]) ** 2).sum() + ((deviations[0] - deviations[1]) ** 2).sum()
    assert frechet_distance(a, b) == pytest.approx(expected)
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-9)


def test_the_frechet_distance_knows_correlations():
    """Of N(0, [[1, r], [r, 1]]) and N(0, I): `2 (2 - sqrt(1 + r) - sqrt(1 - r))`."""
    a = with_moments(np.zeros(2), np.array([[1, 0.8], [0.8, 1]]), 50)
    b = with_moments(np.zeros(2), np.eye(2), 60)
    assert frechet_distance(a, b) == pytest.approx(2 * (2 - np.sqrt(1.8) - np.sqrt(0.2)))


def test_kid_is_unbiased_and_exact_for_points():
    sets = [RNG.standard_normal((12, 4)) for _ in range(400)]
    alike = [kernel_distance(a, b) for a, b in zip(sets[::2], sets[1::2], strict=True)]
    assert abs(np.mean(alike)) < 4 * np.std(alike) / np.sqrt(len(alike)), "no more than chance, however small the sets"
    # Two sets of one point each, repeated: k(x, x) + k(y, y) - 2 k(x, y).
    x, y = np.array([[1.0, 1.0]] * 3), np.array([[3.0, 0.0]] * 5)
    assert kernel_distance(x, y) == pytest.approx(2**3 + 5.5**3 - 2 * 2.5**3)


def test_precision_and_recall_of_sets_that_overlap_in_part():
    """Four clusters, far apart: the samples know the first two, and invent the fourth."""
    clusters = RNG.normal(scale=0.1, size=(4, 40, 3)) + 100 * np.arange(4)[:, None, None]
    real = clusters[:3].reshape(-1, 3)
    grown = RNG.normal(scale=0.1, size=(4, 40, 3)) + 100 * np.arange(4)[:, None, None]
    samples = grown[[0, 1, 3]].reshape(-1, 3)
    found = precision_and_recall(samples, real)
    assert found.precision == pytest.approx(2 / 3, abs=0.06), "a third of the samples is invented"
    assert found.recall == pytest.approx(2 / 3, abs=0.06), "a third of the real ones is never drawn"
    assert precision_and_recall(real, real) == (1, 1)
    one_kind = precision_and_recall(np.concatenate([real[:40]] * 2), real)
    assert one_kind.precision == 1
    assert one_kind.recall <= 0.35, "what is drawn is real, and little of what is real is drawn"


def test_the_third_neighbour_is_the_reach_of_a_row():
    real = np.array([[0.0], [1.0], [2.0], [3.0]])  # the row at 0 reaches as far as 3, that at 1 as far as 2
    inside, outside = np.array([[-2.9], [3.1], [5.9]]), np.array([[-3.1], [6.1], [9.0]])
    assert precision_and_recall(np.concatenate([inside, outside]), real).precision == 0.5


def test_the_nearest_is_found_among_many():
    others = RNG.standard_normal((700, 6)).astype(np.float32)
    chosen = RNG.integers(0, 700, 600)
    assert (nearest(others[chosen] + 1e-3, others) == chosen).all()
