"""The VAE's two networks as ONNX graphs, for runtimes that the browser codec is measured against.

Channels first, as onnxruntime's kernels are; latents and pictures are channels-last, as everywhere here.
"""

from __future__ import annotations

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from vae.checkpoint import parameters
from vae.layers import GROUPS
from vae.model import VAE, VAEConfig

NORM_EPSILON = 1e-6  # nnx.GroupNorm's


class Graph:
    """Nodes in their order, and the tensors that they use; each method adds some and returns its output's name."""

    def __init__(self, values: dict[str, np.ndarray]):
        self.values, self.nodes, self.constants = values, [], {}

    def node(self, kind: str, *inputs: str, **attributes) -> str:
        output = f"{kind}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def constant(self, name: str, value: np.ndarray) -> str:
        self.constants[name] = numpy_helper.from_array(np.ascontiguousarray(value), name)
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
        groups = self.node("InstanceNormalization", self.reshape(x, (1, GROUPS, -1)), ones, zeros, epsilon=NORM_EPSILON)
        x = self.node("Add", self.node("Mul", self.reshape(groups, (1, channels, height, width)), scale), bias)
        return self.node("Mul", x, self.node("Sigmoid", x))

    def block(self, x: str, name: str, height: int, width: int) -> str:
        h = self.conv(self.norm_silu(x, f"{name}.norm1", height, width), f"{name}.conv1")
        h = self.conv(self.norm_silu(h, f"{name}.norm2", height, width), f"{name}.conv2")
        skip = self.conv(x, f"{name}.skip") if f"{name}.skip.kernel" in self.values else x
        return self.node("Add", h, skip)

    def upsample(self, x: str, name: str) -> str:
        return self.node("DepthToSpace", self.conv(x, f"{name}.conv"), blocksize=2, mode="DCR")

    def finish(self, x: str, given: tuple[int, ...]) -> bytes:
        """The model: "input" of this shape to "output"."""
        self.nodes.append(helper.make_node("Identity", [x], ["output"]))
        graph = helper.make_graph(
            self.nodes,
            "vae",
            [helper.make_tensor_value_info("input", TensorProto.FLOAT, given)],
            [helper.make_tensor_value_info("output", TensorProto.FLOAT, None)],
            list(self.constants.values()),
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
        model.ir_version = 9
        return model.SerializeToString()


def decoder(vae: VAE) -> bytes:
    """A latent, with its batch axis, to a picture (1, height, width, 3) in [0, 1]."""
    config: VAEConfig = vae.config
    graph, side = _graph(vae), config.image_size // config.downsampling
    if config.latent == "spatial":
        x = graph.conv(graph.node("Transpose", "input", perm=[0, 3, 1, 2]), "decoder.head")
    else:
        x = graph.reshape(graph.dense("input", "decoder.head"), (1, side, side, config.channels[-1]))
        x = graph.node("Transpose", x, perm=[0, 3, 1, 2])
    stage = 0
    for _ in config.channels:
        x, side, stage = graph.upsample(x, f"decoder.stages.{stage}"), 2 * side, stage + 1
        for _ in range(config.blocks):
            x, stage = graph.block(x, f"decoder.stages.{stage}", side, side), stage + 1
    x = graph.norm_silu(x, "decoder.norm", side, side)
    x = graph.upsample(x, "decoder.to_rgb") if config.halve_first else graph.conv(x, "decoder.to_rgb")
    x = graph.node("Transpose", graph.node("Sigmoid", x), perm=[0, 2, 3, 1])
    return graph.finish(x, (1, *config.latent_shape))


def encoder(vae: VAE) -> bytes:
    """A picture (1, height, width, 3) in [-1, 1] to the mean and the log-variance, side by side in the channels."""
    config: VAEConfig = vae.config
    graph, side = _graph(vae), config.image_size // (2 if config.halve_first else 1)
    x = graph.conv(graph.node("Transpose", "input", perm=[0, 3, 1, 2]), "encoder.stem", 2 if config.halve_first else 1)
    stage = 0
    for _ in config.channels:
        for _ in range(config.blocks):
            x, stage = graph.block(x, f"encoder.stages.{stage}", side, side), stage + 1
        x, side, stage = graph.conv(x, f"encoder.stages.{stage}.conv", 2), side // 2, stage + 1
    x = graph.norm_silu(x, "encoder.norm", side, side)
    if config.latent == "spatial":
        x = graph.node("Transpose", graph.conv(x, "encoder.head"), perm=[0, 2, 3, 1])
    else:
        x = graph.dense(graph.reshape(graph.node("Transpose", x, perm=[0, 2, 3, 1]), (1, -1)), "encoder.head")
    return graph.finish(x, (1, config.image_size, config.image_size, 3))


def _graph(vae: VAE) -> Graph:
    return Graph({name: np.asarray(value) for name, value in parameters(vae).items()})
