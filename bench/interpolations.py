"""How even and how real interpolations are: slerp between held-out pictures, in 25 frames.

    python bench/interpolations.py data/fruits

- largest step: the largest RMSE between neighbouring frames, in units of the mean one. 1 is perfectly even; a jump is
  large.
- off the cross-fade: RMSE between the picture in the middle and the pixel average of the two ends, in units of the RMSE
  between the ends. 0 is a cross-fade, two ghosts on top of each other.

The models are the ones that ship: emoji between the two styles of one design, and, where their data is given, fruits
between any two.
"""

from __future__ import annotations

import sys
from pathlib import Path

import jax
import numpy as np
from jaxtyping import Float

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.lib.sides import describe
from train.data import Pictures, load_pictures
from vae.checkpoint import load_model
from vae.latent import slerp
from vae.model import VAE, compile_codec

ROOT = Path(__file__).resolve().parent.parent
FRAMES, PAIRS = 25, 100


def random_pairs(pictures: Pictures, rng: np.random.Generator) -> np.ndarray:
    """Pairs of two different pictures, `Int[np.ndarray, "pairs 2"]`."""
    return np.stack([rng.choice(len(pictures), 2, replace=False) for _ in range(PAIRS)])


def style_pairs(pictures: Pictures, rng: np.random.Generator) -> np.ndarray:
    """Pairs of the two drawings of one design, as `random_pairs`."""
    drawings: dict[str, list[int]] = {}
    for i, name in enumerate(pictures.labels["name"]):
        drawings.setdefault(name, []).append(i)
    return rng.permutation([pair for pair in drawings.values() if len(pair) == 2])[:PAIRS]


def rmse(a: np.ndarray, b: np.ndarray) -> Float[np.ndarray, " frames"]:
    """Root of the mean squared difference over the last three axes."""
    return np.sqrt(np.square(a - b).mean(axis=(-3, -2, -1)))


def measure(model: VAE, pictures: Pictures, pairs: np.ndarray) -> Float[np.ndarray, "2 pairs"]:
    """The two figures of each pair."""
    encode, decode = compile_codec(model)
    between = jax.jit(jax.vmap(slerp, (None, None, 0)))
    figures = []
    for pair in pairs:
        a, b = (encode(image[None] / np.float32(255)).mean[0] for image in pictures.images[pair])
        latents = between(a, b, np.linspace(0, 1, FRAMES, dtype=np.float32))
        frames = np.concatenate([decode(latent[None]) for latent in latents])
        steps = rmse(frames[1:], frames[:-1])
        average = (frames[0] + frames[-1]) / 2
        figures.append((steps.max() / steps.mean(), rmse(frames[FRAMES // 2], average) / rmse(frames[0], frames[-1])))
    return np.array(figures).T


def main() -> None:
    """Prints the table: medians and 95th percentiles over the pairs."""
    cases = [("emoji", "one design in two styles", str(ROOT / "assets" / "datasets" / "emoji.parquet"), style_pairs)]
    cases += [("fruits", "any two", dataset, random_pairs) for dataset in sys.argv[1:]]
    print(describe("jax"))
    print(f"{'model':>8}{'pairs':>32}{'largest step (95%)':>24}{'off the cross-fade (95%)':>28}")
    for name, kind, dataset, choose in cases:
        pictures = load_pictures(dataset, "validation", 64)
        pairs = choose(pictures, np.random.default_rng(0))
        figures = measure(load_model(ROOT / "assets" / "models" / name), pictures, pairs)
        columns = [f"{np.median(values):.2f} ({np.percentile(values, 95):.2f})" for values in figures]
        print(f"{name:>8}{f'{len(pairs)}, {kind}':>32}{columns[0]:>24}{columns[1]:>28}", flush=True)


if __name__ == "__main__":
    main()
