"""Directions in latent space along which a data set varies: principal, between two labels, and around one place.

Directions are those of GANSpace (Härkönen et al. 2020, https://arxiv.org/abs/2004.02546: principal components of the
latents) and of attribute vectors (White 2016, https://arxiv.org/abs/1609.04468: differences of class means).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import ParamSpec, TypeVar

import numpy as np
from jaxtyping import Float, Shaped
from threadpoolctl import threadpool_limits

P = ParamSpec("P")
T = TypeVar("T")

EXACT_SIZE = 512  # numbers in a latent up to which the whole covariance is taken apart


# Matrices this small are done in milliseconds by one core; several, where other work keeps them busy, wait for each
# other up to a hundred times as long.
def single_threaded(function: Callable[P, T]) -> Callable[P, T]:
    """The function, on one core: it limits every library that is loaded when the function is called."""

    @wraps(function)
    def limited(*arguments: P.args, **options: P.kwargs) -> T:
        with threadpool_limits(limits=1):
            return function(*arguments, **options)

    return limited


@dataclass(frozen=True)
class Directions:
    """Directions from a mean, each with how far the data spreads along it.

    Attributes:
        mean: of the latents.
        directions: unit vectors, pairwise orthogonal if they are principal.
        deviations: standard deviation of the latents along each.
        shares: of the latents' whole variance that lies along each, 0 to 1.
    """

    mean: Float[np.ndarray, "*latent"]
    directions: Float[np.ndarray, "rank *latent"]
    deviations: Float[np.ndarray, " rank"]
    shares: Float[np.ndarray, " rank"]

    def move(
        self, start: Float[np.ndarray, "*latent"], coefficients: Sequence[float] | Float[np.ndarray, " k"]
    ) -> Float[np.ndarray, "*latent"]:
        """The start, moved along the first directions by so many standard deviations each."""
        steps = np.asarray(coefficients, np.float32) * self.deviations[: len(coefficients)]
        return start + np.tensordot(steps, self.directions[: len(coefficients)], axes=1)


def principal_directions(latents: Float[np.ndarray, "count *latent"], rank: int) -> Directions:
    """The first principal directions of latents, the widest first; at most as many as there are.

    Exact for latents of up to 512 numbers; longer ones by a randomised SVD (Halko et al. 2011), the same at every call.
    Each direction points to where its largest number is positive.
    """
    flat = latents.reshape(len(latents), -1).astype(np.float32)
    rank = min(rank, *flat.shape)
    solver = "covariance_eigh" if flat.shape[1] <= EXACT_SIZE else "randomized"
    from sklearn.decomposition import PCA  # takes a second to import, and is needed late

    found = single_threaded(PCA(rank, svd_solver=solver, iterated_power=2, random_state=0).fit)(flat)
    shape = latents.shape[1:]
    return Directions(
        mean=found.mean_.reshape(shape).astype(np.float32),
        directions=_signed(found.components_).reshape(-1, *shape).astype(np.float32),
        deviations=np.sqrt(np.nan_to_num(found.explained_variance_).clip(0)).astype(np.float32),  # a single latent: NaN
        shares=np.nan_to_num(found.explained_variance_ratio_).astype(np.float32),
    )


def label_direction(
    latents: Float[np.ndarray, "count *latent"], labels: Shaped[np.ndarray, " count"], start: str, end: str
) -> tuple[Directions, float]:
    """The direction from the mean of one label's latents to that of another's.

    Returns:
        The one direction, and how far apart the two means are, in standard deviations of all latents along it.

    Raises:
        ValueError: no latent has one of the labels, or their means are the same.
    """
    flat = latents.reshape(len(latents), -1)
    means = []
    for label in (start, end):
        if not (labels == label).any():
            raise ValueError(f"no picture has the label {label!r}")
        means.append(flat[labels == label].mean(0, dtype=np.float32))
    difference = means[1] - means[0]
    length = float(np.linalg.norm(difference))
    if length < 1e-6:
        raise ValueError(f"{start!r} and {end!r} have the same mean; choose two labels that differ")
    direction = difference / length
    mean = flat.mean(0, dtype=np.float32)
    variance = float((flat @ direction).var())
    total = float(flat.var(0, dtype=np.float32).sum())
    shape = latents.shape[1:]
    found = Directions(
        mean=mean.reshape(shape),
        directions=direction.reshape(1, *shape),
        deviations=np.array([max(variance, 1e-12) ** 0.5], np.float32),
        shares=np.array([variance / max(total, 1e-12)], np.float32),
    )
    return found, length / float(found.deviations[0])


def _signed(directions: Float[np.ndarray, "rank size"]) -> Float[np.ndarray, "rank size"]:
    """The directions, turned so that the largest number of each is positive: a PCA's own signs mean nothing."""
    largest = np.take_along_axis(directions, np.abs(directions).argmax(1)[:, None], axis=1)
    return directions * np.where(largest < 0, -1, 1)
