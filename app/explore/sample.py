"""Latents drawn at random, directions to move them along, and how the data's latents differ from the prior."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from app.explore.limits import (
    IDLE,
    LOCAL_COUNT,
    MAX_COUNT,
    MAX_LABELS,
    MAX_TEMPERATURE,
    MIN_LABELLED,
    NARROW,
    OFF_CENTRE,
    PRINCIPAL_COUNT,
    WIDE,
    RequestError,
    check_choice,
    check_range,
    check_seed,
    check_whole,
    shown,
)
from app.explore.opened import OpenModel
from app.explore.turns import DECODING, many
from vae import directions as vae_directions
from vae.directions import Directions, principal_directions, single_threaded
from vae.flow import Flow
from vae.latent import sample_prior
from vae.priors import AggregatePosterior, Prior, StandardNormal


def sample(
    model: OpenModel,
    distribution: Any = "prior",
    count: Any = 16,
    temperature: Any = 1.0,
    seed: Any = 0,
    label: Any = None,
) -> Float[np.ndarray, "count *latent"]:
    """Latents drawn at random.

    Args:
        model: whose latents.
        distribution: "prior", N(0, I), or another of `OpenModel.prior_titles`, such as "mixture".
        count: 1 to 64; a larger grid begins with the smaller one.
        temperature: scales the noise; 0 to 3.
        seed: the same seed gives the same latents, and the same noise to every distribution.
        label: column -> label, of every latent, one of `promptable`; only the flow knows labels. None or {} for any.

    Raises:
        RequestError: a number is out of range; there is no such distribution or label; or it needs a map, and there is
            none.
    """
    count = check_whole("count", count, 1, MAX_COUNT)
    temperature = check_range("temperature", temperature, 0, MAX_TEMPERATURE)
    seed = check_seed(seed)
    prior = _with_label(_prior(model, distribution), label)
    noise = sample_prior(seed, count, model.info.latent_shape, temperature)
    uniform = np.array([np.random.default_rng([seed, i]).random() for i in range(count)])
    if not isinstance(prior, Flow):
        return prior(noise, uniform)
    # Once before it is anybody's turn, as compiling takes seconds.
    model.remember("a latent of the flow", None, lambda: prior(noise[:1], uniform[:1]))
    with many(count):
        return prior(noise, uniform, DECODING)  # a spatial latent is as much work to draw as to decode


def opening(model: OpenModel) -> str:
    """The distribution to begin with: the flow, whose samples are the best, if the model has one; else N(0, I)."""
    return Flow.name if Flow.name in model.prior_titles else StandardNormal.name


def promptable(model: OpenModel) -> dict[str, tuple[str, ...]]:
    """Label columns with the labels that the model's flow can be asked for; empty without a flow, or without labels.

    Columns of more labels than a person can choose from, such as names that one picture each has, are left out.
    """
    if Flow.name not in model.prior_titles:
        return {}
    flow = model.priors[Flow.name]
    columns = flow.labels.names if isinstance(flow, Flow) and flow.labels else {}
    return {column: labels for column, labels in columns.items() if 1 < len(labels) <= MAX_LABELS}


def _with_label(prior: Prior, label: Any) -> Prior:
    if label is None or label == {}:
        return prior
    if not isinstance(label, dict) or not all(isinstance(part, str) for pair in label.items() for part in pair):
        raise RequestError(f'label is {shown(label)}; accepted: columns with their labels, such as {{"hair": "long"}}.')
    if not isinstance(prior, Flow):
        raise RequestError(f'A label was given, and distribution is "{prior.name}": only "flow" can be asked for one.')
    try:
        return prior.of(**label)
    except ValueError as error:
        raise RequestError(str(error)) from None


def _prior(model: OpenModel, name: Any) -> Prior:
    if name == StandardNormal.name:
        return StandardNormal()  # needs no map, which may be damaged
    priors = model.priors
    return priors[check_choice("distribution", name, list(priors))]


# ---- Directions ----


def origin(model: OpenModel) -> Float[np.ndarray, "*latent"]:
    """Where a walk begins: the mean of the data's latents; without a map, that of the prior."""
    return directions(model).mean if model.has_atlas else np.zeros(model.info.latent_shape, np.float32)


def directions(model: OpenModel) -> Directions:
    """The first principal directions of the data's latents.

    Raises:
        RequestError: there is no map, which holds those latents.
    """
    latents = model.atlas.latents
    return model.remember("principal directions", None, lambda: principal_directions(latents, PRINCIPAL_COUNT))


