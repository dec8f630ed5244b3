"""Sheets of pictures: what a model in training can do, and others under captions."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import jax
import numpy as np
from jaxtyping import Array, Float
from PIL import Image, ImageDraw, ImageFont

from train.config import TrainConfig
from train.data import Pictures
from train.run import TrainError
from vae.checkpoint import Parameters, bind, blank
from vae.images import grid, to_uint8
from vae.latent import AnyArray

GRID_PICTURES = 8


def save_grid(path: Path, config: TrainConfig, values: Parameters, held_out: Pictures) -> None:
    """Writes a row of held-out pictures, one of their reconstructions, and two of samples from N(0, I).

    Raises:
        TrainError: the model's pictures are not finite.
    """
    count = len(held_out)  # neighbours in a data set are often alike
    images = held_out.images[np.linspace(0, count - 1, min(count, GRID_PICTURES)).round().astype(int)]
    noise = jax.random.normal(jax.random.key(config.seed), (2 * len(images), *config.model.latent_shape))
    # One picture at a time: a whole batch at full size would need more memory than the training step.
    # In a Python loop: inside one of XLA's own, its CPU compiler has only slow convolutions.
    latents = [encode_mean(values, image[None] / np.float32(255), config=config) for image in images]
    reconstructions = np.concatenate([_decode(values, latent, config=config) for latent in latents])
    samples = np.concatenate([_decode(values, latent[None], config=config) for latent in noise])
    if not (np.isfinite(reconstructions).all() and np.isfinite(samples).all()):
        raise TrainError(
            "The model's pictures are not finite. Try a lower --learning-rate; the last checkpoint is good."
        )
    sheet = np.concatenate([images, to_uint8(reconstructions), to_uint8(samples)])
    grid(sheet, len(images)).save(path)


@partial(jax.jit, static_argnames="config")
def encode_mean(
    values: Parameters, images: Float[Array, "batch height width 3"], *, config: TrainConfig
) -> Float[AnyArray, "batch *latent"]:
    """The posterior mean of each picture, pixels in [0, 1]."""
    return bind(blank(config.model), values).encode(images).mean


@partial(jax.jit, static_argnames="config")
def _decode(
    values: Parameters, latent: Float[Array, "batch *latent"], *, config: TrainConfig
) -> Float[Array, "batch height width 3"]:
    return bind(blank(config.model), values).decode(latent)


def captioned(sheets: Mapping[str, Image.Image], size: int = 14) -> Image.Image:
    """Sheets of pictures below each other on white, each under its caption in letters of `size` pixels."""
    font, line = ImageFont.load_default(size), 2 * size
    width = max(sheet.width for sheet in sheets.values())
    whole = Image.new("RGB", (width, sum(sheet.height + line for sheet in sheets.values())), "white")
    writing, top = ImageDraw.Draw(whole), 0
    for caption, sheet in sheets.items():
        writing.text((0, top + size // 2), caption, "black", font)
        whole.paste(sheet, (0, top + line))
        top += line + sheet.height
    return whole
