"""Pictures to begin with: those that ship with the app, and points of a model's own map."""

from __future__ import annotations

import filecmp
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from app.explore.files import draw, save_picture
from app.explore.limits import EXAMPLE_POINTS, RequestError
from app.explore.opened import OpenModel
from vae.atlas import Atlas
from vae.checkpoint import CONV_VAE, ModelFolderError

FOLDER = Path(__file__).parents[2] / "assets" / "examples"

# By file name, which is made of a kind of picture and of what it shows: "fruit-apple.png".
EXAMPLES = {path.name: path for path in sorted(FOLDER.glob("*-*")) if path.suffix in {".png", ".jpg"}}

# By the data set that a model was trained on, as its `config.json` names it: the kind of examples that are like it.
KINDS = {
    "data/faces": "face",
    "data/faces128": "face128",
    "data/digits": "digit",
    "assets/datasets/emoji.parquet": "emoji",
    "data/photos": "photo",
}


def examples_for(model: OpenModel) -> dict[str, Path]:
    """What a model offers as examples, by file name: pictures like its data, since others only show it failing.

    Those are shipped examples, if the model was trained on a data set that they are like, or is another's, for any
    picture; else some points of its map, drawn, as where the data are not ours to show; without a map that can be
    read and drawn, none.
    """
    kind = KINDS.get(str(model.info.training.get("dataset")))
    if model.info.kind != CONV_VAE:
        kind = "photo"
    if kind:
        return {name: path for name, path in EXAMPLES.items() if name.startswith(f"{kind}-")}
    try:
        paths = [Path(_drawn_point(model, row, words)) for row, words in _points(model.atlas).items()]
    except (RequestError, ModelFolderError):
        return {}
    return {path.name: path for path in paths}


def _points(atlas: Atlas) -> dict[int, str]:
    """Row -> words, of points that differ: one of each of the commonest labels.

    Of the label columns that have enough of them, the coarsest counts.
    """
    columns = [values for values in atlas.labels.values() if len({*values} - {""}) >= EXAMPLE_POINTS]
    if not columns:
        rows = np.linspace(0, len(atlas) - 1, EXAMPLE_POINTS).astype(int)
        return {int(row): f"point {row} of the map" for row in rows}
    labels = np.array(min(columns, key=lambda values: len({*values})))
    found = {}
    for label, _ in Counter(labels[labels != ""].tolist()).most_common(EXAMPLE_POINTS):
        rows = np.flatnonzero(labels == label)
        found[int(rows[len(rows) // 2])] = f"{label}, point {rows[len(rows) // 2]} of the map"
    return found


def _drawn_point(model: OpenModel, row: int, words: str) -> str:
    picture = model.remember("example", row, lambda: draw(model, model.atlas.latent(row), words))
    return save_picture(picture, model.name, words)  # once more, so that it does not grow old


def name_of(path: str | Path) -> str:
    """What an example shows, as its file says: "fruit-apple.png" is an apple."""
    return Path(path).stem.partition("-")[2].replace("-", " ")


def which_of(offered: Mapping[str, Path], path: str | None) -> str | None:
    """The file name of the example that a picture is, or is a copy of; None if it is none of them."""
    example = offered.get(Path(path).name) if path else None
    return example.name if example and filecmp.cmp(path, example, shallow=False) else None
