"""Priors: what turns noise into latents. N(0, I), and distributions fitted to the latents of a data set.

The flow, which is learnt by gradient descent, has a file of its own: `vae.flow`.

The aggregate posterior q(z) = mean over x of q(z | x) is what the decoder was trained on (Makhzani et al. 2015,
https://arxiv.org/abs/1511.05644; Hoffman & Johnson 2016, "ELBO surgery"); where it differs from N(0, I), N(0, I) draws
latents that no picture has. Fitting a density to the latents after training is "ex-post density estimation"
(Ghosh et al. 2020, https://arxiv.org/abs/1903.12436).
"""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from vae.checkpoint import PRIOR
from vae.directions import EXACT_SIZE, principal_directions, single_threaded
from vae.files import MAX_PRIOR_BYTES, MAX_PRIOR_TENSORS, MAX_STORED, check_file
from vae.flow import Flow

SPATIAL_RANK = 64  # principal components of a long latent that vary together; the rest is independent
MIXED_VECTOR = 256  # principal components that a mixture tells apart, at most: all of a vector,
MIXED_SPATIAL = 32  # few of a spatial latent
COMPONENTS_VECTOR, COMPONENTS_SPATIAL = 40, 10
PER_COMPONENT = 50  # latents at least, on average
FITTED_COUNT = 100_000  # latents that anything is fitted to, at most: evenly taken from all
MIXTURE_COUNT = 20_000  # and a mixture
SHRINKAGE = 0.25  # of each component's covariance towards the common one
VARIANCE_VALUES = 16  # that the mean variance of a dimension's posterior is taken over, at least
LEAST_VARIANCE_PICTURES = 3  # that they come from, where the places of a spatial latent give many each
ACTIVE_VARIANCE = 0.01  # of a dimension's posterior mean over a data set, above which it is active

Latents = Float[np.ndarray, "count *latent"]


class PriorError(ValueError):
    """A file of priors that cannot be used, with a message that says what is wrong and what to do."""


@runtime_checkable
class Prior(Protocol):
    """A distribution over latents, as a function of noise: a seed means related latents under each of them.

    Noise times a temperature gives latents that much nearer to the mean (of the Gaussian, or of a mixture's component).
    """

    @property
    def name(self) -> str:
        """By which it is asked for."""

    @property
    def title(self) -> str:
        """For people."""

    def __call__(self, noise: Latents, uniform: Float[np.ndarray, " count"]) -> Latents:
        """Latents.

        Args:
            noise: from N(0, I), of a latent's shape.
            uniform: from [0, 1), for what a prior has to choose.
        """
        ...


@dataclass(frozen=True)
class StandardNormal:
    """N(0, I), which the model was trained towards."""

    name: ClassVar[str] = "prior"
    title: ClassVar[str] = "Prior N(0, I)"

    def __call__(self, noise: Latents, uniform: Float[np.ndarray, " count"]) -> Latents:
        return noise


@dataclass(frozen=True)
class Gaussian:
    """N(mean, C): C is exact along some directions, and diagonal in what is orthogonal to them.

    Attributes:
        mean: of the latents.
        directions: orthonormal, flat: the principal directions; all of them, for a latent of up to 512 numbers.
        deviations: along each direction.
        residual: deviation of each number of what is in no direction; 0 where the directions are all there are.
    """

    mean: Float[np.ndarray, "*latent"]
    directions: Float[np.ndarray, "rank size"]
    deviations: Float[np.ndarray, " rank"]
    residual: Float[np.ndarray, " size"]

    name: ClassVar[str] = "gaussian"
    title: ClassVar[str] = "Gaussian fitted to the data"

    @single_threaded
    def __call__(self, noise: Latents, uniform: Float[np.ndarray, " count"]) -> Latents:
        along, rest = self.split(noise)
        return self.join(along * self.deviations, rest)

    def split(self, noise: Latents) -> tuple[Float[np.ndarray, "count rank"], Float[np.ndarray, "count size"]]:
        """Noise along the directions, and what is orthogonal to them: independent of each other."""
        flat = np.asarray(noise, np.float32).reshape(len(noise), -1)
        along = flat @ self.directions.T
        return along, flat - along @ self.directions

    def join(self, along: Float[np.ndarray, "count rank"], rest: Float[np.ndarray, "count size"]) -> Latents:
        """Latents, from where they are along the directions and noise orthogonal to them."""
        flat = self.mean.ravel() + along @ self.directions + rest * self.residual
        return flat.reshape(-1, *self.mean.shape).astype(np.float32)

    def tensors(self) -> dict[str, Float[np.ndarray, "..."]]:
        """What `from_tensors` makes it of."""
        names = ("mean", "directions", "deviations", "residual")
        return {name: getattr(self, name) for name in names}

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, np.ndarray], latent_shape: tuple[int, ...]) -> Gaussian:
        """Checks and takes them.

        Raises:
            PriorError: one is missing, not finite, or of another shape than the latent's; names it.
        """
        size = int(np.prod(latent_shape))
        directions = _checked(tensors, "directions", (None, size))
        rank = len(directions)
        return cls(
            mean=_checked(tensors, "mean", latent_shape),
            directions=directions,
            deviations=_checked(tensors, "deviations", (rank,)),
            residual=_checked(tensors, "residual", (size,)),
        )


