"""Encoding and decoding one picture on a CPU, against PyTorch: what a person waits for in the app.

pip install -r bench/requirements.txt
python bench/latency.py
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.lib.sides import compare, describe, median_seconds
from vae.model import VAEConfig

CASES = [(what, size) for size in (64, 256) for what in ("encode", "decode")]
TIMES, ROUNDS = 40, 3


def time_torch(what: str, size: int) -> float:
    """Seconds in PyTorch."""
    import torch

    from bench.lib.torch_vae import VAE

    model = VAE(VAEConfig()).eval().to(memory_format=torch.channels_last)
    image = torch.rand(1, 3, size, size).to(memory_format=torch.channels_last)
    latent = torch.randn(1, 4, size // 8, size // 8).to(memory_format=torch.channels_last)
    with torch.inference_mode():
        run = (lambda: model.encode(image)) if what == "encode" else (lambda: model.decoder(latent))
        return median_seconds(run, TIMES)


def time_jax(what: str, size: int) -> float:
    """Seconds in JAX, as the app calls it."""
    import jax
    from flax import nnx

    from vae.model import VAE, compile_codec

    encode, decode = compile_codec(VAE(VAEConfig(), rngs=nnx.Rngs(0)))
    image = jax.random.uniform(jax.random.key(0), (1, size, size, 3))
    latent = jax.random.normal(jax.random.key(1), (1, size // 8, size // 8, 4))
    run = (lambda: encode(image)) if what == "encode" else (lambda: decode(latent))
    return median_seconds(lambda: jax.block_until_ready(run()), TIMES)


def main() -> None:
    """Prints the table; with arguments, times one case in this process and prints its seconds."""
    if len(sys.argv) > 1:
        side, what, size = sys.argv[1:]
        print((time_torch if side == "torch" else time_jax)(what, int(size)))
        return
    print(describe("jax", "torch"))
    print(f"{'pixels':>7} {'':>7} {'torch, ms':>10} {'jax, ms':>10} {'jax / torch time':>18}")
    for what, size in CASES:
        seconds = compare(__file__, [what, str(size)], ROUNDS)
        print(
            f"{size:>7} {what:>7} {1e3 * seconds['torch']:>10.2f} {1e3 * seconds['jax']:>10.2f} "
            f"{seconds['jax'] / seconds['torch']:>17.2f}x",
            flush=True,
        )


if __name__ == "__main__":
    main()
