"""Fits a VAE: the loop around `train.step.train_step`, with its log, its checkpoints and the model that it exports."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
from tqdm import tqdm

from train.batches import batches
from train.card import write_card
from train.config import DEVICE_MEMORY_BUDGET, TrainConfig
from train.curves import write_curves
from train.data import Pictures
from train.devices import is_main, replicate
from train.features import load_network
from train.grid import save_grid
from train.held_out import LOSS, PSNR, measure_held_out
from train.reporting import reporting
from train.run import (
    Checkpoints,
    Interrupted,
    Meter,
    MetricsLog,
    StopSignal,
    check_run,
    describe_resumption,
    resume_command,
    start_run,
)
from train.snapshots import moments, save_snapshot
from train.step import count_parameters, initial_state, train_step
from vae.checkpoint import ModelInfo, save_model


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
    snapshots: int = 0,
    device_memory_budget: float = DEVICE_MEMORY_BUDGET,
    report_to: str | None = None,
) -> None:
    """Trains, and leaves a model folder at `out`, with its curves and its card, and the run under `out/training`.

    What is exported is the average of the weights at the checkpoint whose loss on the held-out pictures was lowest.

    Args:
        config: the run.
        train: pictures to fit, of side `config.load_size`.
        held_out: pictures to measure and to look at, of side `config.model.image_size`.
        out: the model folder.
        info: goes to the model's `config.json`.
        resume: go on from the newest checkpoint in `out`.
        log_every: steps between lines of `metrics.jsonl`; losses are checked for NaN as often.
        checkpoint_every: steps between checkpoints.
        snapshots: how many moments of the training are kept, in `out/snapshots`.
        device_memory_budget: GiB of pictures that may live in each device's memory; where they are changes no weight.
        report_to: where the rows of the log are sent too (`train.reporting`).

    Raises:
        TrainError: `out` holds another run, or a loss was not finite.
        FlagError: the batch has no equal share for every device, or no such parts.
        MissingWeights: the loss is to be perceptual, and the package with the features is not there.
        Interrupted: Ctrl-C, or SIGTERM; what was learnt is saved.
    """
    check_run(config, out, resume)
    run = out / "training"
    if is_main():
        start_run(run, config, train, resume)
    checkpoints = Checkpoints(run / "checkpoints")
    state = checkpoints.restore(replicate(initial_state(config)))
    first = int(state.step)
    if is_main():
        log = MetricsLog(run / "metrics.jsonl", keep_before=first)
        print(describe_resumption(first, config.steps, out) if resume else describe_run(config, len(train)))

    known: dict[str, Any] = {
        "data_size": len(train),
        "network": replicate(load_network()) if config.is_perceptual else None,
    }
    dtype = "bfloat16" if jax.default_backend() == "gpu" else "float32"
    source = batches(train.images, config.batch_size, range(first, config.steps), config.seed, device_memory_budget)
    meter, measured = Meter(config.batch_size), {}
    kept = moments(config.steps, snapshots) if is_main() else ()
    if first in kept:
        save_snapshot(out, first, jax.device_get(state.average), config, train)
    with (
        reporting(report_to if is_main() else None, out, config, first) as report,
        StopSignal() as stop,
        tqdm(None, "fit", config.steps, initial=first, unit="step", smoothing=0.1, disable=not is_main()) as progress,
        closing(source),
    ):
        for step, pictures in enumerate(source, first + 1):
            state, terms = train_step(state, pictures, config=config, dtype=dtype, **known)
            meter.add(terms)
            if step == first + 1:
                jax.block_until_ready(terms)
                progress.unpause()  # the time that compiling took says nothing of the time left
            progress.update()
            if step in kept:
                save_snapshot(out, step, jax.device_get(state.average), config, train)
            logging = step % log_every == 0
            stopping = stop.requested(ask_others=logging)
            saving = stopping or step % checkpoint_every == 0 or step == config.steps
            if logging or saving:
                row = {"step": step, **meter.read(step, checkpoints)}
                if saving and is_main():
                    average = jax.device_get(state.average)
                    # First, since it runs the model: what cannot be drawn must not replace what could.
                    save_grid(run / f"step-{step:06d}.png", config, average, held_out)
                    measured = measure_held_out(average, held_out.images, config, **known)
                    if measured[LOSS] <= log.lowest(LOSS):
                        save_model(out, average, replace(info, training={**info.training, "kept_step": step}))
                    row |= measured
                if is_main():
                    log.write(row)
                    report(row)
                    progress.set_postfix(describe_step(config, row | measured))
            if saving:
                checkpoints.save(state)  # last: a run that goes on from here has exported what came before
                meter.reset()
            if stopping and step < config.steps:
                raise Interrupted(f"Stopped at step {step:,}; everything is saved. To go on: {resume_command()}")
    if is_main():
        write_curves(out, config.objective.curves)
        write_card(out)


def describe_run(config: TrainConfig, pictures: int) -> str:
    """What is about to be trained, in a line."""
    size, shape = config.model.image_size, " x ".join(map(str, config.model.latent_shape))
    times = config.steps * config.batch_size / pictures
    return (
        f"{size} x {size} pixels through {shape} numbers, {count_parameters(config):,} parameters: {config.steps:,} "
        f"steps of {config.batch_size} pictures, {times:,.1f} times all {pictures:,}. The first has to be compiled."
    )


def describe_step(config: TrainConfig, row: dict[str, float]) -> dict[str, str]:
    """What the progress bar says: the last steps, and the held-out pictures at the last checkpoint."""
    shown = {name: f"{row[name]:.4g}" for name in ("loss", *config.objective.curves)}
    if PSNR in row:
        shown["held out"] = f"{row[PSNR]:.2f} dB"
    return shown | {"pictures/s": f"{row['pictures_per_s']:.0f}"}
