"""Sheets of what a model draws: samples of each of its priors, and held-out pictures over their reconstructions.

python assets/screenshots/sheets.py --model assets/models/faces --dataset assets/datasets/faces.parquet
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np
from PIL import Image

from train.data import Pictures, load_pictures
from train.encode import as_floats
from train.grid import captioned
from train.samples import draw
from vae.codec import Codec, open_codec
from vae.images import grid, to_uint8
from vae.priors import Prior, load_priors

HERE = Path(__file__).resolve().parent
SAMPLES, PAIRS = 64, 24
ROW = 1024  # pixels that a row of pictures is wide, about


def samples_sheet(codec: Codec, priors: dict[str, Prior], count: int, seed: int) -> Image.Image:
    """As many samples of each prior, all from the same noise."""
    latents = draw(priors, codec.description.latent_shape, count, seed)
    columns = max(4, ROW // codec.description.image_size)
    return captioned({priors[name].title: grid(_decode(codec, some), columns) for name, some in latents.items()})


def reconstructions_sheet(codec: Codec, pictures: Pictures) -> Image.Image:
    """Rows of pictures, each over a row of their reconstructions."""
    latents = [codec.encode(as_floats(picture[None])).mean for picture in pictures.images]
    reconstructions = _decode(codec, np.concatenate(latents))
    columns = min(PAIRS // 2, max(4, ROW // codec.description.image_size))
    rows = []
    for first in range(0, len(pictures), columns):
        rows += [pictures.images[first : first + columns], reconstructions[first : first + columns]]
    return grid(np.concatenate(rows), columns)


def _decode(codec: Codec, latents: np.ndarray) -> np.ndarray:
    # One at a time: a batch of large pictures would need much memory.
    return to_uint8(np.concatenate([np.asarray(codec.decode(latent[None])) for latent in latents]))


def main() -> None:
    """Writes `NAME-samples.webp` and `NAME-reconstructions.webp`, where NAME is the model's folder."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, required=True, help="a model folder")
    parser.add_argument("--dataset", required=True, help="as for `python -m train evaluate`")
    parser.add_argument("--split", default="validation", help="of it (default: validation)")
    parser.add_argument("--samples", type=int, default=SAMPLES, help=f"of each prior (default: {SAMPLES})")
    parser.add_argument("--seed", type=int, default=0, help="of the samples (default: 0)")
    parser.add_argument("--out", type=Path, default=HERE, help="folder to write to (default: this script's)")
    arguments = parser.parse_args()
    codec, name = open_codec(arguments.model), arguments.model.resolve().name
    priors = load_priors(arguments.model, codec.description.latent_shape)
    pictures = load_pictures(arguments.dataset, arguments.split, codec.description.image_size, limit=PAIRS)
    arguments.out.mkdir(parents=True, exist_ok=True)
    for kind, sheet in {
        "samples": samples_sheet(codec, priors, arguments.samples, arguments.seed),
        "reconstructions": reconstructions_sheet(codec, pictures),
    }.items():
        path = arguments.out / f"{name}-{kind}.webp"
        sheet.save(path, quality=80, method=6)
        print(f"{path}: {sheet.width} x {sheet.height} pixels, {path.stat().st_size / 1024:.0f} KB")


if __name__ == "__main__":
    main()
