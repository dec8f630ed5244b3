"""Through training: what a model drew at moments of its training, and where some pictures lay on its map."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int
from PIL import Image
from safetensors import SafetensorError, safe_open

from app.explore import interpolate, sample
from app.explore.limits import (
    MAX_LABEL_NAMES,
    MAX_MOVED,
    MOMENT_SAMPLES,
    MOMENT_STEPS,
    SNAPSHOT_FILE_BYTES,
    RequestError,
)
from app.explore.opened import OpenModel, for_visitors
from app.explore.snapshots import find_snapshots
from app.explore.subject import Subject
from app.explore.turns import DECODING, ENCODING
from vae.atlas import MAX_POSITION
from vae.checkpoint import CONV_VAE, ModelFolderError
from vae.codec import Codec, open_snapshot
from vae.files import as_text, check_file
from vae.images import to_array, to_picture
from vae.losses import psnr
from vae.priors import StandardNormal

T = TypeVar("T")

GONE = "This moment of the training is not there any more."

PLACE, LABEL = "pictures.place", "pictures.label"  # of each picture, in a snapshot
LABELS = "pictures.labels"  # the labels' names, in its metadata
FLOATS = {"F16", "F32"}  # kinds of numbers that places and labels are read of; training writes these


def steps(*models: OpenModel) -> list[int]:
    """Of the moments that any of these models keeps, in their order; more may come while a training runs."""
    return sorted({step for model in models for step in _kept(model)})


@dataclass(frozen=True)
class Moment:
    """What a model drew at one moment.

    Attributes:
        step: of the training: of those that the model keeps, the nearest to the step asked for.
        last: step that the model keeps.
        drawn: the pictures.
        psnr_db: of a reconstruction; else None.
    """

    step: int
    last: int
    drawn: list[Image.Image]
    psnr_db: float | None = None


def reconstruction(model: OpenModel, step: int, subject: Subject) -> Moment:
    """A picture, encoded and decoded by the model of a moment.

    Raises:
        RequestError: no moment is kept any more.
        ModelFolderError: the moment's file is damaged, or of another architecture.
    """

    def draw(codec: Codec) -> tuple[list[Image.Image], float]:
        picture = subject.fitted(model.info.image_size)
        (shown,) = _decode(codec, _encode(model, codec, subject)[None])
        return [shown], float(psnr(to_array(picture)[None], to_array(shown)[None])[0])

    at, last, (drawn, quality) = _at(model, step, ("reconstruction", subject.key), draw)
    return Moment(at, last, drawn, quality)


def samples(model: OpenModel, step: int, count: Any, temperature: Any, seed: Any) -> Moment:
    """Latents drawn from N(0, I), the same at every moment, decoded by the model of one.

    Args:
        model: whose moments.
        step: of the training.
        count: 1 to 64, of which the first 12 are drawn.
        temperature, seed: as for `app.explore.sample.sample`.

    Raises:
        RequestError: a number is out of range, or as for `reconstruction`.
        ModelFolderError: as for `reconstruction`.
    """
    latents = sample.sample(model, StandardNormal.name, count, temperature, seed)[:MOMENT_SAMPLES]
    asked = ("samples", len(latents), temperature, seed)
    return Moment(*_at(model, step, asked, lambda codec: _decode(codec, latents)))


def between(model: OpenModel, step: int, a: Subject, b: Subject, method: str) -> Moment:
    """Seven pictures at even distances from one to another, both encoded and all decoded by the model of a moment.

    Args:
        model: whose moments.
        step: of the training.
        a, b: the ends.
        method: "lerp" or "slerp".

    Raises:
        RequestError: there is no such method, or as for `reconstruction`.
        ModelFolderError: as for `reconstruction`.
    """

    def draw(codec: Codec) -> list[Image.Image]:
        start, end = (_encode(model, codec, subject) for subject in (a, b))
        return _decode(codec, interpolate.path(start, end, MOMENT_STEPS, method))

    return Moment(*_at(model, step, ("between", a.key, b.key, method), draw))


def _kept(model: OpenModel) -> dict[int, Path]:
    return find_snapshots(model.folder) if model.info.kind == CONV_VAE else {}


def _at(model: OpenModel, step: int, question: tuple, draw: Callable[[Codec], T]) -> tuple[int, int, T]:
    """The nearest step that is kept, the last, and what the model of the nearest draws; remembered by the question."""
    kept = _kept(model)
    if not kept:
        raise RequestError(GONE)
    nearest = min(kept, key=lambda one: abs(one - step))
    file = kept[nearest]

    def open_and_draw() -> T:
        try:
            return draw(open_snapshot(model.load(), model.folder, file))
        except ModelFolderError as error:
            raise ModelFolderError(for_visitors(error, model.folder)) from error
        except OSError:
            raise RequestError(GONE) from None

    return nearest, max(kept), model.remember("moment", (nearest, _written(file), *question), open_and_draw)


def _encode(model: OpenModel, codec: Codec, subject: Subject) -> Float[np.ndarray, "*latent"]:
    picture = to_array(subject.fitted(model.info.image_size))
    with ENCODING:
        return np.asarray(codec.encode(jnp.asarray(picture[None])).mean)[0]


def _decode(codec: Codec, latents: Float[np.ndarray, "count *latent"]) -> list[Image.Image]:
    drawn = []
    for latent in latents:
        with DECODING:
            drawn.append(to_picture(np.asarray(codec.decode(jnp.asarray(latent[None], jnp.float32)))[0]))
    return drawn


@dataclass(frozen=True)
class Movement:
    """Where some of the data's pictures lie on the map at each moment.

    Attributes:
        steps: of the moments, in their order.
        places: map coordinates.
        labels: their names; a single one that is empty, if the pictures have none.
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
    codes, names = np.zeros(0, int), None
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
                told = (file.metadata() or {}).get(LABELS, "")
        except (SafetensorError, OSError, ValueError, TypeError):
            continue
        fits = (np.abs(there.astype(np.float32)) <= MAX_POSITION).all() and ((labels >= 0) & (labels < MAX_MOVED)).all()
        if not fits or (places and there.shape != places[0].shape):
            continue
        codes, names = labels.astype(int), _names(told)
        steps.append(step)
        places.append(there.astype(np.float32))
    if len(steps) < 2:
        return None
    count = int(codes.max()) + 1
    names = names if names and len(names) >= count else _names_of_map(model, count)
    return Movement(steps, np.stack(places), names, codes)


def _names(told: str) -> list[str] | None:
    """Of the labels, as a snapshot's metadata tells them; None where it does not."""
    try:
        names = json.loads(told) if len(told) <= MAX_LABEL_NAMES else None
    except (ValueError, RecursionError):
        return None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        return None
    return [as_text(name) for name in names[:MAX_MOVED]]


def _names_of_map(model: OpenModel, count: int) -> list[str]:
    """For snapshots that do not name their labels: those of the map's first column, if there are no fewer."""
    try:
        column = next(iter(model.atlas.labels.values()), [])
    except RequestError:
        column = []
    known = sorted({*column}) or [""]
    return known if len(known) >= count else [f"label {k + 1}" for k in range(count)]
