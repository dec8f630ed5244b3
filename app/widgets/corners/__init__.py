"""Corners: a square of pictures between four, to move over, decoded coarse to fine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float

from app.explore.latents import pack
from app.explore.opened import OpenModel
from app.kit.widget import Widget


class Corners(Widget):
    """Shows a square of pictures, and large the one under the pointer; a click or the keys choose one.

    The value is what `payload` builds, or None for the empty state. The page asks for the pictures, and for nothing
    while a pointer moves over them.

    Server: `decode(model, latents)`.

    Events:
        commit: a picture was chosen, or the one at the chosen place is another; with `model` (a name), `latent` (in the
            wire form), `words`, and `u` and `v`, in [0, 1], from the left and from the top.

    Props:
        empty_text: what the empty state says.
        address: the key under which the address keeps the chosen place; None for not at all.
    """

    EVENTS = ("commit",)
    PROPS: ClassVar[dict[str, Any]] = {
        "empty_text": "Choose four pictures: the square between them appears here.",
        "address": None,
    }

    @staticmethod
    def payload(model: OpenModel, corners: Sequence[Float[np.ndarray, "*latent"]], method: str) -> dict[str, Any]:
        """The square between four latents.

        Args:
            model: decodes it.
            corners: at its top left, top right, bottom left and bottom right.
            method: "lerp" or "slerp".
        """
        return {"model": model.card, "corners": pack(np.stack(corners), model), "method": method}
