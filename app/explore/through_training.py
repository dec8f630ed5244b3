"""Through training: a picture and samples, drawn by the model as it was at moments of its training."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
from PIL import Image

from app.explore.limits import MOMENT_SAMPLES, check_whole
from app.explore.opened import OpenModel
from app.explore.snapshots import find_snapshots
from app.explore.subject import Subject
from app.explore.turns import DECODING
from vae.checkpoint import CONV_VAE
from vae.codec import open_snapshot
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
