"""The map of a data set's latents: its points, the places between them, paths over it, and groups of points."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from jaxtyping import Float, UInt16
from PIL import Image

from app.explore.limits import (
    AMONG,
    COLOUR_PERCENTILES,
    EDGE,
    FEWEST_ALIKE,
    GROUP_LABELS,
    MAX_STEPS,
    MAX_THUMBNAILS,
    NEIGHBOURS,
    PATH_CORNERS,
    PATH_COUNT,
    RARE,
    SHEPARD_NEIGHBOURS,
    TELLING_NEIGHBOURS,
    TELLING_POINTS,
    THUMBNAIL,
    RequestError,
    check_choice,
    check_coordinates,
    check_whole,
)
from app.explore.opened import OpenModel
from app.explore.subject import Subject
from app.explore.turns import many
from app.words.labels import labels_in_words
from vae.atlas import ERROR_COLUMN, Atlas, Place
from vae.directions import principal_directions

PRIOR_COLUMN = "prior_distance"  # a number of each point that the atlas works out
MAX_CATEGORIES = 1 << 16  # codes are 16-bit numbers

UMAP, PCA = "umap", "pca"
LAYOUTS = {UMAP: "UMAP", PCA: "PCA"}  # what places the points -> what it is called

Nearness = Literal["among", "edge", "far"]


# ---- The whole map ----


@dataclass(frozen=True)
class Categories:
    """A label column.

    Attributes:
        name: of the column.
        labels: each once, the most frequent first; "" is no label.
        codes: of each point, the position of its label in `labels`.
    """

    name: str
    labels: list[str]
    codes: UInt16[np.ndarray, " count"]


@dataclass(frozen=True)
class Numbers:
    """A numeric column.

    Attributes:
        name: of the column; `ERROR_COLUMN` and `PRIOR_COLUMN` are among them.
        values: of each point, NaN where it has none.
        low, high: between which colours run: the 1st and the 99th percentile.
    """

    name: str
    values: Float[np.ndarray, " count"]
    low: float
    high: float


@dataclass(frozen=True)
class Overview:
    """All points of a map.

    Attributes:
        positions: map coordinates.
        categories: the label columns; one of more than 65,536 different labels is left out.
        numbers: the numeric columns.
        spacing: the median distance on the map from a point to its nearest other.
        first: the label column to look at first, as `telling_column` says.
        layout: what placed them.
    """

    positions: Float[np.ndarray, "count 2"]
    categories: list[Categories]
    numbers: list[Numbers]
    spacing: float
    first: str | None = None
    layout: str = UMAP


@dataclass(frozen=True)
class Figures:
    """What a map is like, in numbers.

    Attributes:
        count: of points.
        spacing: as in `Overview`.
        prior_distance: the median over the points of `|z| / sqrt(d)`, the root mean square of a latent.
        prior_spread: the standard deviation that this has over draws from N(0, I), whose mean is 1.
        error: the median reconstruction error (L1), pixels in [0, 1]; None where it was not measured.
        trustworthiness: of the stored layout (Venna & Kaski 2001); None of another, and where it was not measured.
        explained: of the principal layout, the part of the latents' variance that it shows, 0 to 1; None of another.
    """

    count: int
    spacing: float
    prior_distance: float
    prior_spread: float
    error: float | None
    trustworthiness: float | None
    explained: float | None


def atlas_in(model: OpenModel, layout: Any) -> Atlas:
    """The map, its points placed by UMAP, as it is stored; or by the first two principal components of the latents.

    Raises:
        RequestError: there is no such layout, or no map.
    """
    if check_choice("layout", layout, [*LAYOUTS]) == UMAP:
        return model.atlas
    return model.remember("principal layout", None, lambda: _lay_out_principally(model.atlas))


def _lay_out_principally(atlas: Atlas) -> Atlas:
    if len(atlas) < 2:  # one point has no directions
        return replace(atlas, positions=np.zeros((len(atlas), 2), np.float32))
    found = principal_directions(atlas.latents, 2)
    centred = (atlas.latents - found.mean).reshape(len(atlas), -1).astype(np.float32)
    positions = centred @ found.directions.reshape(len(found.directions), -1).T
    missing = 2 - positions.shape[1]  # of a latent of one number
    return replace(atlas, positions=np.pad(positions, ((0, 0), (0, missing))))


def overview(model: OpenModel, layout: Any = UMAP) -> Overview:
    """All points.

    Raises:
        RequestError: there is no such layout, or no map.
    """
    check_choice("layout", layout, [*LAYOUTS])
    return model.remember_points("overview", layout, lambda: _overview(model, atlas_in(model, layout), layout))


def _overview(model: OpenModel, atlas: Atlas, layout: str) -> Overview:
    columns = atlas.numbers | {PRIOR_COLUMN: atlas.prior_distance}
    found = (_categories(name, values) for name, values in atlas.labels.items())
    categories = [column for column in found if column]
    return Overview(
        positions=atlas.positions,
        categories=categories,
        numbers=[_numbers(name, values) for name, values in columns.items()],
        spacing=atlas.map_spacing,
        first=model.remember("telling column", None, lambda: telling_column(model.atlas.positions, categories)),
        layout=layout,
    )


def telling_column(positions: Float[np.ndarray, "count 2"], categories: Sequence[Categories]) -> str | None:
    """The column whose labels the layout keeps together best; None where it keeps none together.

    How often neighbours on the map have one label, beyond how often two points drawn at random have: Cohen's kappa
    (1960), over at most 2,000 points.
    """
    from sklearn.neighbors import NearestNeighbors  # takes a second to import, and is needed late

    count = len(positions)
    asked = np.linspace(0, count - 1, min(count, TELLING_POINTS)).astype(int)
    neighbours = min(TELLING_NEIGHBOURS, count - 1)
    if neighbours < 1:
        return None
    near = (
        NearestNeighbors(n_neighbors=neighbours).fit(positions).kneighbors(positions[asked], neighbours + 1)[1][:, 1:]
    )
    scores = {}
    for column in categories:
        chance = float(np.sum((np.bincount(column.codes) / count) ** 2))
        if 1 < len(column.labels) <= count / FEWEST_ALIKE and chance < 1:
            alike = float(np.mean(column.codes[near] == column.codes[asked, None]))
            scores[column.name] = (alike - chance) / (1 - chance)
    best = max(scores, key=lambda name: scores[name], default=None)
    return best if best is not None and scores[best] > 0 else None


def _categories(name: str, values: Sequence[Any]) -> Categories | None:
    texts = list(map(_label, values))
    sizes = Counter(texts)
    if len(sizes) > MAX_CATEGORIES:
        return None
    labels = sorted(sizes, key=lambda label: (-sizes[label], label))
    code = {label: k for k, label in enumerate(labels)}
    return Categories(name, labels, np.fromiter((code[text] for text in texts), np.uint16, len(texts)))


def in_order_of(column: Categories, other: Categories) -> list[str]:
    """A column's labels in the order of another's, which has some it lacks; then those that the other lacks.

    For the same colours. Where none is the same, or there would be too many, they stay as they are.
    """
    labels = [*other.labels, *(label for label in column.labels if label not in {*other.labels})]
    if len(labels) > MAX_CATEGORIES or not {*column.labels} & {*other.labels}:
        return column.labels
    return labels


def _numbers(name: str, values: Float[np.ndarray, " count"]) -> Numbers:
    values = np.where(np.isfinite(values), values, np.nan).astype(np.float32)
    finite = values[np.isfinite(values)]
    low, high = np.percentile(finite, COLOUR_PERCENTILES).tolist() if finite.size else (0.0, 1.0)
    return Numbers(name, values, low, high)


def unit(model: OpenModel, index: Any) -> Numbers:
    """The points' numbers in one dimension of a vector latent; of a spatial one's channel, the mean over its places.

    Raises:
        RequestError: there is no such dimension, or no map.
    """
    latents = model.atlas.latents
    index = check_whole("The dimension", index, 0, latents.shape[-1] - 1)
    places = latents[..., index].reshape(len(latents), -1)
    return _numbers(f"unit {index}", places.mean(axis=1, dtype=np.float32))


def figures(model: OpenModel, layout: Any = UMAP) -> Figures:
    """The map in numbers.

    Raises:
        RequestError: there is no such layout, or no map.
    """
    atlas = atlas_in(model, layout)
    errors = atlas.numbers.get(ERROR_COLUMN, np.array([np.nan]))
    trust = explained = None
    if layout == PCA:
        whole = float(atlas.latents.reshape(len(atlas), -1).var(axis=0, dtype=np.float32).sum())
        explained = float(atlas.positions.var(axis=0, dtype=np.float32).sum()) / whole if whole else 1.0
    else:
        with suppress(KeyError, ValueError):
            trust = float(atlas.facts["trustworthiness"])
    return Figures(
        count=len(atlas),
        spacing=atlas.map_spacing,
        prior_distance=float(np.median(atlas.prior_distance)),
        prior_spread=float(1 / np.sqrt(2 * model.info.latent_size)),
        error=float(np.nanmedian(errors)) if np.isfinite(errors).any() else None,
        trustworthiness=trust,
        explained=explained,
    )


# ---- Points ----


@dataclass(frozen=True)
class Point:
    """A point of the map.

    Attributes:
        index: its row.
        id: its name.
        labels: label column -> value.
        numbers: numeric column -> value, where it has one.
        latent: the posterior mean of its picture.
        distance: Euclidean, from the latent whose neighbour it is; 0 for a point by itself.
    """

    index: int
    id: str
    labels: dict[str, str]
    numbers: dict[str, float]
    latent: Float[np.ndarray, "*latent"]
    distance: float = 0.0

    @property
    def words(self) -> str:
        """What its drawn picture says that it is."""
        named = ", ".join(filter(None, [labels_in_words(self.labels), Path(self.id).stem]))
        return f"point {self.index} of the map: {named}"


def point(model: OpenModel, index: Any) -> Point:
    """A point by its row.

    Raises:
        RequestError: there is no such row, or no map.
    """
    index = _check_row(model, index)
    return _point(model, index, model.atlas.latent(index))


def point_at(model: OpenModel, latent: Float[np.ndarray, "*latent"]) -> Point | None:
    """The point whose latent this is; None if there is no such point, or no map that can be read."""
    try:
        index = int(model.atlas.locate(latent, 1).neighbours[0])
    except RequestError:
        return None
    return point(model, index) if np.array_equal(model.atlas.latent(index), latent) else None


def neighbours(model: OpenModel, index: Any, count: int = NEIGHBOURS) -> list[Point]:
    """The nearest points in latent space to a point, nearest first, without itself.

    Raises:
        RequestError: there is no such row, or no map.
    """
    index = _check_row(model, index)
    latent = model.atlas.latent(index)
    return [_point(model, row, latent) for row in model.atlas.neighbours(index, count).tolist()]


def _point(model: OpenModel, index: int, near: Float[np.ndarray, "*latent"]) -> Point:
    atlas = model.atlas
    numbers = {name: float(values[index]) for name, values in atlas.numbers.items()}
    numbers[PRIOR_COLUMN] = float(atlas.prior_distance[index])
    latent = atlas.latent(index)
    return Point(
        index=index,
        id=str(atlas.ids[index]),
        labels={column: _label(value) for column, value in atlas.labels_of(index).items()},
        numbers={name: value for name, value in numbers.items() if np.isfinite(value)},
        latent=latent,
        distance=float(np.linalg.norm(latent - near)),
    )


def _label(value: Any) -> str:
    return "" if value is None else str(value)


def share_better(model: OpenModel, error: float) -> float | None:
    """The share of the map's pictures that are drawn better than one with this error (L1), 0 to 1.

    None where errors were not measured.

    Raises:
        RequestError: there is no map.
    """
    errors = model.atlas.numbers.get(ERROR_COLUMN)
    measured = errors[np.isfinite(errors)] if errors is not None else np.array([])
    return float(np.mean(measured < error)) if measured.size else None


# ---- Places ----


@dataclass(frozen=True)
class Located:
    """Where a picture belongs on the map.

    Attributes:
        x, y: map coordinates.
        latent: of the picture.
        neighbours: the nearest points in latent space, nearest first.
        weights: of the neighbours, of whose positions (x, y) is the mean; they sum to 1.
        distance: to the nearest, in units of the data's own spacing.
        nearness: the distance in a word.
    """

    x: float
    y: float
    latent: Float[np.ndarray, "*latent"]
    neighbours: list[Point]
    weights: list[float]
    distance: float
    nearness: Nearness


def locate(model: OpenModel, subject: Subject, layout: Any = UMAP) -> Located:
    """Places a picture on the map by its nearest neighbours in latent space.

    Raises:
        RequestError: there is no such layout, or no map.
    """
    latent = model.latent(subject)
    place = model.atlas.locate(latent, NEIGHBOURS)
    x, y = place.weights @ atlas_in(model, layout).positions[place.neighbours]
    return Located(
        x=float(x),
        y=float(y),
        latent=latent,
        neighbours=[_point(model, row, latent) for row in place.neighbours.tolist()],
        weights=place.weights.tolist(),
        distance=place.distance,
        nearness=nearness(place.distance),
    )


def nearness(distance: float) -> Nearness:
    """How near to the data a latent is whose nearest neighbour is so many spacings away.

    "among" the data below 2, at its "edge" below 4, "far" from it beyond.
    """
    if distance < AMONG:
        return "among"
    return "edge" if distance < EDGE else "far"


def decode_at(model: OpenModel, x: Any, y: Any) -> tuple[Image.Image, Place]:
    """The picture of a place on the map, from the latents of the nearest points, weighted by distance.

    Raises:
        RequestError: a coordinate is not a number within the bounds, or there is no map.
    """
    latent, place = latent_at(model, x, y)
    return model.decode(latent), place


def latent_at(model: OpenModel, x: Any, y: Any, layout: Any = UMAP) -> tuple[Float[np.ndarray, "*latent"], Place]:
    """The latent of a place on the map.

    Raises:
        RequestError: as for `decode_at`.
    """
    x, y = check_coordinates(x, y)
    return atlas_in(model, layout).latent_at(x, y, SHEPARD_NEIGHBOURS)


def thumbnails(model: OpenModel, places: Any, layout: Any = UMAP) -> list[Image.Image]:
    """Small pictures, 64 pixels at most, of points and of places between them.

    Args:
        model: whose map it is.
        places: 1 to 32; each is the row of a point, or a pair (x, y).
        layout: what placed the points.

    Raises:
        RequestError: none or too many are asked for, one is neither a row nor a place; no such layout, or no map; or
            too many people ask for pictures already.
    """
    atlas = atlas_in(model, layout)
    if not isinstance(places, list | tuple) or not 1 <= len(places) <= MAX_THUMBNAILS:
        raise RequestError(f"Ask for 1 to {MAX_THUMBNAILS} pictures of the map at a time.")
    with many(len(places)):
        return [_thumbnail(model, _check_place(model, place), atlas, layout) for place in places]


def _thumbnail(model: OpenModel, place: int | tuple[float, float], atlas: Atlas, layout: str) -> Image.Image:
    key = place if isinstance(place, int) else (*place, layout)
    return model.remember("thumbnail", key, lambda: _draw_thumbnail(model, place, atlas))


def _draw_thumbnail(model: OpenModel, place: int | tuple[float, float], atlas: Atlas) -> Image.Image:
    latent = atlas.latent(place) if isinstance(place, int) else atlas.latent_at(*place, SHEPARD_NEIGHBOURS)[0]
    picture = model.decode(latent)
    side = min(THUMBNAIL, picture.width)
    return picture if side == picture.width else picture.resize((side, side), Image.Resampling.BOX)


def _check_place(model: OpenModel, place: Any) -> int | tuple[float, float]:
    if isinstance(place, list | tuple) and len(place) == 2:
        return check_coordinates(*place)
    return _check_row(model, place)


def _check_row(model: OpenModel, index: Any) -> int:
    return check_whole("index", index, 0, len(model.atlas) - 1)


# ---- Paths and groups ----


def walk(
    model: OpenModel, path: Any, count: Any = PATH_COUNT, layout: Any = UMAP
) -> Float[np.ndarray, "count *latent"]:
    """Latents at equal distances along a line drawn over the map.

    Args:
        model: whose map it is.
        path: its corners (x, y), 2 to 512; not all in one place.
        count: of latents, 2 to 65.
        layout: what placed the points.

    Raises:
        RequestError: the path is not such a line, or there is no such layout or map.
    """
    if not isinstance(path, list | tuple) or not 2 <= len(path) <= PATH_CORNERS:
        raise RequestError(f"A path needs 2 to {PATH_CORNERS} places. Draw it over the map.")
    if not all(isinstance(corner, list | tuple) and len(corner) == 2 for corner in path):
        raise RequestError("Each place of a path must be a pair of numbers, x and y.")
    corners = np.array([check_coordinates(*corner) for corner in path])
    if np.ptp(corners, axis=0).max() == 0:
        raise RequestError("This path goes nowhere. Draw it from one place of the map to another.")
    return atlas_in(model, layout).latents_along(corners, check_whole("count", count, 2, MAX_STEPS))


@dataclass(frozen=True)
class Group:
    """Some points of the map, taken together.

    Attributes:
        count: how many.
        labels: label column -> its most frequent values among them with their counts, at most three; a column whose
            labels are nearly all different is left out.
        latent: the mean of theirs.
    """

    count: int
    labels: dict[str, list[tuple[str, int]]]
    latent: Float[np.ndarray, "*latent"]


def group(model: OpenModel, rows: Any) -> Group:
    """What some points have in common.

    Args:
        model: whose map it is.
        rows: of the points, at least one; a row that is named twice counts once.

    Raises:
        RequestError: there are none, one is not a row, or there is no map.
    """
    rows = check_rows(model, rows)
    counted = {
        name: Counter(_label(values[row]) for row in rows).most_common(GROUP_LABELS)
        for name, values in model.atlas.labels.items()
    }
    labels = {name: frequent for name, frequent in counted.items() if frequent[0][1] >= RARE * len(rows)}
    return Group(len(rows), labels, model.atlas.mean_latent(rows))


def direction(
    model: OpenModel, rows_a: Any, rows_b: Any, index: Any = None, count: Any = PATH_COUNT
) -> Float[np.ndarray, "count *latent"]:
    """Latents along the direction from one group's mean to another's.

    An attribute vector (Larsen et al. 2016, https://arxiv.org/abs/1512.09300): `z + t (mean_b - mean_a)`, t from 0 to
    1, where z is the latent of the point `index`, or mean_a without one.

    Args:
        model: whose map it is.
        rows_a, rows_b: of the groups' points.
        index: a row, or None.
        count: of latents, 2 to 65.

    Raises:
        RequestError: a group is empty, a row does not exist, or there is no map.
    """
    mean_a, mean_b = (model.atlas.mean_latent(check_rows(model, rows)) for rows in (rows_a, rows_b))
    start = mean_a if index is None else model.atlas.latent(_check_row(model, index))
    count = check_whole("count", count, 2, MAX_STEPS)
    return np.stack([start + t * (mean_b - mean_a) for t in np.linspace(0, 1, count, dtype=np.float32)])


def check_rows(model: OpenModel, rows: Any) -> np.ndarray:
    """The rows of a group of points, each once.

    Raises:
        RequestError: there are none, one is not a row, or there is no map.
    """
    if not isinstance(rows, list | tuple) or not rows:
        raise RequestError("This group has no points. Draw around some points of the map.")
    count = len(model.atlas)
    if not all(type(row) is int and 0 <= row < count for row in rows):
        raise RequestError(f"A group's points must be rows of the map, whole numbers from 0 to {count - 1}.")
    return np.unique(rows)
