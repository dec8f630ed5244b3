"""Pictures a second on their way from parquet to the device, beside what the training step takes: who waits for whom.

    python bench/input_pipeline.py data/fruits data/photos

Each data set is trained on with the preset of its folder's name (as fruits, photos or emoji), or else the default one:

- decoded: from parquet to pixels in memory, on all cores; once for a whole run.
- kept: batches gathered on the device from pixels that live there (data sets within `--device-memory-budget`).
- brought: batches gathered in the host's memory by a thread and brought over (larger data sets).
- step: training on one batch, again and again, as if batches cost nothing.
- step, kept and step, brought: training on batches as they come, either way.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from itertools import count
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import jax

from bench.lib.sides import describe
from train.batches import Batch, prefetched, resident
from train.config import PRESETS, TrainConfig
from train.data import load_pictures
from train.devices import replicate
from train.step import initial_state, train_step
from vae.xla import use_fast_cpu_reductions

LIMIT = 2000  # pictures that are decoded
WARM_UP, BATCHES, STEPS, ROUNDS = 3, 200, 10, 3
HEADINGS = ("decoded", "kept", "brought", "step", "step, kept", "step, brought")


def batch_rate(source: Iterator[Batch], batch_size: int) -> float:
    """Pictures a second of batches that nothing is done with."""
    with closing(source):
        for _ in range(WARM_UP):
            next(source).block_until_ready()
        start = time.perf_counter()
        for _ in range(BATCHES):
            next(source).block_until_ready()
    return BATCHES * batch_size / (time.perf_counter() - start)


def step_rate(source: Iterator[Batch], config: TrainConfig) -> float:
    """Pictures a second of training on batches, as `train.fit` does."""
    state = replicate(initial_state(config))
    with closing(source):
        for _ in range(WARM_UP):
            state, _ = train_step(state, next(source), config=config, dtype="float32")
        jax.block_until_ready(state)
        start = time.perf_counter()
        for _ in range(STEPS):
            state, _ = train_step(state, next(source), config=config, dtype="float32")
        jax.block_until_ready(state)
    return STEPS * config.batch_size / (time.perf_counter() - start)


def measure(dataset: str) -> list[float]:
    """The figures of `HEADINGS` for one data set."""
    config = PRESETS.get(Path(dataset).stem, PRESETS["fruits"])
    start = time.perf_counter()
    images = load_pictures(dataset, "train", config.load_size, limit=LIMIT).images
    decoded = len(images) / (time.perf_counter() - start)

    # Twice as many as are taken, so that the thread has something to bring until the end.
    kept, brought = (partial(way, images, config.batch_size, range(2 * BATCHES), 0) for way in (resident, prefetched))
    batch = next(kept())
    rounds = [
        [step_rate(source, config) for source in ((batch for _ in count()), kept(), brought())] for _ in range(ROUNDS)
    ]  # in turn, so that a machine that slows down slows all three
    fed = [batch_rate(way(), config.batch_size) for way in (kept, brought)]
    return [decoded, *fed, *map(median, zip(*rounds, strict=True))]


def main() -> None:
    """Prints the table, in pictures a second."""
    use_fast_cpu_reductions()
    print(describe("jax", "numpy", "pillow", "datasets"))
    print(f"{'pictures/s':>20}" + "".join(f"{heading:>15}" for heading in HEADINGS))
    for dataset in sys.argv[1:] or ["assets/datasets/emoji.parquet"]:
        print(f"{Path(dataset).stem:>20}" + "".join(f"{figure:>15,.0f}" for figure in measure(dataset)), flush=True)


if __name__ == "__main__":
    main()
