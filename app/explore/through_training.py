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
from app.explore.opened import OpenModel
from app.explore.snapshots import find_snapshots
from app.explore.subject import Subject
from app.explore.turns import DECODING
from vae.atlas import MAX_POSITION
from vae.checkpoint import CONV_VAE
from vae.codec import open_snapshot
from vae.files import check_file
from vae.images import to_array, to_picture
from vae.latent import sample_prior
from vae.losses import psnr


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
    key = (step, path.stat().st_mtime_ns, subject.key)
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
    found = {step: path for step, path in find_snapshots(model.folder).items() if path.is_file()}
    written = tuple(path.stat().st_mtime_ns for path in found.values())
    return model.remember("movement", written, lambda: _read_movement(model, found))


def _read_movement(model: OpenModel, found: Mapping[int, Path]) -> Movement | None:
    steps: list[int] = []
    places: list[np.ndarray] = []
    codes = np.zeros(0, int)
    for step, path in found.items():
        try:
            with safe_open(check_file(path, SNAPSHOT_FILE_BYTES), "np") as file:
                there, names = file.get_tensor("pictures.place"), file.keys()
                labels = file.get_tensor("pictures.label") if "pictures.label" in names else np.zeros(len(there))
        except (SafetensorError, OSError, ValueError, TypeError, AttributeError):
            continue  # the last, and some of the others: types of number that NumPy does not have
        count = len(there) if there.ndim else 0
        if not 0 < count <= MAX_MOVED or there.shape != (count, 2) or labels.shape != (count,):
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
    codec = open_snapshot(model.load(), model.folder, path)
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
