"""The losses agree with scikit-image, Monte Carlo, finite differences, and closed forms worked by hand."""

from itertools import combinations, product

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.stats import norm
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from vae.latent import Posterior
from vae.likelihoods import BERNOULLI, GAUSSIAN, bernoulli_nll, gaussian_nll
from vae.losses import (
    ELBO,
    L1SSIM,
    OBJECTIVES,
    LossWeights,
    _log_aggregate,
    free_bits_kl,
    kl,
    kl_per_unit,
    l1,
    psnr,
    ssim,
    total_correlation,
)

pytestmark = pytest.mark.usefixtures("quick_compiling")

SCIKIT_IMAGE = {
    "gaussian_weights": True,
    "sigma": 1.5,
    "use_sample_covariance": False,
    "data_range": 1,
    "channel_axis": -1,
}


def smooth_picture(height, width, phase):
    """Waves of a different length in each channel, in [0, 1]."""
    y, x = np.mgrid[:height, :width]
    waves = [np.sin(x / (5 + 3 * channel) + phase) * np.cos(y / (7 + 2 * channel)) for channel in range(3)]
    return (0.5 + 0.5 * np.stack(waves, axis=-1)).astype(np.float32)


def noisy(picture, amount):
    noise = np.random.default_rng(1).normal(size=picture.shape) * amount
    return (picture + noise).clip(0, 1).astype(np.float32)


RANDOM = np.random.default_rng(0).random((24, 24, 3)).astype(np.float32)
PAIRS = {
    "unrelated noise": (RANDOM, RANDOM[::-1]),
    "noise and noisier": (RANDOM, noisy(RANDOM, 0.1)),
    "smooth and shifted": (smooth_picture(24, 24, 0), smooth_picture(24, 24, 0.7)),
    "smooth and slightly noisy, wide": (smooth_picture(20, 45, 0), noisy(smooth_picture(20, 45, 0), 0.02)),
    "flat, black and white": (np.zeros((13, 11, 3), np.float32), np.ones((13, 11, 3), np.float32)),
    "flat and nearly the same": (np.full((24, 24, 3), 0.9, np.float32), np.full((24, 24, 3), 0.905, np.float32)),
}
EVERY_PAIR = pytest.mark.parametrize(("x", "y"), PAIRS.values(), ids=PAIRS)


@EVERY_PAIR
def test_ssim_agrees_with_scikit_image(x, y):
    assert_allclose(ssim(x[None], y[None])[0], structural_similarity(x, y, **SCIKIT_IMAGE), atol=1e-4)


@EVERY_PAIR
def test_psnr_agrees_with_scikit_image(x, y):
    assert_allclose(psnr(x[None], y[None])[0], peak_signal_noise_ratio(x, y, data_range=1), atol=1e-3)


def test_ssim_is_one_for_equal_pictures_and_each_picture_has_its_own():
    x = np.stack([RANDOM, RANDOM, smooth_picture(24, 24, 0)])
    y = np.stack([RANDOM, RANDOM[::-1], smooth_picture(24, 24, 0)])

    assert_allclose(ssim(x, y), [1, structural_similarity(RANDOM, RANDOM[::-1], **SCIKIT_IMAGE), 1], atol=1e-4)


def test_metrics_of_equal_pictures():
    assert l1(RANDOM[None], RANDOM[None])[0] == 0
    assert 100 < psnr(RANDOM[None], RANDOM[None])[0] < np.inf  # finite, so that an average over pictures is


def test_l1_is_the_mean_absolute_error_of_each_picture():
    x = jnp.zeros((2, 11, 11, 3))
    assert_allclose(l1(x, x.at[1].set(0.25).at[1, 0].set(-0.25)), [0, 0.25])


@pytest.mark.parametrize("shape", [(10, 64), (64, 10), (1, 1)])
def test_ssim_of_a_picture_smaller_than_its_window_is_refused(shape):
    with pytest.raises(ValueError, match=f"at least 11 x 11 pixels, not {shape[0]} x {shape[1]}"):
        ssim(jnp.zeros((1, *shape, 3)), jnp.zeros((1, *shape, 3)))


def test_ssim_gradient_matches_finite_differences():
    x, y = smooth_picture(13, 12, 0).astype(np.float64), noisy(smooth_picture(13, 12, 0), 0.1).astype(np.float64)
    with jax.enable_x64(True):
        value = jax.jit(lambda y: ssim(jnp.asarray(x)[None], y[None])[0])
        gradient = np.asarray(jax.jit(jax.grad(value))(jnp.asarray(y)))
        step = 1e-5
        for row, column, channel in product((0, 6, 12), (0, 5, 11), (0, 2)):
            moved = np.zeros_like(y)
            moved[row, column, channel] = step
            slope = float(value(y + moved) - value(y - moved)) / (2 * step)
            assert_allclose(gradient[row, column, channel], slope, rtol=1e-3, atol=1e-8)
    assert np.abs(gradient).max() > 1e-4


