"""`python -m train export --format onnx`: a model's encoder and decoder as ONNX files, for runtimes without Python.

encoder.onnx    picture (batch, height, width, 3) in [0, 1] -> mean, log_var (batch, *latent)
decoder.onnx    latent (batch, *latent) -> picture (batch, height, width, 3) in [0, 1]

All is float32, and channels-last outside, as everywhere here; inside, channels come first, as runtimes' kernels are.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import numpy as np

from train.run import TrainError
from vae.checkpoint import CONV_VAE, load_model, parameters
from vae.codec import describe
from vae.layers import GROUPS
from vae.model import LOG_VAR_RANGE, VAE, VAEConfig

try:
    from onnx import NodeProto, TensorProto, helper, numpy_helper
except ImportError:
    raise TrainError("The package onnx is missing. Install it: pip install -r requirements-onnx.txt") from None

NORM_EPSILON = 1e-6  # nnx.GroupNorm's
OPSET, IR_VERSION = 17, 9


def run_export(arguments: argparse.Namespace) -> None:
    """`python -m train export`."""
    kind = describe(arguments.model).kind
    if kind != CONV_VAE:
        raise TrainError(f"{arguments.model} is of kind {kind!r}; only models that `train fit` made are exported.")
    vae = load_model(arguments.model)
    out: Path = arguments.out or arguments.model
    out.mkdir(parents=True, exist_ok=True)
    for name, content in (("encoder.onnx", encoder(vae)), ("decoder.onnx", decoder(vae))):
        beside = out / f"{name}.tmp"
        beside.write_bytes(content)
        os.replace(beside, out / name)
        print(f"{out / name}: {len(content) / 1e6:,.1f} MB")


class Graph:
    """Nodes in their order, and the tensors that they use; each method adds some and returns its output's name."""

    def __init__(self, values: dict[str, np.ndarray]):
        self.values = values
        self.nodes: list[NodeProto] = []
        self.constants: dict[str, TensorProto] = {}

    def node(self, kind: str, *inputs: str, **attributes) -> str:
        output = f"{kind}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def constant(self, name: str, value: np.ndarray) -> str:
        self.constants[name] = numpy_helper.from_array(np.array(value, order="C"), name)
        return name

    def stored(self, name: str, shape: tuple[int, ...] | None = None) -> str:
        value = self.values[name]
        return self.constant(name, value if shape is None else value.reshape(shape))

    def reshape(self, x: str, shape: tuple[int, ...]) -> str:
        name = f"shape_{len(self.nodes)}"
        return self.node("Reshape", x, self.constant(name, np.array(shape, np.int64)))

    def conv(self, x: str, name: str, stride: int = 1) -> str:
        kernel = self.values[f"{name}.kernel"]
        side = kernel.shape[0]
        pads = [0, 0, 1, 1] if stride == 2 else 4 * [side // 2]
        inputs = [x, self.constant(f"{name}.kernel", kernel.transpose(3, 2, 0, 1))]
        if f"{name}.bias" in self.values:
            inputs.append(self.stored(f"{name}.bias"))
        return self.node("Conv", *inputs, kernel_shape=[side, side], strides=[stride, stride], pads=pads)

    def dense(self, x: str, name: str) -> str:
        return self.node("Gemm", x, self.stored(f"{name}.kernel"), self.stored(f"{name}.bias"))

    def norm_silu(self, x: str, name: str, height: int, width: int) -> str:
        channels = len(self.values[f"{name}.scale"])
        scale, bias = (self.stored(f"{name}.{part}", (-1, 1, 1)) for part in ("scale", "bias"))
        ones, zeros = self.constant("ones", np.ones(GROUPS, "f4")), self.constant("zeros", np.zeros(GROUPS, "f4"))
        groups = self.node("InstanceNormalization", self.reshape(x, (0, GROUPS, -1)), ones, zeros, epsilon=NORM_EPSILON)
        x = self.node("Add", self.node("Mul", self.reshape(groups, (0, channels, height, width)), scale), bias)
        return self.node("Mul", x, self.node("Sigmoid", x))

    def block(self, x: str, name: str, height: int, width: int) -> str:
        h = self.conv(self.norm_silu(x, f"{name}.norm1", height, width), f"{name}.conv1")
        h = self.conv(self.norm_silu(h, f"{name}.norm2", height, width), f"{name}.conv2")
        skip = self.conv(x, f"{name}.skip") if f"{name}.skip.kernel" in self.values else x
        return self.node("Add", h, skip)

    def part(self, x: str, first: int, end: int) -> str:
        """Channels from the first to before the end; they are last."""
        bounds = (self.constant(f"bound_{k}", np.array([k], np.int64)) for k in (first, end, -1))
        return self.node("Slice", x, *bounds)

    def upsample(self, x: str, name: str) -> str:
        return self.node("DepthToSpace", self.conv(x, f"{name}.conv"), blocksize=2, mode="DCR")

    def finish(self, given: tuple[str, tuple[int, ...]], found: dict[str, tuple[str, tuple[int, ...]]]) -> bytes:
        """The model.

        Args:
            given: the input's name and its shape without the batch.
            found: the outputs' names -> which tensor each is, and its shape without the batch.
        """
        self.nodes += [helper.make_node("Identity", [tensor], [name]) for name, (tensor, _) in found.items()]
        outputs = {name: shape for name, (_, shape) in found.items()}
        described = [
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", *shape]) for name, shape in side.items()]
            for side in (dict([given]), outputs)
        ]
        graph = helper.make_graph(self.nodes, "vae", *described, list(self.constants.values()))
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)])
        model.ir_version = IR_VERSION
        return model.SerializeToString()