def labels(model: OpenModel) -> dict[str, list[str]]:
    """Label columns with their labels that enough pictures share, the most frequent first.

    Raises:
        RequestError: there is no map.
    """
    atlas = model.atlas
    return model.remember("labels", None, lambda: _shared_labels(atlas.labels))


def _shared_labels(columns: dict[str, list[str]]) -> dict[str, list[str]]:
    shared = {}
    for column, values in columns.items():
        counted = Counter(value for value in values if value)
        frequent = [label for label, count in counted.most_common(MAX_LABELS) if count >= MIN_LABELLED]
        if len(frequent) > 1:
            shared[column] = frequent
    return shared


def label_direction(model: OpenModel, column: Any, start: Any, end: Any) -> tuple[Directions, float]:
    """The direction from one label's mean latent to another's.

    Args:
        model: whose map has the labels.
        column: a label column.
        start, end: two labels of it; both among `labels`.

    Returns:
        The one direction; and how far apart the two means are, in standard deviations of all latents along it.

    Raises:
        RequestError: there is no map, or it has no such column or labels.
    """
    known = labels(model).get(column, []) if isinstance(column, str) else []
    if start not in known or end not in known or start == end:
        raise RequestError("Choose two different labels of one column.")
    atlas = model.atlas

    def find() -> tuple[Directions, float]:
        try:
            return vae_directions.label_direction(atlas.latents, np.array(atlas.labels[column]), start, end)
        except ValueError as error:
            raise RequestError(f"{error}.") from None

    return model.remember("label direction", (column, start, end), find)


@single_threaded
def local_directions(model: OpenModel, latent: Float[np.ndarray, "*latent"]) -> Directions:
    """The two directions in which the data's latents vary most near a latent.

    Raises:
        RequestError: there is no map.
    """
    near = model.atlas.locate(latent, LOCAL_COUNT).neighbours
    return principal_directions(model.atlas.latents[near], 2)


# ---- The data's latents against the prior ----


@dataclass(frozen=True)
class Spread:
    """How the data's latents spread, for a plot: the widest unit first.

    Attributes:
        unit: "dimension"; of a spatial latent "channel", averaged over its places.
        order: the units' numbers.
        mean, deviation: of each unit, over the data set.
        posterior_deviation: of that, what the encoder leaves open in one picture.
    """

    unit: str
    order: list[int]
    mean: Float[np.ndarray, " units"]
    deviation: Float[np.ndarray, " units"]
    posterior_deviation: Float[np.ndarray, " units"]


@dataclass(frozen=True)
class Comparison:
    """How the aggregate posterior q(z) differs from the prior N(0, I), in numbers.

    Attributes:
        size: dimensions of the latent.
        unused: that are not active: the encoder's mean hardly moves.
        idle: where the posterior is nearly as wide as all data; 0 for an encoder without a variance.
        off_centre, wide, narrow: where the mean is off 0, or the deviation off 1.
        least, most: deviations.
        marginal_kl: KL(q(z) || N(0, I)) in nats, summed over dimensions, as if they were independent; None where it is
            infinite, as a dimension never varies.
        kl: the same with all correlations, of q(z) as one Gaussian; None where it is infinite or not known.
    """

    size: int
    unused: int
    idle: int
    off_centre: int
    wide: int
    narrow: int
    least: float
    most: float
    marginal_kl: float | None
    kl: float | None


def spread(aggregate: AggregatePosterior) -> Spread:
    """The aggregate posterior, unit by unit."""
    mean, deviation, posterior = aggregate.mean, aggregate.deviation, aggregate.posterior_deviation
    unit = "dimension"
    if mean.ndim == 3:
        unit = "channel"
        mean = mean.mean((0, 1))
        deviation, posterior = (np.sqrt((d**2).mean((0, 1))) for d in (deviation, posterior))
    order = np.argsort(-deviation)
    return Spread(unit, order.tolist(), mean[order], deviation[order], posterior[order])


def compare(aggregate: AggregatePosterior) -> Comparison:
    """The aggregate posterior against the prior."""
    deviation = aggregate.deviation
    with np.errstate(divide="ignore"):
        marginal_kl = float(aggregate.marginal_kl.sum())
    return Comparison(
        size=aggregate.mean.size,
        unused=int((~aggregate.active).sum()),
        idle=int((aggregate.posterior_deviation > IDLE * deviation).sum()),
        off_centre=int((np.abs(aggregate.mean) > OFF_CENTRE).sum()),
        wide=int((deviation > WIDE).sum()),
        narrow=int((deviation < NARROW).sum()),
        least=float(deviation.min()),
        most=float(deviation.max()),
        marginal_kl=marginal_kl if math.isfinite(marginal_kl) else None,
        kl=aggregate.kl,
    )
