"""Fits a VAE. `train_step` is one pure, jitted function; around it: data, progress, checkpoints, export."""

from __future__ import annotations

import json
import math
import shlex
import signal
import sys
import time
import zlib
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import orbax.checkpoint as ocp
from flax import nnx
from jaxtyping import Array, Float, Int, UInt8
from tqdm import tqdm

from train.batches import batches
from train.card import write_card
from train.config import DEVICE_MEMORY_BUDGET, TrainConfig
from train.curves import write_curves
from train.data import Pictures
from train.devices import any_process, check_shares, is_main, replicate
from vae.checkpoint import WEIGHTS, ModelInfo, Parameters, bind, blank, parameters, save_model, write_json
from vae.images import grid, to_uint8
from vae.losses import objective_record, recorded_objective
from vae.model import VAE

GRID_PICTURES = 8


class TrainError(RuntimeError):
    """A run that cannot start or go on, with a message that says what to do."""


class TrainState(NamedTuple):
    """Everything that changes during training, and all that a checkpoint holds."""

    step: Int[Array, ""]
    parameters: Parameters
    optimiser: optax.OptState
    average: Parameters  # exponential moving average of the parameters


def make_optimiser(config: TrainConfig) -> optax.GradientTransformation:
    """Clipping, then AdamW with linear warm-up and cosine decay; kernels alone are decayed."""
    schedule = optax.warmup_cosine_decay_schedule(
        0.0, config.learning_rate, min(config.warmup, config.steps // 2), config.steps, config.learning_rate / 100
    )
    return optax.chain(
        optax.clip_by_global_norm(config.clip_norm),
        optax.adamw(
            schedule, weight_decay=config.weight_decay, mask=lambda p: {name: name.endswith("kernel") for name in p}
        ),
    )


def initial_state(config: TrainConfig) -> TrainState:
    """The state before the first step."""
    values = parameters(VAE(config.model, rngs=nnx.Rngs(config.seed)))
    return TrainState(
        jnp.zeros((), jnp.int32), values, make_optimiser(config).init(values), jax.tree.map(jnp.copy, values)
    )


def count_parameters(config: TrainConfig) -> int:
    """How many numbers the model learns."""
    return sum(math.prod(variable.shape) for variable in jax.tree.leaves(nnx.state(blank(config.model))))


def augment(
    key: Array, images: UInt8[Array, "batch size size 3"], config: TrainConfig
) -> Float[Array, "batch crop crop 3"]:
    """A random crop of each picture in [0, 1]; magnified and mirrored as `config` says."""
    crop_key, zoom_key, flip_key = jax.random.split(key, 3)
    images = images.astype(jnp.float32) / 255
    count, size, crop = len(images), images.shape[1], config.crop
    zoom = jnp.exp(jax.random.uniform(zoom_key, (count,), maxval=math.log(config.zoom)))
    corners = jnp.floor(jax.random.uniform(crop_key, (count, 2)) * (jnp.floor(size - crop / zoom[:, None]) + 1))

    def cut(image, corner, zoom):
        scale = jnp.stack([zoom, zoom])
        # At zoom 1 the weights of this resampling are exactly 0 and 1: a crop.
        return jax.image.scale_and_translate(image, (crop, crop, 3), (0, 1), scale, -corner * zoom, "linear", False)

    images = jax.vmap(cut)(images, corners, zoom)
    if config.flip:
        mirrored = jax.random.bernoulli(flip_key, 0.5, (len(images), 1, 1, 1))
        images = jnp.where(mirrored, images[:, :, ::-1], images)
    return images


@partial(jax.jit, static_argnames=("config", "dtype"), donate_argnames="state")
def train_step(
    state: TrainState, pictures: UInt8[Array, "batch size size 3"], *, config: TrainConfig, dtype: str
) -> tuple[TrainState, dict[str, Float[Array, ""]]]:
    """One optimiser step on a batch; returns the new state and the terms of the loss.

    All randomness follows from `config.seed` and `state.step`, so that a resumed run repeats the uninterrupted one.
    """
    augment_key, posterior_key = jax.random.split(jax.random.fold_in(jax.random.key(config.seed), state.step))
    images = augment(augment_key, pictures, config)
    warm = jnp.minimum(1.0, (state.step + 1) / max(1, config.kl_warmup))

    def loss_fn(values: Parameters):
        reconstruction, posterior = bind(blank(config.model, dtype=dtype), values)(images, posterior_key)
        return config.objective(images, reconstruction, posterior, kl_warm=warm, free_bits=config.free_bits)

    gradients, terms = jax.grad(loss_fn, has_aux=True)(state.parameters)
    updates, optimiser = make_optimiser(config).update(gradients, state.optimiser, state.parameters)
    values = optax.apply_updates(state.parameters, updates)
    # Early on the average follows closely, so that it is not dragged down by the random start.
    decay = jnp.minimum(config.ema_decay, (1 + state.step) / (10 + state.step))
    average = jax.tree.map(lambda a, v: decay * a + (1 - decay) * v, state.average, values)
    terms["gradient_norm"] = optax.tree.norm(gradients)
    return TrainState(state.step + 1, values, optimiser, average), terms


class Checkpoints:
    """The training states of a run on disk, written by Orbax in full beside their place and then renamed."""

    def __init__(self, folder: Path):
        keep = ocp.checkpoint_managers.LatestN(2)
        self._manager = ocp.CheckpointManager(
            folder.resolve(),
            options=ocp.CheckpointManagerOptions(
                preservation_policy=keep, enable_async_checkpointing=False, cleanup_tmp_directories=True
            ),
        )

    def latest(self) -> int | None:
        """The step of the newest whole checkpoint."""
        return self._manager.latest_step()

    def save(self, state: TrainState) -> None:
        """Saves; a step that is saved already is left as it is."""
        step = int(state.step)
        if step != self.latest():
            self._manager.save(step, args=ocp.args.StandardSave(state._asdict()))

    def restore(self, like: TrainState) -> TrainState:
        """The newest state; `like` gives the structure, shapes and types."""
        target = jax.tree.map(ocp.utils.to_shape_dtype_struct, like._asdict())
        return TrainState(**self._manager.restore(self.latest(), args=ocp.args.StandardRestore(target)))


def fit(
    config: TrainConfig,
    train: Pictures,
    held_out: Pictures,
    out: Path,
    info: ModelInfo,
    *,
    resume: bool = False,
    log_every: int = 20,
    checkpoint_every: int = 500,
    device_memory_budget: float = DEVICE_MEMORY_BUDGET,
) -> None:
    """Trains, and leaves a model folder at `out` with the run itself under `out/training`.

    `out/training` holds `run.json` (the configuration), `metrics.jsonl` (the terms of the loss), `checkpoints/`, and a
    PNG of held-out pictures over their reconstructions, with samples from N(0, I) below, for every checkpoint. At the
    end `out` gets its curves and its card.

    Args:
        config: the run.
        train: pictures to fit, of side `config.load_size`.
        held_out: pictures for the PNG grids, of side `config.model.image_size`.
        out: the model folder.
        info: goes to the model's `config.json`.
        resume: go on from the newest checkpoint in `out`.
        log_every: steps between lines of `metrics.jsonl`; losses are checked for NaN as often.
        checkpoint_every: steps between checkpoints.
        device_memory_budget: GiB of pictures that may live in each device's memory; where they are changes no weight.

    Raises:
        TrainError: `out` holds another run, or a loss was not finite.
        FlagError: the batch has no equal share for every device.
    """
    check_run(config, out, resume)
    run = out / "training"
    if is_main():
        start_run(run, config, train, resume)
    checkpoints = Checkpoints(run / "checkpoints")
    state = replicate(initial_state(config))
    if checkpoints.latest() is not None:
        state = checkpoints.restore(state)
    log = MetricsLog(run / "metrics.jsonl", keep_before=int(state.step)) if is_main() else None

    dtype = "bfloat16" if jax.default_backend() == "gpu" else "float32"
    stop = StopSignal()
    first = int(state.step)
    if resume and is_main():
        print(describe_resumption(first, config.steps, out))
    source = batches(train.images, config.batch_size, range(first, config.steps), config.seed, device_memory_budget)
    progress = tqdm(total=config.steps, initial=first, desc="fit", unit="step", smoothing=0.1, disable=not is_main())
    pending: list[dict] = []  # terms still on the device: reading them makes the device wait
    since = time.monotonic()
    with stop, progress, closing(source):
        for done, pictures in enumerate(source, first + 1):
            state, terms = train_step(state, pictures, config=config, dtype=dtype)
            pending.append(terms)
            progress.update()
            # Hosts stop at the same step; asking them all takes time, so that several do so with the log.
            alone = jax.process_count() == 1
            stopping = (alone or done % log_every == 0) and any_process(stop.requested)
            saving = done % checkpoint_every == 0 or done == config.steps or stopping
            if done % log_every == 0 or saving:
                rows = jax.device_get(pending)
                check_finite(rows, first_step=done - len(rows) + 1, checkpoints=checkpoints, out=out)
                mean = {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}
                rate = len(rows) * config.batch_size / (time.monotonic() - since)
                if log:
                    log.write({"step": done, **mean, "pictures_per_s": rate})
                shown = {name: f"{mean[name]:.4g}" for name in ("loss", *config.objective.curves)}
                progress.set_postfix({**shown, "pictures/s": f"{rate:.0f}"})
                pending, since = [], time.monotonic()
            if saving:
                if is_main():
                    average = jax.device_get(state.average)
                    # First, since it runs the model: what cannot be drawn must not replace what could.
                    save_grid(run / f"step-{done:06d}.png", config, average, held_out)
                    save_model(out, average, info)
                checkpoints.save(state)  # last: a run that goes on from here has exported what came before
                since = time.monotonic()
            if stopping and done < config.steps:
                raise TrainError(f"Stopped at step {done}, saved. To go on: {resume_command()}")
    if is_main():
        write_curves(out, config.objective.curves)
        write_card(out)


def check_run(config: TrainConfig, out: Path, resume: bool) -> None:
    """All that can be refused before the pictures are there.

    Raises:
        TrainError: `out` holds another run, or one that only --resume may go on with.
        FlagError: the batch has no equal share for every device.
    """
    check_shares(config.batch_size)
    run, has_weights = out / "training", (out / WEIGHTS).exists()
    if not is_main():
        return
    if has_weights and not (run / "run.json").exists():
        raise TrainError(f"{out} holds a model without the run that made it. Choose another --out.")
    if resume:
        _check_same(run, config.to_dict(), "settings")
    elif has_weights or any(run.glob("checkpoints/*")):  # one stopped before its first checkpoint is begun anew
        raise TrainError(f"{out} holds a run already. Add --resume to go on with it, or choose another --out.")


def start_run(run: Path, config: TrainConfig, train: Pictures, resume: bool) -> None:
    """Makes the run's folder with its settings in it, or checks that its pictures are these."""
    pictures = {"pictures": len(train), "pictures_crc32": zlib.crc32(train.images)}
    if resume and (run / "run.json").exists():
        _check_same(run, pictures, "pictures")
    else:
        run.mkdir(parents=True, exist_ok=True)
        write_json(run / "run.json", {**config.to_dict(), **pictures})


def _check_same(run: Path, values: dict, what: str) -> None:
    """That `run.json` has these values. What an earlier version did not write down cannot be compared."""
    record = run / "run.json"
    before = json.loads(record.read_text()) if record.exists() else {}
    if (objective := recorded_objective(before)) is not None:
        before |= objective_record(objective)  # in today's words
    changed = [f"{name} was {before[name]}, is {now}" for name, now in values.items() if before.get(name, now) != now]
    if changed:
        raise TrainError(
            f"--resume needs the {what} that {run.parent} was started with: {'; '.join(changed)}. Give those, or "
            "choose another --out for a new run."
        )


def describe_resumption(step: int, steps: int, out: Path) -> str:
    """What `--resume` does, in a line."""
    if step == steps:
        return f"{out} is complete: all {steps:,} steps are done. For a longer run, choose another --out."
    if step == 0:
        return f"{out} has no checkpoint to go on from: starting at the beginning."
    return f"Going on from step {step:,} of {steps:,}."


def check_finite(rows: list[dict], first_step: int, checkpoints: Checkpoints, out: Path) -> None:
    """Stops the run at the first loss that is NaN or infinite."""
    for step, row in enumerate(rows, first_step):
        if not all(math.isfinite(value) for value in row.values()):
            terms = ", ".join(f"{name} {float(value):.4g}" for name, value in row.items())
            last = checkpoints.latest()
            good = f"The last good checkpoint is step {last}" if last is not None else "There is no checkpoint yet"
            raise TrainError(
                f"The loss is not finite at step {step}: {terms}. {good}, in {out / 'training' / 'checkpoints'}. "
                "Try a lower --learning-rate."
            )


def save_grid(path: Path, config: TrainConfig, values: Parameters, held_out: Pictures) -> None:
    """A PNG: held-out pictures, their reconstructions, and two rows of samples from N(0, I)."""
    images = held_out.images[:GRID_PICTURES]
    noise = jax.random.normal(jax.random.key(config.seed), (2 * len(images), *config.model.latent_shape))
    # One picture at a time: a whole batch at full size would need more memory than the training step.
    # In a Python loop: inside one of XLA's own, its CPU compiler has only slow convolutions.
    latents = [_encode(values, image[None] / np.float32(255), config=config) for image in images]
    reconstructions = np.concatenate([_decode(values, latent, config=config) for latent in latents])
    samples = np.concatenate([_decode(values, latent[None], config=config) for latent in noise])
    if not (np.isfinite(reconstructions).all() and np.isfinite(samples).all()):
        raise TrainError(
            "The model's pictures are not finite. Try a lower --learning-rate; the last checkpoint is good."
        )
    sheet = np.concatenate([images, to_uint8(reconstructions), to_uint8(samples)])
    grid(sheet, len(images)).save(path)


@partial(jax.jit, static_argnames="config")
def _encode(values: Parameters, images: Array, *, config: TrainConfig) -> Array:
    return bind(blank(config.model), values).encode(images).mean


@partial(jax.jit, static_argnames="config")
def _decode(values: Parameters, latent: Array, *, config: TrainConfig) -> Array:
    return bind(blank(config.model), values).decode(latent)


class MetricsLog:
    """`metrics.jsonl`, one line every so many steps; lines from steps that a resumed run repeats are dropped."""

    def __init__(self, path: Path, keep_before: int):
        self.path = path
        if path.exists():
            lines = [line for line in path.read_text().splitlines() if _step_of(line) <= keep_before]
            path.write_text("".join(line + "\n" for line in lines))

    def write(self, row: dict) -> None:
        with self.path.open("a") as file:
            file.write(json.dumps({k: round(v, 6) if isinstance(v, float) else v for k, v in row.items()}) + "\n")


def _step_of(line: str) -> float:
    try:
        return json.loads(line)["step"]
    except (ValueError, KeyError, TypeError):
        return math.inf  # the line that was being written when the run was killed


class StopSignal:
    """Turns the first Ctrl-C (or SIGTERM) into a request that the loop honours between steps; the second kills."""

    def __init__(self):
        self.requested = False

    def __enter__(self):
        self._before = {number: signal.signal(number, self._request) for number in (signal.SIGINT, signal.SIGTERM)}

    def __exit__(self, *_):
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _request(self, number, _frame):
        self.requested = True
        signal.signal(number, self._before[number])
        tqdm.write("Stopping after this step and saving; once more to quit at once.")


def resume_command() -> str:
    """The command line of this process, with --resume."""
    arguments = [a for a in sys.argv[1:] if a != "--resume"]
    return shlex.join(["python", "-m", "train", *arguments, "--resume"])
