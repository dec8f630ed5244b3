"""DirectionSliders: a latent moved along directions by hand, its picture following."""

from __future__ import annotations

from typing import Any, ClassVar

from app.kit.widget import Widget


class DirectionSliders(Widget):
    """A large picture and, for each direction, a slider under the strip of pictures that it passes through.

    The value is `start_at(model, latent, words)`, or None for nothing. All else is asked of the server when the
    component is seen; a model's directions once.

    Server: `directions(model)`, `label_direction(model, column, start, end)` and `decode(model, latents)`.

    Events:
        commit: a slider has come to rest, or the start is another; with `model` (a name), `latent` (in the wire form)
            and `words`.

    Props:
        address: the key under which the address keeps the sliders, and with `.between` after it the labels; None for
            not at all.
    """

    EVENTS = ("commit",)
    PROPS: ClassVar[dict[str, Any]] = {"address": None}
