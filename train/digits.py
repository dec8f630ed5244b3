"""`python -m train digits`: handwritten digits, for a model with a latent of two numbers, all of which can be seen.

They are the 1,797 pictures of 8 x 8 pixels that scikit-learn brings (`sklearn.datasets.load_digits`): the test part of
Alpaydin & Kaynak 1998, "Optical Recognition of Handwritten Digits", UCI Machine Learning Repository.
"""

from __future__ import annotations

import argparse
import hashlib
import io
from pathlib import Path

import datasets
import numpy as np
from jaxtyping import Float
from PIL import Image, ImageOps
from sklearn.datasets import load_digits

from train.config import FlagError

SIDE = 32  # pixels
INNER = 24  # of which a digit takes so many, up from 8; the rest is a margin, as a digit reaches to its picture's ends
INK = 16  # of a pixel all covered by ink
FILE = "digits.parquet"

CARD = """\
---
license: cc-by-4.0
task_categories:
- unconditional-image-generation
tags:
- latentscape
---

# Handwritten digits

{count:,} handwritten digits of {side} x {side} pixels, black on white, with the `digit` that each shows. {held_out} of
them are held out (`split` is "validation"). Made by Latentscape with

```
python -m train digits --out FOLDER
```

## Where it is from

E. Alpaydin and C. Kaynak (1998), Optical Recognition of Handwritten Digits, UCI Machine Learning Repository,
https://doi.org/10.24432/C50P49, under CC BY 4.0 (https://creativecommons.org/licenses/by/4.0/): its test part, as
scikit-learn brings it (`sklearn.datasets.load_digits`).

Changes: enlarged from 8 x 8 to 24 x 24 pixels by bicubic interpolation, with a margin of 4 around, and inverted, so
that ink is black.
"""


def enlarge(ink: Float[np.ndarray, "8 8"]) -> Image.Image:
    """A digit as a picture, black on white; `ink` is from 0 to 16. The page enlarges what a visitor draws in the same
    way (app/widgets/plane/ink.js)."""
    grey = Image.fromarray(np.round(255 * (1 - ink / INK)).astype(np.uint8))
    grey = grey.resize((INNER, INNER), Image.Resampling.BICUBIC)
    return ImageOps.expand(grey, (SIDE - INNER) // 2, fill=255)


def split_of(row: int) -> str:
    """ "validation" for a fixed tenth of the rows."""
    return "validation" if hashlib.sha256(str(row).encode()).digest()[0] < 26 else "train"


def build(out: Path) -> datasets.Dataset:
    """Writes the data set, a parquet file and its card, and returns what is in it.

    Raises:
        FlagError: the folder holds another data set.
    """
    if {path.name for path in out.glob("*.parquet")} - {FILE}:
        raise FlagError("--out", f"{out} holds another data set; give an empty or a new folder")
    found = load_digits()
    rows = [
        {"image": {"bytes": _png(enlarge(ink)), "path": None}, "digit": str(digit), "split": split_of(row)}
        for row, (ink, digit) in enumerate(zip(found.images, found.target, strict=True))
    ]
    columns = {"image": datasets.Image(), **{name: datasets.Value("string") for name in ("digit", "split")}}
    data = datasets.Dataset.from_list(rows, features=datasets.Features(columns))
    out.mkdir(parents=True, exist_ok=True)
    data.to_parquet(out / FILE)
    held_out = sum(split == "validation" for split in data["split"])
    (out / "README.md").write_text(CARD.format(count=len(rows), side=SIDE, held_out=held_out), encoding="utf-8")
    return data


def run_digits(arguments: argparse.Namespace) -> None:
    """`python -m train digits`."""
    print(f"{arguments.out}: {len(build(arguments.out)):,} digits, with their card")


def _png(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()
