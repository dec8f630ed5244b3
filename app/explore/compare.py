"""Several models on the same pictures, and where they differ. A difference is another's figure minus the first's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int
from PIL import Image

from app.explore import failures, files, map
from app.explore.batch import METRICS, Row, reconstruct_many
from app.explore.opened import OpenModel
from app.explore.reconstruct import Reconstruction
from vae.atlas import ERROR_COLUMN, KL_COLUMN, Atlas

SORTED_BY = "psnr_db"


# ---- One picture ----


def error_difference(first: Reconstruction, second: Reconstruction) -> Float[np.ndarray, "size size"]:
    """The second's error minus the first's, of each pixel, in [-1, 1]: negative where the second is nearer.

    Errors at different sizes are compared at the larger.
    """
    size = max(first.picture.width, second.picture.width)
    return _resized(second.error, size) - _resized(first.error, size)


def _resized(values: Float[np.ndarray, "height width"], size: int) -> Float[np.ndarray, "size size"]:
    if len(values) == size:
        return values
    picture = Image.fromarray(values.astype(np.float32))
    return np.asarray(picture.resize((size, size), Image.Resampling.BILINEAR))


# ---- Held-out figures ----


def measured_alike(models: Sequence[OpenModel]) -> bool:
    """Whether the figures of `metrics.json` are of the same pictures, as far as is recorded, at the same size."""
    first, *others = (
        (*(m.metrics.get(key) for key in ("split", "count")), m.info.training.get("dataset"), m.info.image_size)
        for m in models
    )
    return all(one == first for one in others) and None not in first


# ---- The maps ----


def same_pictures(first: OpenModel, other: OpenModel) -> Int[np.ndarray, " count"] | None:
    """For each point of the other's map, the row of the same picture on the first's, or -1.

    Both maps have to record one data set and one split of it. Where they have the same names in the same order, their
    rows are the same pictures; else a picture is the one with its name and labels, if no other of its map has these.

    Returns:
        None where they share no picture, or do not say.

    Raises:
        RequestError: one has no map.
    """
    source, of_other = (tuple(model.atlas.facts.get(key) for key in ("dataset", "split")) for model in (first, other))
    if source != of_other or None in source:
        return None
    if first.atlas.ids == other.atlas.ids:
        return np.arange(len(other.atlas))
    columns = sorted(first.atlas.labels.keys() & other.atlas.labels.keys())
    rows, known = (_rows_by_name(model.atlas, columns) for model in (first, other))
    found = np.full(len(other.atlas), -1)
    for name, row in known.items():
        found[row] = rows.get(name, -1)
    return found if (found >= 0).any() else None


def _rows_by_name(atlas: Atlas, columns: Sequence[str]) -> dict[tuple[str, ...], int]:
    names = [*zip(atlas.ids, *(atlas.labels[column] for column in columns), strict=True)]
    counts = Counter(names)
    return {name: row for row, name in enumerate(names) if name[0] and counts[name] == 1}


# ---- What each draws worst ----


@dataclass(frozen=True)
class Drawn:
    """A picture of a map, and what each of several models makes of it.

    Attributes:
        labels: of the picture: column -> label, those that are not empty.
        name: of its file.
        original: the picture itself, small, where a map keeps it.
        drawn: what each model draws, small; None where its map has not got the picture.
        errors: the L1 of each, pixels in [0, 1]; None where it is not known.
        nats: the KL of each; None where it is not known.
    """

    labels: dict[str, str]
    name: str
    original: Image.Image | None
    drawn: list[Image.Image | None]
    errors: list[float | None]
    nats: list[float | None]


def drawn_worst(models: Sequence[OpenModel], which: int, count: int) -> list[Drawn]:
    """The pictures of one model's map that this one draws worst, as all the models draw them, the worst first.

    Args:
        models: all with a map.
        which: of them has the map.
        count: at most so many pictures.

    Raises:
        RequestError: one has no map.
    """
    own = models[which]
    rows = failures.worst(own, np.ones(len(own.atlas), bool))[:count]
    places = [same_pictures(model, own) for model in models]
    found = []
    for row in rows:
        at = [None if place is None or place[row] < 0 else int(place[row]) for place in places]
        at[which] = row
        points = [None if k is None else map.point(model, k) for model, k in zip(models, at, strict=True)]
        originals = (failures.original(m, k) for m, k in zip(models, at, strict=True) if k is not None)
        found.append(
            Drawn(
                labels={column: label for column, label in own.atlas.labels_of(row).items() if label},
                name=Path(own.atlas.ids[row]).name,
                original=next(filter(None, originals), None),
                drawn=[None if k is None else map.thumbnails(m, [k])[0] for m, k in zip(models, at, strict=True)],
                errors=[point.numbers.get(ERROR_COLUMN) if point else None for point in points],
                nats=[point.numbers.get(KL_COLUMN) if point else None for point in points],
            )
        )
    return found


# ---- Many pictures ----


@dataclass(frozen=True)
class Compared:
    """What became of one file with each model."""

    rows: tuple[Row, ...]

    @property
    def path(self) -> str:
        """Of the file."""
        return self.rows[0].path

    @property
    def pictures(self) -> list[Image.Image]:
        """What went in, and what came out of each model; empty if it could not be read."""
        known = [self.rows[0].picture, *(row.reconstruction for row in self.rows)]
        return [picture for picture in known if picture]

    def differences(self, metric: str) -> list[float | None]:
        """Of a figure, each other's minus the first's; None where either has none."""
        first, *others = (row.metrics.get(metric) for row in self.rows)
        return [None if first is None or other is None else other - first for other in others]

    def spread(self) -> float | None:
        """How far the models' PSNRs are apart, in dB; None if the file could not be read."""
        known = [value for row in self.rows if (value := row.metrics.get(SORTED_BY)) is not None]
        return max(known) - min(known) if known else None

    def cells(self) -> list[str | float | None]:
        """In the order of `columns`."""
        cells: list[str | float | None] = [self.rows[0].name]
        for metric, (_, digits) in METRICS.items():
            figures = [*(row.metrics.get(metric) for row in self.rows), *self.differences(metric)]
            cells += [None if figure is None else round(figure, digits) for figure in figures]
        return [*cells, self.rows[0].note]