def test_gradients_are_finite():
    """Also where pictures are flat or equal, and variances, differences or both vanish."""
    pairs = [(x, y) for x, y in PAIRS.values() if x.shape == RANDOM.shape]
    pairs += [(x, x) for x in (RANDOM, np.zeros_like(RANDOM), np.ones_like(RANDOM))]
    pairs += [(np.zeros_like(RANDOM), np.ones_like(RANDOM))]
    x, y = np.stack([pair[0] for pair in pairs]), np.stack([pair[1] for pair in pairs])

    gradient = jax.jit(jax.grad(lambda y: (ssim(x, y) + l1(x, y)).sum()))(y)

    assert np.isfinite(gradient).all()


def test_kl_of_known_gaussians():
    """1/2 (variance + mean^2 - 1 - log variance) a number: worked by hand for N(0, I), a shift and a scaling."""
    mean = np.zeros((4, 2, 3), np.float32)
    log_var = np.zeros_like(mean)
    mean[1, 0, 0] = 3.0
    log_var[2, 1, 2] = np.log(4.0)
    log_var[3] = np.log(0.25)

    expected = [0, 9 / 2, 0.5 * (4 - 1 - np.log(4)), 6 * 0.5 * (0.25 - 1 + np.log(4))]

    assert_allclose(kl(Posterior(mean, log_var)), expected, rtol=1e-5, atol=1e-7)


def test_kl_of_a_nearly_collapsed_posterior_is_exact():
    """Close to N(0, I) the KL is v^2 / 4 and never negative, where the naive formula gives rounding noise."""
    log_var = np.array([[1e-3, -1e-3, 1e-4, 0.0]], np.float32)
    assert_allclose(kl_per_unit(Posterior(np.zeros_like(log_var), log_var)), log_var**2 / 4, rtol=0.1, atol=2e-9)


def test_kl_agrees_with_monte_carlo():
    """The average of log q(z) - log p(z) over samples z of q."""
    generator = np.random.default_rng(0)
    mean, log_var = generator.normal(size=5), generator.normal(size=5)
    deviation = np.exp(log_var / 2)
    z = mean + deviation * generator.normal(size=(200_000, 5))
    log_q = -0.5 * (((z - mean) / deviation) ** 2 + log_var).sum(axis=1)
    log_p = -0.5 * (z**2).sum(axis=1)
    sampled = log_q - log_p

    exact = kl(Posterior(jnp.asarray(mean[None]), jnp.asarray(log_var[None])))[0]

    assert_allclose(exact, sampled.mean(), atol=5 * sampled.std() / np.sqrt(len(sampled)))


def test_kl_gradient():
    """Towards the mean: the mean. Towards the log-variance: (variance - 1) / 2."""
    mean, log_var = np.array([[0.5, -2.0, 0.0]], np.float32), np.array([[0.0, 1.0, -2.0]], np.float32)

    gradient = jax.grad(lambda posterior: kl(posterior)[0])(Posterior(mean, log_var))

    assert_allclose(gradient.mean, mean, rtol=1e-6)
    assert_allclose(gradient.log_var, (np.exp(log_var) - 1) / 2, rtol=1e-5, atol=1e-7)


def test_free_bits_are_free_and_no_more():
    posterior = Posterior(jnp.asarray([[2.0, 0.1, 0.0]]), jnp.zeros((1, 3)))  # 2, 0.005 and 0 nats
    assert_allclose(free_bits_kl(posterior, 0.0), kl(posterior).mean())
    assert_allclose(free_bits_kl(posterior, 0.5), 2 + 0.5 + 0.5)
    pull = jax.grad(lambda mean: free_bits_kl(Posterior(mean, posterior.log_var), 0.5))(posterior.mean)
    assert_allclose(pull, [[2, 0, 0]])
    assert kl_per_unit(posterior).shape == (1, 3)


def test_free_bits_are_of_a_dimension_over_the_whole_batch():
    """The maximum is taken of the batch's mean: a dimension that one picture uses and another does not is in use.

    Two pictures, two dimensions: 8 and 0 nats in the first, 0 and 0.125 in the second.
    """
    posterior = Posterior(jnp.asarray([[4.0, 0.0], [0.0, 0.5]]), jnp.zeros((2, 2)))
    assert_allclose(free_bits_kl(posterior, 1.0), 4 + 1)  # taken of each picture it would be (8 + 1 + 1 + 1) / 2
    assert_allclose(free_bits_kl(posterior, 0.05), 4 + 0.0625)


