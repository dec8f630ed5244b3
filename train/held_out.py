"""How a model in training does on pictures that it does not learn from: figures for the log, the curves and the bar."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray, UInt8

from train.config import TrainConfig
from train.encode import as_floats, batch_size
from train.features import Weights, perceptual_distance
from vae.checkpoint import Parameters, bind, blank
from vae.losses import psnr

PREFIX = "held_out_"  # of these figures, where they stand beside those of the training batches
LOSS, PSNR = f"{PREFIX}loss", f"{PREFIX}psnr_db"
MAX_PICTURES = 256
MAX_PIXELS = 2**21  # of them all, 32 pictures of 256 pixels: a checkpoint must not take as long as its steps


def held_out_count(image_size: int) -> int:
    """How many held-out pictures of this side, in pixels, are measured at every checkpoint."""
    return min(MAX_PICTURES, max(1, MAX_PIXELS // image_size**2))


def measure_held_out(
    values: Parameters,
    images: UInt8[np.ndarray, "count size size 3"],
    config: TrainConfig,
    *,
    data_size: int | None = None,
    network: Weights | None = None,
) -> dict[str, float]:
    """The terms of the loss with its whole KL weight, and the PSNR of reconstructions from the posterior mean.

    The same noise every time, so that two checkpoints differ by their weights alone. `data_size` and `network` are
    those of `train.step.train_step`.

    Returns:
        `held_out_loss`, one for each other term of the objective, and `held_out_psnr_db`.
    """
    # Whole batches alone, so that there is one shape to compile for.
    size = min(len(images), batch_size(config.model.image_size))
    starts = range(0, len(images) - size + 1, size)
    keys = jax.random.split(jax.random.key(config.seed), len(starts))
    rows = [
        _measure(values, jnp.asarray(as_floats(images[start : start + size])), key, network, data_size, config=config)
        for start, key in zip(starts, keys, strict=True)
    ]
    rows = jax.device_get(rows)
    return {f"{PREFIX}{name}": float(np.mean([row[name] for row in rows])) for name in rows[0]}


@partial(jax.jit, static_argnames=("config", "data_size"))
def _measure(
    values: Parameters,
    images: Float[Array, "batch size size 3"],
    key: PRNGKeyArray,
    network: Weights | None,
    data_size: int | None,
    *,
    config: TrainConfig,
) -> dict[str, Float[Array, ""]]:
    vae = bind(blank(config.model), values)
    reconstruction, posterior, latent = vae(images, key)
    _, terms = config.objective(
        images,
        reconstruction,
        posterior,
        free_bits=config.free_bits,
        latent=latent,
        data_size=data_size,
        perceive=None if network is None else partial(perceptual_distance, network),
    )
    return {**terms, "psnr_db": jnp.mean(psnr(images, vae.decode(jnp.asarray(posterior.mean))))}
