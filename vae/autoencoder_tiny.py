"""diffusers' `AutoencoderTiny`: TAESD and its kin, by Ollin Boer Bohan (https://github.com/madebyollin/taesd).

Small networks, distilled from large autoencoders, that share the latents of Stable Diffusion (TAESD, TAESDXL, TAESD3)
or FLUX (TAEF1, TAEF2): a thirtieth of the parameters, and no norms except in TAEF2. The encoder gives no variance.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from vae.diffusers import Fields, UpsampledConv, conv, load, tensor_names
from vae.latent import Posterior

POOL_GROUPS = 4  # GroupNorm groups of a `pool`
LATENT_LIMIT = 3.0  # the decoder squashes latents into (-3, 3)

Layer = Callable[[Array], Array]  # a module or a function


@dataclass(frozen=True)
class TinyConfig:
    """What of a `config.json` makes a difference, under diffusers' names.

    Attributes:
        channels: of every layer inside; `encoder_block_out_channels` and `decoder_block_out_channels` there.
        num_encoder_blocks, num_decoder_blocks: of each stage; between stages, the resolution halves or doubles.
        latent_channels, scaling_factor, shift_factor: of the latents that the diffusion model sees.
    """

    channels: int
    num_encoder_blocks: tuple[int, ...]
    num_decoder_blocks: tuple[int, ...]
    latent_channels: int
    scaling_factor: float
    shift_factor: float

    kind: ClassVar[str] = "autoencoder-tiny"
    has_variance: ClassVar[bool] = False
    class_name: ClassVar[str] = "AutoencoderTiny"
    sample_size: ClassVar[int] = 256  # side of the pictures that it was trained on; not recorded

    @property
    def downsampling(self) -> int:
        """How many times smaller than the picture the latent is, along each side."""
        return 2 ** (len(self.num_encoder_blocks) - 1)

    @property
    def granularity(self) -> int:
        """The sides of pictures are multiples of this, in pixels."""
        return self.downsampling

    @classmethod
    def read(cls, content: dict) -> TinyConfig:
        """From a `config.json`, whatever it holds.

        Raises:
            ValueError: naming the field, what it holds and what is accepted.
        """
        fields = Fields(content)
        for name, accepted in {
            "in_channels": 3,
            "out_channels": 3,
            "act_fn": "relu",
            "upsample_fn": "nearest",
            "upsampling_scaling_factor": 2,
        }.items():
            fields.only(name, accepted)
        encoder_blocks = fields.wholes("num_encoder_blocks", (1, 3, 3, 3), low=0, high=32, most=8)
        decoder_blocks = fields.wholes("num_decoder_blocks", (3, 3, 3, 1), low=0, high=32, most=8)
        if len(encoder_blocks) != len(decoder_blocks):
            raise ValueError(
                f"num_encoder_blocks is {encoder_blocks}, num_decoder_blocks is {decoder_blocks}; "
                "accepted: as many stages in both"
            )
        widths = [
            fields.wholes(name, (64, 64, 64, 64), low=1, high=4096, most=8)
            for name in ("encoder_block_out_channels", "decoder_block_out_channels")
        ]
        if any(len(width) != len(encoder_blocks) for width in widths) or len({*widths[0], *widths[1]}) > 1:
            raise ValueError(
                f"encoder_block_out_channels is {widths[0]}, decoder_block_out_channels is {widths[1]}; "
                f"accepted: one number for each of the {len(encoder_blocks)} stages, the same throughout"
            )
        return cls(
            channels=widths[0][0],
            num_encoder_blocks=encoder_blocks,
            num_decoder_blocks=decoder_blocks,
            latent_channels=fields.whole("latent_channels", 4, low=1, high=512),
            scaling_factor=fields.number("scaling_factor", 1.0, low=1e-3, high=1e3),
            shift_factor=fields.number("shift_factor", 0.0, low=-1e3, high=1e3),
        )


class AutoencoderTiny(nnx.Module):
    """The autoencoder.

    Args:
        config: the architecture.
        pool: whether the blocks of the lowest resolution see the whole picture, as TAEF2's do.
    """

    def __init__(self, config: TinyConfig, pool: bool = False):
        self.config = config
        self.encoder, self.decoder = Encoder(config, pool), Decoder(config, pool)

    def encode(self, images: Float[Array, "batch height width 3"]) -> Posterior:
        """The latent of each picture, without variance; pixels in [0, 1], sides multiples of `config.downsampling`."""
        config = self.config
        return Posterior((self.encoder(images) - config.shift_factor) * config.scaling_factor, None)

    def decode(self, latent: Float[Array, "batch *latent"]) -> Float[Array, "batch height width 3"]:
        """The picture of each latent, pixels in [0, 1]."""
        latent = latent / self.config.scaling_factor + self.config.shift_factor
        return jnp.clip(self.decoder(latent), 0, 1)


class Encoder(nnx.Module):
    """A picture in [0, 1] to its latent.

    `layers` are numbered as in diffusers, where those without parameters count, too.
    """

    def __init__(self, config: TinyConfig, pool: bool):
        channels, stages = config.channels, len(config.num_encoder_blocks)
        layers: list[Layer] = []
        for stage, blocks in enumerate(config.num_encoder_blocks):
            layers.append(conv(channels, channels, stride=2, use_bias=False) if stage else conv(3, channels))
            layers += [Block(channels, pool and stage == stages - 1) for _ in range(blocks)]
        self.layers: nnx.List[Layer] = nnx.List([*layers, conv(channels, config.latent_channels)])

    def __call__(self, x: Float[Array, "batch height width 3"]) -> Float[Array, "batch *latent"]:
        for layer in self.layers:
            x = layer(x)
        return x


class Decoder(nnx.Module):
    """A latent to its picture, mostly in [0, 1]; numbered like the encoder."""

    def __init__(self, config: TinyConfig, pool: bool):
        channels, last = config.channels, len(config.num_decoder_blocks) - 1
        layers: list[Layer] = [conv(config.latent_channels, channels), nnx.relu]
        for stage, blocks in enumerate(config.num_decoder_blocks):
            layers += [Block(channels, pool and stage == 0) for _ in range(blocks)]
            if stage < last:  # in diffusers, the upsampling is a layer of its own
                layers += [_same, UpsampledConv(channels, channels, use_bias=False)]
        self.layers: nnx.List[Layer] = nnx.List([*layers, conv(channels, 3)])

    def __call__(self, x: Float[Array, "batch *latent"]) -> Float[Array, "batch height width 3"]:
        x = LATENT_LIMIT * jnp.tanh(x / LATENT_LIMIT)
        for layer in self.layers:
            x = layer(x)
        return x


def _same(x: Array) -> Array:
    return x


class Block(nnx.Module):
    """Three convolutions with ReLU between them, added to the input, and a ReLU.

    With `pool`, first adds a small network with a norm over the whole picture: the brightness and colour of a place in
    FLUX.2's latents depend on all the others.
    """

    def __init__(self, channels: int, pool: bool = False):
        convs = [conv(channels, channels) for _ in range(3)]
        self.conv: nnx.List[Layer] = nnx.List([convs[0], nnx.relu, convs[1], nnx.relu, convs[2]])
        self.pool: nnx.List[Layer] = nnx.List(
            [
                conv(channels, 4 * channels, size=1, use_bias=False),
                nnx.GroupNorm(4 * channels, POOL_GROUPS, epsilon=1e-5, use_fast_variance=False, rngs=nnx.Rngs(0)),
                nnx.relu,
                conv(4 * channels, channels, size=1, use_bias=False),
            ]
            if pool
            else []
        )

    def __call__(self, x: Float[Array, "b h w channels"]) -> Float[Array, "b h w channels"]:
        if self.pool:
            h = x
            for layer in self.pool:
                h = layer(h)
            x = x + h
        h = x
        for layer in self.conv:
            h = layer(h)
        return nnx.relu(x + h)


def load_tiny(config: TinyConfig, folder: Path | str) -> AutoencoderTiny:
    """The autoencoder of a folder. Its config says nothing of pools; the names of its tensors do.

    Raises:
        ModelFolderError: as for `vae.diffusers.load`.
    """
    pool = any(".pool." in name for name in tensor_names(folder))
    return load(nnx.eval_shape(lambda: AutoencoderTiny(config, pool)), folder)