X = np.stack([RANDOM, smooth_picture(24, 24, 0)])
Y = np.stack([RANDOM[::-1], smooth_picture(24, 24, 0.7)])
POSTERIOR = Posterior(np.full((2, 5), [[1.0], [2.0]], np.float32), np.zeros((2, 5), np.float32))  # 2.5 and 10 nats


def test_l1_ssim_is_the_weighted_sum_of_its_terms():
    loss, terms = L1SSIM(LossWeights(l1=2.0, ssim=3.0, kl=0.1))(X, Y, POSTERIOR)

    error = np.abs(X - Y).mean()
    similarity = np.mean([structural_similarity(a, b, **SCIKIT_IMAGE) for a, b in zip(X, Y, strict=True)])
    assert_allclose(terms["l1"], error, rtol=1e-5)
    assert_allclose(terms["ssim"], similarity, atol=1e-4)
    assert_allclose(terms["kl"], 6.25, rtol=1e-5)
    assert_allclose(loss, 2 * error + 3 * (1 - similarity) + 0.1 * 6.25, rtol=1e-4)
    assert terms["loss"] == loss


@pytest.mark.parametrize(
    ("likelihood", "nll", "bits"),
    [(GAUSSIAN, gaussian_nll, 8), (BERNOULLI, bernoulli_nll, 0)],
    ids=["gaussian", "bernoulli"],
)
def test_an_elbo_is_the_likelihood_and_the_kl_a_pixel_value(likelihood, nll, bits):
    loss, terms = ELBO(likelihood)(X, Y, POSTERIOR)

    values = 24 * 24 * 3
    expected = float(nll(X, Y).mean()) + 6.25
    assert_allclose(terms["nll"], nll(X, Y).mean(), rtol=1e-5)
    assert_allclose(loss, expected / values, rtol=1e-5)
    assert_allclose(terms["bits_per_dim"], expected / values / np.log(2) + bits, rtol=1e-5)
    assert terms["loss"] == loss


@pytest.mark.parametrize("objective", OBJECTIVES.values(), ids=OBJECTIVES)
def test_warm_up_and_free_bits_change_the_kl_that_is_paid_and_not_the_one_that_is_told(objective):
    share = objective.weights.kl if objective.weights else 1 / (24 * 24 * 3)
    (loss, terms), (warm, warm_terms), (free, free_terms) = (
        objective(X, Y, POSTERIOR, **options) for options in ({}, {"kl_warm": 0.2}, {"free_bits": 3.0})
    )
    assert_allclose(loss - warm, share * 0.8 * 6.25, rtol=1e-2)
    assert_allclose(free - loss, share * (5 * 3.0 - 6.25), rtol=1e-2)
    assert float(terms["kl"]) == float(warm_terms["kl"]) == float(free_terms["kl"])


@pytest.mark.parametrize("objective", OBJECTIVES.values(), ids=OBJECTIVES)
def test_an_objective_tells_what_a_page_and_a_curve_need(objective):
    loss, terms = objective(X[:1], Y[:1], Posterior(POSTERIOR.mean[:1], POSTERIOR.log_var[:1]))
    assert objective.curves.keys() <= terms.keys()
    assert objective.latex.startswith(r"\mathcal{L} = ")
    words = objective.in_numbers({name: float(value) for name, value in terms.items()})
    assert words.count("{") == words.count("}")
    assert "2.5" in words  # the KL
    total = f"{float(loss):.4f}" if objective.weights else f"{float(terms['nll'] + terms['kl']):.1f}"
    assert total in words


def test_the_loss_of_a_picture_in_numbers():
    words = L1SSIM(LossWeights(1.0, 0.5, 3.3e-4)).in_numbers({"l1": 0.02, "ssim": 0.9, "kl": 100.0})
    assert words == (
        r"1 \cdot 0.0200 + 0.5 \cdot (1 - 0.9000) + 0.00033 \cdot 100.0 = 0.0200 + 0.0500 + 0.0330 = 0.1030"
    )
    assert r"3 \cdot 10^{-5} \cdot" in L1SSIM(LossWeights(1.0, 0.5, 3e-5)).in_numbers({"l1": 0, "ssim": 0, "kl": 0})
    words = ELBO(BERNOULLI).in_numbers({"nll": 200.0, "kl": 12.5, "bits_per_dim": 0.25})
    assert words == r"200.0 + 12.5 = 212.5 \text{ nats, or } 0.250 \text{ bits a pixel value}"


