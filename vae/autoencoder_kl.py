"""diffusers' `AutoencoderKL`: the autoencoder of latent diffusion models.

Rombach et al. 2022, "High-Resolution Image Synthesis with Latent Diffusion Models", https://arxiv.org/abs/2112.10752:
the one of Stable Diffusion 1, 2, XL and 3 and of FLUX.1. `AutoencoderKLFlux2` is FLUX.2's, whose latents are
standardised over squares of 2x2.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import ClassVar

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from vae.checkpoint import CLASS_NAME
from vae.diffusers import Fields, UpsampledConv, conv, load
from vae.latent import Posterior
from vae.model import LOG_VAR_RANGE

EPSILON = 1e-6  # of every norm
PATCH = 2  # side of the squares over which FLUX.2's latents are standardised


@dataclass(frozen=True)
class KLConfig:
    """What of a `config.json` makes a difference, under diffusers' names.

    Attributes:
        class_name: "AutoencoderKL" or "AutoencoderKLFlux2".
        block_out_channels, decoder_block_out_channels: of each stage, the finest first; between stages, the resolution
            halves or doubles.
        layers_per_block: ResNet blocks in a stage of the encoder; the decoder's have one more.
        latent_channels: numbers in each place of the latent.
        norm_num_groups: of every GroupNorm.
        sample_size: side of the pictures that it was trained on, in pixels.
        scaling_factor, shift_factor, latents_mean, latents_std: from the encoder's latents to those that the diffusion
            model sees, whose variance is about 1. Mean and deviation of each channel stand in for the shift where both
            are there.
        use_quant_conv, use_post_quant_conv: whether a 1x1 convolution follows the encoder, precedes the decoder.
        mid_block_add_attention: whether places attend to each other at the lowest resolution.
        batch_norm_eps: FLUX.2 standardises each number of a 2x2 square by the statistics of a batch norm, with this
            added to the variance; None for all others.
    """

    class_name: str
    block_out_channels: tuple[int, ...]
    decoder_block_out_channels: tuple[int, ...]
    layers_per_block: int
    latent_channels: int
    norm_num_groups: int
    sample_size: int
    scaling_factor: float
    shift_factor: float | None
    latents_mean: tuple[float, ...] | None
    latents_std: tuple[float, ...] | None
    use_quant_conv: bool
    use_post_quant_conv: bool
    mid_block_add_attention: bool
    batch_norm_eps: float | None

    kind: ClassVar[str] = "autoencoder-kl"
    has_variance: ClassVar[bool] = True

    @property
    def downsampling(self) -> int:
        """How many times smaller than the picture the latent is, along each side."""
        return 2 ** (len(self.block_out_channels) - 1)

    @property
    def granularity(self) -> int:
        """The sides of pictures are multiples of this, in pixels."""
        return self.downsampling * (1 if self.batch_norm_eps is None else PATCH)

    @classmethod
    def read(cls, content: dict) -> KLConfig:
        """From a `config.json`, whatever it holds.

        Raises:
            ValueError: naming the field, what it holds and what is accepted.
        """
        fields, flux2 = Fields(content), content[CLASS_NAME] == "AutoencoderKLFlux2"
        fields.only("in_channels", 3)
        fields.only("out_channels", 3)
        fields.only("act_fn", "silu")
        fields.only("patch_size", [PATCH, PATCH])
        default = (128, 256, 512, 512) if flux2 else (64,)
        channels = fields.wholes("block_out_channels", default, low=1, high=4096, most=8)
        decoder_channels = channels
        if content.get("decoder_block_out_channels") is not None:
            decoder_channels = fields.wholes("decoder_block_out_channels", channels, low=1, high=4096, most=8)
        if len(decoder_channels) != len(channels):
            raise ValueError(f"decoder_block_out_channels is {decoder_channels}; accepted: {len(channels)} numbers")
        groups = fields.whole("norm_num_groups", 32, low=1, high=4096)
        for name, widths in {"block_out_channels": channels, "decoder_block_out_channels": decoder_channels}.items():
            if any(width % groups for width in widths):
                raise ValueError(f"{name} is {widths}; accepted: multiples of norm_num_groups, {groups}")
        fields.only("down_block_types", ["DownEncoderBlock2D"] * len(channels))
        fields.only("up_block_types", ["UpDecoderBlock2D"] * len(channels))
        latent_channels = fields.whole("latent_channels", 32 if flux2 else 4, low=1, high=512)
        return cls(
            class_name=content[CLASS_NAME],
            block_out_channels=channels,
            decoder_block_out_channels=decoder_channels,
            layers_per_block=fields.whole("layers_per_block", 2 if flux2 else 1, low=1, high=32),
            latent_channels=latent_channels,
            norm_num_groups=groups,
            sample_size=fields.side("sample_size", 1024 if flux2 else 256, low=1, high=1 << 16),
            scaling_factor=1.0 if flux2 else fields.number("scaling_factor", 0.18215, low=1e-3, high=1e3),
            shift_factor=fields.number("shift_factor", None, low=-1e3, high=1e3),
            latents_mean=fields.numbers("latents_mean", latent_channels, low=-1e3, high=1e3),
            latents_std=fields.numbers("latents_std", latent_channels, low=1e-3, high=1e3),
            use_quant_conv=fields.flag("use_quant_conv", True),
            use_post_quant_conv=fields.flag("use_post_quant_conv", True),
            mid_block_add_attention=fields.flag("mid_block_add_attention", True),
            batch_norm_eps=fields.number("batch_norm_eps", 1e-4, low=0.0, high=1.0) if flux2 else None,
        )


class AutoencoderKL(nnx.Module):
    """The autoencoder. Its latents are those that the diffusion model sees: their variance is about 1."""

    def __init__(self, config: KLConfig):
        self.config = config
        channels = config.latent_channels
        self.encoder, self.decoder = Encoder(config), Decoder(config)
        self.quant_conv = conv(2 * channels, 2 * channels, size=1) if config.use_quant_conv else None
        self.post_quant_conv = conv(channels, channels, size=1) if config.use_post_quant_conv else None
        self.bn = None if config.batch_norm_eps is None else BatchStatistics(PATCH**2 * channels)

    def encode(self, images: Float[Array, "batch height width 3"]) -> Posterior:
        """The posterior of each picture; pixels in [0, 1], sides multiples of `config.granularity`."""
        moments = self.encoder(2 * images - 1)
        if self.quant_conv is not None:
            moments = self.quant_conv(moments)
        mean, log_var = jnp.split(moments, 2, axis=-1)
        offset, deviation = self._statistics(mean)
        return Posterior((mean - offset) / deviation, jnp.clip(log_var, *LOG_VAR_RANGE) - 2 * jnp.log(deviation))

    def decode(self, latent: Float[Array, "batch *latent"]) -> Float[Array, "batch height width 3"]:
        """The picture of each latent, pixels in [0, 1]."""
        offset, deviation = self._statistics(latent)
        latent = latent * deviation + offset
        if self.post_quant_conv is not None:
            latent = self.post_quant_conv(latent)
        return jnp.clip((self.decoder(latent) + 1) / 2, 0, 1)

    def _statistics(self, latent: Float[Array, "batch h w channels"]) -> tuple[Array | float, Array | float]:
        """Mean and deviation of the encoder's latents over pictures, which broadcast against them."""
        config = self.config
        if self.bn is not None:
            assert config.batch_norm_eps is not None  # it is what says that there are statistics
            variance = self.bn.running_var[...] + config.batch_norm_eps
            return _over_squares(self.bn.running_mean[...], latent), _over_squares(jnp.sqrt(variance), latent)
        if config.latents_mean is not None and config.latents_std is not None:
            return jnp.array(config.latents_mean), jnp.array(config.latents_std) / config.scaling_factor
        return config.shift_factor or 0.0, 1 / config.scaling_factor


