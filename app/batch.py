"""Many pictures through one model: figures for each, a table, and files to take away. No Gradio."""

from __future__ import annotations

import csv
import math
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

from app.checks import RequestError
from app.explorer import Explorer
from vae.images import PictureError

MAX_FILES = 200
METRICS = {"psnr_db": ("PSNR (dB)", 2), "ssim": ("SSIM", 4), "l1": ("L1", 4), "kl_nats": ("KL (nats)", 1)}
COLUMNS = ["name", *(title for title, _ in METRICS.values()), "note"]


@dataclass(frozen=True)
class Row:
    """What became of one file.

    Attributes:
        path: of the file.
        note: how the picture was changed to fit; or, without a reconstruction, why there is none.
        picture, reconstruction: as in `Reconstruction`; None if the file is no picture that can be read.
        metrics: as in `Reconstruction`; empty without one.
    """

    path: str
    note: str
    picture: Image.Image | None = None
    reconstruction: Image.Image | None = None
    metrics: dict[str, float] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Of the file."""
        return Path(self.path).name

    def cells(self) -> list[str | float | None]:
        """In the order of COLUMNS."""
        figures = [round(self.metrics[name], digits) if self.metrics else None for name, (_, digits) in METRICS.items()]
        return [self.name, *figures, self.note]


def reconstruct_many(explorer: Explorer, paths: Sequence[str]) -> Iterator[Row]:
    """A row for each file as it is done, from the posterior mean; a damaged file is a row too.

    Raises:
        RequestError: there are more than 200.
    """
    if len(paths) > MAX_FILES:
        raise RequestError(f"{len(paths)} files given; at most {MAX_FILES} are taken at a time.")
    for path in paths:
        try:
            made = explorer.reconstruct(path)
        except PictureError as error:
            yield Row(path, str(error))
        else:
            yield Row(path, made.note, made.picture, made.reconstruction, made.metrics)


def worst_first(rows: Sequence[Row]) -> list[Row]:
    """By PSNR; files without a reconstruction after all."""
    return sorted(rows, key=lambda row: row.metrics.get("psnr_db", math.inf))


def save(rows: Sequence[Row], model: str) -> tuple[str, str]:
    """Writes the table (CSV) and the reconstructions (ZIP of PNGs) to temporary files; returns their paths.

    The table's last column names each row's picture in the archive. The names are numbered: two files may have one.
    """
    folder = Path(tempfile.mkdtemp(prefix="latentscape-"))
    table, archive = folder / f"{model}-reconstructions.csv", folder / f"{model}-reconstructions.zip"
    saved = [
        f"{place:03d}-{Path(row.name).stem}.png" if row.reconstruction else "" for place, row in enumerate(rows, 1)
    ]
    with table.open("w", newline="", encoding="utf-8") as file:
        lines = ([*row.cells(), name] for row, name in zip(rows, saved, strict=True))
        csv.writer(file).writerows([[*COLUMNS, "reconstruction"], *lines])
    with zipfile.ZipFile(archive, "w") as file:
        file.write(table, table.name)
        for row, name in zip(rows, saved, strict=True):
            if row.reconstruction:
                with file.open(name, "w") as picture:
                    row.reconstruction.save(picture, "PNG")
    return str(table), str(archive)
