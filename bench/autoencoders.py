"""Autoencoders that others trained, on a CPU, against diffusers in PyTorch: encoding and decoding one picture.

    pip install -r requirements-parity.txt
    python bench/autoencoders.py

Both sides open the same folder, of random weights: TAESD, Stable Diffusion's and FLUX.1's autoencoder. PyTorch runs in
channels_last, which is faster for it than what diffusers does by itself; JAX runs as the app does.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.lib.sides import compare, describe, median_seconds

WIDE = {
    "block_out_channels": (128, 256, 512, 512),
    "down_block_types": ("DownEncoderBlock2D",) * 4,
    "up_block_types": ("UpDecoderBlock2D",) * 4,
    "layers_per_block": 2,
}
MODELS = {
    "TAESD": ("AutoencoderTiny", {}),
    "SD": ("AutoencoderKL", WIDE),
    "FLUX.1": ("AutoencoderKL", WIDE | {"latent_channels": 16, "use_quant_conv": False, "use_post_quant_conv": False}),
}
SIZES = (256, 512)
SECONDS, ROUNDS = 10, 3  # of each timing, after the first runs; of all sides in turn


def time_torch(folder: str, what: str, size: int) -> float:
    """Seconds in PyTorch."""
    import diffusers
    import torch

    from vae.codec import describe

    kind, _ = MODELS[Path(folder).name]
    model = getattr(diffusers, kind).from_pretrained(folder, low_cpu_mem_usage=False).eval()
    model = model.to(memory_format=torch.channels_last)
    height, width, channels = describe(folder, size).latent_shape
    shape = (1, 3, size, size) if what == "encode" else (1, channels, height, width)
    given = torch.rand(shape).to(memory_format=torch.channels_last)
    run = model.encode if what == "encode" else model.decode
    with torch.inference_mode():
        return median_seconds(lambda: run(given), times(lambda: run(given)))


def time_jax(folder: str, what: str, size: int) -> float:
    """Seconds in JAX, as the app calls it."""
    import jax

    from vae.codec import open_codec

    codec = open_codec(folder, size)
    shape = (size, size, 3) if what == "encode" else codec.description.latent_shape
    given = jax.random.uniform(jax.random.key(0), (1, *shape))
    run = codec.encode if what == "encode" else codec.decode
    return median_seconds(lambda: jax.block_until_ready(run(given)), times(lambda: jax.block_until_ready(run(given))))


def times(run) -> int:
    """How many runs fit into `SECONDS`, three at least."""
    run()
    return max(3, round(SECONDS / median_seconds(run, 1)))


def write_models(folder: Path) -> None:
    """The folders that both sides open."""
    import diffusers

    for name, (kind, config) in MODELS.items():
        getattr(diffusers, kind)(**config).save_pretrained(folder / name)


def main() -> None:
    """Prints the table; with arguments, times one case in this process and prints its seconds."""
    if len(sys.argv) > 1:
        side, folder, what, size = sys.argv[1:]
        print((time_torch if side == "torch" else time_jax)(folder, what, int(size)))
        return
    print(describe("jax", "torch", "diffusers"))
    print(f"{'':>7} {'pixels':>7} {'':>7} {'torch, ms':>10} {'jax, ms':>10} {'jax / torch time':>18}")
    with tempfile.TemporaryDirectory() as folder:
        write_models(Path(folder))
        for name in MODELS:
            for size in SIZES:
                for what in ("encode", "decode"):
                    seconds = compare(__file__, [f"{folder}/{name}", what, str(size)], ROUNDS)
                    print(
                        f"{name:>7} {size:>7} {what:>7} {1e3 * seconds['torch']:>10.0f} {1e3 * seconds['jax']:>10.0f} "
                        f"{seconds['jax'] / seconds['torch']:>17.2f}x",
                        flush=True,
                    )


if __name__ == "__main__":
    main()
