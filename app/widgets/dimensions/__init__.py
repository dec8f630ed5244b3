"""Dimensions: what each dimension of a model's latent does, to sort, to look at and to traverse."""

from __future__ import annotations

from typing import Any

from app.explore.opened import OpenModel
from app.kit.widget import Widget


class Dimensions(Widget):
    """A bar for each dimension, a table of what they know of the labels, and the pictures that the chosen one makes.

    The value is what `payload` builds, or None for nothing. All else is asked of the server when the component is seen.

    Server: `dimensions(model)` and `decode(model, latents)`.
    """

    @staticmethod
    def payload(model: OpenModel) -> dict[str, Any]:
        """The model whose latent it is."""
        return {"model": model.card}
