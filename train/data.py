"""Pictures and labels from a Hub id, a folder of pictures, or parquet, through Hugging Face `datasets`."""

from __future__ import annotations

import glob
import math
import os
import re
import shutil
import tempfile
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from jaxtyping import UInt8
from tqdm import tqdm

from train.config import FlagError
from vae.images import PictureError, fit, open_picture

HELD_OUT = ("validation", "valid", "val", "test")  # names a held-out split goes by, best first
SPLIT_NAMES = {  # what folders, files and rows of a split are called
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("validation", "valid", "val", "dev"), "validation"),
    **dict.fromkeys(("test", "testing"), "test"),
}
SPLITS = list(dict.fromkeys(SPLIT_NAMES.values()))
MEMORY_SHARE = 0.5  # of the memory that is available: pictures that take more of it are decoded into a file
GIB = 2**30
PICTURE_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff"}


class DataError(ValueError):
    """A data set that cannot be used, with a message that says why."""


Splits = dict[Any, datasets.Dataset]  # what a `datasets.DatasetDict` is


@dataclass(frozen=True)
class Pictures:
    """Decoded pictures of one split.

    Attributes:
        images: 0..255, all of one size; in memory, or in a file that is mapped into it (`_make_room`).
        ids: a name for each picture: its file name where the data set has one, else its row number.
        labels: label column -> one string a picture.
        split: the split they are from, in words fit for a report.
        skipped: "row name: why" for each picture that could not be read.
    """

    images: UInt8[np.ndarray, "count size size 3"]
    ids: list[str]
    labels: dict[str, list[str]]
    split: str
    skipped: list[str]

    def __len__(self) -> int:
        return len(self.images)


def load_pictures(
    dataset: str,
    split: str,
    size: int,
    *,
    image_column: str | None = None,
    label_columns: list[str] | None = None,
    limit: int | None = None,
) -> Pictures:
    """Loads one split, upright RGB, centre-cropped and resized to `size` pixels.

    Args:
        dataset: a Hub id (`owner/name`), a folder of pictures, a parquet file, or a folder of them.
        split: "train", "validation" or whatever the data set calls it; "all" is every split together. A data set
            without a held-out split has a fixed tenth of its pictures held out as "validation"; the others are "train".
        size: side of the pictures, pixels.
        image_column: where there are several; else it is found.
        label_columns: which columns are labels; else every column of names, classes or whole numbers is.
        limit: take only this many pictures, evenly spaced through the split.

    Raises:
        FlagError: nothing there, or no such split or column; says which there are.
        DataError: it cannot be loaded, has no column of pictures or no readable one, or more than memory or disk hold.
    """
    rows, split_name = _select_split(_open(dataset), split, dataset)
    image_column = _image_column(rows, image_column, dataset)
    label_columns = _label_columns(rows, image_column, label_columns, dataset)
    taken = np.arange(len(rows))
    if limit is not None and limit < len(rows):
        taken = np.linspace(0, len(rows) - 1, limit).round().astype(int)
        rows = rows.select(taken)
    labels = {column: _as_strings(rows, column) for column in label_columns}
    rows = rows.select_columns([image_column]).cast_column(image_column, datasets.Image(decode=False))

    images = _make_room(len(rows), size, dataset)
    ids: list[str] = []
    kept: list[int] = []
    skipped: list[str] = []
    decoded = _decode_all((row[image_column] for row in rows), size)
    for i, (name, picture) in enumerate(tqdm(decoded, "decode", len(rows), unit="picture", leave=False)):
        name = name or f"row {taken[i]}"  # the same, however many are taken: two maps find their pictures by it
        if isinstance(picture, PictureError):
            skipped.append(f"{name}: {picture}")
        else:
            images[len(kept)] = picture
            ids.append(name)
            kept.append(i)
    if not kept:
        reason = f"; the first: {skipped[0]}" if skipped else ""
        raise DataError(f"{dataset}, split {split_name}: no readable picture among {len(rows)} rows{reason}")
    if skipped:
        shown = "\n  ".join(skipped[:5] + [f"and {len(skipped) - 5} more"] * (len(skipped) > 5))
        tqdm.write(f"{dataset}: skipped {len(skipped)} of {len(rows)} pictures that cannot be read:\n  {shown}")
    return Pictures(
        images=images[: len(kept)],
        ids=ids,
        labels={column: [values[i] for i in kept] for column, values in labels.items()},
        split=split_name,
        skipped=skipped,
    )


