"""Likelihoods p(picture | latent) whose ELBO has no weight to tune, in nats; and a tighter bound than the ELBO.

Pictures and reconstructions are in [0, 1]; a reconstruction is the mean of the distribution over pictures.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from vae.latent import AnyArray, Posterior

LEVELS = 256  # of a pixel value: what turns a density on [0, 1] into the probability of one of them
SMALLEST_VARIANCE = 1e-6  # a quarter of a level: keeps a perfect reconstruction's density finite
SMALLEST_PROBABILITY = 1e-6

Nats = TypeVar("Nats", float, Float[Array, "..."], Float[np.ndarray, "..."])


def optimal_variance(
    images: Float[AnyArray, "batch h w c"], reconstruction: Float[AnyArray, "batch h w c"]
) -> Float[Array, ""]:
    """The one variance, shared by all pixels and pictures, under which they are likeliest: the mean squared error.

    It is where the derivative of `1/2 log(v) + error / 2v` is 0 (sigma-VAE, Rybkin et al. 2021, equation 6).
    """
    return jnp.maximum(jnp.mean((images - reconstruction) ** 2), SMALLEST_VARIANCE)


def gaussian_nll(
    images: Float[AnyArray, "batch h w c"],
    reconstruction: Float[AnyArray, "batch h w c"],
    variance: Float[AnyArray, ""] | None = None,
) -> Float[Array, " batch"]:
    """-log N(picture; reconstruction, variance) of each picture, in nats, summed over its numbers.

    Without a variance: the calibrated likelihood of the sigma-VAE, under `optimal_variance`. It needs no gradient of
    its own, as it is a minimum: the whole loss is, up to constants, `numbers / 2 * log(mean squared error)`.
    """
    if variance is None:
        variance = jax.lax.stop_gradient(optimal_variance(images, reconstruction))
    errors = jnp.sum((images - reconstruction) ** 2, axis=(1, 2, 3))
    return 0.5 * (errors / variance + math.prod(images.shape[1:]) * jnp.log(2 * math.pi * variance))


def bernoulli_nll(
    images: Float[AnyArray, "batch h w c"], reconstruction: Float[AnyArray, "batch h w c"]
) -> Float[Array, " batch"]:
    """-log p(picture) of each picture, each number 1 with the probability that the reconstruction gives; in nats.

    For binary pictures. Greys are taken as probabilities themselves (cross-entropy), which is not a likelihood.
    """
    p = jnp.clip(reconstruction, SMALLEST_PROBABILITY, 1 - SMALLEST_PROBABILITY)
    return -jnp.sum(images * jnp.log(p) + (1 - images) * jnp.log1p(-p), axis=(1, 2, 3))


@dataclass(frozen=True)
class Likelihood:
    """A distribution over pictures, given the reconstruction.

    Attributes:
        name: "gaussian" or "bernoulli".
        nll: -log p(picture) of each picture, in nats, from pictures and reconstructions.
        is_density: a density over [0, 1], where a level of an 8-bit picture is 1/256 wide; else a probability.
        latex: the equation of the loss, the negative ELBO under it.
    """

    name: str
    nll: Callable[..., Float[Array, " batch"]]
    is_density: bool
    latex: str

    def bits_per_dim(self, nats: Nats, numbers: int) -> Nats:
        """Nats for a picture of so many numbers, as bits for each of them: what naming its 8-bit level takes."""
        return nats / (numbers * math.log(2)) + (math.log2(LEVELS) if self.is_density else 0)


GAUSSIAN = Likelihood(
    name="gaussian",
    nll=gaussian_nll,
    is_density=True,
    latex=r"\mathcal{L} = \frac{\lVert x - \hat x \rVert_2^2}{2 s^2} + \frac{D}{2} \log(2 \pi s^2) + \mathrm{KL},"
    r"\qquad s^2 = \text{the mean squared error of a pixel value, over the batch}",
)
BERNOULLI = Likelihood(
    name="bernoulli",
    nll=bernoulli_nll,
    is_density=False,
    latex=r"\mathcal{L} = -\sum_j \big(x_j \log \hat x_j + (1 - x_j) \log (1 - \hat x_j)\big) + \mathrm{KL}",
)


def importance_weighted_nll(
    nll: Float[AnyArray, "samples batch"], latent: Float[AnyArray, "samples batch *latent"], posterior: Posterior
) -> Float[Array, " batch"]:
    """An upper bound on -log p(picture) in nats, from K samples of the posterior: `-log 1/K sum_k w_k`.

    With w_k = p(x | z_k) p(z_k) / q(z_k | x) (IWAE, Burda et al. 2016, equation 8). K = 1 is the negative ELBO in
    expectation; more samples only tighten it, and it is exact, for any K, where q is the true posterior.

    Args:
        nll: -log p(x | z_k).
        latent: the samples z_k from `posterior`.
        posterior: q(z | x).
    """
    assert posterior.log_var is not None  # a deterministic encoder has no density that samples could be weighed by
    axes = tuple(range(2, latent.ndim))
    standardised = (latent - posterior.mean) * jnp.exp(-posterior.log_var / 2)
    # The factors 1 / sqrt(2 pi) of prior and posterior cancel.
    log_prior_over_posterior = 0.5 * jnp.sum(standardised**2 + posterior.log_var - latent**2, axis=axes)
    return math.log(len(nll)) - jax.nn.logsumexp(log_prior_over_posterior - nll, axis=0)
