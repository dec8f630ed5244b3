"""SampleGrid: pictures of latents drawn at random, shown as they come."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from app.explore.opened import OpenModel
from app.kit.widget import Widget


class SampleGrid(Widget):
    """One grid of samples, or several side by side, whose pictures of one number share their noise.

    The value is what `payload` builds, or None for nothing. The latents of a grid come at once, then their pictures.

    Server: `sample(model, distribution, count, temperature, seed, label)` and `decode(model, latents)`.

    Events:
        select: a person chose a sample; with `model` (a name), `latent` (in the wire form), `words`, `distribution`,
            `temperature`, `seed` and `index`.
    """

    EVENTS = ("select",)

    @staticmethod
    def payload(
        model: OpenModel,
        panels: Sequence[tuple[str, str, Mapping[str, str]]],
        count: int,
        temperature: float,
        seed: int,
    ) -> dict[str, Any]:
        """What to draw.

        Args:
            model: decodes it.
            panels: a distribution, its title, and the labels asked for (column -> label), for each grid.
            count: samples in each.
            temperature, seed: of the samples.
        """
        titled = [{"distribution": name, "title": title, "label": dict(label)} for name, title, label in panels]
        return {"model": model.card, "panels": titled, "count": count, "temperature": temperature, "seed": seed}
