"""The numbers of a map's points in one file, which a browser fetches once and keeps: a million are slow as JSON."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import numpy as np

from app.explore import map
from app.explore.limits import check_choice
from app.explore.map import Categories, Overview
from app.explore.opened import OpenModel

ALIGNMENT = 4  # bytes: where each array begins is a multiple of it, as typed arrays need


@dataclass(frozen=True)
class PointsFile:
    """The content of such a file, and a name for it."""

    content: bytes
    digest: str


@dataclass(frozen=True)
class Offsets:
    """Where the arrays begin in the file, in bytes.

    Attributes:
        x, y: map coordinates, float32.
        numbers: of each numeric column, float32, NaN for none.
        codes: of each label column, uint8 where it has at most 256 labels, else uint16.
    """

    x: int
    y: int
    numbers: list[int]
    codes: list[int]


def offsets(overview: Overview) -> Offsets:
    """Where the arrays of a map begin in its file."""
    sizes = [len(array) * array.dtype.itemsize for array in _arrays(overview)]
    x, y, *others = np.cumsum([0, *(size + -size % ALIGNMENT for size in sizes)])[:-1].tolist()
    count = len(overview.numbers)
    return Offsets(x, y, others[:count], others[count:])


def pack_points(overview: Overview) -> bytes:
    """The file: little-endian arrays, one after the other, as `offsets` says."""
    parts = (array.tobytes() for array in _arrays(overview))
    return b"".join(part + bytes(-len(part) % ALIGNMENT) for part in parts)


def _arrays(overview: Overview) -> list[np.ndarray]:
    x, y = overview.positions.T
    floats = [array.astype("<f4") for array in (x, y, *(column.values for column in overview.numbers))]
    return [*floats, *(column.codes.astype(_code_type(column)) for column in overview.categories)]


def _code_type(column: Categories) -> str:
    return "u1" if len(column.labels) <= 256 else "<u2"


def points_file(model: OpenModel, layout: Any = map.UMAP) -> PointsFile:
    """The file of a model's map.

    Raises:
        RequestError: there is no such layout, or no map.
    """
    check_choice("layout", layout, [*map.LAYOUTS])
    return model.remember_points("points file", layout, lambda: _make(map.overview(model, layout)))


def _make(overview: Overview) -> PointsFile:
    content = pack_points(overview)
    return PointsFile(content, hashlib.sha256(content).hexdigest()[:16])


def points_address(model: OpenModel, layout: str = map.UMAP) -> str:
    """Where a browser fetches it, under the address of kit/web.py's files.

    Raises:
        RequestError: as for `points_file`.
    """
    return f"points/{points_file(model, layout).digest}/{layout}/{quote(model.name, safe='')}.bin"