@dataclass(frozen=True)
class Mixture:
    """A mixture of Gaussians along the first directions of a Gaussian, which tells the rest.

    Attributes:
        gaussian: fitted to the same latents.
        weights: of the components, summing to 1.
        means: of the components, along the first directions.
        roots: the symmetric square roots of their covariances.
    """

    gaussian: Gaussian
    weights: Float[np.ndarray, " k"]
    means: Float[np.ndarray, "k mixed"]
    roots: Float[np.ndarray, "k mixed mixed"]

    name: ClassVar[str] = "mixture"
    title: ClassVar[str] = "Mixture fitted to the data"

    @single_threaded
    def __call__(self, noise: Latents, uniform: Float[np.ndarray, " count"]) -> Latents:
        along, rest = self.gaussian.split(noise)
        chosen = np.minimum(np.searchsorted(np.cumsum(self.weights), uniform, side="right"), len(self.weights) - 1)
        mixed = self.means.shape[1]
        moved = along * self.gaussian.deviations
        moved[:, :mixed] = self.means[chosen] + np.einsum("nij,nj->ni", self.roots[chosen], along[:, :mixed])
        return self.gaussian.join(moved, rest)

    def tensors(self) -> dict[str, Float[np.ndarray, "..."]]:
        """What `from_tensors` makes it of; of the roots, which are symmetric, the lower triangles."""
        rows, columns = np.tril_indices(self.means.shape[1])
        halves = self.roots[:, rows, columns]
        return {**self.gaussian.tensors(), "weights": self.weights, "means": self.means, "roots": halves}

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, np.ndarray], latent_shape: tuple[int, ...]) -> Mixture:
        """Checks and takes them, as `Gaussian.from_tensors` does."""
        gaussian = Gaussian.from_tensors(tensors, latent_shape)
        means = _checked(tensors, "means", (None, None))
        components, mixed = means.shape
        weights = _checked(tensors, "weights", (components,))
        if mixed > len(gaussian.directions):
            raise PriorError(f"means has {mixed} columns, of {len(gaussian.directions)} directions")
        if weights.min() < 0 or abs(weights.sum() - 1) > 0.01:
            raise PriorError("weights are not shares that sum to 1")
        rows, columns = np.tril_indices(mixed)
        if tensors.get("roots", weights).ndim == 3:  # whole, as they were written once
            tensors = {**tensors, "roots": _checked(tensors, "roots", (components, mixed, mixed))[:, rows, columns]}
        roots = np.zeros((components, mixed, mixed), np.float32)
        roots[:, rows, columns] = roots[:, columns, rows] = _checked(tensors, "roots", (components, len(rows)))
        return cls(gaussian, weights / weights.sum(), means, roots)


