"""One step of training: the state, the optimiser, the augmentation, and `train_step`, which is pure and jitted."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax
from flax import nnx
from jaxtyping import Array, Float, Int, PRNGKeyArray, UInt8

from train.config import TrainConfig
from train.features import Weights, perceptual_distance
from vae.checkpoint import Parameters, bind, blank, load_model, parameter_shapes, parameters
from vae.losses import Terms
from vae.model import VAE


class TrainState(NamedTuple):
    """Everything that changes during training, and all that a checkpoint holds."""

    step: Int[Array, ""]
    parameters: Parameters
    optimiser: optax.OptState
    average: Parameters  # exponential moving average of the parameters


def initial_state(config: TrainConfig) -> TrainState:
    """The state before the first step.

    Raises:
        ModelFolderError: `config.init_from` is no model folder.
    """
    vae = load_model(config.init_from) if config.init_from else VAE(config.model, rngs=nnx.Rngs(config.seed))
    values = parameters(vae)
    return TrainState(
        step=jnp.zeros((), jnp.int32),
        parameters=values,
        optimiser=make_optimiser(config).init(values),
        average=jax.tree.map(jnp.copy, values),
    )


def make_optimiser(config: TrainConfig) -> optax.GradientTransformation:
    """Clipping, then AdamW with linear warm-up and cosine decay; kernels alone are decayed, if they are trained."""
    schedule = optax.warmup_cosine_decay_schedule(
        init_value=0.0,
        peak_value=config.learning_rate,
        warmup_steps=min(config.warmup, config.steps // 2),
        decay_steps=config.steps,
        end_value=config.learning_rate / 100,
    )
    return optax.chain(
        optax.clip_by_global_norm(config.clip_norm),
        optax.adamw(schedule, weight_decay=config.weight_decay, mask=partial(_is_decayed, config)),
    )


def _is_decayed(config: TrainConfig, values: Parameters) -> dict[str, bool]:
    return {name: name.endswith("kernel") and _is_trained(config, name) for name in values}


def _is_trained(config: TrainConfig, name: str) -> bool:
    return not (config.decoder_only and name.startswith("encoder."))


@partial(jax.jit, static_argnames=("config", "dtype", "data_size"), donate_argnames="state")
def train_step(
    state: TrainState,
    pictures: UInt8[Array, "batch size size 3"],
    *,
    config: TrainConfig,
    dtype: str,
    data_size: int | None = None,
    network: Weights | None = None,
) -> tuple[TrainState, Terms]:
    """One optimiser step on a batch; returns the new state and the terms of the loss.

    All randomness follows from `config.seed` and `state.step`, so that a resumed run repeats the uninterrupted one.

    Args:
        state: before the step; its memory is reused.
        pictures: 0..255, of side `config.load_size`.
        config: the run.
        dtype: what the network computes in: "float32" or "bfloat16".
        data_size: pictures in the data set; by default, the batch is all there are.
        network: whose features a perceptual loss compares (`train.features`).
    """
    perceive = None if network is None else partial(perceptual_distance, network)
    augment_key, posterior_key = jax.random.split(jax.random.fold_in(jax.random.key(config.seed), state.step))
    images = augment(augment_key, pictures, config)
    warm = jnp.minimum(1.0, (state.step + 1) / max(1, config.kl_warmup))

    def loss_fn(values: Parameters, images: Array, epsilon: Array | None = None) -> tuple[Float[Array, ""], Terms]:
        values = {n: v if _is_trained(config, n) else jax.lax.stop_gradient(v) for n, v in values.items()}
        vae = bind(blank(config.model, dtype=dtype), values)
        posterior = vae.encode(images)
        latent = jnp.asarray(posterior.sample(posterior_key) if epsilon is None else posterior.displace(epsilon))
        return config.objective(
            images,
            vae.decode(latent),
            posterior,
            kl_warm=warm,
            free_bits=config.free_bits,
            latent=latent,
            data_size=data_size,
            perceive=perceive,
        )

    gradient = jax.grad(loss_fn, has_aux=True)
    if config.accumulate == 1:
        gradients, terms = gradient(state.parameters, images)
    else:
        latents = jax.eval_shape(bind(blank(config.model), state.parameters).encode, images).mean
        epsilon = jax.random.normal(posterior_key, latents.shape)  # the same as for the whole batch at once
        gradients, terms = _average_parts(gradient, state.parameters, (images, epsilon), config.accumulate)
    updates, optimiser = make_optimiser(config).update(gradients, state.optimiser, state.parameters)
    values = optax.apply_updates(state.parameters, updates)
    # Early on the average follows closely, so that it is not dragged down by the random start.
    decay = jnp.minimum(config.ema_decay, (1 + state.step) / (10 + state.step))
    average = jax.tree.map(lambda a, v: decay * a + (1 - decay) * v, state.average, values)
    terms["gradient_norm"] = optax.tree.norm(gradients)
    return TrainState(state.step + 1, values, optimiser, average), terms


def _average_parts(
    gradient: Callable[..., tuple[Parameters, Terms]], values: Parameters, batch: tuple[Array, ...], count: int
) -> tuple[Parameters, Terms]:
    """`gradient(values, *batch)` of a loss that is a mean over the batch, from `count` parts, one after the other."""

    def split(array: Array) -> Array:
        # Part i is pictures i, i + count, ...: of each part, every device has its share already.
        return array.reshape(-1, count, *array.shape[1:]).swapaxes(0, 1)

    def add(total: Parameters, part: tuple[Array, ...]) -> tuple[Parameters, Terms]:
        gradients, terms = gradient(values, *part)
        return jax.tree.map(jnp.add, total, gradients), terms

    total, terms = jax.lax.scan(add, jax.tree.map(jnp.zeros_like, values), jax.tree.map(split, batch))
    return jax.tree.map(lambda value: value / count, total), jax.tree.map(jnp.mean, terms)


def augment(
    key: PRNGKeyArray, pictures: UInt8[Array, "batch size size 3"], config: TrainConfig
) -> Float[Array, "batch {config.crop} {config.crop} 3"]:
    """A random crop of each picture in [0, 1]; magnified and mirrored as `config` says."""
    crop_key, zoom_key, flip_key = jax.random.split(key, 3)
    images = pictures.astype(jnp.float32) / 255
    count, size, crop = len(images), images.shape[1], config.crop
    zoom = jnp.exp(jax.random.uniform(zoom_key, (count,), maxval=math.log(config.zoom)))
    corners = jnp.floor(jax.random.uniform(crop_key, (count, 2)) * (jnp.floor(size - crop / zoom[:, None]) + 1))

    def cut(image, corner, zoom):
        scale = jnp.stack([zoom, zoom])
        # At zoom 1 the weights of this resampling are exactly 0 and 1: a crop.
        return jax.image.scale_and_translate(image, (crop, crop, 3), (0, 1), scale, -corner * zoom, "linear", False)

    images = jax.vmap(cut)(images, corners, zoom)
    if config.flip:
        mirrored = jax.random.bernoulli(flip_key, 0.5, (count, 1, 1, 1))
        images = jnp.where(mirrored, images[:, :, ::-1], images)
    return images


def count_parameters(config: TrainConfig) -> int:
    """How many numbers the model learns."""
    return sum(map(math.prod, parameter_shapes(config.model).values()))
