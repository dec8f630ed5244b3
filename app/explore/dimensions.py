"""What each dimension of a model's latent does: its KL, whether it is active, and what it knows of the labels."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from app.explore.limits import FACTOR_VALUES, MAX_FACTORS, TELLING, TRAVERSED_POINTS
from app.explore.opened import OpenModel
from vae.priors import each_kl, unit_kl


@dataclass(frozen=True)
class Dimensions:
    """The units of a latent over the map's pictures: its dimensions; of a spatial latent its channels.

    Attributes:
        mean: of the latents.
        deviation: of each unit's posterior means over the pictures; of a channel, averaged over its places.
        kl: of each unit, in nats a picture, the mean over the pictures; of a channel, summed over its places. They
            sum to the model's KL. None for an encoder without a variance.
        each_kl: as `kl`, of each number of the latent.
        is_active: whether each number of the latent is.
        active: how many of each unit's dimensions are active: 0 or 1; of a channel, of its places.
        places: how many a channel has; 1 for a vector.
    """

    mean: Float[np.ndarray, "*latent"]
    deviation: Float[np.ndarray, " units"]
    kl: Float[np.ndarray, " units"] | None
    each_kl: Float[np.ndarray, "*latent"] | None
    is_active: Bool[np.ndarray, "*latent"]
    active: Int[np.ndarray, " units"]
    places: int

    @property
    def telling(self) -> int | None:
        """How many dimensions tell at least half a bit of a picture; None without a variance.

        A dimension can be active and tell next to nothing: where its mean varies, but less than its posterior is wide.
        One that is not tells nothing, however far from N(0, 1) it always is: a place that is white in every picture.
        """
        if self.each_kl is None:
            return None
        return int(np.count_nonzero((self.each_kl >= TELLING) & self.is_active))


def dimensions(model: OpenModel) -> Dimensions:
    """The units of a model's latent.

    Raises:
        RequestError: there is no map, whose pictures they are measured over, or it has a single picture.
    """
    return model.remember("dimensions", None, lambda: _measure(model))


def _measure(model: OpenModel) -> Dimensions:
    aggregate, (_, log_variance) = model.aggregate, model.posterior_spread
    active, has_kl = _by_unit(aggregate.active), model.info.has_variance
    return Dimensions(
        mean=aggregate.mean,
        deviation=np.sqrt(_by_unit(model.atlas.latents.var(axis=0, dtype=np.float32)).mean(axis=0)),
        kl=unit_kl(aggregate, log_variance) if has_kl else None,
        each_kl=each_kl(aggregate, log_variance) if has_kl else None,
        is_active=aggregate.active,
        active=active.sum(axis=0),
        places=len(active),
    )


def _by_unit(values: np.ndarray) -> np.ndarray:
    """(places, units): the places of each channel; a vector has one."""
    return values.reshape(-1, values.shape[-1])


def starts(model: OpenModel) -> Float[np.ndarray, "count *latent"]:
    """Where a unit is traversed from: the mean of the data, then some points of the map, spread over its rows.

    Raises:
        RequestError: as for `dimensions`.
    """
    rows = np.linspace(0, len(model.atlas) - 1, TRAVERSED_POINTS + 2).astype(int)[1:-1]
    return np.stack([dimensions(model).mean, *(model.atlas.latent(row) for row in rows)])


@dataclass(frozen=True)
class Factors:
    """What each dimension of a vector latent knows of the label columns that are factors (`vae.factors`).

    Attributes:
        names: of the columns.
        shares: the mutual information of a dimension and a factor, in parts of the factor's entropy, 0 to 1.
        count: of the pictures that it was counted over.
    """

    names: list[str]
    shares: Float[np.ndarray, "dimension factor"]
    count: int


def factors(model: OpenModel) -> Factors:
    """What the dimensions know of the map's label columns; without any column for spatial latents.

    Raises:
        RequestError: there is no map.
    """
    return model.remember("factors", None, lambda: _count_factors(model))


def _count_factors(model: OpenModel) -> Factors:
    from vae.factors import entropy, factors_of, mutual_information  # scikit-learn: a second to import, needed late

    size = model.info.latent_size
    if model.info.is_spatial:
        return Factors([], np.zeros((size, 0)), 0)
    stride = math.ceil(len(model.atlas) * size / FACTOR_VALUES)
    codes = model.atlas.latents[::stride].astype(np.float32)
    labels = {name: values[::stride] for name, values in model.atlas.labels.items()}
    known = dict(list(factors_of(labels).items())[:MAX_FACTORS])
    shares = [mutual_information(codes, factor) / entropy(factor) for factor in known.values()]
    return Factors([*known], np.stack(shares, axis=1) if shares else np.zeros((size, 0)), len(codes))


def scores(model: OpenModel) -> dict[str, float]:
    """The figures of `python -m train evaluate --factors` that `metrics.json` holds, by their names there."""
    names = ("mig", "dci_disentanglement", "dci_completeness", "dci_informativeness", "sap")
    found = {name: model.metrics.get(name) for name in names}
    return {name: float(value) for name, value in found.items() if isinstance(value, int | float) and 0 <= value <= 1}
