"""Selections: points of a map that a person keeps under a name, and takes away as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from app.explore import files, map
from app.explore.limits import MAX_SELECTION_NAME, MAX_SELECTIONS, RequestError
from app.explore.opened import OpenModel
from vae.atlas import Atlas

Packed = bytes  # a bit for each point of the map, the first in the highest of a byte


def add(model: OpenModel, kept: Mapping[str, Packed], name: Any, groups: Sequence[Any]) -> dict[str, Packed]:
    """What is kept, and these groups of points besides; one of the same name is replaced.

    Args:
        model: whose map it is.
        kept: by name.
        name: at most 60 characters; of two groups, the second gets " (B)" behind it.
        groups: the rows of each: one, or two.

    Raises:
        RequestError: there is no name, or no group; or too many are kept.
    """
    name = name.strip() if isinstance(name, str) else ""
    if not 0 < len(name) <= MAX_SELECTION_NAME:
        raise RequestError(f"Give the selection a name of at most {MAX_SELECTION_NAME} characters.")
    if not groups:
        raise RequestError("Nothing is selected. Draw around some points with the lasso, or take what is shown.")
    packed = [_pack(model.atlas, map.check_rows(model, rows)) for rows in groups]
    others = {other: rows for other, rows in kept.items() if other not in (name, f"{name} (B)")}
    found = {**others, **{f"{name}{end}": rows for end, rows in zip(("", " (B)"), packed, strict=False)}}
    if len(found) > MAX_SELECTIONS:
        raise RequestError(f"{MAX_SELECTIONS} selections are kept already. Delete one.")
    return found


def rows_of(model: OpenModel, packed: Packed) -> np.ndarray:
    """Whether each point is in a selection."""
    return np.unpackbits(np.frombuffer(packed, np.uint8), count=len(model.atlas)).astype(bool)


def _pack(atlas: Atlas, rows: np.ndarray) -> Packed:
    chosen = np.zeros(len(atlas), bool)
    chosen[rows] = True
    return np.packbits(chosen).tobytes()


def save(model: OpenModel, kept: Mapping[str, Packed]) -> str:
    """Writes a CSV with a line for each point of each selection: its row, name, place, labels and numbers.

    Returns:
        The file's path.
    """
    atlas = model.atlas
    numbers = atlas.numbers | {map.PRIOR_COLUMN: atlas.prior_distance}
    lines: list[list[Any]] = [["selection", "row", "id", "x", "y", *atlas.labels, *numbers]]
    for name, packed in kept.items():
        for row in np.flatnonzero(rows_of(model, packed)).tolist():
            place = [f"{value:.6g}" for value in atlas.positions[row]]
            figures = (f"{values[row]:.6g}" if np.isfinite(values[row]) else "" for values in numbers.values())
            lines.append([name, row, atlas.ids[row], *place, *atlas.labels_of(row).values(), *figures])
    return files.save_table(lines, model.name, "selections")
