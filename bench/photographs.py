"""How well photographs come back: ours beside autoencoders that others trained, each picture at 256 pixels.

    python bench/photographs.py [MODEL ...]    # folders; default: assets/models/photos and assets/models/photos16

Needs data/photos and data/photos-ordinary, which are not in the repository. Besides PSNR and SSIM: the colour error,
the mean absolute difference of the mean colours of patches of 32 x 32 pixels; and the texture that plain patches get,
those whose pixels deviate by less than 2 levels of 255 in the original: by how much more they deviate afterwards. Both
in levels of 255.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import jax.numpy as jnp
import numpy as np
import pyarrow.parquet as parquet
from jaxtyping import Float

from vae.codec import Codec, open_codec
from vae.images import fit, open_picture, to_array
from vae.losses import psnr, ssim

ROOT = Path(__file__).resolve().parents[1]
SETS = {"held out": "data/photos/validation.parquet", "ordinary": "data/photos-ordinary/test.parquet"}
MODELS = ("assets/models/photos", "assets/models/photos16")
SIZE, PATCH, PLAIN = 256, 32, 2.0


def pictures(path: Path) -> list[Float[np.ndarray, "256 256 3"]]:
    """All of a file, cut to squares."""
    files = [one["bytes"] for one in parquet.read_table(path)["image"].to_pylist()]
    return [to_array(fit(open_picture(file), SIZE)) for file in files]


def patches(picture: Float[np.ndarray, "256 256 3"]) -> Float[np.ndarray, "patch pixels 3"]:
    """Its squares of 32 x 32 pixels, in levels of 255."""
    count = SIZE // PATCH
    cut = picture.reshape(count, PATCH, count, PATCH, 3).swapaxes(1, 2)
    return 255 * cut.reshape(count**2, PATCH**2, 3)


def measure(codec: Codec, picture: Float[np.ndarray, "256 256 3"]) -> dict[str, float]:
    """What comes back of a picture."""
    there = jnp.asarray(picture[None])
    back = jnp.clip(codec.decode(codec.encode(there).mean), 0, 1)
    before, after = patches(picture), patches(np.asarray(back[0]))
    texture_before, texture_after = before.std(1).mean(-1), after.std(1).mean(-1)
    plain = texture_before < PLAIN
    return {
        "PSNR, dB": float(psnr(there, back)[0]),
        "SSIM": float(ssim(there, back)[0]),
        "colour error": float(np.abs(before.mean(1) - after.mean(1)).mean()),
        "texture on plain patches": float((texture_after - texture_before)[plain].mean()) if plain.any() else np.nan,
    }


def main() -> None:
    """Prints a row for each model and set."""
    folders = [Path(path) for path in sys.argv[1:]] or [ROOT / path for path in MODELS]
    print("| model | photographs | PSNR, dB | SSIM | colour error | texture on plain patches |")
    print("|---|---|---|---|---|---|")
    for name, path in SETS.items():
        some = pictures(ROOT / path)
        for folder in folders:
            codec = open_codec(folder, SIZE)
            found = [measure(codec, picture) for picture in some]
            means = {key: np.nanmean([one[key] for one in found]) for key in found[0]}
            cells = " | ".join(f"{value:.3f}" if key == "SSIM" else f"{value:.2f}" for key, value in means.items())
            print(f"| {folder.name} | {len(some)} {name} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
