"""A full training step of the reference architecture (loss with SSIM, backward, AdamW), against PyTorch.

    pip install -r bench/requirements.txt
    python bench/train_step.py

On a CPU in float32: the JAX side runs with what `python -m train` sets (`vae/xla.py`), a library for reductions and
memory in huge pages. These serve PyTorch, too, so it is measured with and without; and so is JAX without either. Where
PyTorch sees a GPU, JAX must see it as well: in bfloat16, against `torch.compile`.

The last side is no run but a bound, the roofline (Williams et al. 2009, https://doi.org/10.1145/1498765.1498785): what
the step's arithmetic would take at the speed of a matrix product measured here, or its reading and writing at the speed
of a plain one, whichever is longer, both as XLA counts them.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.lib.sides import compare, describe, median_seconds
from train.config import TrainConfig
from vae.xla import HUGE_PAGES, REDUCE_FUSION

HUGE = {"GLIBC_TUNABLES": HUGE_PAGES}
AS_TRAINED = {"XLA_FLAGS": REDUCE_FUSION, **HUGE}
SIDES = {
    "cpu": {"torch": {}, "torch huge pages": HUGE, "jax": AS_TRAINED, "jax by itself": {}, "roofline": AS_TRAINED},
    "cuda": {"torch": {}, "jax": {}, "roofline": {}},
}
CASES = {"cpu": [(64, 32), (256, 4)], "cuda": [(256, 64), (256, 256)]}  # pixels, batch
MATRIX_SIDE = {"cpu": 4096, "cuda": 16384}
DTYPE = {"cpu": "float32", "cuda": "bfloat16"}
STEPS, ROUNDS = 8, 3


def time_torch(device: str, side: int, batch_size: int) -> float:
    """Seconds a step in PyTorch."""
    import torch

    from bench.lib.torch_vae import make_step

    config = TrainConfig(batch_size=batch_size, load_size=side, crop=side)
    step = make_step(config.model, side, config.objective.weights, device)
    images = torch.rand(batch_size, 3, side, side, device=device).to(memory_format=torch.channels_last)
    return median_seconds(lambda: step(images).item(), STEPS)


def jax_step(device: str, side: int, batch_size: int):
    """The configuration, state and pictures of a step in JAX, which also crops, and averages the weights."""
    import jax

    from train.step import initial_state

    jax.config.update("jax_default_device", jax.devices(device)[0])
    config = TrainConfig(batch_size=batch_size, load_size=side, crop=side)
    pictures = np.random.default_rng(0).integers(0, 256, (batch_size, side, side, 3), dtype=np.uint8)
    return config, initial_state(config), jax.numpy.asarray(pictures)


def time_jax(device: str, side: int, batch_size: int) -> float:
    """Seconds a step in JAX."""
    import jax

    from train.step import train_step

    config, state, pictures = jax_step(device, side, batch_size)

    def step():
        nonlocal state
        state, terms = train_step(state, pictures, config=config, dtype=DTYPE[device])
        jax.block_until_ready(terms)

    return median_seconds(step, STEPS)


def time_roofline(device: str, side: int, batch_size: int) -> float:
    """Seconds a step at least takes."""
    import jax
    import jax.numpy as jnp

    from train.step import train_step

    config, state, pictures = jax_step(device, side, batch_size)
    lowered = train_step.lower(state, pictures, config=config, dtype=DTYPE[device])
    flops = lowered.cost_analysis()["flops"]
    bytes_moved = lowered.compile().cost_analysis()["bytes accessed"]  # after fusion

    n = MATRIX_SIDE[device]
    matrix = jax.random.normal(jax.random.key(0), (n, n), DTYPE[device])
    multiply, add = jax.jit(jnp.matmul), jax.jit(lambda x: x + 1)
    flops_per_second = 2 * n**3 / median_seconds(lambda: multiply(matrix, matrix).block_until_ready(), STEPS)
    bytes_per_second = 2 * matrix.nbytes / median_seconds(lambda: add(matrix).block_until_ready(), STEPS)
    return max(flops / flops_per_second, bytes_moved / bytes_per_second)


def main() -> None:
    """Prints the table; with arguments, times one case in this process and prints its seconds."""
    if len(sys.argv) > 1:
        side, device, *case = sys.argv[1:]
        print({"torch": time_torch, "jax": time_jax, "roofline": time_roofline}[side](device, *map(int, case)))
        return
    import torch

    device = "cuda" if torch.cuda.is_available() else "cpu"
    sides = SIDES[device]
    print(
        f"{describe('jax', 'torch')}; {device}, {DTYPE[device]}; seconds, and the speed of jax as a multiple of others'"
    )
    others = [side for side in sides if not side.startswith("jax")]
    print(
        f"{'pixels':>7} {'batch':>6}" + "".join(f"{s:>18}" for s in sides) + "".join(f"{'/ ' + s:>20}" for s in others)
    )
    for side, batch_size in CASES[device]:
        seconds = compare(__file__, [device, str(side), str(batch_size)], ROUNDS, sides)
        columns = "".join(f"{value:>18.3f}" for value in seconds.values())
        columns += "".join(f"{seconds[other] / seconds['jax']:>19.2f}x" for other in others)
        print(f"{side:>7} {batch_size:>6}{columns}", flush=True)


if __name__ == "__main__":
    main()