def decoder(vae: VAE) -> bytes:
    """Latents to pictures in [0, 1]."""
    config: VAEConfig = vae.config
    graph, side = _graph(vae), config.image_size // config.downsampling
    if config.latent == "spatial":
        x = graph.conv(graph.node("Transpose", "latent", perm=[0, 3, 1, 2]), "decoder.head")
    else:
        x = graph.reshape(graph.dense("latent", "decoder.head"), (-1, side, side, config.channels[-1]))
        x = graph.node("Transpose", x, perm=[0, 3, 1, 2])
    stage = 0
    for _ in config.channels:
        x, side, stage = graph.upsample(x, f"decoder.stages.{stage}"), 2 * side, stage + 1
        for _ in range(config.blocks):
            x, stage = graph.block(x, f"decoder.stages.{stage}", side, side), stage + 1
    x = graph.norm_silu(x, "decoder.norm", side, side)
    x = graph.upsample(x, "decoder.to_rgb") if config.halve_first else graph.conv(x, "decoder.to_rgb")
    x = graph.node("Transpose", graph.node("Sigmoid", x), perm=[0, 2, 3, 1])
    return graph.finish(("latent", config.latent_shape), {"picture": (x, _picture_shape(config))})


def encoder(vae: VAE) -> bytes:
    """Pictures in [0, 1] to the means and the log-variances of their posteriors."""
    config: VAEConfig = vae.config
    graph, side = _graph(vae), config.image_size // (2 if config.halve_first else 1)
    two, one = graph.constant("two", np.array(2, np.float32)), graph.constant("one", np.array(1, np.float32))
    x = graph.node("Sub", graph.node("Mul", "picture", two), one)
    x = graph.conv(graph.node("Transpose", x, perm=[0, 3, 1, 2]), "encoder.stem", 2 if config.halve_first else 1)
    stage = 0
    for _ in config.channels:
        for _ in range(config.blocks):
            x, stage = graph.block(x, f"encoder.stages.{stage}", side, side), stage + 1
        x, side, stage = graph.conv(x, f"encoder.stages.{stage}.conv", 2), side // 2, stage + 1
    x = graph.norm_silu(x, "encoder.norm", side, side)
    if config.latent == "spatial":
        x = graph.node("Transpose", graph.conv(x, "encoder.head"), perm=[0, 2, 3, 1])
    else:
        size = side * side * config.channels[-1]
        x = graph.dense(graph.reshape(graph.node("Transpose", x, perm=[0, 2, 3, 1]), (-1, size)), "encoder.head")
    sides = [graph.part(x, first, first + config.latent_dim) for first in (0, config.latent_dim)]
    ends = (graph.constant(f"log_var_{k}", np.array(end, np.float32)) for k, end in enumerate(LOG_VAR_RANGE))
    outputs = {"mean": sides[0], "log_var": graph.node("Clip", sides[1], *ends)}
    shape = config.latent_shape
    return graph.finish(
        ("picture", _picture_shape(config)), {name: (tensor, shape) for name, tensor in outputs.items()}
    )


def _picture_shape(config: VAEConfig) -> tuple[int, int, int]:
    return (config.image_size, config.image_size, 3)


def _graph(vae: VAE) -> Graph:
    return Graph({name: np.asarray(value) for name, value in parameters(vae).items()})
