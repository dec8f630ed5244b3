"""Scrubber: a slider through the pictures of a path between two latents, decoded coarse to fine."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float

from app.explore.latents import pack
from app.explore.opened import OpenModel
from app.kit.widget import Widget


class Scrubber(Widget):
    """Shows a path of latents and lets a person drag through its pictures.

    The value is what `between` or `along` builds, or None for the empty state. The page asks for the pictures, and for
    nothing while a person drags. Another value keeps the place.

    Server: `decode(model, latents)`; and `film(model, latents)`, where an MP4 of the path is offered.

    Events:
        commit: the place has come to rest, or all pictures of another value are there; with `model` (a name), `latent`
            (in the wire form), `words` and `t`, in [0, 1].

    Props:
        empty_text: what the empty state says.
        address: the key under which the place is kept in the address bar, such as "t"; None keeps it nowhere.
    """

    EVENTS = ("commit",)
    PROPS: ClassVar[dict[str, Any]] = {
        "empty_text": "Choose two pictures: what lies between them appears here.",
        "address": None,
    }

    @staticmethod
    def between(
        model: OpenModel,
        a: Float[np.ndarray, "*latent"],
        b: Float[np.ndarray, "*latent"],
        count: int,
        method: str,
        captions: tuple[str, str] = ("A", "B"),
        t: float | None = None,
    ) -> dict[str, Any]:
        """The path from one latent to another, of so many pictures, with a plot of how far apart they are.

        Args:
            model: decodes them.
            a, b: the ends.
            count: 2 to 65.
            method: "lerp" or "slerp".
            captions: of the ends.
            t: in [0, 1], the place shown first; None stays where it is (the middle, to begin with).
        """
        ends = pack(np.stack([a, b]), model)
        path = {"ends": ends, "method": method, "count": count, "plot": True, "words": "between"}
        return {"model": model.card, "captions": list(captions), "t": t} | path

    @staticmethod
    def along(
        model: OpenModel,
        latents: Float[np.ndarray, "count *latent"],
        words: str,
        captions: tuple[str, str] = ("A", "B"),
        t: float | None = None,
    ) -> dict[str, Any]:
        """A path of any latents, at least two.

        Args:
            model: decodes them.
            latents: from one end to the other.
            words: what a picture of it is, before its t: "along a path" makes "along a path 0.25".
            captions, t: as for `between`.
        """
        path = {"latents": pack(latents, model), "plot": False, "words": words}
        return {"model": model.card, "captions": list(captions), "t": t} | path
