"""Analogy: the difference of two latents added to a third, at a strength that a slider sets."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float

from app.explore.latents import pack
from app.explore.opened import OpenModel
from app.kit.widget import Widget


class Analogy(Widget):
    """The equation A - B + C = result, in pictures, and the slider of its strength. The page works the result out.

    The value is what `payload` builds, or None for the empty state.

    Server: `decode(model, latents)`.

    Events:
        commit: the slider has come to rest, or the pictures are others; with `model` (a name), `latent` (in the wire
            form) and `words`.

    Props:
        empty_text: what the empty state says.
        address: the key under which the address keeps the strength; None for not at all.
    """

    EVENTS = ("commit",)
    PROPS: ClassVar[dict[str, Any]] = {
        "empty_text": "Choose three pictures: the result appears here.",
        "address": None,
    }

    @staticmethod
    def payload(
        model: OpenModel,
        a: Float[np.ndarray, "*latent"],
        b: Float[np.ndarray, "*latent"],
        c: Float[np.ndarray, "*latent"],
    ) -> dict[str, Any]:
        """The equation of three latents of a model."""
        return {"model": model.card, "latents": pack(np.stack([a, b, c]), model)}
