"""What the explorer needs of an autoencoder of any kind: a description of it, `encode` and `decode`.

A kind is a word in `config.json`. Another one is a branch in `describe` and one in `open_codec`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from jaxtyping import Array, Float

from vae.checkpoint import CONFIG, CONV_VAE, ModelFolderError, load_info, load_model, read_config
from vae.latent import Posterior
from vae.losses import Objective, recorded_objective
from vae.model import compile_codec


@dataclass(frozen=True)
class Description:
    """What `config.json` says of a model, of whatever kind; cheap to read.

    Attributes:
        kind: of autoencoder: "conv-vae".
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
    encode: Callable[[Float[Array, "batch height width 3"]], Posterior]
    decode: Callable[[Float[Array, "batch *latent"]], Float[Array, "batch height width 3"]]


def describe(folder: Path | str) -> Description:
    """Reads a model folder's `config.json`, and nothing else.

    Raises:
        ModelFolderError: it is missing, damaged, from a later format, of an unknown kind, or describes no valid model.
    """
    kind = read_config(folder).get("kind", CONV_VAE)
    if kind != CONV_VAE:
        raise ModelFolderError(
            f"{Path(folder) / CONFIG} describes a model of kind {kind!r}; this version opens {CONV_VAE!r}."
        )
    info = load_info(folder)
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


def open_codec(folder: Path | str) -> Codec:
    """Loads the model of a folder, of whatever kind.

    Raises:
        ModelFolderError: as for `describe`; or the weights are missing, damaged, or those of another architecture.
    """
    description = describe(folder)
    return Codec(description, *compile_codec(load_model(folder)))
