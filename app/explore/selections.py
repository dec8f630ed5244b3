"""Selections: points of a map that a person keeps under a name, and takes away as a table.

They are kept in the visitor's browser, as a JSON object: map -> name -> base64 of `Packed`. It comes back with every
question, and may be anything.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from app.explore import files, map
from app.explore.limits import MAX_KEPT, MAX_SAVED_LINES, MAX_SELECTION_NAME, MAX_SELECTIONS, RequestError
from app.explore.opened import OpenModel

Packed = bytes  # a bit for each point of the map, the first in the highest of a byte

SECOND = " (B)"  # behind the name of the second of two groups


@dataclass(frozen=True)
class Groups:
    """Groups of points that are drawn on a map: one, or two, or none.

    Attributes:
        map: which one, by `_map_of`.
        packed: the groups.
    """

    map: str
    packed: tuple[Packed, ...]


def read(model: OpenModel, stored: Any) -> dict[str, Packed]:
    """Of what a browser keeps, the selections of this map, by name; what is none is left out."""
    size = (len(model.atlas) + 7) // 8
    own = {name: _decoded(text) for name, text in _texts(stored).get(_map_of(model), {}).items()}
    longest = MAX_SELECTION_NAME + len(SECOND)
    found = [(name, packed) for name, packed in own.items() if len(packed) == size and 0 < len(name) <= longest]
    return dict(found[:MAX_SELECTIONS])


def store(model: OpenModel, stored: Any, own: Mapping[str, Packed]) -> dict[str, dict[str, str]]:
    """What the browser is to keep: these selections of this map, and of other maps the latest, as far as there is room.

    Raises:
        RequestError: there is no room for these.
    """
    mine = {name: base64.b64encode(packed).decode() for name, packed in own.items()}
    room = MAX_KEPT - _length(mine)
    if room < 0:
        raise RequestError("Your browser has no room for more selections of a map of this size. Delete one.")
    others: list[tuple[str, dict[str, str]]] = []
    for name, texts in reversed(_texts(stored).items()):
        if name == _map_of(model):
            continue
        room -= len(name) + _length(texts)
        if room < 0:
            break
        others.insert(0, (name, texts))
    return {**dict(others), **({_map_of(model): mine} if mine else {})}


def _texts(stored: Any) -> dict[str, dict[str, str]]:
    """What a browser sends, without what is not of this form."""
    maps = stored.items() if isinstance(stored, dict) else ()
    return {
        name: {key: text for key, text in texts.items() if isinstance(text, str)}
        for name, texts in maps
        if isinstance(texts, dict)
    }


def _length(texts: Mapping[str, str]) -> int:
    return sum(len(name) + len(text) for name, text in texts.items())


def _decoded(text: str) -> Packed:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""


def _map_of(model: OpenModel) -> str:
    """What selections belong to: a map that is made anew has other points."""
    return " ".join([model.name, *(str(time) for time in model.written)])


def add(model: OpenModel, kept: Mapping[str, Packed], name: Any, groups: Groups | None) -> dict[str, Packed]:
    """What is kept, and these groups of points besides; one of the same name is replaced.

    Args:
        model: whose map it is.
        kept: by name.
        name: at most 60 characters; of two groups, the second gets " (B)" behind it.
        groups: of this map.

    Raises:
        RequestError: there is no name, no group, or one of another map; or too many are kept.
    """
    name = name.strip() if isinstance(name, str) else ""
    if not 0 < len(name) <= MAX_SELECTION_NAME:
        raise RequestError(f"Give the selection a name of at most {MAX_SELECTION_NAME} characters.")
    if groups is None or not groups.packed:
        raise RequestError("Nothing is selected. Draw around some points with the lasso, or take what is shown.")
    if groups.map != _map_of(model):
        raise RequestError("This selection is of another map. Draw around the points once more.")
    others = {other: rows for other, rows in kept.items() if other not in (name, f"{name}{SECOND}")}
    found = {**others, **{f"{name}{end}": rows for end, rows in zip(("", SECOND), groups.packed, strict=False)}}
    if len(found) > MAX_SELECTIONS:
        raise RequestError(f"{MAX_SELECTIONS} selections are kept already. Delete one.")
    return found


def rows_of(model: OpenModel, packed: Packed) -> np.ndarray:
    """Whether each point is in a selection."""
    return np.unpackbits(np.frombuffer(packed, np.uint8), count=len(model.atlas)).astype(bool)


def pack(model: OpenModel, *groups: Any) -> Groups:
    """Groups of points, as a page sends their rows.

    Raises:
        RequestError: one has no points, a row is none of the map, or there is no map.
    """

    def packed(rows: Any) -> Packed:
        chosen = np.zeros(len(model.atlas), bool)
        chosen[map.check_rows(model, rows)] = True
        return np.packbits(chosen).tobytes()

    return Groups(_map_of(model), tuple(packed(rows) for rows in groups))


def save(model: OpenModel, kept: Mapping[str, Packed]) -> str:
    """Writes a CSV with a line for each point of each selection: its row, name, place, labels and numbers.

    Returns:
        The file's path.

    Raises:
        RequestError: they have too many points.
    """
    chosen = {name: np.flatnonzero(rows_of(model, packed)) for name, packed in kept.items()}
    count = sum(len(rows) for rows in chosen.values())
    if count > MAX_SAVED_LINES:
        raise RequestError(
            f"These selections have {count:,} points; a table has at most {MAX_SAVED_LINES:,}. Make them smaller, or "
            "fewer."
        )
    return files.save_table(_lines(model, chosen), model.name, "selections")


def _lines(model: OpenModel, chosen: Mapping[str, np.ndarray]) -> Iterator[list[Any]]:
    atlas = model.atlas
    numbers = atlas.numbers | {map.PRIOR_COLUMN: atlas.prior_distance}
    yield ["selection", "row", "id", "x", "y", *atlas.labels, *numbers]
    for name, rows in chosen.items():
        for row in rows.tolist():
            place = [f"{value:.6g}" for value in atlas.positions[row]]
            figures = (f"{values[row]:.6g}" if np.isfinite(values[row]) else "" for values in numbers.values())
            yield [name, row, atlas.ids[row], *place, *atlas.labels_of(row).values(), *figures]