def _over_squares(
    statistics: Float[Array, " size"], latent: Float[Array, "batch h w channels"]
) -> Float[Array, "h w channels"]:
    """Statistics of each number of a square, (channels, rows, columns) flattened, laid out over a latent."""
    _, height, width, channels = latent.shape
    square = statistics.reshape(channels, PATCH, PATCH).transpose(1, 2, 0)
    return jnp.tile(square, (height // PATCH, width // PATCH, 1))


class BatchStatistics(nnx.Module):
    """What a batch norm without scale and bias has learnt; the count of batches comes with it and is not used."""

    def __init__(self, size: int):
        self.running_mean = nnx.BatchStat(jnp.zeros(size))
        self.running_var = nnx.BatchStat(jnp.ones(size))
        self.num_batches_tracked = nnx.BatchStat(jnp.zeros(()))


class Encoder(nnx.Module):
    """A picture in [-1, 1] to mean and log-variance, one after the other in the last axis."""

    def __init__(self, config: KLConfig):
        widths, groups = config.block_out_channels, config.norm_num_groups
        self.conv_in = conv(3, widths[0])
        self.down_blocks: nnx.List[DownBlock] = nnx.List([])
        for stage, (before, width) in enumerate(pairwise((widths[0], *widths))):
            last = stage == len(widths) - 1
            self.down_blocks.append(DownBlock(before, width, config.layers_per_block, groups, halve=not last))
        self.mid_block = MidBlock(widths[-1], groups, config.mid_block_add_attention)
        self.conv_norm_out = norm(widths[-1], groups)
        self.conv_out = conv(widths[-1], 2 * config.latent_channels)

    def __call__(self, x: Float[Array, "batch height width 3"]) -> Float[Array, "batch h w moments"]:
        x = self.conv_in(x)
        for block in self.down_blocks:
            x = block(x)
        return self.conv_out(nnx.silu(self.conv_norm_out(self.mid_block(x))))


class Decoder(nnx.Module):
    """A latent to its picture, mostly in [-1, 1]; the encoder's mirror image."""

    def __init__(self, config: KLConfig):
        widths, groups = config.decoder_block_out_channels[::-1], config.norm_num_groups
        self.conv_in = conv(config.latent_channels, widths[0])
        self.mid_block = MidBlock(widths[0], groups, config.mid_block_add_attention)
        self.up_blocks: nnx.List[UpBlock] = nnx.List([])
        for stage, (before, width) in enumerate(pairwise((widths[0], *widths))):
            last = stage == len(widths) - 1
            self.up_blocks.append(UpBlock(before, width, config.layers_per_block + 1, groups, double=not last))
        self.conv_norm_out = norm(widths[-1], groups)
        self.conv_out = conv(widths[-1], 3)

    def __call__(self, x: Float[Array, "batch *latent"]) -> Float[Array, "batch height width 3"]:
        x = self.mid_block(self.conv_in(x))
        for block in self.up_blocks:
            x = block(x)
        return self.conv_out(nnx.silu(self.conv_norm_out(x)))


class DownBlock(nnx.Module):
    """ResNet blocks, then half the resolution, except in the last."""

    def __init__(self, in_channels: int, out_channels: int, count: int, groups: int, halve: bool):
        self.resnets = nnx.List(resnets(in_channels, out_channels, count, groups))
        self.downsamplers = nnx.List([Downsample(out_channels)] if halve else [])

    def __call__(self, x: Float[Array, "b h w in_channels"]) -> Array:
        for layer in (*self.resnets, *self.downsamplers):
            x = layer(x)
        return x


class UpBlock(nnx.Module):
    """ResNet blocks, then twice the resolution, except in the last."""

    def __init__(self, in_channels: int, out_channels: int, count: int, groups: int, double: bool):
        self.resnets = nnx.List(resnets(in_channels, out_channels, count, groups))
        self.upsamplers = nnx.List([Upsample(out_channels)] if double else [])

    def __call__(self, x: Float[Array, "b h w in_channels"]) -> Array:
        for layer in (*self.resnets, *self.upsamplers):
            x = layer(x)
        return x


class MidBlock(nnx.Module):
    """The lowest resolution: two ResNet blocks, between them attention."""

    def __init__(self, channels: int, groups: int, attend: bool):
        self.resnets = nnx.List(resnets(channels, channels, 2, groups))
        self.attentions = nnx.List([Attention(channels, groups)] if attend else [])

    def __call__(self, x: Float[Array, "b h w channels"]) -> Float[Array, "b h w channels"]:
        for layer in (self.resnets[0], *self.attentions, self.resnets[1]):
            x = layer(x)
        return x


class ResnetBlock(nnx.Module):
    """GroupNorm -> SiLU -> 3x3 convolution, twice, added to the input; 1x1 where the channels change."""

    def __init__(self, in_channels: int, out_channels: int, groups: int):
        self.norm1, self.conv1 = norm(in_channels, groups), conv(in_channels, out_channels)
        self.norm2, self.conv2 = norm(out_channels, groups), conv(out_channels, out_channels)
        self.conv_shortcut = conv(in_channels, out_channels, size=1) if in_channels != out_channels else None

    def __call__(self, x: Float[Array, "b h w in_channels"]) -> Float[Array, "b h w out_channels"]:
        h = self.conv1(nnx.silu(self.norm1(x)))
        h = self.conv2(nnx.silu(self.norm2(h)))
        return h + (x if self.conv_shortcut is None else self.conv_shortcut(x))


class Attention(nnx.Module):
    """Every place attends to every other, with one head (Vaswani et al. 2017, equation 1), added to the input."""

    def __init__(self, channels: int, groups: int):
        self.group_norm = norm(channels, groups)
        self.to_q, self.to_k, self.to_v, to_out = (nnx.Linear(channels, channels, rngs=nnx.Rngs(0)) for _ in range(4))
        self.to_out = nnx.List([to_out])

    def __call__(self, x: Float[Array, "b h w channels"]) -> Float[Array, "b h w channels"]:
        places = self.group_norm(x).reshape(x.shape[0], -1, 1, x.shape[-1])
        attended = jax.nn.dot_product_attention(self.to_q(places), self.to_k(places), self.to_v(places))
        return x + self.to_out[0](attended).reshape(x.shape)


class Downsample(nnx.Module):
    """Half the resolution by a 3x3 convolution with stride 2, padded at the right and the lower end alone."""

    def __init__(self, channels: int):
        self.conv = nnx.Conv(channels, channels, (3, 3), 2, padding=[(0, 1), (0, 1)], rngs=nnx.Rngs(0))

    def __call__(self, x: Float[Array, "b h w channels"]) -> Float[Array, "b h//2 w//2 channels"]:
        return self.conv(x)


class Upsample(nnx.Module):
    """Twice the resolution: nearest neighbours, then a 3x3 convolution."""

    def __init__(self, channels: int):
        self.conv = UpsampledConv(channels, channels)

    def __call__(self, x: Float[Array, "b h w channels"]) -> Float[Array, "b 2*h 2*w channels"]:
        return self.conv(x)


def resnets(in_channels: int, out_channels: int, count: int, groups: int) -> list[ResnetBlock]:
    """So many ResNet blocks, of which the first changes the number of channels."""
    widths = [in_channels, *[out_channels] * count]
    return [ResnetBlock(before, after, groups) for before, after in pairwise(widths)]


def norm(channels: int, groups: int) -> nnx.GroupNorm:
    """The norm that is used throughout; its variance is that of differences from the mean, which may be large."""
    return nnx.GroupNorm(channels, groups, epsilon=EPSILON, use_fast_variance=False, rngs=nnx.Rngs(0))


def load_kl(config: KLConfig, folder: Path | str) -> AutoencoderKL:
    """The autoencoder of a folder.

    Raises:
        ModelFolderError: as for `vae.diffusers.load`.
    """
    return load(nnx.eval_shape(lambda: AutoencoderKL(config)), folder)
