"""What the CPU reduction library (`vae/xla.py`) does for a training step: both settings in turn, medians of each.

    python bench/train_step.py

A compiler flag holds for a whole process, so that every timing is a process of its own; they alternate, so that a
machine that slows down slows both.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

ROUNDS = 3
STEPS = 10
CASES = [("fruits", 32), ("photos", 8)]


def time_steps(preset: str, batch_size: int) -> float:
    """Seconds of one training step: the median of ten, after two that compile and warm up."""
    import dataclasses

    import jax
    import numpy as np

    from train.config import PRESETS
    from train.fit import initial_state, train_step

    config = dataclasses.replace(PRESETS[preset], batch_size=batch_size)
    rng = np.random.default_rng(0)
    pictures = jax.numpy.asarray(rng.integers(0, 256, (64, config.load_size, config.load_size, 3), dtype=np.uint8))
    state, seconds = initial_state(config), []
    for _ in range(STEPS + 2):
        indices = rng.integers(0, 64, batch_size)
        start = time.perf_counter()
        state, terms = train_step(state, pictures, indices, config=config, dtype="float32")
        jax.block_until_ready(terms)
        seconds.append(time.perf_counter() - start)
    return median(seconds[2:])


def in_a_process(preset: str, batch_size: int, fast: bool) -> float:
    """`time_steps` in a process of its own, with the flag or without."""
    from vae.xla import REDUCE_FUSION

    environment = {**os.environ, "JAX_PLATFORMS": "cpu", "XLA_FLAGS": REDUCE_FUSION if fast else ""}
    command = [sys.executable, __file__, preset, str(batch_size)]
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def main() -> None:
    """Prints the table; with arguments, times one case in this process and prints its seconds."""
    if len(sys.argv) == 3:
        print(time_steps(sys.argv[1], int(sys.argv[2])))
        return
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, jax {version('jax')}")
    print(f"{'preset':>8} {'batch':>6} {'plain s':>9} {'fast s':>9} {'speed-up':>9}")
    for preset, batch_size in CASES:
        pairs = [
            (in_a_process(preset, batch_size, fast=False), in_a_process(preset, batch_size, fast=True))
            for _ in range(ROUNDS)
        ]
        plain, fast = (median(side) for side in zip(*pairs, strict=True))
        print(f"{preset:>8} {batch_size:>6} {plain:>9.3f} {fast:>9.3f} {median(p / f for p, f in pairs):>8.2f}x")


if __name__ == "__main__":
    main()
