"""A full training step of the reference architecture (loss with SSIM, backward, AdamW), against PyTorch; float32, CPU.

    pip install -r bench/requirements.txt
    python bench/train_step.py

The JAX side runs with what `python -m train` sets (`vae/xla.py`): a library for reductions, and memory in huge pages.
These serve PyTorch, too, so it is measured with and without; and so is JAX without either.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.sides import compare, describe, median_seconds
from train.config import TrainConfig
from vae.xla import HUGE_PAGES, REDUCE_FUSION

HUGE = {"GLIBC_TUNABLES": HUGE_PAGES}
SIDES = {
    "torch": {},
    "torch huge pages": HUGE,
    "jax": {"XLA_FLAGS": REDUCE_FUSION, **HUGE},
    "jax by itself": {},
}
CASES = [(64, 32), (256, 4)]
STEPS, ROUNDS = 8, 3


def time_torch(side: int, batch_size: int) -> float:
    """Seconds a step in PyTorch."""
    import torch

    from bench.torch_vae import make_step

    config = TrainConfig(batch_size=batch_size, load_size=side, crop=side)
    step = make_step(config.model, side, config.weights, "cpu")
    images = torch.rand(batch_size, 3, side, side).to(memory_format=torch.channels_last)
    return median_seconds(lambda: step(images), STEPS)


def time_jax(side: int, batch_size: int) -> float:
    """Seconds a step in JAX, which also crops, and averages the weights: the PyTorch side does not."""
    import jax

    from train.fit import initial_state, train_step

    config = TrainConfig(batch_size=batch_size, load_size=side, crop=side)
    pictures = np.random.default_rng(0).integers(0, 256, (batch_size, side, side, 3), dtype=np.uint8)
    pictures = jax.numpy.asarray(pictures)
    state = initial_state(config)

    def step():
        nonlocal state
        state, terms = train_step(state, pictures, config=config, dtype="float32")
        jax.block_until_ready(terms)

    return median_seconds(step, STEPS)


def main() -> None:
    """Prints the table; with arguments, times one case in this process and prints its seconds."""
    if len(sys.argv) > 1:
        side, *case = sys.argv[1:]
        print((time_torch if side == "torch" else time_jax)(*map(int, case)))
        return
    print(describe("jax", "torch") + "; seconds")
    ratios = [f"jax / {side} speed" for side in SIDES if side.startswith("torch")]
    print(
        f"{'pixels':>7} {'batch':>6}" + "".join(f"{name:>20}" for name in SIDES) + "".join(f"{r:>30}" for r in ratios)
    )
    for side, batch_size in CASES:
        seconds = compare(__file__, [str(side), str(batch_size)], ROUNDS, SIDES)
        columns = "".join(f"{value:>20.3f}" for value in seconds.values())
        columns += "".join(f"{seconds[name] / seconds['jax']:>29.2f}x" for name in SIDES if name.startswith("torch"))
        print(f"{side:>7} {batch_size:>6}{columns}", flush=True)


if __name__ == "__main__":
    main()
