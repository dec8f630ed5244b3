"""The files that the app writes: pictures, films, tables and archives, all in one folder of its own."""

from __future__ import annotations

import csv
import hashlib
import os
import re
import secrets
import shutil
import subprocess
import tempfile
import threading
import zipfile
from collections import deque
from collections.abc import Hashable, Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from app.explore.drawn import CHUNK
from app.explore.latents import draw
from app.explore.limits import (
    EXPORT_SIDE,
    FRAME_MILLISECONDS,
    KEPT_FILES,
    KEPT_SERVED,
    LIGHT_SIDE,
    SHOWN_QUALITY,
)
from app.explore.opened import OpenModel
from app.explore.turns import asking, waiting

# What a spreadsheet runs (OWASP, "CSV injection"), also behind what is not seen, and in full width. web/tables.js has
# the same.
FORMULA = re.compile(r"[\s\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]*[=+\-@\uff0b\uff0d\uff1d\uff20]|[\t\r\n]")
LONGEST_NAME = 100  # bytes, without the extension

_lock = threading.Lock()
_given: dict[Hashable, deque[Path]] = {}  # by visitor


def _folder() -> str:
    """Where `tempfile` puts things: in the running app, in the server's own folder (`app.kit.temporary`)."""
    return _folder_in(tempfile.gettempdir()).name


@cache
def _folder_in(parent: str) -> tempfile.TemporaryDirectory:
    return tempfile.TemporaryDirectory(prefix="latentscape-", dir=parent)


def save_drawn(model: OpenModel, latent: Float[np.ndarray, "*latent"], words: Any) -> str:
    """Decodes a latent and writes the picture as a PNG that carries it; returns the file's path.

    The arguments, and what is raised, are those of `draw`; the file is named after the model and the words.
    """
    return save_picture(draw(model, latent, words), model.name, words)


def save_picture(picture: Image.Image, *words: str) -> str:
    """Writes a PNG whose name is made of words, and which carries what the picture carries; returns its path.

    The same picture under the same words goes to the same file.
    """
    chunks, carried = PngInfo(), picture.info.get(CHUNK)
    if carried:
        chunks.add_text(CHUNK, carried)
    path = _place(hashlib.sha256(picture.tobytes() + (carried or "").encode()).hexdigest()[:16], words, "png")
    beside = path.with_name(f".{secrets.token_hex(8)}")  # then renamed: nobody reads half of it
    picture.save(beside, "PNG", pnginfo=chunks)
    os.replace(beside, path)
    return str(path)


def save_shown(picture: Image.Image, *words: str) -> str:
    """Writes a picture that a page only shows, so that it weighs little; returns its path.

    Up to 128 pixels that is a PNG, as `save_picture` writes it; above, a WebP, of which 256 pixels take 7 KB, not 100.
    """
    if max(picture.size) <= LIGHT_SIDE:
        return save_picture(picture, *words)
    path = _place(hashlib.sha256(picture.tobytes()).hexdigest()[:16], words, "webp")
    beside = path.with_name(f".{secrets.token_hex(8)}")
    picture.save(beside, "WEBP", quality=SHOWN_QUALITY, method=3)
    os.replace(beside, path)
    return str(path)


def film(frames: Sequence[Image.Image]) -> bytes:
    """Frames as an MP4, there and back, enlarged to at least 256 pixels."""
    side = max(EXPORT_SIDE, frames[0].width + frames[0].width % 2)
    large = [frame.resize((side, side), Image.Resampling.BICUBIC) for frame in frames]
    with tempfile.TemporaryDirectory(dir=_folder()) as inside:
        path = Path(inside) / "film.mp4"
        _write_mp4(path, large + large[-2:0:-1])
        return path.read_bytes()


def save_table(lines: Iterable[Sequence[str | float | None]], *words: str) -> str:
    """Writes a CSV; returns the file's path.

    A text that a spreadsheet would run as a formula gets an apostrophe before it (OWASP, "CSV injection"): labels and
    the names of files are strangers'.
    """
    path = _new_place(words, "csv")
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([_harmless(cell) for cell in line] for line in lines)
    return str(path)


def _harmless(cell: str | float | None) -> str | float | None:
    if not isinstance(cell, str) or not FORMULA.match(cell):
        return cell
    try:
        float(cell)
    except ValueError:
        return f"'{cell}"
    return cell


def save_archive(pictures: Mapping[str, Image.Image], others: Sequence[str], *words: str) -> str:
    """Writes a ZIP of pictures, under their names and as PNGs, and of other files; returns its path."""
    path = _new_place(words, "zip")
    with zipfile.ZipFile(path, "w") as archive:
        for other in others:
            archive.write(other, Path(other).name)
        for name, picture in pictures.items():
            with archive.open(name, "w") as file:
                picture.save(file, "PNG")
    return str(path)


def _new_place(words: Sequence[str], extension: str) -> Path:
    """A new file's path; the oldest of those that the same visitor was given is deleted, where they are many."""
    path = _place(secrets.token_hex(8), words, extension)
    if (who := asking()) is None:
        return path
    with _lock:
        given = _given.pop(who, deque())
        given.append(path)
        _given[who] = given  # the latest last
        oldest = given.popleft() if len(given) > KEPT_FILES else None
        if len(_given) > KEPT_SERVED:
            del _given[next(iter(_given))]
    if oldest:
        shutil.rmtree(oldest.parent, ignore_errors=True)
    return path


def _place(folder: str, words: Sequence[str], extension: str) -> Path:
    """A file's path, in a folder of its own, so that its name can be what a person reads when they download it."""
    inside = Path(_folder()) / folder
    inside.mkdir(parents=True, exist_ok=True)
    name = "-".join(filter(None, (re.sub(r"[^\w.+,()]+", "-", word[:LONGEST_NAME]).strip("-.") for word in words)))
    name = name.encode()[:LONGEST_NAME].decode(errors="ignore")
    return inside / f"{name or 'picture'}.{extension}"


def _write_mp4(path: Path, frames: Sequence[Image.Image]) -> None:
    """H.264 with 4:2:0 colour, which every browser and phone plays; the sides must be even."""
    from imageio_ffmpeg import get_ffmpeg_exe  # brings its own ffmpeg; only who exports a film waits for it

    width, height = frames[0].size
    raw = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-r", str(1000 / FRAME_MILLISECONDS)]
    encoded = ["-c:v", "libx264", "-crf", "18", "-pix_fmt", "yuv420p", "-movflags", "+faststart"]
    # Not through the package's own writer, which forks: with JAX's threads in the process, that may hang.
    content = b"".join(frame.convert("RGB").tobytes() for frame in frames)
    command = [get_ffmpeg_exe(), "-loglevel", "error", *raw, "-i", "-", *encoded, "-y", str(path)]
    with waiting():
        subprocess.run(command, input=content, check=True)
