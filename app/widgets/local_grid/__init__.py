"""LocalGrid: the pictures around a place in latent space, to walk by clicking."""

from __future__ import annotations

from typing import Any, ClassVar

from app.kit.widget import Widget


class LocalGrid(Widget):
    """A square of pictures around a middle, along two directions of the data near it. A click walks there.

    The value is `start_at(model, latent, words)`, or None for nothing. All else is asked of the server when the
    component is seen.

    Server: `local_directions(model, latent)` and `decode(model, latents)`.

    Events:
        commit: the middle is another; with `model` (a name), `latent` (in the wire form) and `words`.

    Props:
        address: the key under which the address keeps the steps; None for not at all.
    """

    EVENTS = ("commit",)
    PROPS: ClassVar[dict[str, Any]] = {"address": None}
