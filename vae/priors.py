"""Priors learnt on the latents: the aggregate posterior as one Gaussian, and as a mixture of them.

The aggregate posterior q(z) = mean over x of q(z | x) is what the decoder was trained on (Makhzani et al. 2015,
https://arxiv.org/abs/1511.05644; Hoffman & Johnson 2016, "ELBO surgery"); where it differs from the prior N(0, I), the
prior draws latents that no picture has. Fitting a density to the latents after training is "ex-post density
estimation" (Ghosh et al. 2020, https://arxiv.org/abs/1903.12436).
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture

from vae.directions import EXACT_SIZE, principal_directions, single_threaded

Distribution = Literal["prior", "gaussian", "mixture"]

SPATIAL_RANK = 64  # principal components of a latent map that vary together; the rest is independent
MIXTURE_RANK = 32  # principal components that the mixture takes apart
MIXTURE_COMPONENTS = 10
MIXTURE_COUNT = 4000  # latents that the mixture is fitted to, at most


@dataclass(frozen=True)
class AggregatePosterior:
    """A Gaussian, and a mixture of Gaussians, fitted to samples of the aggregate posterior.

    Both turn noise from N(0, I) into latents, and so keep a seed: the same noise gives a related latent under each.
    Noise times a temperature gives latents that much nearer to the mean (of the Gaussian, or of a component of the
    mixture).

    Attributes:
        mean, deviation: of each number of the latent over the data set: posterior means and posterior widths together.
        posterior_deviation: of q(z | x) alone: root of its mean variance. Near 1, the encoder tells nothing there.
        directions: orthonormal, flat; the principal directions of the samples.
        deviations: along each direction.
        residual: deviation of each number, of what is in no direction; 0 where the directions are all there are.
        weights, means, roots: of the mixture's components, in the coordinates of the first directions; `roots` are
            the symmetric square roots of their covariances.
    """

    mean: Float[np.ndarray, "*latent"]
    deviation: Float[np.ndarray, "*latent"]
    posterior_deviation: Float[np.ndarray, "*latent"]
    directions: Float[np.ndarray, "rank size"]
    deviations: Float[np.ndarray, " rank"]
    residual: Float[np.ndarray, " size"]
    weights: Float[np.ndarray, " k"]
    means: Float[np.ndarray, "k mixed"]
    roots: Float[np.ndarray, "k mixed mixed"]

    @single_threaded
    def gaussian(self, noise: Float[np.ndarray, "count *latent"]) -> Float[np.ndarray, "count *latent"]:
        """Noise from N(0, I) as latents of the Gaussian: mean + covariance^(1/2) noise."""
        along, rest = self._split(noise)
        return self._join(along * self.deviations, rest)

    @single_threaded
    def mixture(
        self, noise: Float[np.ndarray, "count *latent"], picks: Float[np.ndarray, " count"]
    ) -> Float[np.ndarray, "count *latent"]:
        """Noise from N(0, I) as latents of the mixture; `picks`, uniform in [0, 1), choose their components."""
        along, rest = self._split(noise)
        mixed = self.means.shape[1]
        chosen = np.minimum(np.searchsorted(np.cumsum(self.weights), picks, side="right"), len(self.weights) - 1)
        moved = along * self.deviations
        moved[:, :mixed] = self.means[chosen] + np.einsum("nij,nj->ni", self.roots[chosen], along[:, :mixed])
        return self._join(moved, rest)

    def _split(self, noise: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Noise along the directions, and what is orthogonal to them: independent of each other."""
        flat = np.asarray(noise, np.float32).reshape(len(noise), -1)
        along = flat @ self.directions.T
        return along, flat - along @ self.directions

    def _join(self, along: np.ndarray, rest: np.ndarray) -> np.ndarray:
        flat = self.mean.ravel() + along @ self.directions + rest * self.residual
        return flat.reshape(-1, *self.mean.shape).astype(np.float32)

    @property
    def marginal_kl(self) -> Float[np.ndarray, "*latent"]:
        """KL(q(z_i) || N(0, 1)) of each number by itself, in nats, as if it were Gaussian."""
        variance = self.deviation**2
        return 0.5 * (variance + self.mean**2 - 1 - np.log(variance))

    @property
    def kl(self) -> float | None:
        """KL(N(mean, covariance) || N(0, I)) in nats, with correlations; None where only a part of them is known."""
        if self.residual.any():
            return None
        variance = self.deviations.astype(np.float64) ** 2
        return float(0.5 * (variance - 1 - np.log(variance)).sum() + 0.5 * (self.mean**2).sum())

    @property
    def is_unused(self) -> Bool[np.ndarray, "*latent"]:
        """Where the encoder's means vary by less than a hundredth of the prior's variance (Burda et al. 2015)."""
        return self.deviation**2 - self.posterior_deviation**2 < 0.01


@single_threaded
def fit_aggregate(
    means: Float[np.ndarray, "count *latent"], posterior_variance: Float[np.ndarray, "*latent"], seed: int = 0
) -> AggregatePosterior:
    """Fits to one sample of the posterior of each picture, the same at every call.

    Args:
        means: posterior means of a data set, at least 2.
        posterior_variance: variance of q(z | x), averaged over pictures, for each number of the latent.
        seed: of the samples.
    """
    count, shape = len(means), means.shape[1:]
    noise = np.random.default_rng(seed).standard_normal(means.shape, np.float32)
    samples = (means + np.sqrt(posterior_variance) * noise).reshape(count, -1).astype(np.float32)
    size = samples.shape[1]
    found = principal_directions(samples, size if size <= EXACT_SIZE else SPATIAL_RANK)
    centred = samples - found.mean
    along = centred @ found.directions.T
    rest = (centred - along @ found.directions).var(0)
    # The noise orthogonal to the directions has variance 1 - covered, not 1, in each number.
    covered = (found.directions**2).sum(0)
    residual = np.sqrt(np.where(covered < 1 - 1e-4, rest / np.maximum(1 - covered, 1e-4), 0))
    mixed = min(MIXTURE_RANK, along.shape[1])
    fitted = _fit_mixture(along[:: max(1, count // MIXTURE_COUNT), :mixed].astype(np.float64))
    return AggregatePosterior(
        mean=found.mean.reshape(shape),
        # The sum of the two variances, and not that of the samples, whose noise is only one draw.
        deviation=np.sqrt(means.astype(np.float32).var(0) + posterior_variance),
        posterior_deviation=np.sqrt(posterior_variance),
        directions=found.directions,
        deviations=np.maximum(found.deviations, 1e-6),
        residual=residual,
        weights=fitted.weights_,
        means=fitted.means_.astype(np.float32),
        roots=np.stack([_root(covariance) for covariance in fitted.covariances_]).astype(np.float32),
    )


def _fit_mixture(points: Float[np.ndarray, "count mixed"]) -> GaussianMixture:
    components = min(MIXTURE_COMPONENTS, max(1, len(points) // 2))
    with warnings.catch_warnings():
        # Twenty rounds are far enough: later ones move the likelihood in its third digit.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return GaussianMixture(components, max_iter=20, reg_covar=1e-3, random_state=0).fit(points)


def _root(covariance: Float[np.ndarray, "n n"]) -> Float[np.ndarray, "n n"]:
    """The symmetric square root."""
    values, vectors = np.linalg.eigh(covariance)
    return (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
