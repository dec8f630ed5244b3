"""SampleGrid: pictures of latents drawn at random, shown as they come."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from app.explore.opened import OpenModel
from app.kit.widget import Widget


@dataclass(frozen=True)
class Panel:
    """A grid of samples.

    Attributes:
        model: decodes them.
        distribution: they are drawn from it.
        title: of the grid.
        label: asked for, column -> label.
    """

    model: OpenModel
    distribution: str
    title: str
    label: Mapping[str, str] = field(default_factory=dict)


class SampleGrid(Widget):
    """One grid of samples, or several side by side, whose pictures of one number share their seed.

    Where the latents have one shape, they share their noise.

    The value is what `payload` builds, or None for nothing. The latents of a grid come at once, then their pictures.

    Server: `sample(model, distribution, count, temperature, seed, label)` and `decode(model, latents)`.

    Events:
        select: a person chose a sample; with `model` (a name), `latent` (in the wire form), `words`, `distribution`,
            `temperature`, `seed` and `index`.

    Props:
        address: the key under which the address keeps the chosen one; None for not at all.
    """

    EVENTS = ("select",)
    PROPS: ClassVar[dict[str, Any]] = {"address": None}

    @staticmethod
    def payload(panels: Sequence[Panel], count: int, temperature: float, seed: int) -> dict[str, Any]:
        """What to draw: so many samples in each panel, of this temperature and seed."""
        drawn = [
            {
                "model": panel.model.card,
                "distribution": panel.distribution,
                "title": panel.title,
                "label": dict(panel.label),
            }
            for panel in panels
        ]
        return {"panels": drawn, "count": count, "temperature": temperature, "seed": seed}
