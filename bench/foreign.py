"""Which pictures a model warns of as unlike its data: held-out ones of its own kind, and those of other kinds.

python bench/foreign.py    # needs data/fruits and data/photos, whose held-out pictures are not in the repository
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import pyarrow.parquet as parquet
from PIL import Image

from app.explore.limits import FOREIGN
from app.explore.opened import OpenModel
from app.explore.reconstruct import worst_usual_error
from app.kit.examples import EXAMPLES
from vae.images import fit, open_picture, to_array

ROOT = Path(__file__).resolve().parents[1]
COUNT = 100  # of each kind, at most

# Of each model: the file with held-out pictures of its kind, their split, and what its example pictures are called.
KINDS = {
    "faces": ("assets/datasets/faces.parquet", "validation", "face"),
    "fruits": ("data/fruits/validation.parquet", None, "fruit"),
    "emoji": ("assets/datasets/emoji.parquet", "validation", "emoji"),
    "photos": ("data/photos/validation.parquet", None, "photo"),
}


def held_out(path: str, split: str | None) -> list[Image.Image]:
    """Pictures of a file, evenly spread over it."""
    table = parquet.read_table(ROOT / path)
    if split:
        table = table.filter(np.array(table["split"].to_pylist()) == split)
    rows = np.unique(np.linspace(0, len(table) - 1, COUNT).astype(int))
    return [Image.open(io.BytesIO(table["image"][int(row)].as_py()["bytes"])).convert("RGB") for row in rows]


def error(model: OpenModel, picture: Image.Image) -> float:
    """The L1 of its reconstruction, as a multiple of what 99% of the model's data stay below."""
    fitted = fit(picture, model.info.image_size)
    pixels = model.decode_pixels(np.asarray(model.encode(fitted).mean))
    return float(np.abs(to_array(fitted) - pixels).mean()) / worst_usual_error(model)


def main() -> None:
    """Prints a row for each model and kind of pictures."""
    pictures = {kind: held_out(path, split) for kind, (path, split, _) in KINDS.items()}
    examples = {
        kind: [open_picture(path) for name, path in EXAMPLES.items() if name.startswith(f"{prefix}-")]
        for kind, (_, _, prefix) in KINDS.items()
    }
    print("| model | pictures | warned of | error, 3rd, 50th and 97th percentile | examples warned of |")
    print("|---|---|---|---|---|")
    for name in KINDS:
        model = OpenModel(ROOT / "assets" / "models" / name)
        for kind, some in pictures.items():
            errors = np.array([error(model, picture) for picture in some])
            low, middle, high = np.percentile(errors, (3, 50, 97))
            warned = sum(error(model, picture) > FOREIGN for picture in examples[kind])
            print(
                f"| {name} | {kind} | {np.sum(errors > FOREIGN)} of {len(some)} | {low:.2f}, {middle:.2f}, {high:.2f} "
                f"| {warned} of {len(examples[kind])} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