def _make_room(count: int, size: int, dataset: str) -> UInt8[np.ndarray, "count size size 3"]:
    """For the decoded pictures: memory, or, for more than `MEMORY_SHARE` of what is available, a file mapped into it.

    The file lies in the cache of `datasets`, has no name and is gone with the process. As much of it as there is room
    for stays in memory: the system sees to that.

    Raises:
        DataError: neither has room.
    """
    shape = (count, size, size, 3)
    needed = math.prod(shape)
    taken = f"{dataset}: {count:,} pictures of {size} x {size} pixels take {needed / GIB:.3g} GiB"
    share = f"more than {MEMORY_SHARE:.0%} of the available memory"
    if needed <= MEMORY_SHARE * _available_memory():
        try:
            return np.empty(shape, np.uint8)
        except MemoryError as error:
            raise DataError(f"{taken}, more than this machine's memory. Use --limit to take some of them.") from error
    folder = Path(datasets.config.HF_DATASETS_CACHE)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        room = shutil.disk_usage(folder).free
        if needed > room:
            raise DataError(
                f"{taken}, {share}, and the disk of {folder} has room for {room / GIB:.3g} GiB. Use --limit to take "
                "some of them, or set HF_DATASETS_CACHE to a folder on a larger disk."
            )
        with tempfile.TemporaryFile(dir=folder) as file:
            if hasattr(os, "posix_fallocate"):  # a disk that fills up later would end the process with a signal
                os.posix_fallocate(file.fileno(), 0, needed)
            images = np.asarray(np.memmap(file, np.uint8, "w+", shape=shape))
    except OSError as error:
        raise DataError(f"{taken}, and {folder} cannot hold them: {error.strerror or error}.") from error
    tqdm.write(f"{taken}, {share}: they are kept in a temporary file in {folder}.")
    return images


def _available_memory() -> float:
    """Bytes that can be had without swapping; infinite where the system does not tell, which Linux alone does."""
    try:
        found = re.search(r"^MemAvailable:\s*(\d+) kB$", Path("/proc/meminfo").read_text(), re.MULTILINE)
    except OSError:
        return math.inf
    return int(found[1]) * 1024 if found else math.inf


def _decode_all(encoded: Iterator[dict | None], size: int) -> Iterator[tuple[str, np.ndarray | PictureError]]:
    """The name and the pixels, or what is wrong with them, of each row of an undecoded image column, in order."""

    def decode(row: dict | None) -> tuple[str, np.ndarray | PictureError]:
        row = row or {}
        name = Path(row.get("path") or "").name
        try:
            if not row.get("bytes") and not row.get("path"):
                raise PictureError("the row is empty")
            return name, np.asarray(fit(open_picture(row.get("bytes") or row["path"]), size))
        except PictureError as error:
            return name, error

    threads = os.cpu_count() or 1
    with ThreadPoolExecutor(threads) as pool:  # Pillow decodes and resizes outside the GIL
        waiting: deque[Future[tuple[str, np.ndarray | PictureError]]] = deque()
        for row in encoded:
            waiting.append(pool.submit(decode, row))
            if len(waiting) > 4 * threads:  # a large data set's encoded pictures are never all in memory
                yield waiting.popleft().result()
        for decoded in waiting:
            yield decoded.result()


@lru_cache(maxsize=1)  # fit asks for two splits of one, which may be a hundred thousand files
def _open(dataset: str) -> Splits:
    """Every split of the data set, pictures not decoded."""
    path = Path(dataset).expanduser()
    try:
        if path.exists():
            return _open_local(path, dataset)
        if dataset.count("/") != 1 or dataset.startswith((".", "/", "~")):
            raise FlagError("--dataset", f"{dataset} does not exist, and is not a Hub id (owner/name) either")
        return datasets.load_dataset(dataset)
    except FlagError:
        raise
    except Exception as error:  # the library raises its own, pyarrow's, fsspec's and the hub client's errors
        hint = "" if path.exists() else " Is the id right, and the network there? A private data set needs a login."
        raise DataError(f"{dataset} cannot be loaded: {type(error).__name__}: {error}{hint}") from error