def _checked(tensors: Mapping[str, np.ndarray], name: str, shape: tuple[int | None, ...]) -> np.ndarray:
    """One of the tensors in float32; None in the shape is any length but 0."""
    if name not in tensors:
        raise PriorError(f"{name} is missing")
    array = tensors[name]
    if array.dtype not in (np.float16, np.float32):
        raise PriorError(f"{name} is of type {array.dtype}, not float16 or float32")
    fits = array.ndim == len(shape) and all(
        want in (None, length) for want, length in zip(shape, array.shape, strict=True)
    )
    if not fits or not array.size:
        wanted = " x ".join("any" if length is None else str(length) for length in shape)
        raise PriorError(f"{name} has the shape {array.shape}, not {wanted}")
    if not np.isfinite(array).all():
        raise PriorError(f"{name} holds values that are not finite")
    return array.astype(np.float32)


def _check_numbers(tensors: Mapping[str, np.ndarray]) -> None:
    if len(tensors) > MAX_PRIOR_TENSORS:
        raise ValueError(f"{len(tensors)} tensors; at most {MAX_PRIOR_TENSORS} are accepted")
    for name, array in tensors.items():
        if array.dtype.kind == "f" and not (np.abs(array) <= MAX_STORED).all():  # false for NaN too
            raise ValueError(f"{name[:60]} holds numbers that are not finite, or beyond {MAX_STORED:g}")


