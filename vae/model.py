"""The VAE: configuration first, then encoder, decoder, and the model that joins them.

Kingma & Welling 2013, "Auto-Encoding Variational Bayes", https://arxiv.org/abs/1312.6114.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal, Protocol, cast, no_type_check, runtime_checkable

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax.typing import DTypeLike
from jaxtyping import Array, Float, PRNGKeyArray

from vae.latent import AnyArray, Posterior
from vae.layers import GROUPS, Downsample, ResNetBlock, Upsample

# What a config.json may ask for: far beyond what trains, and not beyond what a machine can hold.
MAX_SIZE = 4096  # pixels, of a side
MAX_BLOCKS, MAX_STAGES, MAX_CHANNELS = 16, 10, 4096
MAX_LATENT_SIZE = 1 << 20  # numbers of a latent
MAX_FEATURES = 1 << 28  # numbers of the largest feature map: 1 GB
LOG_VAR_RANGE = (-30.0, 20.0)  # keeps exp(log_var) finite; a trained posterior stays far inside


@no_type_check  # by annotations: it comes from JSON and the command line, and says itself what is wrong
@dataclass(frozen=True)
class VAEConfig:
    """The architecture: all that is needed to build a `VAE`, and nothing about training.

    Attributes:
        image_size: side of the square pictures it is made for, in pixels.
        latent: "spatial" (a small feature map, fully convolutional) or "vector" (a dense bottleneck).
        latent_dim: channels of a spatial latent, or the length of a vector latent.
        channels: channels of each stage; every stage halves the resolution. Multiples of 8.
        blocks: ResNet blocks in each stage.
        halve_first: let the first convolution (and the last) halve (double) the resolution too: 4 times less work at
            full resolution, for small machines.

    Raises:
        ValueError: naming the field, what was given and what is accepted.
    """

    image_size: int = 256
    latent: Literal["spatial", "vector"] = "spatial"
    latent_dim: int = 4
    channels: tuple[int, ...] = (32, 64, 128)
    blocks: int = 1
    halve_first: bool = False

    def __post_init__(self):
        object.__setattr__(self, "channels", tuple(self.channels))  # a list, when it comes from JSON
        if self.latent not in ("spatial", "vector"):
            raise ValueError(f'latent is {self.latent!r}; accepted: "spatial", "vector"')
        for name in ("image_size", "latent_dim", "blocks"):
            if type(getattr(self, name)) is not int:
                raise ValueError(f"{name} is {getattr(self, name)!r}; accepted: a whole number")
        if not self.channels or any(type(c) is not int or c < GROUPS or c % GROUPS for c in self.channels):
            raise ValueError(f"channels is {self.channels}; accepted: one or more positive multiples of {GROUPS}")
        if self.latent_dim < 1 or self.blocks < 1:
            raise ValueError(f"latent_dim is {self.latent_dim}, blocks is {self.blocks}; accepted: 1 or more")
        if self.blocks > MAX_BLOCKS or len(self.channels) > MAX_STAGES or max(self.channels) > MAX_CHANNELS:
            raise ValueError(
                f"the network has {self.blocks} blocks in {len(self.channels)} stages; accepted: at most {MAX_BLOCKS} "
                f"in {MAX_STAGES}, of up to {MAX_CHANNELS} channels"
            )
        if type(self.halve_first) is not bool:
            raise ValueError(f"halve_first is {self.halve_first!r}; accepted: true, false")
        if not self.downsampling <= self.image_size <= MAX_SIZE or self.image_size % self.downsampling:
            raise ValueError(
                f"image_size is {self.image_size}; accepted: multiples of {self.downsampling} up to {MAX_SIZE}"
            )
        features = max(c * (self.image_size >> stage) ** 2 for stage, c in enumerate(self.channels))
        if math.prod(self.latent_shape) > MAX_LATENT_SIZE or features > MAX_FEATURES:
            raise ValueError(
                f"a latent has the shape {self.latent_shape}, and the largest feature map {features:,} numbers; "
                f"accepted: {MAX_LATENT_SIZE:,} and {MAX_FEATURES:,}"
            )

    @property
    def downsampling(self) -> int:
        """How many times smaller than the picture the last feature map is, along each side."""
        return 2 ** (len(self.channels) + self.halve_first)

    @property
    def latent_shape(self) -> tuple[int, ...]:
        """Shape of one latent at `image_size`: (height, width, channels), or (length,)."""
        side = self.image_size // self.downsampling
        return (side, side, self.latent_dim) if self.latent == "spatial" else (self.latent_dim,)

    def to_dict(self) -> dict:
        """The configuration as JSON-ready types."""
        return {**dataclasses.asdict(self), "channels": list(self.channels)}


# Luminance, blue against yellow, red against green; scaled to vary about equally over photographs.
OPPONENT_COLOURS = np.array([[1, 1, 1], [-1, -1, 2], [1, -1, 0]]) / np.sqrt([[3], [6], [2]]) * [[1], [3], [6]]


def colour_init(key: PRNGKeyArray, shape: tuple[int, int, int, int], dtype, *_) -> Float[Array, "h w 3 out"]:
    """The usual initialiser of a convolution, in opponent colours instead of RGB.

    In RGB nearly all of a photograph's variance is luminance. Random filters then hardly see hues, the normalisations
    after them drown what they do see, and training takes thousands of steps to find it again. The network computes the
    same functions either way.
    """
    kernel = nnx.initializers.lecun_normal()(key, shape, dtype)
    return jnp.einsum("hwco,cr->hwro", kernel, OPPONENT_COLOURS.astype(dtype))


class Encoder(nnx.Module):
    """A picture in [-1, 1] to the mean and log-variance of its posterior."""

    def __init__(self, config: VAEConfig, *, dtype: DTypeLike = jnp.float32, rngs: nnx.Rngs):
        first, last = config.channels[0], config.channels[-1]
        self.stem = nnx.Conv(
            3, first, (3, 3), strides=2 if config.halve_first else 1, kernel_init=colour_init, dtype=dtype, rngs=rngs
        )
        self.stages: nnx.List[ResNetBlock | Downsample] = nnx.List()
        width = first
        for channels in config.channels:
            for _ in range(config.blocks):
                self.stages.append(ResNetBlock(width, channels, dtype=dtype, rngs=rngs))
                width = channels
            self.stages.append(Downsample(width, width, dtype=dtype, rngs=rngs))
        self.norm = nnx.GroupNorm(last, GROUPS, dtype=dtype, rngs=rngs)
        if config.latent == "spatial":
            self.head: nnx.Conv | nnx.Linear = nnx.Conv(last, 2 * config.latent_dim, (3, 3), dtype=dtype, rngs=rngs)
        else:
            features = (config.image_size // config.downsampling) ** 2 * last
            self.head = nnx.Linear(features, 2 * config.latent_dim, dtype=dtype, rngs=rngs)

    def __call__(self, x: Float[Array, "batch height width 3"]) -> Posterior:
        x = self.stem(x)
        for layer in self.stages:
            x = layer(x)
        x = nnx.silu(self.norm(x))
        if isinstance(self.head, nnx.Linear):
            x = x.reshape(x.shape[0], -1)
        mean, log_var = jnp.split(self.head(x).astype(jnp.float32), 2, axis=-1)
        return Posterior(mean, jnp.clip(log_var, *LOG_VAR_RANGE))


class Decoder(nnx.Module):
    """A latent to a picture in [0, 1]; the encoder's mirror image."""

    def __init__(self, config: VAEConfig, *, dtype: DTypeLike = jnp.float32, rngs: nnx.Rngs):
        first, last = config.channels[0], config.channels[-1]
        self.side = config.image_size // config.downsampling
        if config.latent == "spatial":
            self.head: nnx.Conv | nnx.Linear = nnx.Conv(config.latent_dim, last, (3, 3), dtype=dtype, rngs=rngs)
        else:
            self.head = nnx.Linear(config.latent_dim, self.side**2 * last, dtype=dtype, rngs=rngs)
        self.stages: nnx.List[ResNetBlock | Upsample] = nnx.List()
        width = last
        for channels in reversed(config.channels):
            self.stages.append(Upsample(width, channels, dtype=dtype, rngs=rngs))
            width = channels
            for _ in range(config.blocks):
                self.stages.append(ResNetBlock(width, channels, dtype=dtype, rngs=rngs))
        self.norm = nnx.GroupNorm(first, GROUPS, dtype=dtype, rngs=rngs)
        self.to_rgb = (
            Upsample(first, 3, dtype=dtype, rngs=rngs)
            if config.halve_first
            else nnx.Conv(first, 3, (3, 3), dtype=dtype, rngs=rngs)
        )

    def __call__(self, latent: Float[Array, "batch *latent"]) -> Float[Array, "batch height width 3"]:
        x = self.head(latent)
        if isinstance(self.head, nnx.Linear):
            x = x.reshape(x.shape[0], self.side, self.side, -1)
        for layer in self.stages:
            x = layer(x)
        x = self.to_rgb(nnx.silu(self.norm(x)))
        return nnx.sigmoid(x.astype(jnp.float32))


