"""Two models on the same pictures, and where they differ. A difference is the second's figure minus the first's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float
from PIL import Image

from app.explore import files
from app.explore.batch import METRICS, Row, reconstruct_many
from app.explore.opened import OpenModel
from app.explore.reconstruct import Reconstruction

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


def measured_alike(first: OpenModel, second: OpenModel) -> bool:
    """Whether the figures of `metrics.json` are of the same pictures, as far as is recorded, at the same size."""
    one, other = (
        (*(m.metrics.get(key) for key in ("split", "count")), m.info.training.get("dataset"), m.info.image_size)
        for m in (first, second)
    )
    return one == other and None not in one


# ---- Many pictures ----


@dataclass(frozen=True)
class Pair:
    """What became of one file with two models."""

    first: Row
    second: Row

    @property
    def path(self) -> str:
        """Of the file."""
        return self.first.path

    @property
    def pictures(self) -> list[Image.Image]:
        """What went in, and what came out of the first and of the second; empty if it could not be read."""
        both = [self.first.picture, self.first.reconstruction, self.second.reconstruction]
        return [picture for picture in both if picture]

    def difference(self, metric: str) -> float | None:
        """Of a figure; None where either has none."""
        one, other = (row.metrics.get(metric) for row in (self.first, self.second))
        return None if one is None or other is None else other - one

    def cells(self) -> list[str | float | None]:
        """In the order of `columns`."""
        cells: list[str | float | None] = [self.first.name]
        for metric, (_, digits) in METRICS.items():
            figures = (self.first.metrics.get(metric), self.second.metrics.get(metric), self.difference(metric))
            cells += [None if figure is None else round(figure, digits) for figure in figures]
        return [*cells, self.first.note]


@dataclass(frozen=True)
class Summary:
    """What a comparison over pictures comes to.

    Attributes:
        count: pictures that both reconstructed; `failed` could not be read.
        first_nearer, second_nearer: on how many of them each has the higher PSNR.
        mean_difference: of the PSNR, in dB; None without pictures.
        worst_of_first, worst_of_second: the files that each reconstructs worst; empty without pictures.
    """

    count: int
    failed: int
    first_nearer: int
    second_nearer: int
    mean_difference: float | None
    worst_of_first: str
    worst_of_second: str


def reconstruct_pairs(first: OpenModel, second: OpenModel, paths: Sequence[str]) -> Iterator[Pair]:
    """A pair for each file as it is done.

    Raises:
        RequestError: there are too many.
    """
    for rows in zip(reconstruct_many(first, paths), reconstruct_many(second, paths), strict=True):
        yield Pair(*rows)


def columns(titles: Sequence[str]) -> list[str]:
    """Of a table of pairs, for two models of these titles."""
    figures = (f"{title} {of}" for title, _ in METRICS.values() for of in (*titles, "difference"))
    return ["name", *figures, "note"]


def most_different_first(pairs: Sequence[Pair]) -> list[Pair]:
    """By how far their PSNRs are apart; files that could not be read come last."""
    return sorted(pairs, key=lambda pair: -abs(pair.difference(SORTED_BY) or -1.0) if pair.pictures else 1.0)


def summarise(pairs: Sequence[Pair]) -> Summary:
    """Over the pairs that have reconstructions."""
    read = [pair for pair in pairs if pair.pictures]
    differences = [pair.difference(SORTED_BY) or 0.0 for pair in read]

    def worst(rows: list[Row]) -> str:
        return min(rows, key=lambda row: row.metrics[SORTED_BY] or 0.0).name if rows else ""

    return Summary(
        count=len(read),
        failed=len(pairs) - len(read),
        first_nearer=sum(difference < 0 for difference in differences),
        second_nearer=sum(difference > 0 for difference in differences),
        mean_difference=float(np.mean(differences)) if read else None,
        worst_of_first=worst([pair.first for pair in read]),
        worst_of_second=worst([pair.second for pair in read]),
    )


def save(pairs: Sequence[Pair], models: Sequence[OpenModel], titles: Sequence[str]) -> tuple[str, str]:
    """Writes the table (CSV) and the reconstructions of both (ZIP of PNGs) to temporary files; returns their paths."""
    names = [model.name for model in models]
    table = files.save_table([columns(titles), *(pair.cells() for pair in pairs)], *names, "compared")
    pictures = {
        f"{place:03d}-{Path(row.name).stem}-{name}.png": row.reconstruction
        for place, pair in enumerate(pairs, 1)
        for row, name in zip((pair.first, pair.second), names, strict=True)
        if row.reconstruction
    }
    return table, files.save_archive(pictures, [table], *names, "compared")