def gaussian_data(correlation, count):
    """Posteriors of deviation 0.5 about means, and a sample of each, whose first two numbers have this correlation."""
    rng = np.random.default_rng(0)
    covariance = np.eye(3)
    covariance[0, 1] = covariance[1, 0] = correlation
    mean = rng.standard_normal((count, 3)) @ np.linalg.cholesky(covariance - 0.25 * np.eye(3)).T
    posterior = Posterior(mean.astype(np.float32), np.full((count, 3), np.log(0.25), np.float32))
    return posterior, (mean + 0.5 * rng.standard_normal((count, 3))).astype(np.float32)


@pytest.mark.parametrize("correlation", [0.0, 0.7])
def test_the_total_correlation_of_a_gaussian_is_the_closed_form(correlation):
    """`-1/2 log det R`, with R the correlations: here `-1/2 log(1 - c^2)`."""
    posterior, latent = gaussian_data(correlation, 2000)
    found = total_correlation(posterior, latent, 2000)
    assert_allclose(found, -0.5 * np.log(1 - correlation**2), atol=0.03)
    # A spatial latent is its numbers.
    spatial = Posterior(*(array.reshape(2000, 1, 1, 3) for array in posterior))
    assert_allclose(total_correlation(spatial, latent.reshape(2000, 1, 1, 3), 2000), found, rtol=1e-5)


def test_the_total_correlation_of_three_pictures_worked_by_hand():
    """All there are: q(z) is the mean of their three densities, each of its own width."""
    rng = np.random.default_rng(2)
    mean, log_var, latent = rng.normal(size=(3, 3, 2)).astype(np.float32)
    density = norm.pdf(latent[:, None], mean, np.exp(log_var / 2))  # "sample picture dimension"
    expected = np.log(density.prod(axis=2).mean(axis=1)) - np.log(density.mean(axis=1)).sum(axis=1)
    assert_allclose(total_correlation(Posterior(mean, log_var), latent, 3), expected.mean(), rtol=1e-4)


def test_the_density_of_a_sample_is_estimated_without_bias_from_small_batches():
    """Averaged over all batches of 3 of 5 pictures with picture 0 in them, it is the mean over all 5."""
    density = np.random.default_rng(1).random((5, 5)).astype(np.float32) + 0.1  # of sample i under picture j
    estimates = []
    for others in combinations(range(1, 5), 2):
        batch = np.array([0, *others])
        log_density = jnp.log(density[np.ix_(batch, batch)])[:, :, None]
        estimates.append(np.exp(_log_aggregate(log_density, 5)[0, 0]))
    assert_allclose(np.mean(estimates), density[0].mean(), rtol=1e-5)


def test_the_total_correlation_is_paid_at_its_own_rate():
    latent = np.float32([[0, 0, 0], [30, 30, 30]])  # so far apart that one number tells which of 50 pictures it is
    posterior = Posterior(latent, np.zeros((2, 3), np.float32))
    options = {"latent": latent, "data_size": 50}
    plain, without = L1SSIM(LossWeights(kl=0.1))(X, Y, posterior, **options)
    loss, terms = L1SSIM(LossWeights(kl=0.1, tc=6.0))(X, Y, posterior, **options, kl_warm=0.5)
    assert_allclose(terms["tc"], 2 * np.log(50), rtol=1e-4)
    assert_allclose(loss - plain, 0.1 * (0.5 * 5 * terms["tc"] - 0.5 * terms["kl"]), rtol=1e-3)
    assert_allclose(terms["kl"], without["kl"])
    assert "tc" not in without, "it takes time"


def test_a_perceptual_distance_is_a_term_like_the_others():
    loss, terms = L1SSIM(LossWeights(perceptual=0.3))(X, Y, POSTERIOR, perceive=lambda x, y: l1(x, y) + 1)
    assert_allclose(terms["perceptual"], terms["l1"] + 1)
    assert_allclose(loss - L1SSIM()(X, Y, POSTERIOR)[0], 0.3 * terms["perceptual"], rtol=1e-4)


def test_the_equation_and_the_curves_tell_of_the_optional_terms():
    plain, both = L1SSIM(LossWeights(kl=3e-4)), L1SSIM(LossWeights(kl=3e-4, tc=6.0, perceptual=0.3))
    assert r"\mathrm{TC}" not in plain.latex
    assert "features" not in plain.latex
    assert both.latex == plain.latex + r" + 5\,w_3\,\mathrm{TC} + 0.3\,d_\text{features}(x, \hat x)"
    assert list(both.curves) == [*plain.curves, "tc", "perceptual"]
    terms = {"l1": 0.02, "ssim": 0.9, "kl": 100.0}
    assert plain.in_numbers(terms).endswith("= 0.1000")
    assert both.in_numbers(terms).endswith(r"= 0.1000\text{, without } \mathrm{TC} \text{ and } d_\text{features}")