@dataclass(frozen=True)
class Summary:
    """What a comparison over pictures comes to.

    Attributes:
        count: pictures that all models reconstructed; `failed` could not be read.
        nearest: of each model, on how many of them it alone has the highest PSNR.
        mean_differences: of the PSNR, in dB, of each other model; empty without pictures.
        worst: of each model, the file that it reconstructs worst; empty without pictures.
    """

    count: int
    failed: int
    nearest: list[int]
    mean_differences: list[float]
    worst: list[str]


def reconstruct_compared(models: Sequence[OpenModel], paths: Sequence[str]) -> Iterator[Compared]:
    """What the models make of each file, as it is done.

    Raises:
        RequestError: there are too many.
    """
    for rows in zip(*(reconstruct_many(model, paths) for model in models), strict=True):
        yield Compared(rows)


def columns(titles: Sequence[str]) -> list[str]:
    """Of a table, for models of these titles."""
    first, *others = titles
    differences = ["difference"] if len(others) == 1 else [f"{title} minus {first}" for title in others]
    return ["name", *(f"{title} {of}" for title, _ in METRICS.values() for of in (*titles, *differences)), "note"]


def most_different_first(compared: Sequence[Compared]) -> list[Compared]:
    """By how far their PSNRs are apart; files that could not be read come last."""
    return sorted(compared, key=lambda one: 1.0 if (apart := one.spread()) is None else -apart)


def summarise(compared: Sequence[Compared]) -> Summary:
    """Over the files that have reconstructions."""
    read = [one for one in compared if one.pictures]
    names = [one.rows[0].name for one in read]
    psnr = np.array([[row.metrics[SORTED_BY] for row in one.rows] for one in read], float)
    if not read:
        return Summary(0, len(compared), [], [], [])
    is_nearest = (psnr == psnr.max(axis=1, keepdims=True)) & (np.sort(psnr)[:, -1:] > np.sort(psnr)[:, -2:-1])
    return Summary(
        count=len(read),
        failed=len(compared) - len(read),
        nearest=is_nearest.sum(axis=0).tolist(),
        mean_differences=(psnr[:, 1:] - psnr[:, :1]).mean(axis=0).tolist(),
        worst=[names[row] for row in psnr.argmin(axis=0)],
    )


def save(compared: Sequence[Compared], models: Sequence[OpenModel], titles: Sequence[str]) -> tuple[str, str]:
    """Writes the table (CSV) and all reconstructions (ZIP of PNGs) to temporary files; returns their paths."""
    names = [model.name for model in models]
    table = files.save_table([columns(titles), *(one.cells() for one in compared)], *names, "compared")
    pictures = {
        f"{place:03d}-{Path(row.name).stem}-{name}.png": row.reconstruction
        for place, one in enumerate(compared, 1)
        for row, name in zip(one.rows, names, strict=True)
        if row.reconstruction
    }
    return table, files.save_archive(pictures, [table], *names, "compared")
