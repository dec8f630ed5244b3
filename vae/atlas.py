"""The atlas: a data set's latents with their positions on a 2-D map and their labels."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, SupportsIndex, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from jaxtyping import Float, Int

from vae.files import MAX_ATLAS_BYTES, MAX_STORED, MAX_TEXT, as_text, check_file

T = TypeVar("T")
Index = Any  # a NearestNeighbors: scikit-learn takes longer to import than all else here, and is needed late

POSITION_COLUMNS = ("x", "y")
LATENT_COLUMN = "latent"
ID_COLUMN = "id"
ERROR_COLUMN = "reconstruction_l1"
KL_COLUMN = "kl_nats"
THUMBNAIL_COLUMN = "thumbnail"
ACTIVE_FACT = "active_dimensions"  # how many there are, so that a page can say it before it reads the latents
REQUIRED = {ID_COLUMN, *POSITION_COLUMNS, LATENT_COLUMN}
MAX_POINTS = 2_000_000
MAX_COLUMNS = 50
MAX_POSITION = 1e6  # absolute, of a coordinate; a map is some tens wide
MAX_THUMBNAIL_BYTES = 1 << 16  # of a small original; 64 x 64 pixels of noise take 13 KB
UNREADABLE = (ValueError, OverflowError, TypeError, KeyError, pa.ArrowException)  # KeyError: an unknown time zone
RESERVED = {*REQUIRED, ERROR_COLUMN, KL_COLUMN, THUMBNAIL_COLUMN}


class AtlasError(ValueError):
    """An atlas that cannot be read, with a message that says what is wrong."""


@dataclass(frozen=True)
class Place:
    """A place on the map, or a picture placed on it.

    Attributes:
        x, y: map coordinates.
        neighbours: row numbers of the nearest points, nearest first.
        weights: of the neighbours, summing to 1.
        distance: to the nearest point, in units of the median distance between neighbouring points of the data set:
            up to about 1 is among the data, far above is off it.
    """

    x: float
    y: float
    neighbours: Int[np.ndarray, " k"]
    weights: Float[np.ndarray, " k"]
    distance: float


@dataclass(frozen=True)
class Atlas:
    """Posterior means of a data set, laid out on a map.

    Attributes:
        ids: a name for each picture.
        positions: map coordinates.
        latents: posterior means, in float16 as stored.
        labels: label column -> one string a picture.
        numbers: column -> one number a picture, NaN where it has none. `reconstruction_l1`: the mean absolute error of
            the picture decoded from its posterior mean, pixels in [0, 1]; `kl_nats`: the KL of its posterior to the
            prior. An older atlas lacks them.
        facts: how it was made: dataset, split, seed, trustworthiness (Venna & Kaski 2001).
        thumbnails: row -> the picture itself, small, as a WebP: of all, some or none of them. They may be anything
            until `vae.images.read_thumbnail` has read them.
    """

    ids: list[str]
    positions: Float[np.ndarray, "count 2"]
    latents: Float[np.ndarray, "count *latent"]
    labels: dict[str, list[str]]
    numbers: dict[str, Float[np.ndarray, " count"]] = field(default_factory=dict)
    facts: dict[str, str] = field(default_factory=dict)
    thumbnails: dict[int, bytes] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def prior_distance(self) -> Float[np.ndarray, " count"]:
        """How far each posterior mean is from the middle of the prior: `|z| / sqrt(d)`, its root mean square.

        A draw from N(0, I) of d numbers has 1, give or take `1 / sqrt(2 d)`. Means lie closer in, by as much as their
        posteriors are wide: where the posteriors together match the prior, the mean of `z^2 + sigma^2` is 1.
        """
        flat = self.latents.reshape(len(self), -1).astype(np.float32)
        return np.sqrt(np.mean(flat**2, axis=1))

    @cached_property
    def map_spacing(self) -> float:
        """Median distance on the map from a point to its nearest other: the unit of `Place.distance` there."""
        return _spacing(self._map_index)

    def labels_of(self, index: SupportsIndex) -> dict[str, str]:
        """Label column -> the label of one point."""
        return {column: values[index] for column, values in self.labels.items()}

    def latent(self, index: SupportsIndex) -> Float[np.ndarray, "*latent"]:
        """The latent of one point, in float32."""
        return self.latents[index].astype(np.float32)

    def locate(self, latent: Float[np.ndarray, "*latent"], k: int = 8) -> Place:
        """Places a latent on the map: the distance-weighted mean position of its `k` nearest latents."""
        place = self._nearest(self._latent_index, latent.reshape(1, -1), k, self._latent_spacing)
        x, y = place.weights @ self.positions[place.neighbours]
        return Place(float(x), float(y), place.neighbours, place.weights, place.distance)

    def latent_at(self, x: float, y: float, k: int = 6) -> tuple[Float[np.ndarray, "*latent"], Place]:
        """The latent of a place on the map: the distance-weighted mean latent of the `k` nearest points on the map."""
        place = self._nearest(self._map_index, np.array([[x, y]], np.float32), k, self.map_spacing)
        latent = np.tensordot(place.weights, self.latents[place.neighbours].astype(np.float32), axes=1)
        return latent, Place(x, y, place.neighbours, place.weights, place.distance)

    def latents_along(self, path: Float[np.ndarray, "corners 2"], count: int) -> Float[np.ndarray, "count *latent"]:
        """`latent_at` at `count` places of equal arc length along a polyline on the map, its ends among them."""
        lengths = np.linalg.norm(np.diff(path, axis=0), axis=1)
        travelled = np.concatenate([[0], np.cumsum(lengths)])
        at = np.linspace(0, travelled[-1], count)
        places = zip(*(np.interp(at, travelled, axis) for axis in path.T), strict=True)
        return np.stack([self.latent_at(float(x), float(y))[0] for x, y in places])

    def mean_latent(self, rows: Int[np.ndarray, " some"]) -> Float[np.ndarray, "*latent"]:
        """The mean of some points' latents, in float32."""
        return self.latents[rows].mean(axis=0, dtype=np.float32)

    def neighbours(self, index: SupportsIndex, k: int = 8) -> Int[np.ndarray, " k"]:
        """The nearest points in latent space to a point of the atlas, nearest first, without itself."""
        k = min(k, len(self) - 1)
        _, found = self._latent_index.kneighbors(self.latent(index).reshape(1, -1), k + 1)
        return found[0][found[0] != index][:k]

    def _nearest(self, index: Index, query: np.ndarray, k: int, spacing: float) -> Place:
        distances, found = index.kneighbors(query, min(k, len(self)))
        distances, found = distances[0], found[0]
        # Inverse squared distance (Shepard 1968); on top of a point, that point alone counts.
        weights = 1 / np.maximum(distances, 1e-6 * max(spacing, 1e-12)) ** 2
        return Place(np.nan, np.nan, found, weights / weights.sum(), float(distances[0] / max(spacing, 1e-12)))

    @cached_property
    def _latent_index(self) -> Index:
        from sklearn.neighbors import NearestNeighbors

        return NearestNeighbors(algorithm="brute").fit(self.latents.reshape(len(self), -1).astype(np.float32))

    @cached_property
    def _map_index(self) -> Index:
        from sklearn.neighbors import NearestNeighbors

        return NearestNeighbors(algorithm="kd_tree").fit(self.positions)

    @cached_property
    def _latent_spacing(self) -> float:
        return _spacing(self._latent_index)

    def write(self, path: Path | str) -> None:
        """Writes a parquet file, beside its place and then renamed; the facts go to its schema's metadata."""
        path = Path(path)
        flat = self.latents.reshape(len(self), -1).astype(np.float16)
        latents = pa.FixedSizeListArray.from_arrays(pa.array(flat.ravel(), pa.float16()), flat.shape[1])
        columns = {ID_COLUMN: pa.array(self.ids), **{name: pa.array(v) for name, v in self.labels.items()}}
        columns |= {axis: pa.array(self.positions[:, i], pa.float32()) for i, axis in enumerate(POSITION_COLUMNS)}
        columns |= {name: pa.array(values, pa.float32()) for name, values in self.numbers.items()}
        if self.thumbnails:
            columns[THUMBNAIL_COLUMN] = pa.array([self.thumbnails.get(row) for row in range(len(self))], pa.binary())
        table = pa.table({**columns, LATENT_COLUMN: latents}).replace_schema_metadata(self.facts)
        beside = path.with_name(path.name + ".tmp")
        pq.write_table(
            table,
            beside,
            compression="zstd",
            compression_level=9,
            use_dictionary=[*self.labels],  # all else is plain: DuckDB reads no float16 that is split by bytes
        )
        os.replace(beside, path)

    @classmethod
    def read(cls, path: Path | str, latent_shape: tuple[int, ...]) -> Atlas:
        """Reads what `write` wrote.

        Args:
            path: of the parquet file.
            latent_shape: of the model that it goes with.

        Raises:
            AtlasError: damaged, a column is missing or holds no numbers, or the latents are not of that shape.
        """
        remake = "Make it again: python -m train atlas"
        try:
            check_file(path, MAX_ATLAS_BYTES)
            _check_size(pq.read_metadata(path), math.prod(latent_shape))
            schema = pq.read_schema(path)
            table = _read_table(path, schema)
        except (pa.ArrowException, OSError, ValueError, MemoryError) as error:
            raise AtlasError(f"{path} cannot be read ({as_text(error)}). {remake}") from error
        missing = REQUIRED - set(schema.names)
        if missing:
            raise AtlasError(f"{path} lacks the columns {', '.join(sorted(missing))}. {remake}")
        try:
            positions = np.stack([table[axis].to_numpy().astype(np.float32) for axis in POSITION_COLUMNS], axis=1)
            column = table[LATENT_COLUMN].combine_chunks()
            flat = column.flatten().to_numpy(zero_copy_only=False)
            # False for NaN too.
            whole = bool((np.abs(positions) <= MAX_POSITION).all() and (np.abs(flat) <= MAX_STORED).all())
            flat = flat.astype(np.float16)
        except (AttributeError, TypeError, ValueError, LookupError, pa.ArrowException):
            whole = False  # KeyError: of two columns of one name; IndexError: of texts of which each is missing
        if not whole:
            raise AtlasError(f"{path} holds positions or latents that are not numbers, or too large. {remake}")
        if not len(table):
            raise AtlasError(f"{path} has no points. {remake}")
        lengths = pc.unique(pc.list_value_length(column)).to_pylist()
        if lengths != [math.prod(latent_shape)] or flat.size != len(table) * math.prod(latent_shape):
            raise AtlasError(f"{path} does not hold latents of shape {latent_shape}: it is another model's. {remake}")
        others = [name for name in table.column_names if name not in {*REQUIRED, THUMBNAIL_COLUMN}]
        others = [name for name in others if len(name) <= MAX_TEXT]
        others = [name for name in others if table.column_names.count(name) == 1][:MAX_COLUMNS]
        floating = [name for name in others if pa.types.is_floating(table.schema.field(name).type)]
        texts = {name: _texts(table[name]) for name in others if name not in floating}
        ids = _texts(table[ID_COLUMN]) if ID_COLUMN in table.column_names else None
        return cls(
            ids=ids or [""] * len(table),
            positions=positions,
            latents=flat.reshape(len(table), *latent_shape),
            labels={name: values for name, values in texts.items() if values is not None},
            numbers={name: _numbers(table[name]) for name in floating},
            thumbnails=_thumbnails(table),
            facts={_decoded(key): _decoded(value) for key, value in (table.schema.metadata or {}).items()},
        )


