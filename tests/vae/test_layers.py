"""The blocks compute what their docstrings say, checked against independent implementations."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from numpy.testing import assert_allclose
from scipy.signal import correlate

from vae.layers import Downsample, ResNetBlock, Upsample, depth_to_space, upsample_kernel_from_conv_transpose

pytestmark = pytest.mark.usefixtures("quick_compiling")


@pytest.mark.parametrize("side", [3, 4])
def test_upsample_equals_transposed_convolution(side):
    transposed = nnx.ConvTranspose(6, 5, (side, side), strides=2, padding="SAME", rngs=nnx.Rngs(0))
    transposed.bias[...] = jnp.arange(5.0)
    upsample = Upsample(6, 5, rngs=nnx.Rngs(1))
    upsample.conv.kernel[...] = upsample_kernel_from_conv_transpose(transposed.kernel[...])
    upsample.conv.bias[...] = jnp.tile(transposed.bias[...], 4)
    x = jax.random.normal(jax.random.key(2), (2, 5, 8, 6))

    assert_allclose(upsample(x), transposed(x), atol=1e-5)


@pytest.mark.parametrize("shape", [(2, 2, 1, 1), (5, 5, 1, 1), (3, 4, 1, 1)])
def test_kernels_that_upsample_cannot_express_are_refused(shape):
    with pytest.raises(ValueError, match=f"3x3 or 4x4, not {shape[0]}x{shape[1]}"):
        upsample_kernel_from_conv_transpose(jnp.zeros(shape))


def test_depth_to_space_spreads_channels_over_two_by_two_pixels():
    batch, height, width, channels = 2, 3, 4, 5
    x = np.arange(batch * height * width * 4 * channels, dtype=np.float32).reshape(batch, height, width, 4 * channels)

    y = np.asarray(depth_to_space(jnp.asarray(x)))

    assert y.shape == (batch, 2 * height, 2 * width, channels)
    for row in range(2):
        for column in range(2):
            first = (2 * row + column) * channels
            np.testing.assert_array_equal(y[:, row::2, column::2], x[..., first : first + channels])


def test_downsample_and_its_gradients_are_those_of_a_strided_convolution():
    block = Downsample(8, 16, rngs=nnx.Rngs(0))
    block.conv.bias[...] = jnp.arange(16.0)
    graph, parameters = nnx.split(block)
    x, weight = (jax.random.normal(jax.random.key(k), shape) for k, shape in enumerate([(2, 6, 4, 8), (2, 3, 2, 16)]))

    def outcome(run):
        """The output, and the gradients of a weighted sum of it by the parameters and the input."""

        def total(parameters, x):
            y = run(nnx.merge(graph, parameters), x)
            return jnp.sum(weight * y), y

        return jax.grad(total, argnums=(0, 1), has_aux=True)(parameters, x)

    found, expected = outcome(lambda block, x: block(x)), outcome(lambda block, x: block.conv(x))

    jax.tree.map(lambda a, b: assert_allclose(a, b, atol=1e-5), found, expected)


@pytest.mark.parametrize(("in_channels", "out_channels"), [(16, 16), (16, 24)])
def test_resnet_block_follows_its_definition(in_channels, out_channels):
    block = ResNetBlock(in_channels, out_channels, rngs=nnx.Rngs(0))
    randomise(block)
    x = np.random.default_rng(1).normal(size=(2, 5, 6, in_channels)) * 3 + 1

    h = convolve(silu(group_norm(x, block.norm1)), block.conv1)
    h = convolve(silu(group_norm(h, block.norm2)), block.conv2)
    expected = h + (x if in_channels == out_channels else convolve(x, block.skip))

    assert_allclose(block(jnp.asarray(x, jnp.float32)), expected, rtol=1e-4, atol=1e-4)


def test_resnet_block_shares_nothing():
    """Two blocks, and the two halves of one, have parameters of their own."""
    blocks = nnx.List([ResNetBlock(16, 16, rngs=(rngs := nnx.Rngs(0))), ResNetBlock(16, 16, rngs=rngs)])

    state = nnx.to_flat_state(nnx.state(blocks))

    assert len(state) == 2 * 2 * (
        2 + 2
    )  # blocks x halves x (scale and bias of a norm, kernel and bias of a convolution)
    kernels = [np.asarray(variable[...]) for path, variable in state if path[-1] == "kernel"]
    assert len(kernels) == 4
    assert len({kernel.tobytes() for kernel in kernels}) == 4


def test_channels_that_do_not_fit_the_groups_are_refused():
    with pytest.raises(ValueError, match="8"):
        ResNetBlock(12, 16, rngs=nnx.Rngs(0))


def randomise(module):
    """Gives every parameter, biases and scales too, a value that a mistake would show in."""
    generator = np.random.default_rng(0)
    for _, variable in nnx.to_flat_state(nnx.state(module)):
        noise = generator.normal(size=variable.shape).astype(np.float32)
        variable[...] = variable[...] + 0.3 * noise


def group_norm(x, norm, groups=8):
    grouped = x.reshape(*x.shape[:3], groups, -1)
    mean = grouped.mean(axis=(1, 2, 4), keepdims=True)
    variance = grouped.var(axis=(1, 2, 4), keepdims=True)
    normalised = ((grouped - mean) / np.sqrt(variance + 1e-6)).reshape(x.shape)
    return normalised * np.asarray(norm.scale[...]) + np.asarray(norm.bias[...])


def silu(x):
    return x / (1 + np.exp(-x))


def convolve(x, conv):
    """A "same" convolution, as nets mean it, one picture and one output channel at a time."""
    kernel = np.asarray(conv.kernel[...], np.float64)
    margin = kernel.shape[0] // 2
    padded = np.pad(x, [(0, 0), (margin, margin), (margin, margin), (0, 0)])
    channels = [
        np.stack([correlate(picture, kernel[..., c], mode="valid")[..., 0] for picture in padded])
        for c in range(kernel.shape[-1])
    ]
    bias = 0 if conv.bias is None else np.asarray(conv.bias[...])
    return np.stack(channels, axis=-1) + bias
