"""Where a walk from a latent begins, as a widget takes it."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float

from app.explore.latents import pack
from app.explore.opened import OpenModel


def start_at(model: OpenModel, latent: Float[np.ndarray, "*latent"], words: str) -> dict[str, Any]:
    """The value of a widget that begins at a latent.

    Args:
        model: whose latent it is.
        latent: one.
        words: what it is, for people: "Sample 3 of seed 7".
    """
    return {"model": model.card, "latent": pack(latent, model), "words": words}
