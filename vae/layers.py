"""The three blocks that the encoder and the decoder are made of.

Pictures and features are channels-last: `Float[Array, "batch height width channels"]`.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from flax import nnx
from jax.typing import DTypeLike
from jaxtyping import Array, Float

GROUPS = 8  # GroupNorm groups, everywhere
CHANNELS_LAST = ("NHWC", "HWIO", "NHWC")  # of a convolution's input, kernel and output


class ResNetBlock(nnx.Module):
    """GroupNorm -> SiLU -> 3x3 convolution, twice, added to the input.

    The pre-activation order of He et al. 2016 (https://arxiv.org/abs/1603.05027) with GroupNorm (Wu & He 2018).
    Where the number of channels changes, the skip is a 1x1 convolution.

    Raises:
        ValueError: a channel count is not a multiple of 8, the number of groups.
    """

    def __init__(self, in_channels: int, out_channels: int, *, dtype: DTypeLike = jnp.float32, rngs: nnx.Rngs):
        self.norm1 = nnx.GroupNorm(in_channels, GROUPS, dtype=dtype, rngs=rngs)
        self.conv1 = nnx.Conv(in_channels, out_channels, (3, 3), dtype=dtype, rngs=rngs)
        self.norm2 = nnx.GroupNorm(out_channels, GROUPS, dtype=dtype, rngs=rngs)
        self.conv2 = nnx.Conv(out_channels, out_channels, (3, 3), dtype=dtype, rngs=rngs)
        self.skip = (
            nnx.Conv(in_channels, out_channels, (1, 1), use_bias=False, dtype=dtype, rngs=rngs)
            if in_channels != out_channels
            else None
        )

    def __call__(self, x: Float[Array, "b h w in_channels"]) -> Float[Array, "b h w out_channels"]:
        h = self.conv1(nnx.silu(self.norm1(x)))
        h = self.conv2(nnx.silu(self.norm2(h)))
        return h + (x if self.skip is None else self.skip(x))


class Downsample(nnx.Module):
    """Halves the resolution: a 3x3 convolution with stride 2 (`halving_conv`)."""

    def __init__(self, in_channels: int, out_channels: int, *, dtype: DTypeLike = jnp.float32, rngs: nnx.Rngs):
        self.conv = nnx.Conv(in_channels, out_channels, (3, 3), strides=2, dtype=dtype, rngs=rngs)

    def __call__(self, x: Float[Array, "b h w in_channels"]) -> Float[Array, "b h//2 w//2 out_channels"]:
        assert self.conv.bias is not None  # convolutions have one unless told otherwise
        numbers = x, self.conv.kernel[...], self.conv.bias[...]
        x, kernel, bias = self.conv.promote_dtype(numbers, dtype=self.conv.dtype)
        return halving_conv(x, kernel) + bias


@jax.custom_vjp
def halving_conv(
    x: Float[Array, "b h w in_channels"], kernel: Float[Array, "3 3 in_channels out_channels"]
) -> Float[Array, "b h//2 w//2 out_channels"]:
    """A 3x3 convolution with stride 2; height and width are even, and padded by one at their ends.

    Its gradients are taken of the same convolution written over squares of 2x2 pixels: XLA:CPU computes the input
    gradient of a strided convolution ten times slower than that of a dense one.
    """
    return jax.lax.conv_general_dilated(x, kernel, (2, 2), "SAME", dimension_numbers=CHANNELS_LAST)


def _halving_conv_over_squares(x: Array, kernel: Array) -> Array:
    channels, out_channels = kernel.shape[2:]
    kernel = jnp.pad(kernel, ((0, 1), (0, 1), (0, 0), (0, 0))).reshape(1, 4, 4, channels * out_channels)
    kernel = space_to_depth(kernel).reshape(2, 2, 4 * channels, out_channels)
    padding = ((0, 1), (0, 1))
    return jax.lax.conv_general_dilated(space_to_depth(x), kernel, (1, 1), padding, dimension_numbers=CHANNELS_LAST)


halving_conv.defvjp(
    lambda x, kernel: (halving_conv(x, kernel), (x, kernel)),
    lambda inputs, gradient: jax.vjp(_halving_conv_over_squares, *inputs)[1](gradient),
)


class Upsample(nnx.Module):
    """Doubles the resolution: a 3x3 convolution to 4C channels, then depth-to-space (sub-pixel convolution).

    Shi et al. 2016, https://arxiv.org/abs/1609.05158. It spans every stride-2 transposed convolution with a kernel of
    3 or 4 (`upsample_kernel_from_conv_transpose`), whose own weight gradient XLA computes many times slower.
    """

    def __init__(self, in_channels: int, out_channels: int, *, dtype: DTypeLike = jnp.float32, rngs: nnx.Rngs):
        self.conv = nnx.Conv(in_channels, 4 * out_channels, (3, 3), dtype=dtype, rngs=rngs)

    def __call__(self, x: Float[Array, "b h w in_channels"]) -> Float[Array, "b 2*h 2*w out_channels"]:
        return depth_to_space(self.conv(x))


def depth_to_space(x: Float[Array, "b h w channels"]) -> Float[Array, "b 2*h 2*w channels//4"]:
    """Spreads 4C channels over a 2x2 square of pixels; channel `(2 * row + column) * C + c` goes to (row, column)."""
    batch, height, width, channels = x.shape
    x = x.reshape(batch, height, width, 2, 2, channels // 4)
    return x.transpose(0, 1, 3, 2, 4, 5).reshape(batch, 2 * height, 2 * width, channels // 4)


def space_to_depth(x: Float[Array, "b h w channels"]) -> Float[Array, "b h//2 w//2 4*channels"]:
    """Gathers each 2x2 square of pixels into channels: the inverse of `depth_to_space`."""
    batch, height, width, channels = x.shape
    x = x.reshape(batch, height // 2, 2, width // 2, 2, channels)
    return x.transpose(0, 1, 3, 2, 4, 5).reshape(batch, height // 2, width // 2, 4 * channels)


def upsample_kernel_from_conv_transpose(
    kernel: Float[Array, "height width in_channels out_channels"],
) -> Float[Array, "3 3 in_channels 4*out_channels"]:
    """The `Upsample` kernel that computes what `nnx.ConvTranspose(strides=2, padding="SAME")` does with this one.

    Output pixel `2p + r` (r = 0, 1) of the transposed convolution sums `kernel[k] * x[p + (r + k) / 2 - 1]` over the
    taps k with the parity of r, so tap k of phase r is tap `(r + k) / 2` of a 3-tap convolution; the same along both
    axes. The bias of phase r is the transposed convolution's own: `jnp.tile(bias, 4)`.

    Raises:
        ValueError: the kernel is not square with side 3 or 4.
    """
    side = kernel.shape[0]
    if kernel.shape[1] != side or side not in (3, 4):
        raise ValueError(f"kernel must be 3x3 or 4x4, not {kernel.shape[0]}x{kernel.shape[1]}")
    in_channels, out_channels = kernel.shape[2:]
    upsample = jnp.zeros((3, 3, in_channels, 2, 2, out_channels), kernel.dtype)
    for row in range(side):
        for column in range(side):
            row_phase, column_phase = row % 2, column % 2
            tap = ((row_phase + row) // 2, (column_phase + column) // 2)
            upsample = upsample.at[*tap, :, row_phase, column_phase].set(kernel[row, column])
    return jax.lax.collapse(upsample, 3)
