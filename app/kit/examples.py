"""The example pictures that ship with the app."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parents[2] / "assets" / "examples"

# By file name, which is made of a kind of picture and of what it shows: "fruit-apple.png".
EXAMPLES = {path.name: path for path in sorted(FOLDER.glob("*-*")) if path.suffix in {".png", ".jpg"}}


def examples_for(model: str) -> list[Path]:
    """The example pictures, those of a model's own kind first: of "fruits", the files called fruit-*."""
    return sorted(EXAMPLES.values(), key=lambda path: not model.startswith(path.name.partition("-")[0]))
