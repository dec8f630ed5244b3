"""A model and a data set, opened, and gone through batch by batch: what evaluate, atlas and prior begin with."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TypeVar

import jax
import numpy as np
from jaxtyping import Float, Int, UInt8
from tqdm import tqdm

from train.data import Pictures, load_pictures
from vae.codec import Codec, open_codec
from vae.latent import Posterior

Images = UInt8[np.ndarray, "count size size 3"]
Rows = Int[np.ndarray, " batch"]
Arrays = TypeVar("Arrays")  # an array, or a tuple or dictionary of them


def open_model_and_pictures(arguments: argparse.Namespace) -> tuple[Codec, Pictures]:
    """What the flags name: --model, and --dataset with those that belong to it.

    Raises:
        ModelFolderError: as for `open_codec`.
        FlagError, DataError: as for `load_pictures`.
    """
    codec = open_codec(arguments.model)
    pictures = load_pictures(
        arguments.dataset,
        arguments.split,
        codec.description.image_size,
        image_column=arguments.image_column,
        label_columns=arguments.label_column,
        limit=arguments.limit,
    )
    return codec, pictures


def in_batches(function: Callable[[Rows], Arrays], shape: tuple[int, ...], words: str) -> Arrays:
    """What a function makes of all pictures, gathered from what it makes of batches of them, under a progress bar.

    Args:
        function: from the rows of a batch to arrays whose first axis is the batch.
        shape: of all pictures, of which the number and the side matter.
        words: what is being done, in a word.
    """
    count, size, *_ = shape
    batch = batch_size(size)
    parts = []
    with tqdm(total=count, desc=words, unit="picture", leave=False) as progress:
        for start in range(0, count, batch):
            # The last batch is filled up with the last picture, so that there is one shape to compile for.
            parts.append(jax.device_get(function(np.arange(start, start + batch).clip(max=count - 1))))
            progress.update(min(batch, count - start))
    return jax.tree.map(lambda *arrays: np.concatenate(arrays)[:count], *parts)


def batch_size(image_size: int) -> int:
    """How many pictures of this side, in pixels, go through a model at once where nothing is learnt from them."""
    # On a CPU, more than sixteen pictures of 64 pixels leave its caches: one by one they would be faster.
    return max(1, 2**16 // image_size**2) if jax.default_backend() == "cpu" else 32


def as_floats(images: Images) -> Float[np.ndarray, "count size size 3"]:
    """Pixels in [0, 1]."""
    return images / np.float32(255)


def encode_all(codec: Codec, images: Images) -> Posterior:
    """The posterior of every picture, as NumPy arrays."""
    return in_batches(lambda rows: codec.encode(as_floats(images[rows])), images.shape, "encode")
