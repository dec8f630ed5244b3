"""Do attributes survive? A classifier that was trained on real pictures reads what a model draws.

`python bench/attributes.py` measures with it: whether reconstructions keep every factor of a data set such as
`train/faces.py` makes, whether samples are clear cases, and whether a step along a label direction changes one factor
and leaves the others (as Lample et al. 2017, https://arxiv.org/abs/1706.00409, judge edits of attributes).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx
from jaxtyping import Array, Float, Int, PRNGKeyArray, Shaped, UInt8
from tqdm import tqdm

from vae.directions import label_direction
from vae.latent import AnyArray

CHANNELS = (32, 64, 96, 128)  # every stage halves the resolution
BATCH = 64
SHIFT = 2  # pixels that a picture may be moved by while training
NOISE = 0.03  # standard deviation of noise that is added while training, so that a slight blur is no surprise
CONFIDENT = 0.9  # probability of the likeliest value from which on an answer is confident


class Network(nnx.Module):
    """Pictures in [0, 1] to the logits of every factor's values, side by side."""

    def __init__(self, image_size: int, outputs: int, *, rngs: nnx.Rngs):
        self.convolutions: nnx.List[nnx.Conv] = nnx.List()
        self.norms: nnx.List[nnx.GroupNorm] = nnx.List()
        width = 3
        for channels in CHANNELS:
            self.convolutions.append(nnx.Conv(width, channels, (3, 3), strides=2, rngs=rngs))
            self.norms.append(nnx.GroupNorm(channels, 8, rngs=rngs))
            width = channels
        side = -(-image_size // 2 ** len(CHANNELS))
        self.head = nnx.Linear(side**2 * width, outputs, rngs=rngs)

    def __call__(self, images: Float[Array, "batch size size 3"]) -> Float[Array, "batch outputs"]:
        x = 2 * images - 1
        for convolution, norm in zip(self.convolutions, self.norms, strict=True):
            x = nnx.relu(norm(convolution(x)))
        return self.head(x.reshape(len(x), -1))


@dataclass(frozen=True)
class Classifier:
    """Reads factors from pictures.

    Attributes:
        values: of every factor, in the order of their probabilities.
        probabilities: pictures in [0, 1], "batch size size 3", to factor -> probabilities, "batch values".
    """

    values: dict[str, tuple[str, ...]]
    probabilities: Callable[[Float[AnyArray, "batch size size 3"]], dict[str, Float[Array, "batch values"]]]

    def read(self, images: Float[np.ndarray, "count size size 3"]) -> dict[str, Float[np.ndarray, "count values"]]:
        """The probabilities of any number of pictures in [0, 1]."""
        parts = [jax.device_get(self.probabilities(part)) for part in _batches(images)]
        return {factor: np.concatenate([part[factor] for part in parts]) for factor in self.values}

    def name(self, images: Float[np.ndarray, "count size size 3"]) -> dict[str, Shaped[np.ndarray, " count"]]:
        """The likeliest value of every factor."""
        return {factor: np.array(self.values[factor])[p.argmax(1)] for factor, p in self.read(images).items()}


def train_classifier(
    images: UInt8[np.ndarray, "count size size 3"],
    labels: Mapping[str, Sequence[str] | np.ndarray],
    steps: int = 800,
    seed: int = 0,
) -> Classifier:
    """Trains on pictures with labels, in a minute or two on two CPU cores.

    Args:
        images: real pictures.
        labels: factor -> the value of each picture.
        steps: of `BATCH` pictures.
        seed: of the weights, the order of the pictures and their noise.
    """
    values = {factor: tuple(sorted(set(column))) for factor, column in labels.items()}
    targets = np.stack([np.searchsorted(values[factor], labels[factor]) for factor in values], axis=1)
    network = Network(images.shape[1], sum(map(len, values.values())), rngs=nnx.Rngs(seed))
    graph, state = nnx.split(network)
    optimiser = optax.adamw(
        optax.warmup_cosine_decay_schedule(0.0, 2e-3, min(100, steps // 2), steps), weight_decay=1e-3
    )
    memory = optimiser.init(state)
    rng = np.random.default_rng(seed)
    order = np.concatenate([rng.permutation(len(images)) for _ in range(-(-steps * BATCH // len(images)))])
    progress = tqdm(range(steps), "classifier", unit="step", leave=False)
    for step in progress:
        chosen = order[step * BATCH : (step + 1) * BATCH]
        key = jax.random.fold_in(jax.random.key(seed), step)
        state, memory, loss = _step(
            state, memory, images[chosen], targets[chosen], key,
            graph=graph, sizes=tuple(map(len, values.values())), optimiser=optimiser,
        )  # fmt: skip
        if step % 20 == 0:
            progress.set_postfix(loss=f"{loss:.3f}")

    @jax.jit
    def probabilities(images):
        logits = nnx.merge(graph, state)(images)
        return {f: nnx.softmax(part) for f, part in zip(values, _split(logits, values.values()), strict=True)}

    return Classifier(values, probabilities)


@partial(jax.jit, static_argnames=("graph", "sizes", "optimiser"))
def _step(
    state: nnx.State,
    memory: optax.OptState,
    pictures: UInt8[Array, "batch size size 3"],
    targets: Int[Array, "batch factors"],
    key: PRNGKeyArray,
    *,
    graph: nnx.GraphDef,
    sizes: tuple[int, ...],
    optimiser: optax.GradientTransformation,
):
    shift_key, noise_key = jax.random.split(key)
    images = pictures.astype(jnp.float32) / 255
    padded = jnp.pad(images, ((0, 0), (SHIFT, SHIFT), (SHIFT, SHIFT), (0, 0)), mode="edge")
    shifts = jax.random.randint(shift_key, (len(images), 2), 0, 2 * SHIFT + 1)
    images = jax.vmap(lambda image, at: jax.lax.dynamic_slice(image, (at[0], at[1], 0), images.shape[1:]))(
        padded, shifts
    )
    images += NOISE * jax.random.normal(noise_key, images.shape)

    def loss_fn(state):
        parts = _split(nnx.merge(graph, state)(images), [range(size) for size in sizes])
        losses = [
            optax.softmax_cross_entropy_with_integer_labels(part, targets[:, i]).mean() for i, part in enumerate(parts)
        ]
        return sum(losses) / len(losses)

    loss, gradients = jax.value_and_grad(loss_fn)(state)
    updates, memory = optimiser.update(gradients, memory, state)
    return optax.apply_updates(state, updates), memory, loss


def accuracy(
    classifier: Classifier,
    images: Float[np.ndarray, "count size size 3"],
    labels: Mapping[str, Sequence[str] | np.ndarray],
) -> dict[str, float]:
    """How often each factor is read as labelled, 0 to 1."""
    read = classifier.name(images)
    return {factor: float(np.mean(read[factor] == np.asarray(labels[factor]))) for factor in classifier.values}


def confidence(classifier: Classifier, images: Float[np.ndarray, "count size size 3"]) -> dict[str, float]:
    """How often each factor is read with a probability of at least `CONFIDENT`, 0 to 1; and `mean`, over factors."""
    shares = {factor: float(np.mean(p.max(1) >= CONFIDENT)) for factor, p in classifier.read(images).items()}
    return {**shares, "mean": float(np.mean(list(shares.values())))}


@dataclass(frozen=True)
class Edit:
    """What a step along the direction between two labels did.

    Attributes:
        factor, start, end: the labels.
        changed: share of the pictures whose factor is read as `end` after it, 0 to 1.
        kept: share of the other factors that are read as before, 0 to 1.
        worst: the other factor that is kept least, and its share.
    """

    factor: str
    start: str
    end: str
    changed: float
    kept: float
    worst: tuple[str, float]


def edit(
    classifier: Classifier,
    decode: Callable[[Float[np.ndarray, "batch *latent"]], Float[Array, "batch size size 3"]],
    reference: tuple[Float[np.ndarray, "count *latent"], Mapping[str, Shaped[np.ndarray, " count"]]],
    latents: Float[np.ndarray, "n *latent"],
    factor: str,
    start: str,
    end: str,
    strength: float = 1.0,
) -> Edit:
    """Moves latents of pictures labelled `start` along the label direction, and reads what is drawn.

    Args:
        reference: latents and labels that the direction is found from.
        latents: of other pictures, labelled `start`.
        strength: how far, in distances between the two labels' means.
    """
    known, labels = reference
    found, apart = label_direction(known, np.asarray(labels[factor]), start, end)
    step = strength * apart * found.deviations[0] * found.directions[0]
    before = classifier.name(decode_all(decode, latents))
    after = classifier.name(decode_all(decode, latents + step))
    kept = {name: float(np.mean(before[name] == after[name])) for name in classifier.values if name != factor}
    worst = min(kept.items(), key=lambda item: item[1])
    return Edit(factor, start, end, float(np.mean(after[factor] == end)), float(np.mean(list(kept.values()))), worst)


def decode_all(decode: Callable, latents: Float[np.ndarray, "count *latent"]) -> Float[np.ndarray, "count size size 3"]:
    """The pictures of any number of latents."""
    return np.concatenate([jax.device_get(decode(part)) for part in _batches(np.asarray(latents, np.float32))])


def _batches(array: np.ndarray) -> list[np.ndarray]:
    return [array[i : i + BATCH] for i in range(0, len(array), BATCH)]


def _split(logits: Array, values) -> list[Array]:
    return jnp.split(logits, np.cumsum([len(v) for v in values])[:-1], axis=1)
