"""Latents as text and as pictures: those that a page or a client sends, and those that it gets."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float
from PIL import Image

from app.explore import wire
from app.explore.drawn import Drawn, mark_drawn
from app.explore.limits import MAX_LATENTS, MAX_WORDS, RequestError
from app.explore.opened import OpenModel
from app.explore.turns import many


def pack(latents: Float[np.ndarray, "*numbers"], model: OpenModel) -> str:
    """One latent of a model, or several in one array, in the wire form (`app.explore.wire`)."""
    return wire.to_text(latents, model.info.latent_shape)


def unpack(text: Any, model: OpenModel, most: int = MAX_LATENTS) -> Float[np.ndarray, "count *latent"]:
    """The latents of a text in the wire form, in float32; 1 to `most`.

    Raises:
        RequestError: it is not such a text, or holds no latent or too many; a number is not finite or beyond 100.
    """
    return wire.from_text(text, model.info.latent_shape, most)


def from_lists(numbers: Any, model: OpenModel) -> Float[np.ndarray, "*latent"]:
    """The latent of nested lists, as a client of the HTTP API sends it.

    Raises:
        RequestError: they are not lists of numbers in the model's shape; a number is not finite or beyond 100.
    """
    shape = model.info.latent_shape
    if not _has_shape(numbers, shape):
        words = " x ".join(map(str, shape))
        raise RequestError(f"latent must be {words} numbers, in {'nested lists' if len(shape) > 1 else 'a list'}.")
    try:
        latent = np.array(numbers, np.float64)
    except OverflowError:  # an integer that no float can hold
        latent = np.array(np.inf)
    return wire.check_bounds(latent).astype(np.float32)


def decode(model: OpenModel, text: Any) -> list[Image.Image]:
    """The pictures of up to 64 latents in the wire form.

    Raises:
        RequestError: as for `unpack`; or too many ask for pictures already.
    """
    latents = unpack(text, model)
    with many(len(latents)):
        return [model.decode(latent) for latent in latents]


def draw(model: OpenModel, latent: Float[np.ndarray, "*latent"], words: Any) -> Image.Image:
    """The picture of a latent, which carries it into every PNG that it is saved to (`app.explore.drawn`).

    Args:
        model: that draws it.
        latent: of the model; of a spatial one, the nearest in float16 is drawn, as that is what travels.
        words: what the picture is, such as "sample 3 of seed 7"; the first 200 characters count, as labels may be long.

    Raises:
        RequestError: the words are no text, or a number of the latent is not finite or beyond 100.
    """
    if not isinstance(words, str):
        raise RequestError("The words that say what a picture is must be a text.")
    text = pack(latent, model)
    picture = model.decode(unpack(text, model, most=1)[0])
    mark_drawn(picture, Drawn(model.name, text, words[:MAX_WORDS]))
    return picture


def _has_shape(numbers: Any, shape: tuple[int, ...]) -> bool:
    if not shape:
        return isinstance(numbers, int | float) and not isinstance(numbers, bool)
    return isinstance(numbers, list) and len(numbers) == shape[0] and all(_has_shape(n, shape[1:]) for n in numbers)
