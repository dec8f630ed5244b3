"""Through training: a picture, samples, and the places of some pictures, by the model at moments of its training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int
from PIL import Image
from safetensors import SafetensorError, safe_open

from app.explore.limits import MAX_MOVED, MOMENT_SAMPLES, SNAPSHOT_FILE_BYTES, RequestError, check_whole
from app.explore.opened import OpenModel, for_visitors
from app.explore.snapshots import find_snapshots
from app.explore.subject import Subject
from app.explore.turns import DECODING
from vae.atlas import MAX_POSITION
from vae.checkpoint import CONV_VAE, ModelFolderError
from vae.codec import open_snapshot
from vae.files import check_file
from vae.images import to_array, to_picture
from vae.latent import sample_prior
from vae.losses import psnr

PLACE, LABEL = "pictures.place", "pictures.label"  # of each picture, in a snapshot
FLOATS = {"F16", "F32"}  # kinds of numbers that places and labels are read of; training writes these


@dataclass(frozen=True)
class Moment:
    """What the model draws at one moment.

    Attributes:
        step: of the training.
        reconstruction: of the picture.
        psnr_db: of it.
        samples: from N(0, I), of the same noise at every moment.
    """

    step: int
    reconstruction: Image.Image
    psnr_db: float
    samples: list[Image.Image]


def steps(model: OpenModel) -> list[int]:
    """Of the moments that are kept, in their order; more may come while a training runs."""
    return [*find_snapshots(model.folder)] if model.info.kind == CONV_VAE else []


def look(model: OpenModel, subject: Subject, index: Any) -> Moment:
    """The picture and the samples at one of `steps`.

    Raises:
        RequestError: there is no such moment.
        ModelFolderError: its file is damaged, or of another architecture.
    """
    found = [*find_snapshots(model.folder).items()]
    step, path = found[check_whole("The moment", index, 0, len(found) - 1)]
    key = (step, _written(path), subject.key)
    return model.remember("moment", key, lambda: _draw(model, subject, step, path))


@dataclass(frozen=True)
class Movement:
    """Where some of the data's pictures lie on the map at each moment.

    Attributes:
        steps: of the moments, in their order.
        places: map coordinates.
        labels: each once, in alphabetical order; a single one that is empty, if the pictures have none.
        codes: of each picture, the position of its label in `labels`.
    """

    steps: list[int]
    places: Float[np.ndarray, "moments count 2"]
    labels: list[str]
    codes: Int[np.ndarray, " count"]


def movement(model: OpenModel) -> Movement | None:
    """What the snapshots tell of it; None where fewer than two of them do, as before `python -m train atlas`."""
    found = find_snapshots(model.folder)
    written = tuple(_written(path) for path in found.values())
    return model.remember("movement", written, lambda: _read_movement(model, found))


def _written(path: Path) -> int | None:
    """When, in nanoseconds; None for a file that is gone, or a loop of links."""
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return None


def _read_movement(model: OpenModel, found: Mapping[int, Path]) -> Movement | None:
    steps: list[int] = []
    places: list[np.ndarray] = []
    codes = np.zeros(0, int)
    for step, path in found.items():
        try:
            with safe_open(check_file(path, SNAPSHOT_FILE_BYTES), "np") as file:
                parts = [file.get_slice(name) for name in (PLACE, *({LABEL} & {*file.keys()}))]
                shapes, kinds = [part.get_shape() for part in parts], {part.get_dtype() for part in parts}
                count = shapes[0][0] if shapes[0] else 0
                fits = 0 < count <= MAX_MOVED and shapes == [[count, 2], [count]][: len(parts)] and kinds <= FLOATS
                if not fits:
                    continue
                there, labels = parts[0][:], parts[1][:] if len(parts) > 1 else np.zeros(count)
        except (SafetensorError, OSError, ValueError, TypeError):
            continue
        fits = (np.abs(there.astype(np.float32)) <= MAX_POSITION).all() and ((labels >= 0) & (labels < MAX_MOVED)).all()
        if not fits or (places and there.shape != places[0].shape):
            continue
        codes = labels.astype(int)
        steps.append(step)
        places.append(there.astype(np.float32))
    return Movement(steps, np.stack(places), _names(model, int(codes.max()) + 1), codes) if len(steps) > 1 else None


def _names(model: OpenModel, count: int) -> list[str]:
    """Of the labels that training sorted: those of the map's first column, if there are no fewer."""
    try:
        column = next(iter(model.atlas.labels.values()), [])
    except RequestError:
        column = []
    known = sorted({*column}) or [""]
    return known if len(known) >= count else [f"label {k + 1}" for k in range(count)]


def _draw(model: OpenModel, subject: Subject, step: int, path: Path) -> Moment:
    try:
        codec = open_snapshot(model.load(), model.folder, path)
    except ModelFolderError as error:
        raise ModelFolderError(for_visitors(error, model.folder)) from error
    picture = to_array(subject.fitted(model.info.image_size))
    mean = np.asarray(codec.encode(jnp.asarray(picture[None])).mean)[0]
    latents = [mean, *np.asarray(sample_prior(0, MOMENT_SAMPLES, model.info.latent_shape))]
    drawn = []
    for latent in latents:
        with DECODING:
            drawn.append(np.asarray(codec.decode(jnp.asarray(latent[None], jnp.float32)))[0])
    shown = [to_picture(pixels) for pixels in drawn]
    quality = float(psnr(picture[None], to_array(shown[0])[None])[0])
    return Moment(step, shown[0], quality, shown[1:])
