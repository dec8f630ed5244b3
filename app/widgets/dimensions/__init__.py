"""Dimensions: what each dimension of a model's latent does, to sort, to look at and to traverse."""

from __future__ import annotations

from typing import Any, ClassVar

from app.explore.opened import OpenModel
from app.kit.widget import Widget


class Dimensions(Widget):
    """A bar for each dimension, a table of what they know of the labels, and the pictures that the chosen one makes.

    The value is what `payload` builds, or None for nothing. All else is asked of the server when the component is seen.

    Props:
        address: how the keys begin under which the address keeps what is set; None for not at all.

    Server: `dimensions(model)` and `decode(model, latents)`.
    """

    PROPS: ClassVar[dict[str, Any]] = {"address": None}

    @staticmethod
    def payload(model: OpenModel) -> dict[str, Any]:
        """The model whose latent it is."""
        return {"model": model.card}