def read_facts(path: Path | str) -> dict[str, str]:
    """The facts of an atlas, without reading the rest of it; none where the file cannot be read."""
    try:
        check_file(path, MAX_ATLAS_BYTES)
        metadata = pq.read_schema(path).metadata or {}
    except (pa.ArrowException, OSError, ValueError, MemoryError):
        return {}
    return {_decoded(key): _decoded(value) for key, value in metadata.items()}


def _check_size(metadata: pq.FileMetaData, latent_size: int) -> None:
    """What the file says that it holds, before memory is taken for it.

    Raises:
        ValueError: it is too much.
    """
    groups = (metadata.row_group(k) for k in range(metadata.num_row_groups))
    if metadata.num_rows > MAX_POINTS or sum(group.total_byte_size for group in groups) > MAX_ATLAS_BYTES:
        raise ValueError(
            f"{metadata.num_rows:,} points; at most {MAX_POINTS:,} in {MAX_ATLAS_BYTES:,} bytes are accepted"
        )
    if metadata.num_rows * latent_size * 2 > MAX_ATLAS_BYTES:
        raise ValueError(f"{metadata.num_rows:,} latents of {latent_size:,} numbers are too many")


def _read_table(path: Path | str, schema: pa.Schema) -> pa.Table:
    """The latents, and columns of single values. Texts are in dictionaries: a few bytes may repeat one many times."""
    fields = [field for field in schema if field.name == LATENT_COLUMN or _is_flat(field.type)]
    texts = [field.name for field in fields if _is_text(field.type)]
    return pq.read_table(path, columns=[field.name for field in fields], read_dictionary=texts, partitioning=None)


