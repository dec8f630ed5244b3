"""Trains the flow prior on the latents of a data set."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Int
from tqdm import tqdm

from vae.flow import MAX_ROWS, Flow, Labels, Weights, initial_weights, velocity, weight_shapes
from vae.latent import Posterior

WIDTH, BLOCKS = 512, 3  # of the network on vector latents,
WIDTH_SPATIAL, BLOCKS_SPATIAL = 256, 5  # and on spatial ones
BATCH = 256
LEARNING_RATE = 1e-3
DROPPED = 0.15  # of the labels, each by itself, and again of all labels of a latent
AVERAGE_DECAY = 0.999
FEWEST_ALIKE = 5  # pictures that share a label, on average; a column with fewer is one of names
MAX_LABELS = 1000  # different ones in a column


class _State(NamedTuple):
    weights: Weights
    optimiser: optax.OptState
    average: Weights


def fit_flow(
    posterior: Posterior,
    labels: dict[str, list[str]],
    steps: int,
    *,
    width: int | None = None,
    blocks: int | None = None,
    seed: int = 0,
) -> Flow:
    """Trains a flow on samples of the posteriors, drawn anew for every step.

    Args:
        posterior: of each picture; without a variance, the means are the data.
        labels: column -> one label a picture; columns of names, which hardly two pictures share, are left out.
        steps: of the optimiser.
        width, blocks: of the network; None for what suits the latents.
        seed: of everything random.
    """
    mean = np.asarray(posterior.mean, np.float32)
    deviation = np.zeros_like(mean) if posterior.log_var is None else np.exp(np.asarray(posterior.log_var) / 2)
    centre = mean.mean(0)
    scale = np.maximum(np.sqrt(mean.var(0) + (deviation**2).mean(0)), 1e-6)
    known, positions = label_positions(labels, len(mean))

    key = jax.random.key(seed)
    sizes = [len(names) for names in known.names.values()] if known else []
    is_spatial = mean.ndim > 2
    width = width or (WIDTH_SPATIAL if is_spatial else WIDTH)
    blocks = blocks or (BLOCKS_SPATIAL if is_spatial else BLOCKS)
    weights = initial_weights(key, weight_shapes(mean.shape[1:], sizes, width, blocks))
    schedule = optax.warmup_cosine_decay_schedule(0.0, LEARNING_RATE, min(500, steps // 10), steps, LEARNING_RATE / 50)
    optimiser = optax.chain(optax.clip_by_global_norm(1.0), optax.adamw(schedule, b2=0.99, weight_decay=1e-2))
    state = _State(weights, optimiser.init(weights), weights)
    data = tuple(map(jnp.asarray, ((mean - centre) / scale, deviation / scale, positions)))
    left_open = jnp.array(sizes, jnp.int32)

    @partial(jax.jit, donate_argnums=0)
    def train(state: _State, step: Int[Array, ""], data: tuple[Array, ...]) -> tuple[_State, Float[Array, ""]]:
        rows_key, latent_key, noise_key, time_key, drop_key = jax.random.split(jax.random.fold_in(key, step + 1), 5)
        rows = jax.random.randint(rows_key, (BATCH,), 0, len(mean))
        means, deviations, conditions = (array[rows] for array in data)
        latents = means + deviations * jax.random.normal(latent_key, means.shape)
        noise = jax.random.normal(noise_key, means.shape)
        # Logit-normal times: the middle of the way is the hardest (Esser et al. 2024).
        times = jax.nn.sigmoid(jax.random.normal(time_key, (BATCH,)))
        one, everything = jax.random.uniform(drop_key, (2, BATCH, max(1, len(sizes)))) < DROPPED
        conditions = jnp.where((one | everything[:, :1])[:, : len(sizes)], left_open, conditions)
        on_the_way = noise + times.reshape(-1, *(1,) * (noise.ndim - 1)) * (latents - noise)

        def loss(weights: Weights) -> Float[Array, ""]:
            return jnp.mean((velocity(weights, on_the_way, times, conditions) - (latents - noise)) ** 2)

        value, gradients = jax.value_and_grad(loss)(state.weights)
        updates, moments = optimiser.update(gradients, state.optimiser, state.weights)
        weights = optax.apply_updates(state.weights, updates)
        decay = jnp.minimum(AVERAGE_DECAY, (1 + step) / (10 + step))
        average = jax.tree.map(lambda a, w: decay * a + (1 - decay) * w, state.average, weights)
        return _State(weights, moments, average), value

    state = jax.tree.map(jnp.copy, state)  # the first state's average is its weights, which cannot be donated twice
    progress = tqdm(range(steps), desc="flow", unit="step")
    for step in progress:
        state, loss = train(state, jnp.int32(step), data)
        if step % 100 == 99:
            progress.set_postfix(loss=f"{float(loss):.3f}")
            if not np.isfinite(loss):
                raise ValueError("The flow's loss is not finite: are the model's latents?")
    return Flow(state.average, centre, scale, known)


def label_positions(labels: dict[str, list[str]], count: int) -> tuple[Labels | None, Int[np.ndarray, "count column"]]:
    """The labels worth asking for, and for each picture the position of its label in each column.

    An empty label stands for no label: its position is behind the last one.
    """
    names: dict[str, tuple[str, ...]] = {}
    for column, values in labels.items():
        counted = Counter(value for value in values if value)
        if 1 < len(counted) <= min(MAX_LABELS, count // FEWEST_ALIKE):
            names[column] = tuple(sorted(counted))
    if not names:
        return None, np.zeros((count, 0), np.int32)
    columns = []
    for column, known in names.items():
        position = {name: k for k, name in enumerate(known)}
        columns.append([position.get(value, len(known)) for value in labels[column]])
    positions = np.array(columns, np.int32).T
    stride = -(-count // MAX_ROWS)
    return Labels(names, positions[::stride]), positions