def save_priors(folder: Path | str, priors: Iterable[Gaussian | Mixture | Flow]) -> None:
    """Writes `prior.safetensors` into a model folder, beside its place and then renamed.

    In float16, which holds these numbers well enough: they describe a distribution, no single latent.

    Raises:
        OSError: the disk is full or the place not writable; what was there before is untouched.
    """
    path = Path(folder) / PRIOR
    tensors = {f"{prior.name}.{name}": array for prior in priors for name, array in prior.tensors().items()}
    small = {
        name: np.ascontiguousarray(array, np.float16 if array.dtype.kind == "f" else array.dtype)
        for name, array in tensors.items()
    }
    beside = path.with_name(path.name + ".tmp")
    try:
        save_file(small, beside)
        beside.chmod(0o644)  # safetensors makes it for the owner alone
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def load_priors(folder: Path | str, latent_shape: tuple[int, ...]) -> dict[str, Prior]:
    """The priors of a model by name: N(0, I), and those of its `prior.safetensors` where it has one.

    Raises:
        PriorError: the file is damaged, or another model's.
    """
    priors: dict[str, Prior] = {StandardNormal.name: StandardNormal()}
    path = Path(folder) / PRIOR
    if not path.exists():
        return priors
    remake = "Make it again: python -m train prior"
    try:
        tensors = load_file(check_file(path, MAX_PRIOR_BYTES))
        _check_numbers(tensors)
    except (SafetensorError, OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        # The last three: types of number that NumPy does not have.
        raise PriorError(f"{path} cannot be read ({error}). {remake}") from error
    for kind in (Gaussian, Mixture, Flow):
        own = {name.partition(".")[2]: array for name, array in tensors.items() if name.startswith(f"{kind.name}.")}
        try:
            if own:
                priors[kind.name] = kind.from_tensors(own, latent_shape)
        except ValueError as error:
            raise PriorError(f"{path} does not fit the model: {kind.name}.{error}. {remake}") from error
    return priors


def fewer(latents: Latents, most: int = FITTED_COUNT) -> Latents:
    """At most so many of them, evenly taken: what is fitted to these differs little, and its cost has a bound."""
    return latents[:: -(-len(latents) // most)]


@single_threaded
def fit_priors(
    latents: Latents,
    posterior_variance: Float[np.ndarray, "*latent"] | Float[np.ndarray, "count *latent"],
    seed: int = 0,
) -> list[Gaussian | Mixture]:
    """Fits a Gaussian and a mixture to one sample of the posterior of each picture, the same at every call.

    Args:
        latents: posterior means of a data set, at least 2.
        posterior_variance: variance of q(z | x): of each picture, or averaged over them.
        seed: of the samples.
    """
    shape = latents.shape[1:]
    if len(posterior_variance) == len(latents) and posterior_variance.ndim == latents.ndim:
        posterior_variance = fewer(posterior_variance)
    latents = fewer(latents)
    noise = np.random.default_rng(seed).standard_normal(latents.shape, np.float32)
    samples = (latents + np.sqrt(posterior_variance) * noise).reshape(len(latents), -1).astype(np.float32)
    size = samples.shape[1]
    found = principal_directions(samples, size if size <= EXACT_SIZE else SPATIAL_RANK)
    centred = samples - found.mean
    along = centred @ found.directions.T
    rest = (centred - along @ found.directions).var(0)
    # The noise orthogonal to the directions has variance 1 - covered, not 1, in each number.
    covered = (found.directions**2).sum(0)
    gaussian = Gaussian(
        mean=found.mean.reshape(shape),
        directions=found.directions,
        deviations=np.maximum(found.deviations, 1e-6),
        residual=np.sqrt(np.where(covered < 1 - 1e-4, rest / np.maximum(1 - covered, 1e-4), 0)).astype(np.float32),
    )
    is_spatial = len(shape) > 1
    mixed = fewer(along, MIXTURE_COUNT)[:, : MIXED_SPATIAL if is_spatial else MIXED_VECTOR]
    components = min(COMPONENTS_SPATIAL if is_spatial else COMPONENTS_VECTOR, max(1, len(mixed) // PER_COMPONENT))
    return [gaussian, Mixture(gaussian, *_fit_mixture(mixed, components))]


def _fit_mixture(points: Float[np.ndarray, "count mixed"], components: int) -> tuple[np.ndarray, ...]:
    """Weights, means and roots of the covariances, by expectation-maximisation.

    A component has hardly more points than a covariance has rows, and would learn its own by heart. So each covariance
    is drawn towards the mean of all, which counts as SHRINKAGE * mixed points of its own: the maximum a posteriori
    estimate under an inverse Wishart prior (Fraley & Raftery 2007).
    """
    from sklearn.exceptions import ConvergenceWarning  # takes a second to import, and is needed late
    from sklearn.mixture import GaussianMixture

    floor = 1e-4 * float(points.var()) or 1e-6
    with warnings.catch_warnings():
        # Three rounds are enough: in many dimensions the k-means that it starts from decides nearly all.
        warnings.simplefilter("ignore", ConvergenceWarning)
        fitted = single_threaded(GaussianMixture(components, max_iter=3, reg_covar=floor, random_state=0).fit)(points)
    counts = (fitted.weights_ * len(points))[:, None, None]
    common = (counts * fitted.covariances_).sum(0) / len(points)
    extra = SHRINKAGE * points.shape[1]
    covariances = (counts * fitted.covariances_ + extra * common) / (counts + extra)
    roots = np.stack([_root(covariance) for covariance in covariances])
    return fitted.weights_.astype(np.float32), fitted.means_.astype(np.float32), roots.astype(np.float32)


def _root(covariance: Float[np.ndarray, "n n"]) -> Float[np.ndarray, "n n"]:
    """The symmetric square root."""
    values, vectors = np.linalg.eigh(covariance)
    return (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T


def active_dimensions(latents: Latents) -> Bool[np.ndarray, "*latent"]:
    """Where the posterior means of a data set vary, by more than a hundredth of the prior's variance.

    These are the active units of Burda et al. 2016 (https://arxiv.org/abs/1509.00519, section 5.2); the others have
    collapsed, and carry nothing of a picture.
    """
    return latents.var(axis=0, dtype=np.float32) > ACTIVE_VARIANCE


@dataclass(frozen=True)
class AggregatePosterior:
    """What the latents of a data set are like, as a whole: statistics of q(z).

    Attributes:
        mean, deviation: of each dimension over the data set: posterior means and posterior widths together.
        posterior_deviation: of q(z | x) alone: root of its mean variance. Near 1, the encoder tells nothing there.
        active: as `active_dimensions` says.
        kl: KL(N(mean, covariance) || N(0, I)) in nats, with correlations; None where it is infinite, and for latents of
            more than 512 numbers.
    """

    mean: Float[np.ndarray, "*latent"]
    deviation: Float[np.ndarray, "*latent"]
    posterior_deviation: Float[np.ndarray, "*latent"]
    active: Bool[np.ndarray, "*latent"]
    kl: float | None

    @property
    def marginal_kl(self) -> Float[np.ndarray, "*latent"]:
        """KL(q(z_i) || N(0, 1)) of each dimension by itself, in nats, as if it were Gaussian."""
        variance = self.deviation**2
        return 0.5 * (variance + self.mean**2 - 1 - np.log(variance))


@single_threaded
def aggregate_posterior(
    latents: Latents, posterior_variance: Float[np.ndarray, "*latent"] | Float[np.ndarray, "count *latent"]
) -> AggregatePosterior:
    """The statistics of a data set's latents; the arguments are those of `fit_priors`."""
    latents = latents.astype(np.float32)  # an atlas has float16, whose sums would overflow
    mean = latents.mean(0)
    own_variance = np.broadcast_to(posterior_variance, latents.shape).mean(0)
    return AggregatePosterior(
        mean=mean,
        deviation=np.sqrt(latents.var(0) + own_variance),
        posterior_deviation=np.sqrt(own_variance),
        active=active_dimensions(latents),
        kl=_gaussian_kl(latents, mean, own_variance) if mean.size <= EXACT_SIZE else None,
    )


def posterior_spread(
    latents: Latents, encode_again: Callable[[Float[np.ndarray, "*latent"]], Float[np.ndarray, "*latent"] | None]
) -> tuple[Float[np.ndarray, "*latent"], Float[np.ndarray, "*latent"]]:
    """The mean variance of q(z | x) and its mean logarithm, of a data set of which only the posterior means are known.

    From the reconstructions of some, encoded once more. The places of a spatial latent are alike and are averaged too,
    so that a few pictures are enough.

    Args:
        latents: posterior means.
        encode_again: from a latent to the log-variance of its picture's posterior; None for an encoder without one.

    Returns:
        Both in a latent's shape; zeros and minus infinities for an encoder without a variance.
    """
    count, *shape = latents.shape
    wanted = max(LEAST_VARIANCE_PICTURES, math.ceil(VARIANCE_VALUES / math.prod(shape[:-1])))
    log_vars = []
    for row in np.linspace(0, count - 1, min(count, wanted)).astype(int):
        log_var = encode_again(latents[row].astype(np.float32))
        log_vars.append(np.full(shape, -np.inf, np.float32) if log_var is None else log_var)
    variance, log_variance = np.exp(log_vars).mean(axis=0), np.mean(log_vars, axis=0)
    if len(shape) == 1:
        return variance, log_variance
    return np.broadcast_to(variance.mean((0, 1)), shape), np.broadcast_to(log_variance.mean((0, 1)), shape)


def each_kl(aggregate: AggregatePosterior, log_variance: Float[np.ndarray, "*latent"]) -> Float[np.ndarray, "*latent"]:
    """KL(q(z_i | x) || N(0, 1)) of each number of a latent in nats a picture, the mean over the data set.

    Args:
        aggregate: of the data set.
        log_variance: the mean logarithm of the posteriors' variances, as of `posterior_spread`.
    """
    # (mu^2 + sigma^2 - 1 - log sigma^2) / 2, each term averaged over the pictures.
    return (aggregate.mean**2 + aggregate.deviation**2 - 1 - log_variance) / 2


def unit_kl(aggregate: AggregatePosterior, log_variance: Float[np.ndarray, "*latent"]) -> Float[np.ndarray, " units"]:
    """`each_kl` of a vector; of each channel of a spatial latent, the sum over its places. They sum to the model's."""
    kl = each_kl(aggregate, log_variance)
    return kl.reshape(-1, kl.shape[-1]).sum(axis=0)


def _gaussian_kl(latents: Latents, mean: np.ndarray, own_variance: np.ndarray) -> float | None:
    """KL(N(mean, covariance) || N(0, I)); None where the covariance is singular, and the KL infinite."""
    flat = latents.reshape(len(latents), -1).astype(np.float64)
    covariance = np.atleast_2d(np.cov(flat.T, bias=True)) + np.diag(own_variance.ravel())
    sign, log_determinant = np.linalg.slogdet(covariance)
    kl = 0.5 * (np.trace(covariance) + (mean.astype(np.float64) ** 2).sum() - mean.size - log_determinant)
    return float(kl) if sign > 0 and np.isfinite(kl) else None
