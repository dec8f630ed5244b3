"""How well a model does on held-out pictures: `metrics.json`, the card, and a table."""

from __future__ import annotations

import argparse
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from train.card import EXPLANATIONS, SAMPLES, samples_table, update_metrics
from train.config import FlagError
from train.data import Pictures
from train.encode import Images, as_floats, encode_all, in_batches, open_model_and_pictures
from train.features import MissingWeights, Weights, load_network, perceptual_distance
from train.samples import NEAREST, compare_samples
from vae import losses
from vae.checkpoint import METRICS, write_json
from vae.codec import Codec, Description
from vae.factors import entropy, factors_of, measure_disentanglement, mutual_information
from vae.latent import AnyArray, Posterior
from vae.likelihoods import GAUSSIAN, SMALLEST_VARIANCE, Likelihood, importance_weighted_nll
from vae.priors import active_dimensions

FACTORS = "factors"
FEW_PICTURES = 10  # of which nobody can say what varies


def run_evaluate(arguments: argparse.Namespace) -> None:
    """`python -m train evaluate`."""
    if arguments.samples:
        load_network()  # without which the rest would be in vain
    codec, pictures = open_model_and_pictures(arguments)
    if arguments.nll and not codec.description.has_variance:
        raise FlagError("--nll", f"{arguments.nll} given; accepted: none, as this model's encoder has no variance")
    held_out = not was_trained_on(codec.description, arguments.dataset, pictures.split)
    metrics = {**evaluate(codec, pictures), "held_out": held_out}
    if arguments.nll:
        objective = codec.description.objective
        metrics |= bound_nll(codec, pictures.images, arguments.nll, objective.likelihood if objective else GAUSSIAN)
    if arguments.factors:
        metrics |= measure_factors(codec, pictures)
    if arguments.samples:
        metrics[SAMPLES] = compare_samples(arguments, codec, pictures)
    write_json(arguments.model / METRICS, metrics)
    update_metrics(arguments.model)
    for name, value in metrics.items():
        if name in (FACTORS, SAMPLES):
            continue
        shown = f"{value:.4f}" if isinstance(value, float) else str(value)
        print(f"{name:>24}  {shown:>10}  {EXPLANATIONS.get(name, '')}".rstrip())
    for name, known in metrics.get(FACTORS, {}).items():
        print(f"{name:>24}  {known['share']:>10.0%}  of its entropy is told by dimension {known['dimension']} alone")
    print(describe_collapse(metrics))
    if "perceptual" not in metrics:
        print(f"No perceptual distance: {MissingWeights()}")
    if arguments.samples:
        print("\n".join(["", *samples_table(metrics[SAMPLES]), ""]))
        print(f"{arguments.model / NEAREST}: some samples of each, over the training pictures that are nearest to them")
    if not held_out:
        print("The model was trained on these pictures: on new ones it will do worse.")


def was_trained_on(description: Description, dataset: str, split: str) -> bool:
    """Whether pictures of this split of a data set were among those that the model was trained on.

    Data sets are taken for the same if their last names are. A model of an earlier version did not record its split,
    which was "train" unless somebody chose another.
    """
    known = description.training
    if not known or Path(str(known.get("dataset", ""))).name != Path(dataset).name:
        return False
    trained = str(known.get("split", "train"))
    # "train (all but a fixed tenth)" is a train split.
    return "all" in (trained, split) or trained.partition(" ")[0] == split.partition(" ")[0]


def evaluate(codec: Codec, pictures: Pictures) -> dict:
    """Figures over pictures; reconstructions are decoded from the posterior mean.

    Returns:
        `split`, `count`; `psnr_db`, `ssim`, `l1`, `kl_nats` (None for a deterministic encoder), `perceptual`
        (`train.features.perceptual_distance`; without its package it is left out): means over the pictures;
        `active_units`: dimensions of the latent that `active_dimensions` finds, of `latent_units`; `mean_abs_max`,
        `posterior_variance`, `aggregate_variance`: how the posteriors compare with the prior, for which they would be
        0, 1 and 1: the largest absolute mean of any dimension, the average variance within a posterior, and the average
        variance of the mixture of all posteriors.
    """
    measure = jax.jit(_measure)
    try:
        network = load_network()
    except MissingWeights:
        network = None

    def measure_rows(rows: np.ndarray) -> dict[str, Array]:
        images = as_floats(pictures.images[rows])
        posterior = codec.encode(images)
        return measure(images, codec.decode(posterior.mean), posterior, network)

    measured = in_batches(measure_rows, pictures.images.shape, "evaluate")
    means, variances = (np.asarray(measured[name]) for name in ("mean", "variance"))
    figures = ("psnr_db", "ssim", "l1", "kl_nats")
    return {
        "split": pictures.split,
        "count": len(pictures),
        **{name: float(measured[name].mean()) if name in measured else None for name in figures},
        **({"perceptual": float(measured["perceptual"].mean())} if network else {}),
        "active_units": int(np.sum(active_dimensions(means))),
        "latent_units": means[0].size,
        "mean_abs_max": float(np.abs(means.mean(axis=0)).max()),
        "posterior_variance": float(variances.mean()),
        "aggregate_variance": float((means.var(axis=0) + variances.mean(axis=0)).mean()),
    }


