"""Many pictures through one model: figures for each, a table, and files to take away. No Gradio."""

from __future__ import annotations

import csv
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
        name: of the file.
        note: how the picture was changed to fit; or, without a reconstruction, why there is none.
        reconstruction: None if the file is no picture that can be read.
        metrics: as in `Reconstruction`; empty without one.
    """

    name: str
    note: str
    reconstruction: Image.Image | None = None
    metrics: dict[str, float] = field(default_factory=dict)

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
        name = Path(path).name
        try:
            made = explorer.reconstruct(path)
        except PictureError as error:
            yield Row(name, str(error))
        else:
            yield Row(name, made.note, made.reconstruction, made.metrics)


def worst_first(rows: Sequence[Row]) -> list[Row]:
    """By PSNR, files without a reconstruction before all."""
    return sorted(rows, key=lambda row: row.metrics.get("psnr_db", float("-inf")))


def save(rows: Sequence[Row], model: str) -> tuple[str, str]:
    """Writes the table (CSV) and the reconstructions (ZIP of PNGs) to temporary files; returns their paths."""
    folder = Path(tempfile.mkdtemp(prefix="latentscape-"))
    table, archive = folder / f"{model}-reconstructions.csv", folder / f"{model}-reconstructions.zip"
    with table.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([COLUMNS, *(row.cells() for row in rows)])
    with zipfile.ZipFile(archive, "w") as file:
        file.write(table, table.name)
        for place, row in enumerate(rows, 1):  # numbered: two files may have one name
            if row.reconstruction:
                with file.open(f"{place:03d}-{Path(row.name).stem}.png", "w") as picture:
                    row.reconstruction.save(picture, "PNG")
    return str(table), str(archive)
