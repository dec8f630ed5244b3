"""Which pictures of the data set a model draws badly: histograms, labels, and a list of the worst, within ranges."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int
from PIL import Image

from app.explore.limits import (
    HISTOGRAM_BINS,
    HISTOGRAM_PERCENTILES,
    MAX_COUNTED_LABELS,
    MAX_MEASURE,
    WORST_COUNT,
    RequestError,
    check_choice,
    check_range,
    check_whole,
    shown,
)
from app.explore.map import PRIOR_COLUMN
from app.explore.opened import OpenModel
from vae.atlas import ERROR_COLUMN, KL_COLUMN
from vae.images import PictureError, read_thumbnail

Rows = Bool[np.ndarray, " count"]  # which points of the map


def measures(model: OpenModel) -> dict[str, Float[np.ndarray, " count"]]:
    """What is known of how each picture fares, by column; the first is what "worst" means, where it was measured.

    Raises:
        RequestError: there is no map.
    """
    atlas = model.atlas
    columns = atlas.numbers | {PRIOR_COLUMN: atlas.prior_distance}
    known = {name: columns[name] for name in (ERROR_COLUMN, KL_COLUMN, PRIOR_COLUMN) if name in columns}
    return {name: values for name, values in known.items() if np.isfinite(values).any()}


def choose(model: OpenModel, ranges: Any, column: Any = "", label: Any = "") -> Rows:
    """The pictures within all ranges and with a label.

    Args:
        model: whose map it is.
        ranges: column of `measures` -> [low, high], both included; None for an open end. What has no number is in none.
        column, label: a label column and a label of it; an empty column for whatever label.

    Raises:
        RequestError: they are not such ranges, there is no such column or label, or no map.
    """
    known = measures(model)
    if not isinstance(ranges, dict) or not known.keys() >= ranges.keys():
        raise RequestError(f"ranges is {shown(ranges)}; accepted: a range for some of {', '.join(known)}.")
    chosen = np.ones(len(model.atlas), bool)
    for name, ends in ranges.items():
        low, high = _check_ends(name, ends)
        chosen &= (known[name] >= low) & (known[name] <= high)
    if column == "":
        return chosen
    labels, codes = _coded(model, column)
    if not isinstance(label, str) or label not in labels:
        raise RequestError(f"There is no label {shown(label)!r} in {column!r}.")
    return chosen & (codes == labels.index(label))


def _check_ends(name: str, ends: Any) -> tuple[float, float]:
    if not isinstance(ends, list | tuple) or len(ends) != 2:
        raise RequestError(f"The range of {name} is {shown(ends)}; it must be two numbers, or null for an open end.")
    low, high = (
        None if end is None else check_range(f"An end of {name}", end, -MAX_MEASURE, MAX_MEASURE) for end in ends
    )
    return -np.inf if low is None else low, np.inf if high is None else high


def _coded(model: OpenModel, column: Any) -> tuple[list[str], Int[np.ndarray, " count"]]:
    """The labels of a column, each once, and the position of each picture's among them."""
    columns = model.atlas.labels
    name = check_choice("column", column, [*columns])

    def code() -> tuple[list[str], Int[np.ndarray, " count"]]:
        labels = sorted({*columns[name]})
        places = {label: place for place, label in enumerate(labels)}
        return labels, np.fromiter((places[label] for label in columns[name]), np.int32, len(columns[name]))

    return model.remember("coded labels", name, code)


# ---- Histograms ----


@dataclass(frozen=True)
class Histogram:
    """How a column's numbers lie.

    Attributes:
        edges: of the bins, of equal width; what lies beyond them counts in the outer ones.
        counts: of all pictures, bin by bin.
        chosen: of those that were chosen.
    """

    edges: Float[np.ndarray, " edges"]
    counts: Int[np.ndarray, " bins"]
    chosen: Int[np.ndarray, " bins"]


