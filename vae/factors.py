"""What each dimension of a latent knows of known factors: mutual information, MIG, DCI and SAP.

A factor is a label column of a data set: each picture has one of a few values of it. A code is a picture's latent, here
the posterior's mean.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from sklearn.ensemble import RandomForestClassifier
from sklearn.tree import DecisionTreeClassifier

BINS = 20  # of equal width that a dimension is cut into, as Locatello et al. 2019 do
MAX_VALUES = 50  # of a factor: a column of more, such as a name that one picture has, is none
TREES = 40  # of the forests that tell how much a dimension matters

Labels = Mapping[str, Sequence[str]]
Codes = Float[np.ndarray, "picture dimension"]


@dataclass(frozen=True)
class Disentanglement:
    """How a latent and the factors correspond; each figure is from 0 to 1, and higher is better.

    Attributes:
        mig: mutual information gap (Chen et al. 2018, https://arxiv.org/abs/1802.04942, eq. 6): of each factor, how
            much more the dimension that knows most of it knows than the second, in parts of the factor's entropy.
        disentanglement, completeness, informativeness: DCI (Eastwood & Williams 2018,
            https://openreview.net/forum?id=By-7dz-AZ): whether a dimension matters for one factor only, whether a
            factor needs one dimension only, and how often a random forest reads the factor right.
        sap: separated attribute predictability (Kumar et al. 2018, https://arxiv.org/abs/1711.00848, section 3): by how
            much the best dimension alone tells a factor better than the second, in balanced accuracy.
    """

    mig: float
    disentanglement: float
    completeness: float
    informativeness: float
    sap: float


def factors_of(labels: Labels) -> dict[str, Int[np.ndarray, " picture"]]:
    """Of some label columns those that are factors: each picture's position of its value among the different ones.

    Columns of fewer than two values, or more than `MAX_VALUES`, are none.
    """
    positions = {name: np.unique(np.asarray(values, str), return_inverse=True)[1] for name, values in labels.items()}
    return {name: found for name, found in positions.items() if 1 <= found.max(initial=0) < MAX_VALUES}


def mutual_information(codes: Codes, factor: Int[np.ndarray, " picture"]) -> Float[np.ndarray, " dimension"]:
    """What each dimension tells of a factor, in nats, from counts in `BINS` bins; 0 for a dimension that never varies.

    Of few pictures it comes out too large: by about (bins - 1) (values - 1) / (2 pictures).
    """
    low, width = codes.min(axis=0), np.ptp(codes, axis=0)
    bins = ((codes - low) / np.where(width > 0, width, 1) * BINS).astype(int).clip(0, BINS - 1)
    values = int(factor.max()) + 1
    counts = np.stack([np.bincount(column * values + factor, minlength=BINS * values) for column in bins.T])
    joint = counts.reshape(-1, BINS, values) / len(codes)
    apart = joint.sum(axis=2, keepdims=True) * joint.sum(axis=1, keepdims=True)
    return np.sum(joint * np.log(np.divide(joint, apart, out=np.ones_like(joint), where=joint > 0)), axis=(1, 2))


def entropy(factor: Int[np.ndarray, " picture"]) -> float:
    """Of a factor, in nats."""
    shares = np.bincount(factor) / len(factor)
    return float(-np.sum(shares[shares > 0] * np.log(shares[shares > 0])))


def mutual_information_gap(codes: Codes, factors: Mapping[str, Int[np.ndarray, " picture"]]) -> float:
    """MIG: see `Disentanglement`."""
    gaps = []
    for factor in factors.values():
        second, first = np.sort(mutual_information(codes, factor))[-2:]
        gaps.append((first - second) / entropy(factor))
    return float(np.mean(gaps))


def measure_disentanglement(codes: Codes, labels: Labels, seed: int = 0) -> Disentanglement:
    """All figures. Classifiers learn from one half of the pictures, drawn at random, and are judged on the other.

    Raises:
        ValueError: the codes have fewer than two dimensions, or the labels fewer than two factors.
    """
    factors = factors_of(labels)
    if codes.shape[1] < 2 or len(factors) < 2:
        raise ValueError(
            f"{codes.shape[1]} dimensions and {len(factors)} factors ({', '.join(factors) or 'none'}); needed: at "
            f"least two of each. A factor is a label column of 2 to {MAX_VALUES} different values."
        )
    order = np.random.default_rng(seed).permutation(len(codes))
    learnt, judged = order[: len(order) // 2], order[len(order) // 2 :]
    importances, accuracies, gaps = [], [], []
    for factor in factors.values():
        forest = RandomForestClassifier(TREES, max_features=None, min_samples_leaf=2, random_state=seed)
        forest.fit(codes[learnt], factor[learnt])
        importances.append(forest.feature_importances_)
        accuracies.append(forest.score(codes[judged], factor[judged]))
        scores = [_tell(codes[:, [dimension]], factor, learnt, judged) for dimension in range(codes.shape[1])]
        second, first = np.sort(scores)[-2:]
        gaps.append(first - second)
    matrix = np.stack(importances, axis=1)
    matters = matrix.sum(axis=1) / matrix.sum()
    return Disentanglement(
        mig=mutual_information_gap(codes, factors),
        disentanglement=float(matters @ (1 - _relative_entropy(matrix))),
        completeness=float(np.mean(1 - _relative_entropy(matrix.T))),
        informativeness=float(np.mean(accuracies)),
        sap=float(np.mean(gaps)),
    )


def _tell(
    code: Float[np.ndarray, "picture 1"],
    factor: Int[np.ndarray, " picture"],
    learnt: Int[np.ndarray, " some"],
    judged: Int[np.ndarray, " others"],
) -> float:
    """The balanced accuracy of as many thresholds on one dimension as tell a factor's values apart."""
    tree = DecisionTreeClassifier(max_leaf_nodes=int(factor.max()) + 1, class_weight="balanced", random_state=0)
    right = tree.fit(code[learnt], factor[learnt]).predict(code[judged]) == factor[judged]
    return float(np.mean([right[factor[judged] == value].mean() for value in np.unique(factor[judged])]))


def _relative_entropy(matrix: Float[np.ndarray, "row column"]) -> Float[np.ndarray, " row"]:
    """The entropy of each row's shares, in parts of the largest possible; 1 for a row of zeros."""
    totals = matrix.sum(axis=1, keepdims=True)
    shares = np.divide(matrix, totals, out=np.full_like(matrix, 1 / matrix.shape[1]), where=totals > 0)
    logs = np.log(shares, out=np.zeros_like(shares), where=shares > 0)
    return -np.sum(shares * logs, axis=1) / np.log(matrix.shape[1])