def _open_local(path: Path, dataset: str) -> Splits:
    if path.is_file() and path.suffix != ".parquet":
        raise FlagError("--dataset", f"{dataset} is not a parquet file; give one, a folder, or a Hub id")
    shown = datasets.is_progress_bar_enabled()
    datasets.disable_progress_bars()  # they would say "Downloading data", and nothing is
    try:
        if path.is_dir():
            return _open_folder(path, dataset)
        return datasets.load_dataset("parquet", data_files={"train": glob.escape(str(path))})
    finally:
        if shown:
            datasets.enable_progress_bars()


def _open_folder(folder: Path, dataset: str) -> Splits:
    """Parquet files that hold pictures, if there are any below the folder; else the pictures themselves.

    Every file is handed to `datasets` with its split: left alone, it sees splits in names like "contest", and drops the
    files in which it sees none.
    """
    files = [path for path in sorted(folder.rglob("*")) if not _is_hidden(path.relative_to(folder))]
    tables = {path: _may_hold_pictures(path) for path in files if path.suffix == ".parquet"}
    pictures = [path for path in files if path.suffix.lower() in PICTURE_SUFFIXES]
    if pictures and True not in tables.values():
        return _open_pictures(folder, pictures)
    if not tables:
        raise FlagError("--dataset", f"{dataset} holds neither pictures nor parquet files")
    # One that cannot be read is kept, so that it is reported; where none holds pictures, so that its columns are.
    kept = [path for path, holds in tables.items() if holds is not False] or list(tables)
    splits = {path: _split_of(path.relative_to(folder)) for path in kept}
    if any(splits.values()):
        kept = [path for path in kept if splits[path]]
    left_out = [str(path.relative_to(folder)) for path in tables if path not in kept]
    if left_out:
        tqdm.write(f"{dataset}: left out, as they hold no pictures or bear no split's name: {', '.join(left_out)}")
    data_files: dict[str, list[str]] = {}
    for path in kept:
        data_files.setdefault(splits[path] or "train", []).append(glob.escape(str(path)))
    return datasets.load_dataset("parquet", data_files=data_files)


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _may_hold_pictures(path: Path) -> bool | None:
    """Whether a parquet file has a column of pictures; None if it cannot be read."""
    try:
        features = datasets.Features.from_arrow_schema(pq.read_schema(path))
    except (OSError, ValueError, pa.ArrowException):
        return None
    return any(map(_holds_pictures, features.values()))


def _split_of(path: Path) -> str | None:
    """The split that a file's name says, as in "train-00000-of-00003", or else that of the nearest folder it is in."""
    for name in (path.stem, *(folder.name for folder in path.parents)):
        splits = {SPLIT_NAMES[word] for word in re.findall("[a-z]+", name.lower()) if word in SPLIT_NAMES}
        if len(splits) == 1:
            return splits.pop()
    return None


def _open_pictures(folder: Path, pictures: list[Path]) -> Splits:
    """Its sub-folders are splits if all of them that hold pictures have a split's name; else they are classes."""
    inside = {folder / path.relative_to(folder).parts[0] for path in pictures}
    data_files: dict[str, list[str]] = {}
    for path in sorted(inside):
        split = SPLIT_NAMES.get(path.name.lower()) if path.is_dir() else None
        if split is None:
            return datasets.load_dataset("imagefolder", data_files={"train": [f"{glob.escape(str(folder))}/**"]})
        data_files.setdefault(split, []).append(f"{glob.escape(str(path))}/**")
    # The library takes the folder of a picture for its class, also where that is the split's.
    has_classes = any(path.parent not in inside for path in pictures)
    data_files = {split: data_files[split] for split in SPLITS if split in data_files}
    return datasets.load_dataset("imagefolder", data_files=data_files, drop_labels=None if has_classes else True)


