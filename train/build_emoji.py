"""Builds `assets/datasets/emoji.parquet` from two npm packages.

    npm pack emoji-datasource-google@16.0.0 emoji-datasource-twitter@16.0.0
    mkdir google twitter
    tar xzf emoji-datasource-google-16.0.0.tgz -C google
    tar xzf emoji-datasource-twitter-16.0.0.tgz -C twitter
    python -m train.build_emoji --google google/package --twitter twitter/package

The same packages give the same file. Licences and attribution are in `assets/datasets/README.md`.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
from pathlib import Path

import datasets
from PIL import Image
from tqdm import tqdm

VERSION = "16.0.0"
SIDE = 64  # pixels
COLUMNS = datasets.Features(
    {
        "image": datasets.Image(),
        "name": datasets.Value("string"),
        "category": datasets.Value("string"),
        "subcategory": datasets.Value("string"),
        "style": datasets.Value("string"),
        "split": datasets.Value("string"),
    }
)


class PackageError(ValueError):
    """A folder that is not the unpacked npm package it should be."""


def read_designs(package: Path, style: str) -> list[dict]:
    """The emoji that the package has a picture of, in the order of their code points; no skin-tone variants.

    Args:
        package: the unpacked npm package.
        style: "google" or "twitter".

    Raises:
        PackageError: the folder is another package, another version, or lacks pictures.
    """
    expected = f"emoji-datasource-{style}"
    try:
        about = json.loads((package / "package.json").read_text())
        designs = json.loads((package / "emoji.json").read_text())
    except (OSError, ValueError) as error:
        raise PackageError(f"{package} is not the unpacked npm package {expected}: {error}") from error
    if (about.get("name"), about.get("version")) != (expected, VERSION):
        raise PackageError(
            f"{package} holds {about.get('name')} {about.get('version')}; {expected} {VERSION} is needed"
        )
    pictures = package / "img" / style / str(SIDE)
    if not pictures.is_dir():
        raise PackageError(f"{package} lacks img/{style}/{SIDE}, its {SIDE}-pixel pictures")
    # Components are the bare skin-tone swatches. Variants with a skin tone are not in the list itself, only below it.
    shown = [d for d in designs if d[f"has_img_{style}"] and d["category"] != "Component"]
    missing = [d["image"] for d in shown if not (pictures / d["image"]).is_file()]
    if missing:
        raise PackageError(f"{pictures} lacks {len(missing)} of {len(shown)} pictures, the first is {missing[0]}")
    return sorted(shown, key=lambda design: design["unified"])


def make_row(design: dict, package: Path, style: str) -> dict:
    """One row of the data set."""
    return {
        "image": {"bytes": on_white(package / "img" / style / str(SIDE) / design["image"]), "path": None},
        "name": design["name"].lower() if design["name"] else design["short_name"].replace("_", " "),
        "category": design["category"],
        "subcategory": design["subcategory"],
        "style": style,
        "split": split_of(design["unified"]),
    }


def on_white(path: Path) -> bytes:
    """The picture laid on white, as lossless WebP."""
    with Image.open(path) as file:
        picture = file.convert("RGBA")
    picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert("RGB")
    buffer = io.BytesIO()
    picture.save(buffer, "WEBP", lossless=True, quality=100, method=6)
    return buffer.getvalue()


def split_of(code_points: str) -> str:
    """ "validation" for a fixed tenth of the designs, in both styles: a held-out design is new in every way."""
    return "validation" if hashlib.sha256(code_points.encode()).digest()[0] < 26 else "train"


def build(packages: dict[str, Path], out: Path) -> datasets.Dataset:
    """Writes the parquet file, and returns what is in it.

    Args:
        packages: style -> the unpacked npm package, in the order of the rows.
        out: the file to write; folders above it are made.

    Raises:
        PackageError: as `read_designs`, before any picture is read.
    """
    # All packages are checked first: encoding takes minutes.
    designs = {style: read_designs(package, style) for style, package in packages.items()}
    rows = [
        make_row(design, packages[style], style)
        for style in packages
        for design in tqdm(designs[style], style, unit="emoji")
    ]
    data = datasets.Dataset.from_list(rows, features=COLUMNS)
    data.to_parquet(out)
    return data


def main() -> None:
    """Parses the command line and builds."""
    parser = argparse.ArgumentParser(
        prog="python -m train.build_emoji", description="Builds the embedded emoji data set."
    )
    for style in ("google", "twitter"):
        help_text = f"the unpacked npm package emoji-datasource-{style} {VERSION}"
        parser.add_argument(f"--{style}", type=Path, required=True, metavar="FOLDER", help=help_text)
    out = Path(__file__).resolve().parent.parent / "assets" / "datasets" / "emoji.parquet"
    parser.add_argument(
        "--out", type=Path, default=out, metavar="FILE", help="the file to write (default: the embedded one)"
    )
    arguments = parser.parse_args()
    try:
        data = build({"google": arguments.google, "twitter": arguments.twitter}, arguments.out)
    except PackageError as error:
        parser.error(str(error))
    held_out = sum(split == "validation" for split in data["split"])
    print(f"{arguments.out}: {len(data):,} pictures, {held_out} of them held out")


if __name__ == "__main__":
    main()