class VAE(nnx.Module):
    """The variational autoencoder.

    Args:
        config: the architecture.
        dtype: what the network computes in; parameters, latents and pictures are float32 whatever it is.
        rngs: draws the initial parameters.
    """

    def __init__(self, config: VAEConfig, *, dtype: DTypeLike = jnp.float32, rngs: nnx.Rngs):
        self.config = config
        self.encoder = Encoder(config, dtype=dtype, rngs=rngs)
        self.decoder = Decoder(config, dtype=dtype, rngs=rngs)

    def encode(self, images: Float[Array, "batch height width 3"]) -> Posterior:
        """The posterior of each picture; pixels in [0, 1], sides multiples of `config.downsampling`.

        A vector latent accepts only `config.image_size`.
        """
        return self.encoder(2 * images - 1)

    def decode(self, latent: Float[Array, "batch *latent"]) -> Float[Array, "batch height width 3"]:
        """The picture of each latent, pixels in [0, 1]."""
        return self.decoder(latent)

    def __call__(
        self, images: Float[Array, "batch height width 3"], key: PRNGKeyArray
    ) -> tuple[Float[Array, "batch height width 3"], Posterior, Float[Array, "batch *latent"]]:
        """The reconstruction from one posterior sample, the posterior, and the sample."""
        posterior = self.encode(images)
        latent = cast(Array, posterior.sample(key))  # which would be NumPy's only if the mean were
        return self.decode(latent), posterior, latent


@runtime_checkable
class Autoencoder(Protocol):
    """An `nnx.Module` of any kind that encodes and decodes."""

    def encode(self, images: Float[Array, "batch height width 3"]) -> Posterior:
        """The posterior of each picture, pixels in [0, 1]."""

    def decode(self, latent: Float[Array, "batch *latent"]) -> Float[Array, "batch height width 3"]:
        """The picture of each latent, pixels in [0, 1]."""


def compile_codec(
    vae: Autoencoder, compiler_options: dict[str, str] | None = None
) -> tuple[Callable[[AnyArray], Posterior], Callable[[AnyArray], Array]]:
    """`vae.encode` and `vae.decode`, compiled: each shape of input at its first use, in a second or two."""
    graph, state = nnx.split(vae)
    encode = jax.jit(lambda state, images: nnx.merge(graph, state).encode(images), compiler_options=compiler_options)
    decode = jax.jit(lambda state, latent: nnx.merge(graph, state).decode(latent), compiler_options=compiler_options)
    return partial(encode, state), partial(decode, state)