def _select_split(splits: Splits, wanted: str, dataset: str) -> tuple[datasets.Dataset, str]:
    """The rows of a split and its name in words."""
    if len(splits) == 1:
        (rows,) = splits.values()
        if "split" in rows.column_names:  # one table that says of each row where it belongs
            values = np.asarray([SPLIT_NAMES.get(name.lower(), name) for name in _as_strings(rows, "split")])
            splits = {name: rows.select(np.flatnonzero(values == name)) for name in dict.fromkeys(values) if name}
    has_held_out = any(name in splits for name in HELD_OUT)
    if wanted in splits and (wanted != "train" or has_held_out):
        return splits[wanted], wanted
    if wanted == "all":
        return datasets.concatenate_datasets([*splits.values()]), "all"
    if wanted == "validation":
        for name in HELD_OUT:
            if name in splits:
                return splits[name], name
    if wanted in ("train", "validation") and not has_held_out and ("train" in splits or len(splits) == 1):
        rows = splits["train"] if "train" in splits else next(iter(splits.values()))
        if len(rows) < 2:
            raise DataError(
                f"{dataset} has a single picture, which cannot be both trained on and held out. "
                "`evaluate` and `atlas` take it with --split all."
            )
        order = np.random.default_rng(0).permutation(len(rows))
        held_out = max(1, len(rows) // 10)
        if wanted == "validation":
            return rows.select(np.sort(order[:held_out])), f"validation (a fixed tenth, {held_out} pictures)"
        return rows.select(np.sort(order[held_out:])), "train (all but a fixed tenth)"
    raise FlagError("--split", f"{wanted!r} given; {dataset} has: {', '.join(splits)}, and all")


def _image_column(rows: datasets.Dataset, wanted: str | None, dataset: str) -> str:
    found = [name for name, feature in rows.features.items() if _holds_pictures(feature)]
    if wanted is not None:
        if wanted not in found:
            problem = "holds no pictures" if wanted in rows.column_names else f"is not a column of {dataset}"
            accepted = ", ".join(found) or f"none; its columns are {', '.join(rows.column_names)}"
            raise FlagError("--image-column", f"{wanted!r} {problem}; accepted: {accepted}")
        return wanted
    if not found:
        raise DataError(f"{dataset} has no column of pictures; its columns: {', '.join(rows.column_names)}")
    return "image" if "image" in found else found[0]


def _holds_pictures(feature) -> bool:
    # Parquet written without `datasets` has no Image feature, only the struct that it is stored as.
    return isinstance(feature, datasets.Image) or (isinstance(feature, dict) and {"bytes", "path"} <= feature.keys())


def _label_columns(rows: datasets.Dataset, image_column: str, wanted: list[str] | None, dataset: str) -> list[str]:
    found = [
        name
        for name, feature in rows.features.items()
        if name not in (image_column, "split")
        and (
            isinstance(feature, datasets.ClassLabel)
            or getattr(feature, "dtype", "").startswith(("string", "large_string", "int", "uint", "bool"))
        )
    ]
    if wanted is None:
        return found
    for name in wanted:
        if name not in found:
            accepted = ", ".join(found) or "none"
            raise FlagError("--label-column", f"{name!r} is not a label column of {dataset}; accepted: {accepted}")
    return wanted


def _as_strings(rows: datasets.Dataset, column: str) -> list[str]:
    feature, values = rows.features[column], rows[column]
    if isinstance(feature, datasets.ClassLabel):
        return ["" if v is None or v < 0 else feature.int2str(v) for v in values]
    return ["" if v is None else str(v) for v in values]


def batch_indices(count: int, batch_size: int, step: int, seed: int) -> np.ndarray:
    """Which pictures make batch `step`: epochs of fresh permutations, cut into batches that may span two epochs.

    A pure function of its arguments, so that a resumed run sees the pictures that the uninterrupted one would.
    """
    positions = np.arange(step * batch_size, (step + 1) * batch_size)
    epochs, offsets = np.divmod(positions, count)
    return np.array([_order(count, seed, int(epoch))[offset] for epoch, offset in zip(epochs, offsets, strict=True)])


@lru_cache(maxsize=2)  # the two that a batch may span: millions of pictures take longer to shuffle than to train on
def _order(count: int, seed: int, epoch: int) -> np.ndarray:
    return np.random.default_rng([seed, epoch]).permutation(count)
