"""How latents travel: as text, checked when it comes back.

The text is base64 of little-endian numbers, one latent after another, row by row: float32 for vector latents, float16
for spatial ones, which are long. How many latents it holds follows from its length.
"""

from __future__ import annotations

import base64
import math
from typing import Any

import numpy as np
from jaxtyping import Float

from app.explore.limits import MAX_LATENT, RequestError

UNREADABLE = "These latents cannot be read. Reload the page."


def to_text(latents: Float[np.ndarray, "*numbers"], shape: tuple[int, ...]) -> str:
    """One latent, or several in one array, as text.

    Args:
        latents: (*shape) or (count, *shape).
        shape: of one latent.
    """
    return base64.b64encode(np.ascontiguousarray(latents, _dtype(shape)).tobytes()).decode()


def from_text(text: Any, shape: tuple[int, ...], most: int) -> Float[np.ndarray, "count *latent"]:
    """The latents of a text, in float32; at least one.

    Args:
        text: what a page sent, and may be anything.
        shape: of one latent.
        most: how many are accepted.

    Raises:
        RequestError: it is not such a text, or holds no latent or too many; a number is not finite or beyond 100.
    """
    dtype = _dtype(shape)
    size = math.prod(shape) * dtype.itemsize
    if not isinstance(text, str):
        raise RequestError(UNREADABLE)
    if len(text) > 4 * math.ceil(most * size / 3):
        raise RequestError(f"These are more latents than the {most} that are accepted, or another model's.")
    try:
        content = base64.b64decode(text, validate=True)
    except ValueError:  # a binascii.Error; or text that is not ASCII
        raise RequestError(UNREADABLE) from None
    if not content or len(content) % size:
        raise RequestError("These latents do not have this model's shape. Reload the page.")
    return check_bounds(np.frombuffer(content, dtype).reshape(-1, *shape)).astype(np.float32)


def check_bounds(latents: Float[np.ndarray, "*numbers"]) -> Float[np.ndarray, "*numbers"]:
    """The latents themselves.

    Raises:
        RequestError: a number is not finite, or beyond 100.
    """
    if not (np.abs(latents) <= MAX_LATENT).all():  # false for NaN too
        raise RequestError(f"A latent's numbers must be finite, from -{MAX_LATENT:g} to {MAX_LATENT:g}.")
    return latents


def _dtype(shape: tuple[int, ...]) -> np.dtype:
    return np.dtype("<f4" if len(shape) == 1 else "<f2")
