"""The likelihoods against scipy, and their bounds on linear-Gaussian models, whose evidence is known in closed form."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats

from vae.latent import Posterior
from vae.likelihoods import (
    BERNOULLI,
    GAUSSIAN,
    bernoulli_nll,
    gaussian_nll,
    importance_weighted_nll,
    optimal_variance,
)
from vae.losses import ELBO, kl

pytestmark = pytest.mark.usefixtures("quick_compiling")

RNG = np.random.default_rng(0)
SHAPE = (12, 11, 3)
NUMBERS = int(np.prod(SHAPE))


class LinearGaussian:
    """Probabilistic PCA (Tipping & Bishop 1999): x = W z + b + noise; its evidence and posterior are Gaussians."""

    def __init__(self, latent_dim: int, variance: float, seed: int = 0):
        rng = np.random.default_rng(seed)
        # Orthogonal columns make the true posterior diagonal, as the encoder's is.
        self.w = np.linalg.qr(rng.normal(size=(NUMBERS, latent_dim)))[0] * np.linspace(1, 2, latent_dim)
        self.b, self.variance = rng.uniform(0.3, 0.7, NUMBERS), variance
        self.latent_dim = latent_dim

    def draw(self, count: int) -> np.ndarray:
        rng = np.random.default_rng(7)
        noise = np.sqrt(self.variance) * rng.normal(size=(count, NUMBERS))
        return rng.normal(size=(count, self.latent_dim)) @ self.w.T + self.b + noise

    def log_evidence(self, x: np.ndarray) -> np.ndarray:
        covariance = self.w @ self.w.T + self.variance * np.eye(NUMBERS)
        return stats.multivariate_normal(self.b, covariance).logpdf(x)

    def posterior(self, x: np.ndarray) -> Posterior:
        precision = 1 + (self.w**2).sum(axis=0) / self.variance
        mean = (x - self.b) @ self.w / self.variance / precision
        return Posterior(jnp.asarray(mean), jnp.broadcast_to(-jnp.log(precision), mean.shape))

    def decode(self, latent) -> jax.Array:
        return (latent @ self.w.T + self.b).reshape(*latent.shape[:-1], *SHAPE)


MODEL = LinearGaussian(latent_dim=4, variance=0.02)
PICTURES = MODEL.draw(200)


def bound(posterior: Posterior, samples: int, seed: int = 0) -> np.ndarray:
    """The importance-weighted bound of each of `PICTURES`."""
    keys = jax.random.split(jax.random.key(seed), samples)
    latent = jnp.stack([posterior.sample(key) for key in keys])
    images = jnp.asarray(PICTURES.reshape(-1, *SHAPE))
    nll = jnp.stack([gaussian_nll(images, MODEL.decode(z), jnp.asarray(MODEL.variance)) for z in latent])
    return np.asarray(importance_weighted_nll(nll, latent, posterior))


def test_gaussian_nll_agrees_with_scipy():
    x, y = RNG.random((2, 3, *SHAPE))
    expected = -stats.norm(y, np.sqrt(0.05)).logpdf(x).reshape(3, -1).sum(axis=1)
    assert_allclose(gaussian_nll(x, y, jnp.asarray(0.05)), expected, rtol=1e-5)


def test_the_calibrated_likelihood_is_the_likeliest_of_all_variances():
    x = RNG.random((3, *SHAPE))
    y = np.clip(x + 0.1 * RNG.normal(size=x.shape), 0, 1)
    calibrated = float(gaussian_nll(x, y).mean())
    assert_allclose(calibrated, NUMBERS / 2 * (np.log(2 * np.pi * np.mean((x - y) ** 2)) + 1), rtol=1e-5)
    for factor in (0.5, 0.9, 1.1, 2):
        assert calibrated < float(gaussian_nll(x, y, factor * optimal_variance(x, y)).mean())


def test_the_calibrated_gradient_is_that_of_the_log_of_the_mean_squared_error():
    x, y = RNG.random((2, 3, *SHAPE))
    calibrated = jax.grad(lambda y: gaussian_nll(x, y).mean())(y)
    log_error = jax.grad(lambda y: NUMBERS / 2 * jnp.log(jnp.mean((x - y) ** 2)))(y)
    assert_allclose(calibrated, log_error, rtol=1e-4)


def test_a_perfect_reconstruction_has_a_finite_likelihood_and_gradient():
    x = jnp.asarray(RNG.random((2, *SHAPE)))
    assert np.isfinite(gaussian_nll(x, x)).all()
    assert np.isfinite(jax.grad(lambda y: gaussian_nll(x, y).sum())(x)).all()


def test_bernoulli_nll_agrees_with_scipy_and_takes_black_and_white():
    x = (RNG.random((3, *SHAPE)) < 0.5).astype(np.float32)
    p = RNG.uniform(0.01, 0.99, x.shape)
    expected = -stats.bernoulli(p).logpmf(x.astype(int)).reshape(3, -1).sum(axis=1)
    assert_allclose(bernoulli_nll(x, p), expected, rtol=1e-4)
    assert_allclose(bernoulli_nll(x, x), 0, atol=1e-2)
    assert np.isfinite(bernoulli_nll(x, 1 - x)).all()


def test_uniform_noise_of_256_levels_costs_8_bits_a_number():
    """A density of 1 on [0, 1] says nothing, and 8 bits name one of 256 levels; a fair coin costs 1 bit."""
    assert_allclose(GAUSSIAN.bits_per_dim(0.0, NUMBERS), 8)
    coin = bernoulli_nll(np.ones((1, *SHAPE)), np.full((1, *SHAPE), 0.5))
    assert_allclose(BERNOULLI.bits_per_dim(coin, NUMBERS), 1, rtol=1e-5)


@pytest.mark.parametrize("samples", [1, 5])
def test_the_bound_is_the_evidence_where_the_posterior_is_the_true_one(samples):
    assert_allclose(bound(MODEL.posterior(PICTURES), samples), -MODEL.log_evidence(PICTURES), atol=0.05)


def test_more_samples_tighten_the_bound_of_a_wrong_posterior():
    true = MODEL.posterior(PICTURES)
    wrong = Posterior(true.mean + 0.05, true.log_var + 0.7)
    evidence = -MODEL.log_evidence(PICTURES).mean()
    one, ten, many = (bound(wrong, samples).mean() for samples in (1, 10, 200))
    assert one > ten + 0.1 > many > evidence - 0.05
    assert many - evidence < 0.1 * (one - evidence)


def test_one_sample_is_the_negative_elbo():
    """In expectation: nll plus the closed-form KL."""
    true = MODEL.posterior(PICTURES)
    wrong = Posterior(true.mean + 0.05, true.log_var + 0.7)
    estimates = [bound(wrong, 1, seed).mean() for seed in range(8)]
    keys = jax.random.split(jax.random.key(99), 8)
    images = PICTURES.reshape(-1, *SHAPE)
    nll = [gaussian_nll(images, MODEL.decode(wrong.sample(key)), jnp.asarray(MODEL.variance)).mean() for key in keys]
    assert_allclose(np.mean(estimates), np.mean(nll) + kl(wrong).mean(), atol=0.3)


def test_the_elbo_is_best_at_the_maximum_likelihood_solution():
    """Of probabilistic PCA, where both are known: there the calibrated variance is the mean of the discarded ones."""
    centred = PICTURES - PICTURES.mean(axis=0)
    eigenvalues, vectors = np.linalg.eigh(centred.T @ centred / len(centred))
    kept, discarded = eigenvalues[-4:], eigenvalues[:-4]
    fitted = LinearGaussian(4, float(discarded.mean()))
    fitted.w, fitted.b = vectors[:, -4:] * np.sqrt(kept - fitted.variance), PICTURES.mean(axis=0)
    images = jnp.asarray(PICTURES.reshape(-1, *SHAPE))

    def negative_elbo(scale: float, shift: float, spread: float) -> tuple[float, float]:
        """Nats, and the calibrated variance, with the decoder scaled and the posterior shifted and widened."""
        posterior = fitted.posterior(PICTURES)
        posterior = Posterior(posterior.mean + shift, posterior.log_var + spread)
        keys = jax.random.split(jax.random.key(0), 20)
        reconstructions = jnp.concatenate([fitted.decode(scale * posterior.sample(key)) for key in keys])
        repeated = jnp.tile(images, (20, 1, 1, 1))
        variance = float(optimal_variance(repeated, reconstructions))
        loss, _ = ELBO(GAUSSIAN)(repeated, reconstructions, jax.tree.map(lambda x: jnp.tile(x, (20, 1)), posterior))
        return float(loss) * NUMBERS, variance

    best, variance = negative_elbo(1, 0, 0)
    assert_allclose(variance, fitted.variance, rtol=0.01)
    assert_allclose(best, -fitted.log_evidence(PICTURES).mean(), atol=0.5)
    for change in [(0.9, 0, 0), (1.1, 0, 0), (1, 0.05, 0), (1, 0, 0.5), (1, 0, -0.5)]:
        assert negative_elbo(*change)[0] > best