def _is_text(kind: pa.DataType) -> bool:
    types = pa.types
    strings = (types.is_string, types.is_large_string, types.is_string_view)
    known = (*strings, types.is_binary, types.is_large_binary, types.is_binary_view)
    return any(is_known(kind) for is_known in known)


def _is_flat(kind: pa.DataType) -> bool:
    types = pa.types
    known = (types.is_integer, types.is_floating, types.is_boolean, types.is_temporal, types.is_decimal, types.is_null)
    is_short = types.is_fixed_size_binary(kind) and kind.byte_width <= MAX_TEXT
    return _is_text(kind) or is_short or types.is_dictionary(kind) or any(is_known(kind) for is_known in known)


def _texts(column: pa.ChunkedArray) -> list[str] | None:
    """Labels, whatever they are, as texts; None where they cannot be read, as of dates before the calendar."""
    try:
        return _values(column, as_text)
    except UNREADABLE:
        return None


def _values(column: pa.ChunkedArray, convert: Callable[[Any], T]) -> list[T]:
    """The converted values of a column, of a dictionary each once.

    Raises:
        pa.ArrowException: it is damaged.
    """
    found: list[T] = []
    for chunk in column.chunks:
        if not pa.types.is_dictionary(chunk.type):
            found += [convert(value) for value in chunk.to_pylist()]
            continue
        chunk.validate(full=True)  # else its numbers may point anywhere
        values, missing = [convert(value) for value in chunk.dictionary.to_pylist()], convert(None)
        found += [missing if k is None else values[k] for k in chunk.indices.to_pylist()]
    return found


def _numbers(column: pa.ChunkedArray) -> Float[np.ndarray, " count"]:
    with np.errstate(over="ignore"):
        values = column.to_numpy().astype(np.float32)
    return np.where(np.isfinite(values), values, np.float32(np.nan))


def _thumbnails(table: pa.Table) -> dict[int, bytes]:
    """Row -> bytes, of those that are there and no larger than such pictures are."""
    if table.column_names.count(THUMBNAIL_COLUMN) != 1:
        return {}
    try:
        found = _values(table[THUMBNAIL_COLUMN], lambda content: content if isinstance(content, bytes) else b"")
    except UNREADABLE:
        return {}
    return {row: content for row, content in enumerate(found) if 0 < len(content) <= MAX_THUMBNAIL_BYTES}


def _decoded(text: bytes) -> str:
    return as_text(text.decode(errors="replace"))


def _spacing(index: Index) -> float:
    """Median distance from a point to its nearest other, over at most a thousand points."""
    points = index._fit_X[:: max(1, index.n_samples_fit_ // 1000)]
    if index.n_samples_fit_ < 2:
        return 1.0
    distances, _ = index.kneighbors(points, 2)
    return float(np.median(distances[:, 1]))
