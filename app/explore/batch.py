"""Many pictures through one model: figures for each, what they come to, and files to take away."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

from app.explore import files
from app.explore.limits import MAX_FILES, RequestError
from app.explore.opened import OpenModel
from app.explore.reconstruct import reconstruct
from app.explore.subject import open_subject
from vae.images import PictureError

METRICS = {"psnr_db": ("PSNR (dB)", 2), "ssim": ("SSIM", 4), "l1": ("L1", 4), "kl_nats": ("KL (nats)", 1)}
COLUMNS = ["name", *(title for title, _ in METRICS.values()), "note"]


@dataclass(frozen=True)
class Row:
    """What became of one file.

    Attributes:
        path: of the file.
        note: how the picture was changed to fit; or, without a reconstruction, why there is none.
        picture, reconstruction: as in `Reconstruction`; None if the file is not a picture that can be read.
        metrics: as in `Reconstruction`; empty without one.
    """

    path: str
    note: str
    picture: Image.Image | None = None
    reconstruction: Image.Image | None = None
    metrics: dict[str, float | None] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Of the file."""
        return Path(self.path).name

    @property
    def pictures(self) -> list[Image.Image]:
        """What went in and what came out; empty if it could not be read."""
        return [picture for picture in (self.picture, self.reconstruction) if picture]

    def cells(self) -> list[str | float | None]:
        """In the order of COLUMNS; None where there is no such figure."""
        figures = ((self.metrics.get(name), digits) for name, (_, digits) in METRICS.items())
        return [self.name, *(None if value is None else round(value, digits) for value, digits in figures), self.note]


@dataclass(frozen=True)
class Summary:
    """What a batch comes to.

    Attributes:
        count: pictures that were reconstructed.
        failed: files that could not be read.
        means: of each metric over the pictures; None where they have no such figure; empty without pictures.
    """

    count: int
    failed: int
    means: dict[str, float | None]


def check_count(files: int) -> None:
    """Looks at how many files are given.

    Raises:
        RequestError: they are more than 200.
    """
    if files > MAX_FILES:
        raise RequestError(f"{files:,} files given; at most {MAX_FILES} are taken at a time.")


def reconstruct_many(model: OpenModel, paths: Sequence[str]) -> Iterator[Row]:
    """A row for each file as it is done, from the posterior mean; a damaged file is a row too.

    Raises:
        RequestError: there are more than 200.
    """
    check_count(len(paths))
    for path in paths:
        try:
            made = reconstruct(model, open_subject(path))
        except PictureError as error:
            yield Row(path, str(error))
        else:
            yield Row(path, made.note, made.picture, made.reconstruction, made.metrics)


def worst_first(rows: Sequence[Row]) -> list[Row]:
    """By PSNR; files without a reconstruction come last."""
    return sorted(rows, key=_psnr)


def _psnr(row: Row) -> float:
    known = row.metrics.get("psnr_db")
    return math.inf if known is None else known


def summarise(rows: Sequence[Row]) -> Summary:
    """Averages over the rows that have a reconstruction."""
    measured = [row.metrics for row in rows if row.metrics]
    means = {name: _mean([metrics[name] for metrics in measured]) for name in METRICS} if measured else {}
    return Summary(len(measured), len(rows) - len(measured), means)


def _mean(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def save(rows: Sequence[Row], model: OpenModel) -> tuple[str, str]:
    """Writes the table (CSV) and the reconstructions (ZIP of PNGs) to temporary files; returns their paths.

    The table's last column names each row's picture in the archive. The names are numbered: two files may have one.
    """
    numbered = [(f"{place:03d}-{Path(row.name).stem}.png", row) for place, row in enumerate(rows, 1)]
    lines = [[*row.cells(), name if row.reconstruction else ""] for name, row in numbered]
    pictures = {name: row.reconstruction for name, row in numbered if row.reconstruction}
    table = files.save_table([[*COLUMNS, "reconstruction"], *lines], model.name, "reconstructions")
    return table, files.save_archive(pictures, [table], model.name, "reconstructions")