def _measure(
    images: Array, reconstructions: Array, posterior: Posterior, network: Weights | None
) -> dict[str, AnyArray]:
    """The figures of each picture of a batch."""
    mean, log_var = posterior
    return {
        "psnr_db": losses.psnr(images, reconstructions),
        "ssim": losses.ssim(images, reconstructions),
        "l1": losses.l1(images, reconstructions),
        **({} if log_var is None else {"kl_nats": losses.kl(posterior)}),
        **({"perceptual": perceptual_distance(network, images, reconstructions)} if network else {}),
        "mean": mean,
        "variance": jnp.zeros_like(mean) if log_var is None else jnp.exp(log_var),
    }


def measure_factors(codec: Codec, pictures: Pictures) -> dict:
    """What each dimension of a vector latent knows of the label columns (`vae.factors`).

    Returns:
        `mig`, `dci_disentanglement`, `dci_completeness`, `dci_informativeness`, `sap`; and `factors`: of each, the
        `dimension` that knows most of it, the `nats` that it tells, and which `share` of the factor's entropy that is.

    Raises:
        FlagError: the latent is spatial, or there are too few factors.
    """
    if len(codec.description.latent_shape) > 1:
        raise FlagError("--factors", "given; accepted: only with vector latents, and this model's is spatial")
    codes = np.asarray(encode_all(codec, pictures.images).mean)
    try:
        found = measure_disentanglement(codes, pictures.labels)
    except ValueError as error:
        raise FlagError("--factors", f"given, but there are {error}") from None
    known = {}
    for name, factor in factors_of(pictures.labels).items():
        nats = mutual_information(codes, factor)
        best = int(nats.argmax())
        known[name] = {"dimension": best, "nats": float(nats[best]), "share": float(nats[best] / entropy(factor))}
    return {
        "mig": found.mig,
        "dci_disentanglement": found.disentanglement,
        "dci_completeness": found.completeness,
        "dci_informativeness": found.informativeness,
        "sap": found.sap,
        FACTORS: known,
    }


def bound_nll(codec: Codec, images: Images, samples: int, likelihood: Likelihood, seed: int = 0) -> dict:
    """An upper bound on -log p(picture), averaged over the pictures (`vae.likelihoods.importance_weighted_nll`).

    The variance of a Gaussian is the optimal one for one posterior sample of each of these pictures, so that models
    trained with another loss can be compared too.

    Returns:
        `nll_nats`, `nll_bits_per_dim`, `nll_samples` (a picture), `nll_likelihood`.
    """
    # A key of its own for every picture: what is drawn for it does not depend on its batch.
    keys = jax.random.split(jax.random.key(seed), len(images))
    sample = jax.jit(jax.vmap(lambda posterior, key: Posterior.sample(posterior, key)))
    options = {}
    if likelihood is GAUSSIAN:

        def squared_errors(rows: np.ndarray) -> Array:
            pictures = as_floats(images[rows])
            return jnp.mean((pictures - codec.decode(sample(codec.encode(pictures), keys[rows]))) ** 2, axis=(1, 2, 3))

        options["variance"] = np.maximum(in_batches(squared_errors, images.shape, "variance").mean(), SMALLEST_VARIANCE)
    nll = jax.jit(likelihood.nll)
    sample_keys = jax.jit(jax.vmap(jax.random.fold_in, (0, None)))

    def bounds(rows: np.ndarray) -> Array:
        pictures = as_floats(images[rows])
        posterior = codec.encode(pictures)
        latents = [sample(posterior, sample_keys(keys[rows], k)) for k in range(samples)]
        nlls = [nll(pictures, codec.decode(latent), **options) for latent in latents]
        return importance_weighted_nll(jnp.stack(nlls), jnp.stack(latents), posterior)

    nats = float(in_batches(bounds, images.shape, "likelihood").mean())
    return {
        "nll_nats": nats,
        "nll_bits_per_dim": likelihood.bits_per_dim(nats, images[0].size),
        "nll_samples": samples,
        "nll_likelihood": likelihood.name,
    }


def describe_collapse(metrics: dict) -> str:
    """What the count of active units means, in a sentence."""
    count, active, units = metrics["count"], metrics["active_units"], metrics["latent_units"]
    if count < FEW_PICTURES:
        return f"Whether the posterior has collapsed cannot be told from so few pictures ({count})."
    if active == 0:
        return (
            "Posterior collapse: the latent carries nothing of the picture. Train with --free-bits 0.1, a longer "
            "--kl-warmup, or (where the loss is L1 + SSIM + KL) a lower --kl-weight."
        )
    if active < units / 2:
        return f"{active} of {units} dimensions of the latent are active; the others have collapsed to the prior."
    return f"{active} of {units} dimensions of the latent are active: no posterior collapse."
