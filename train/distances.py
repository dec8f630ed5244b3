"""How a set of samples differs from a set of real ones, both as features: one row each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

NEIGHBOUR = 3  # the k of precision and recall
ROWS_AT_ONCE = 512  # of distances between all of two sets

Rows = Float[np.ndarray, "_ feature"]  # of any number


class PrecisionRecall(NamedTuple):
    """Shares, 0 to 1 (Kynkäänniemi et al. 2019, https://arxiv.org/abs/1904.06991).

    Attributes:
        precision: of the samples that lie among the real ones: do they look real?
        recall: of the real ones that lie among the samples: is everything drawn?
    """

    precision: float
    recall: float


def frechet_distance(a: Rows, b: Rows) -> float:
    """Between the Gaussians with the means and covariances of two sets (Fréchet 1957; Heusel et al. 2017, equation 6).

    `|mean_a - mean_b|^2 + trace(A + B - 2 (A B)^(1/2))`. It grows as the sets get smaller: compare it only between
    sets of the same sizes.
    """
    # With A = P'P and B = Q'Q, the eigenvalues of A B are the squares of the singular values of P Q'.
    p, q = _root(a), _root(b)
    common = np.linalg.svd(p @ q.T, compute_uv=False).sum()
    apart = a.mean(0, dtype=np.float64) - b.mean(0, dtype=np.float64)
    return float((apart**2).sum() + (p**2).sum() + (q**2).sum() - 2 * common)


def _root(rows: Rows) -> Float[np.ndarray, "_ feature"]:
    """A matrix R with R'R the covariance of the rows."""
    rows = rows.astype(np.float64)
    return np.asarray(np.linalg.qr((rows - rows.mean(0)) / np.sqrt(len(rows) - 1), mode="r"))


def kernel_distance(a: Rows, b: Rows) -> float:
    """The squared maximum mean discrepancy under the kernel `(x.y / features + 1)^3`, without bias.

    KID (Bińkowski et al. 2018, https://arxiv.org/abs/1801.01401, equation 4), of the whole sets. Its mean is 0 for two
    sets from one distribution, whatever their sizes; so it may come out below 0.
    """

    def kernel(x: Rows, y: Rows) -> Float[np.ndarray, "_ _"]:
        return (x.astype(np.float64) @ y.astype(np.float64).T / x.shape[1] + 1) ** 3

    def within(x: Rows) -> float:
        values = kernel(x, x)
        return (values.sum() - np.trace(values)) / (len(x) * (len(x) - 1))

    return float(within(a) + within(b) - 2 * kernel(a, b).mean())


def precision_and_recall(samples: Rows, real: Rows) -> PrecisionRecall:
    """How much of each set lies within the other.

    A row lies within a set if it is no further from one of its rows than that one's third neighbour in the set.
    """
    return PrecisionRecall(float(_lie_within(samples, real).mean()), float(_lie_within(real, samples).mean()))


def _lie_within(rows: Rows, others: Rows) -> Bool[np.ndarray, " _"]:
    # The nearest neighbour of a row in its own set is the row itself.
    reach = np.concatenate([np.partition(part, NEIGHBOUR, axis=1)[:, NEIGHBOUR] for part in _distances(others, others)])
    return np.concatenate([(part <= reach).any(axis=1) for part in _distances(rows, others)])


def nearest(rows: Rows, others: Rows) -> Int[np.ndarray, " _"]:
    """The position of the nearest of the others, for each row."""
    return np.concatenate([part.argmin(axis=1) for part in _distances(rows, others)])


def _distances(rows: Rows, others: Rows) -> Iterator[Float[np.ndarray, "_ _"]]:
    """Squared distances from some rows at a time to all others, as "rows others"."""
    others = others.astype(np.float64)
    lengths = (others**2).sum(1)
    for first in range(0, len(rows), ROWS_AT_ONCE):
        part = rows[first : first + ROWS_AT_ONCE].astype(np.float64)
        yield np.maximum((part**2).sum(1)[:, None] + lengths - 2 * part @ others.T, 0)
