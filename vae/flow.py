"""A learnt prior: a rectified flow on latents, which can be asked for a label.

A flow carries noise to latents along straight lines. For noise x0 from N(0, I) and a latent x1, the point at time t is
`x_t = (1 - t) x0 + t x1`, and a network learns the velocity `x1 - x0` that leads on from there, on average over all
lines through it (Liu et al. 2022, https://arxiv.org/abs/2209.03003; Lipman et al. 2022,
https://arxiv.org/abs/2210.02747). Following it from t = 0 to 1 turns noise into latents that are distributed as the
data's: also where these are far from Gaussian, which no mixture of a few dozen components is.

Labels steer it by classifier-free guidance (Ho & Salimans 2022, https://arxiv.org/abs/2207.12598): the network is
trained with and without them, and drawn along `v_without + guidance (v_with - v_without)`.

The network sees a latent as tokens. A vector is a single one; a spatial latent, a map of features, is cut into patches
of 2 x 2 places, which attend to each other: a diffusion transformer (Peebles & Xie 2022,
https://arxiv.org/abs/2212.09748), and drawing with it latent diffusion (Rombach et al. 2021,
https://arxiv.org/abs/2112.10752).
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PRNGKeyArray

from vae.layers import depth_to_space, space_to_depth

STEPS = 4  # of Heun's method: eight evaluations; twenty steps draw no better
GUIDANCE = 2.0
TIME_FREQUENCIES = 64
EMBEDDING = 128  # numbers that tell a block the time and the labels
DRAWN_AT_ONCE = 64  # latents; fewer are padded, so that there is one shape to compile
TOKENS_AT_ONCE = 128  # of spatial latents, which are that much more work
MAX_TOKENS = 1024  # of a latent: attention grows with their square
MAX_WORK = 2_000_000_000  # tokens times weights of a network that is opened: a second for a latent, on two CPU cores
HEAD = 64  # numbers that one head of attention compares
MAX_ROWS = 4096  # combinations of labels that are kept to draw from
MAX_LABEL_TEXT = 1 << 20  # characters of all labels together

Weights = dict[str, Float[Array, "..."]]  # "blocks.0.expand.kernel" -> its array


class Labels(NamedTuple):
    """The labels of a data set, as numbers.

    Attributes:
        names: column -> its different labels. What a picture has no label for stands behind the last of them.
        rows: combinations of labels as they occur: for each, the position of its label in each column.
    """

    names: dict[str, tuple[str, ...]]
    rows: Int[np.ndarray, "row column"]


@dataclass(frozen=True)
class Flow:
    """A rectified flow, as a prior: see `vae.priors.Prior`.

    Without a label, each latent is drawn for a combination of labels that occurs in the data.

    Attributes:
        weights: of the velocity network (`velocity`).
        mean, deviation: of each dimension of the data's latents; the flow works on what is left without them.
        labels: that it can be asked for; None where the data has none.
        chosen: column -> label, of every latent that is drawn.
    """

    weights: Weights
    mean: Float[np.ndarray, "*latent"]
    deviation: Float[np.ndarray, "*latent"]
    labels: Labels | None = None
    chosen: Mapping[str, str] = dataclasses.field(default_factory=dict)

    name: ClassVar[str] = "flow"
    title: ClassVar[str] = "Flow learnt from the data"

    def of(self, /, **chosen: str) -> Flow:
        """The same prior, which draws latents with these labels only.

        Raises:
            ValueError: there is no such column or label; names those that there are.
        """
        names = self.labels.names if self.labels else {}
        for column, label in chosen.items():
            if column not in names:
                raise ValueError(f"there is no label column {column[:60]!r}; there are: {', '.join(names) or 'none'}")
            if label not in names[column]:
                some = ", ".join(names[column][:12]) + (", ..." if len(names[column]) > 12 else "")
                raise ValueError(f"{column} has no label {label[:60]!r}; it has: {some}")
        return dataclasses.replace(self, chosen=chosen)

    def __call__(
        self,
        noise: Float[np.ndarray, "count *latent"],
        uniform: Float[np.ndarray, " count"],
        turn: AbstractContextManager | None = None,
    ) -> Float[np.ndarray, "count *latent"]:
        """Latents, as of `Prior`; a few at a time, and each time within `turn`.

        Those of up to 128 tokens take some 0.1 s of two CPU cores a turn.
        """
        drawn, at_once = [], min(DRAWN_AT_ONCE, -(-TOKENS_AT_ONCE // token_shape(self.mean.shape)[0]))
        for first in range(0, len(noise), at_once):
            part = np.asarray(noise[first : first + at_once], np.float32)
            padded = np.zeros((at_once, *self.mean.shape), np.float32)
            padded[: len(part)] = part
            conditions = self._conditions(uniform[first : first + at_once])
            with turn or nullcontext():
                latents = _draw(self.weights, padded, np.pad(conditions, ((0, at_once - len(part)), (0, 0))))
                drawn.append(np.asarray(latents)[: len(part)])
        return (self.mean + self.deviation * np.concatenate(drawn)).astype(np.float32)

    def _conditions(self, uniform: Float[np.ndarray, " count"]) -> Int[np.ndarray, "count column"]:
        """For each latent, the position of its label in each column; behind the last one where it is left open."""
        if self.labels is None:
            return np.zeros((len(uniform), 0), np.int32)
        names, rows = self.labels
        if self.chosen:
            positions = [
                names[column].index(self.chosen[column]) if column in self.chosen else len(names[column])
                for column in names
            ]
            return np.tile(np.array(positions, np.int32), (len(uniform), 1))
        return rows[np.minimum((np.asarray(uniform) * len(rows)).astype(int), len(rows) - 1)].astype(np.int32)

    def tensors(self) -> dict[str, np.ndarray]:
        """What `from_tensors` makes it of; the labels as UTF-8 bytes of JSON."""
        tensors = {f"net.{name}": np.asarray(array) for name, array in self.weights.items()}
        tensors |= {"mean": self.mean, "deviation": self.deviation}
        if self.labels:
            names = json.dumps(self.labels.names, ensure_ascii=False).encode()
            tensors |= {"labels": np.frombuffer(names, np.uint8), "rows": self.labels.rows.astype(np.int32)}
        return tensors

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, np.ndarray], latent_shape: tuple[int, ...]) -> Flow:
        """Checks and takes them.

        Raises:
            ValueError: something is missing, of another shape or not finite; names it.
        """
        labels = _read_labels(tensors)
        sizes = [len(names) for names in labels.names.values()] if labels else []
        width = tensors["net.enter.kernel"].shape[-1] if "net.enter.kernel" in tensors else 0
        blocks = sum(name.startswith("net.blocks.") and name.endswith(".expand.kernel") for name in tensors)
        if not 1 <= width <= 8192 or not 1 <= blocks <= 64:
            raise ValueError(f"the network is {width} wide and {blocks} blocks deep")
        network = weight_shapes(latent_shape, sizes, width, blocks)
        if token_shape(latent_shape)[0] * sum(map(math.prod, network.values())) > MAX_WORK:
            raise ValueError(f"the network is {width} wide and {blocks} blocks deep: too slow for such a latent")
        expected = {f"net.{name}": shape for name, shape in network.items()}
        expected |= {"mean": latent_shape, "deviation": latent_shape}
        for name, shape in expected.items():
            if name not in tensors:
                raise ValueError(f"{name} is missing")
            if tensors[name].shape != shape:
                raise ValueError(f"{name} has the shape {tensors[name].shape}, not {shape}")
            if tensors[name].dtype not in (np.float16, np.float32) or not np.isfinite(tensors[name]).all():
                raise ValueError(f"{name} holds values that are not finite numbers")
        return cls(
            weights={name: jax.device_put(tensors[f"net.{name}"].astype(np.float32)) for name in network},
            mean=tensors["mean"].astype(np.float32),
            deviation=tensors["deviation"].astype(np.float32),
            labels=labels,
        )


def _read_labels(tensors: Mapping[str, np.ndarray]) -> Labels | None:
    if "labels" not in tensors:
        return None
    try:
        text, rows = tensors["labels"], tensors["rows"]
        if text.dtype != np.uint8 or text.size > MAX_LABEL_TEXT:
            raise ValueError("labels are not text, or too long")
        names = {str(column): tuple(map(str, values)) for column, values in json.loads(text.tobytes()).items()}
        limits = np.array([len(values) for values in names.values()])
        if rows.dtype != np.int32 or rows.ndim != 2 or not len(rows) or rows.shape[1] != len(limits):
            raise ValueError("rows are no combinations of these labels")
        if rows.min() < 0 or (rows > limits).any():
            raise ValueError("rows hold labels that there are not")
    except (KeyError, AttributeError, TypeError, RecursionError) as error:
        raise ValueError(f"labels cannot be read: {error}") from None
    return Labels(names, rows)


# ---- The network: residual blocks modulated by the time and the labels (Peebles & Xie 2022, adaLN-Zero): an MLP, and
# where there are several tokens, attention


def token_shape(latent_shape: tuple[int, ...]) -> tuple[int, int]:
    """Into how many tokens a latent is cut, and how many numbers each has."""
    if len(latent_shape) == 1:
        return 1, latent_shape[0]
    height, width, channels = latent_shape
    return (height * width, channels) if height % 2 or width % 2 else (height * width // 4, 4 * channels)


def to_tokens(x: Float[Array, "batch *latent"]) -> Float[Array, "batch token number"]:
    """A vector as one token, a spatial latent as patches of 2 x 2 places; of odd sides, as its places."""
    count, numbers = token_shape(x.shape[1:])
    if x.ndim == 4 and numbers != x.shape[3]:
        x = space_to_depth(x)
    return x.reshape(len(x), count, numbers)


def from_tokens(tokens: Float[Array, "batch token number"], shape: tuple[int, ...]) -> Float[Array, "batch *latent"]:
    """The inverse of `to_tokens`; `shape` is that of the batch of latents."""
    if len(shape) == 4 and tokens.shape[2] != shape[3]:
        count, height, width, _ = shape
        return depth_to_space(tokens.reshape(count, height // 2, width // 2, -1))
    return tokens.reshape(shape)


def weight_shapes(
    latent_shape: tuple[int, ...], labels: list[int], width: int, blocks: int
) -> dict[str, tuple[int, ...]]:
    """The shapes of the network's weights, by name.

    Args:
        latent_shape: of one latent.
        labels: how many different labels each column has.
        width: of the residual stream; a block expands it to twice that. With attention, a multiple of `HEAD`.
        blocks: how many.

    Raises:
        ValueError: the width suits no attention, or the latent has too many places.
    """

    def dense(name: str, inputs: int, outputs: int) -> dict[str, tuple[int, ...]]:
        return {f"{name}.kernel": (inputs, outputs), f"{name}.bias": (outputs,)}

    tokens, size = token_shape(latent_shape)
    attends = tokens > 1
    if tokens > MAX_TOKENS:
        raise ValueError(f"a latent is {tokens:,} tokens; at most {MAX_TOKENS:,} are accepted")
    if attends and width % HEAD:
        raise ValueError(f"the network is {width} wide; a spatial latent needs a multiple of {HEAD}")
    shapes = dense("time.0", 2 * TIME_FREQUENCIES, EMBEDDING) | dense("time.1", EMBEDDING, EMBEDDING)
    for column, count in enumerate(labels):
        shapes[f"labels.{column}"] = (count + 1, EMBEDDING)
    shapes |= dense("enter", size, width) | dense("leave", width, size)
    if attends:
        shapes["positions"] = (tokens, width)
    for block in range(blocks):
        name = f"blocks.{block}"
        shapes |= dense(f"{name}.modulate", EMBEDDING, (6 if attends else 3) * width)
        if attends:
            shapes |= dense(f"{name}.attend", width, 3 * width) | dense(f"{name}.join", width, width)
        shapes |= dense(f"{name}.expand", width, 2 * width) | dense(f"{name}.contract", 2 * width, width)
    return shapes


def initial_weights(key: PRNGKeyArray, shapes: dict[str, tuple[int, ...]]) -> Weights:
    """Random weights of these `weight_shapes`.

    The blocks and the output begin at zero, so that the network begins as the identity, and at rest.
    """
    weights = {}
    for (name, shape), own in zip(shapes.items(), jax.random.split(key, len(shapes)), strict=True):
        if name.endswith(("bias", "modulate.kernel")) or name == "leave.kernel":
            weights[name] = jnp.zeros(shape)
        else:
            scale = 1 / np.sqrt(shape[0]) if name.endswith("kernel") else 0.02
            weights[name] = scale * jax.random.normal(own, shape)
    return weights


def velocity(
    weights: Weights, x: Float[Array, "batch *latent"], t: Float[Array, " batch"], labels: Int[Array, "batch column"]
) -> Float[Array, "batch *latent"]:
    """Where a point at time t is going.

    Args:
        weights: from `initial_weights`.
        x: standardised latents on their way.
        t: 0 is noise, 1 a latent.
        labels: the position of a label in each column; behind the last one where it is left open.
    """

    def dense(name: str, x: Array) -> Array:
        return x @ weights[f"{name}.kernel"] + weights[f"{name}.bias"]

    def attend(name: str, x: Array) -> Array:
        batch, tokens, width = x.shape
        heads = dense(f"{name}.attend", x).reshape(batch, tokens, 3, width // HEAD, HEAD)
        mixed = jax.nn.dot_product_attention(heads[:, :, 0], heads[:, :, 1], heads[:, :, 2])
        return dense(f"{name}.join", mixed.reshape(x.shape))

    def think(name: str, x: Array) -> Array:
        return dense(f"{name}.contract", jax.nn.silu(dense(f"{name}.expand", x)))

    angles = t[:, None] * jnp.exp(jnp.linspace(0, np.log(1000), TIME_FREQUENCIES))
    embedding = dense("time.0", jnp.concatenate([jnp.sin(angles), jnp.cos(angles)], axis=-1))
    embedding = dense("time.1", jax.nn.silu(embedding))
    for column in range(labels.shape[1]):
        embedding += weights[f"labels.{column}"][labels[:, column]]
    embedding = jax.nn.silu(embedding)[:, None]

    attends = "positions" in weights
    shape, x = x.shape, dense("enter", to_tokens(x))
    if attends:
        x += weights["positions"]
    block = 0
    while f"blocks.{block}.expand.kernel" in weights:
        name = f"blocks.{block}"
        modulation = jnp.split(dense(f"{name}.modulate", embedding), 6 if attends else 3, axis=-1)
        for part in (attend, think) if attends else (think,):
            (scale, shift, gate), modulation = modulation[:3], modulation[3:]
            x += gate * part(name, _normalise(x) * (1 + scale) + shift)
        block += 1
    return from_tokens(dense("leave", _normalise(x)), shape)


def _normalise(x: Float[Array, "batch token width"]) -> Float[Array, "batch token width"]:
    centred = x - x.mean(-1, keepdims=True)
    return centred * jax.lax.rsqrt((centred**2).mean(-1, keepdims=True) + 1e-6)


@partial(jax.jit, static_argnames="steps")
def _draw(
    weights: Weights, x: Float[Array, "batch *latent"], labels: Int[Array, "batch column"], steps: int = STEPS
) -> Float[Array, "batch *latent"]:
    """Follows the velocity from noise to standardised latents (Heun's method), with guidance where there are labels."""
    left_open = jnp.array([weights[f"labels.{column}"].shape[0] - 1 for column in range(labels.shape[1])], jnp.int32)

    def guided(x: Array, t: float) -> Array:
        times = jnp.full(len(x), t)
        if not labels.shape[1]:
            return velocity(weights, x, times, labels)
        both = velocity(
            weights,
            jnp.concatenate([x, x]),
            jnp.concatenate([times, times]),
            jnp.concatenate([labels, jnp.broadcast_to(left_open, labels.shape)]),
        )
        with_labels, without = jnp.split(both, 2)
        return without + GUIDANCE * (with_labels - without)

    for step in range(steps):
        t, following = step / steps, (step + 1) / steps
        here = guided(x, t)
        there = guided(x + here / steps, following)
        x = x + (here + there) / (2 * steps)
    return x
