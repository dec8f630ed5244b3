"""How well a model does on held-out pictures: `metrics.json`, the card, and a table."""

from __future__ import annotations

import argparse

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array
from tqdm import tqdm

from train.card import EXPLANATIONS, update_metrics
from train.data import Pictures, load_pictures
from vae import likelihoods, losses
from vae.checkpoint import METRICS, load_info, load_model, write_json
from vae.latent import Posterior
from vae.likelihoods import GAUSSIAN, Likelihood
from vae.model import VAE, compile_codec

FEW_PICTURES = 10  # of which nobody can say what varies
ACTIVE_VARIANCE = 0.01  # of a unit's mean over the data set, above which it counts as in use


def run_evaluate(arguments: argparse.Namespace) -> None:
    """`python -m train evaluate`."""
    info = load_info(arguments.model)
    pictures = load_pictures(
        arguments.dataset,
        arguments.split,
        info.config.image_size,
        image_column=arguments.image_column,
        label_columns=arguments.label_column,
        limit=arguments.limit,
    )
    vae = load_model(arguments.model)
    metrics = evaluate(vae, pictures)
    if arguments.nll:
        objective = losses.recorded_objective(info.training)
        metrics |= bound_nll(vae, pictures, arguments.nll, objective.likelihood if objective else GAUSSIAN)
    write_json(arguments.model / METRICS, metrics)
    update_metrics(arguments.model)
    for name, value in metrics.items():
        shown = f"{value:.4f}" if isinstance(value, float) else str(value)
        print(f"{name:>24}  {shown:>10}  {EXPLANATIONS.get(name, '')}")
    print(describe_collapse(metrics))


def evaluate(vae: VAE, pictures: Pictures) -> dict:
    """Figures over held-out pictures; reconstructions are decoded from the posterior mean.

    Returns:
        `split`, `count`; `psnr_db`, `ssim`, `l1`, `kl_nats`: means over the pictures; `active_units`: latent numbers
        whose posterior mean varies over the data set with a variance above 0.01 (Burda et al. 2016, section 5.2), of
        `latent_units`; `mean_abs_max`, `posterior_variance`, `aggregate_variance`: how the posteriors compare with the
        prior, for which they would be 0, 1 and 1: the largest absolute mean of any unit, the average variance within a
        posterior, and the average variance of the mixture of all posteriors.
    """
    encode, decode = compile_codec(vae)
    measure = jax.jit(_measure)
    rows = []
    for picture in tqdm(pictures.images, "evaluate", unit="picture", leave=False):
        image = picture[None] / np.float32(255)
        posterior = encode(image)
        rows.append(jax.device_get(measure(image, decode(posterior.mean), posterior)))
    figures = {name: float(np.mean([row[name] for row in rows])) for name in ("psnr_db", "ssim", "l1", "kl_nats")}
    means = np.stack([row["mean"].ravel() for row in rows])
    variances = np.stack([row["variance"].ravel() for row in rows])
    return {
        "split": pictures.split,
        "count": len(pictures),
        **figures,
        "active_units": int(np.sum(means.var(axis=0) > ACTIVE_VARIANCE)),
        "latent_units": means.shape[1],
        "mean_abs_max": float(np.abs(means.mean(axis=0)).max()),
        "posterior_variance": float(variances.mean()),
        "aggregate_variance": float((means.var(axis=0) + variances.mean(axis=0)).mean()),
    }


def _measure(image: Array, reconstruction: Array, posterior: Posterior) -> dict[str, Array]:
    return {
        "psnr_db": losses.psnr(image, reconstruction)[0],
        "ssim": losses.ssim(image, reconstruction)[0],
        "l1": losses.l1(image, reconstruction)[0],
        "kl_nats": losses.kl(posterior)[0],
        "mean": posterior.mean[0],
        "variance": jnp.exp(posterior.log_var[0]),
    }


def bound_nll(vae: VAE, pictures: Pictures, samples: int, likelihood: Likelihood, seed: int = 0) -> dict:
    """An upper bound on -log p(picture), averaged over the pictures (`vae.likelihoods.importance_weighted_nll`).

    The variance of a Gaussian is the optimal one for one posterior sample of each of these pictures, so that models
    trained with another loss can be compared too.

    Returns:
        `nll_nats`, `nll_bits_per_dim`, `nll_samples` (a picture), `nll_likelihood`.
    """
    encode, decode = compile_codec(vae)
    sample = jax.jit(Posterior.sample)
    keys = jax.random.split(jax.random.key(seed), len(pictures))
    images = [picture[None] / np.float32(255) for picture in pictures.images]

    nll = jax.jit(likelihood.nll)
    options = {}
    if likelihood is GAUSSIAN:
        variance = jax.jit(likelihoods.optimal_variance)
        progress = tqdm(zip(images, keys, strict=True), "variance", len(images), unit="picture", leave=False)
        options["variance"] = np.mean([variance(image, decode(sample(encode(image), key))) for image, key in progress])

    bounds = []
    for image, key in tqdm(zip(images, keys, strict=True), "likelihood", len(images), unit="picture", leave=False):
        posterior = encode(image)
        latents = [sample(posterior, jax.random.fold_in(key, k)) for k in range(samples)]
        nlls = [nll(image, decode(latent), **options) for latent in latents]
        bounds.append(likelihoods.importance_weighted_nll(jnp.stack(nlls), jnp.stack(latents), posterior)[0])
    nats = float(np.mean(bounds))
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
        return (
            f"{active} of {units} latent numbers are in use; the others have collapsed to the prior and carry nothing."
        )
    return f"{active} of {units} latent numbers are in use: no posterior collapse."
