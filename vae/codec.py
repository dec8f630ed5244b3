"""What the explorer needs of an autoencoder of any kind: a description of it, `encode` and `decode`.

A kind is a word in `config.json`: `kind` in our own folders, `_class_name` in those that diffusers wrote.
"""

from __future__ import annotations

import math
import reprlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import cast

from flax import nnx
from jaxtyping import Array, Float

from vae.autoencoder_kl import KLConfig, load_kl
from vae.autoencoder_tiny import TinyConfig, load_tiny
from vae.checkpoint import (
    CLASS_NAME,
    CONFIG,
    CONV_VAE,
    ModelFolderError,
    load_info,
    load_model,
    load_weights,
    read_config,
)
from vae.diffusers import title_of
from vae.latent import AnyArray, Posterior
from vae.losses import Objective, recorded_objective
from vae.model import Autoencoder, compile_codec
from vae.xla import convolution_options

DIFFUSERS: dict[str, type[KLConfig | TinyConfig]] = {
    "AutoencoderKL": KLConfig,
    "AutoencoderKLFlux2": KLConfig,
    "AutoencoderTiny": TinyConfig,
}
MAX_SNAPSHOT_PICTURES = 64 << 20  # bytes of a snapshot that say where pictures lie
FOREIGN_SIZE = 256  # pixels; autoencoders that others trained take any size, and time by its square


@dataclass(frozen=True)
class Description:
    """What `config.json` says of a model, of whatever kind; cheap to read.

    Attributes:
        kind: of autoencoder: "conv-vae", "autoencoder-kl" or "autoencoder-tiny".
        title: a short name for people.
        summary: what it was trained on, in a sentence; may be empty.
        image_size: side of the square pictures that the explorer gives it, in pixels.
        latent_shape: of one latent at that size: (length,) or (height, width, channels).
        has_variance: whether its posteriors have a variance; those of a deterministic encoder have none.
        objective: what it was trained with; None where that is not recorded, or not known here.
        training: recorded facts: command, dataset, split, steps and the like; empty where there are none.
    """

    kind: str
    title: str
    summary: str
    image_size: int
    latent_shape: tuple[int, ...]
    has_variance: bool
    objective: Objective | None
    training: dict

    @property
    def is_spatial(self) -> bool:
        """Whether the latent has places, (height, width, channels), instead of being one vector."""
        return len(self.latent_shape) > 1

    @property
    def latent_size(self) -> int:
        """How many numbers a latent has."""
        return math.prod(self.latent_shape)


@dataclass(frozen=True)
class Codec:
    """An autoencoder, loaded.

    Attributes:
        description: what is known of it.
        encode: pictures, pixels in [0, 1], to their posteriors; compiled for each shape at its first use, in seconds.
        decode: latents to pictures, pixels in [0, 1]; compiled likewise.
    """

    description: Description
    encode: Callable[[Float[AnyArray, "batch height width 3"]], Posterior]
    decode: Callable[[Float[AnyArray, "batch *latent"]], Float[Array, "batch height width 3"]]


def describe(folder: Path | str, image_size: int | None = None) -> Description:
    """Reads a model folder's `config.json`, and nothing else.

    Args:
        folder: the model's.
        image_size: another side for its pictures, in pixels; a model that diffusers wrote takes any multiple of its
            downsampling. By default what it was trained at, and at most 256 for such a model.

    Raises:
        ModelFolderError: it is missing, damaged, from a later format, of an unknown kind, or describes no valid model;
            or the model takes no pictures of `image_size`.
    """
    content = read_config(folder)
    if CLASS_NAME in content:
        return _describe_foreign(folder, image_size)
    kind = content.get("kind", CONV_VAE)
    if kind != CONV_VAE:
        raise ModelFolderError(
            f"{Path(folder) / CONFIG} describes a model of kind {reprlib.repr(kind)}; this version opens {CONV_VAE!r}."
        )
    info = load_info(folder)
    if image_size not in (None, info.config.image_size):
        raise ModelFolderError(f"{folder} takes pictures of {info.config.image_size} pixels, not {image_size}.")
    return Description(
        kind=kind,
        title=info.title,
        summary=info.summary,
        image_size=info.config.image_size,
        latent_shape=info.config.latent_shape,
        has_variance=True,
        objective=recorded_objective(info.training),
        training=info.training,
    )


def open_codec(folder: Path | str, image_size: int | None = None) -> Codec:
    """Loads the model of a folder, of whatever kind.

    Raises:
        ModelFolderError: as for `describe`; or the weights are missing, damaged, or those of another architecture.
    """
    description = describe(folder, image_size)
    if description.kind == CONV_VAE:
        return Codec(description, *compile_codec(load_model(folder)))
    config = _foreign_config(folder)
    model: Autoencoder = load_kl(config, folder) if isinstance(config, KLConfig) else load_tiny(config, folder)
    return Codec(description, *compile_codec(model, convolution_options()))


def open_snapshot(codec: Codec, folder: Path | str, path: Path) -> Codec:
    """The codec of a model folder with the parameters of another moment of its training (`train/snapshots.py`).

    It shares the compiled programs of the codec that it is made from.

    Raises:
        ModelFolderError: the file is damaged, or of another architecture.
    """
    _, state = nnx.split(load_weights(path, load_info(folder).config, beside=MAX_SNAPSHOT_PICTURES))
    encode, decode = cast(partial, codec.encode), cast(partial, codec.decode)  # as `compile_codec` makes them
    return replace(codec, encode=partial(encode.func, state), decode=partial(decode.func, state))


def _describe_foreign(folder: Path | str, image_size: int | None) -> Description:
    config = _foreign_config(folder)
    step, down, channels = config.granularity, config.downsampling, config.latent_channels
    if image_size is None:
        image_size = max(step, min(FOREIGN_SIZE, config.sample_size) // step * step)
    if image_size < step or image_size % step:
        raise ModelFolderError(f"{folder} takes pictures whose sides are multiples of {step} pixels, not {image_size}.")
    return Description(
        kind=config.kind,
        title=title_of(folder),
        summary=f"{config.class_name} of diffusers: every {down} × {down} pixels become {channels} numbers.",
        image_size=image_size,
        latent_shape=(image_size // down, image_size // down, channels),
        has_variance=config.has_variance,
        objective=None,
        training={},
    )


def _foreign_config(folder: Path | str) -> KLConfig | TinyConfig:
    content, path = read_config(folder), Path(folder) / CONFIG
    name = content[CLASS_NAME]
    if not isinstance(name, str) or name not in DIFFUSERS:
        raise ModelFolderError(
            f"{path} is of diffusers' class {reprlib.repr(name)}; this version opens {', '.join(DIFFUSERS)}."
        )
    try:
        return DIFFUSERS[name].read(content)
    except ValueError as error:
        raise ModelFolderError(f"{path} cannot be used: {error}") from error