def histograms(model: OpenModel, chosen: Rows) -> dict[str, Histogram]:
    """A histogram for each of `measures`."""
    return {name: _histogram(values, chosen) for name, values in measures(model).items()}


def _histogram(values: Float[np.ndarray, " count"], chosen: Rows) -> Histogram:
    finite = np.isfinite(values)
    low, high = np.percentile(values[finite].astype(np.float64), HISTOGRAM_PERCENTILES)
    edges = np.linspace(low, high if high > low else low + 1e-6, HISTOGRAM_BINS + 1)
    counts, among = (
        np.histogram(values[rows].clip(edges[0], edges[-1]), edges)[0] for rows in (finite, finite & chosen)
    )
    return Histogram(edges, counts, among)


def columns(model: OpenModel) -> list[str]:
    """The label columns that pictures can be told apart by: those whose labels can all be counted first.

    Raises:
        RequestError: there is no map.
    """
    sizes = {name: len({*values}) for name, values in model.atlas.labels.items()}
    return sorted((name for name, size in sizes.items() if size > 1), key=lambda name: sizes[name] > MAX_COUNTED_LABELS)


@dataclass(frozen=True)
class LabelFigures:
    """The pictures of one label: how many, and the median of what "worst" means."""

    label: str
    count: int
    median: float


def by_label(model: OpenModel, column: Any, chosen: Rows) -> list[LabelFigures]:
    """The labels that some chosen pictures have in a column, the worst drawn first, at most 60; the figures are theirs.

    Raises:
        RequestError: there is no such column, or no map.
    """
    labels, codes = _coded(model, column)
    values, *_ = measures(model).values()
    if not chosen.all():
        return _by_label(labels, codes[chosen], values[chosen])
    return model.remember("label figures", column, lambda: _by_label(labels, codes, values))


def _by_label(
    labels: list[str], codes: Int[np.ndarray, " count"], values: Float[np.ndarray, " count"]
) -> list[LabelFigures]:
    ends = np.cumsum(np.bincount(codes, minlength=len(labels)))
    groups = np.split(values[np.argsort(codes, kind="stable")], ends[:-1])
    known = ((label, group[np.isfinite(group)]) for label, group in zip(labels, groups, strict=True) if label)
    found = [LabelFigures(label, len(group), float(np.median(group))) for label, group in known if len(group)]
    return sorted(found, key=lambda figures: -figures.median)[:MAX_COUNTED_LABELS]


def worst_label(model: OpenModel) -> tuple[str, LabelFigures] | None:
    """The column and the label whose pictures are drawn worst, of the labels that at least 1% of the pictures have.

    None where no column has such labels.

    Raises:
        RequestError: there is no map.
    """
    least, chosen = max(2, len(model.atlas) / 100), choose(model, {})
    found = [
        (column, one)
        for column in columns(model)
        if len({*model.atlas.labels[column]}) <= MAX_COUNTED_LABELS
        for one in by_label(model, column, chosen)
        if one.count >= least
    ]
    return max(found, key=lambda each: each[1].median, default=None)


# ---- The worst ----


def worst(model: OpenModel, chosen: Rows, first: Any = 0) -> list[int]:
    """Rows of some chosen pictures, the worst drawn first.

    Args:
        model: whose map it is.
        chosen: as `choose` returns.
        first: how many that are worse still are left out.

    Raises:
        RequestError: `first` is no such number.
    """
    first = check_whole("first", first, 0, len(chosen))
    values, *_ = measures(model).values()
    rows = np.flatnonzero(chosen & np.isfinite(values))
    return rows[np.argsort(-values[rows], kind="stable")][first : first + WORST_COUNT].tolist()


def original(model: OpenModel, row: int) -> Image.Image | None:
    """The picture itself, small, where the map keeps it and it can be read."""
    content = model.atlas.thumbnails.get(row)
    try:
        return None if content is None else read_thumbnail(content)
    except PictureError:
        return None
