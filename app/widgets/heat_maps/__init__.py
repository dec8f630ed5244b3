"""HeatMaps: where a reconstruction is wrong, and where the model is unsure, as colours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Float

from app.explore.opened import OpenModel
from app.kit.pictures import LEVELS, heat_map, scale_end
from app.kit.widget import Widget

LEAST_ERROR = 8 / LEVELS  # of a scale's end: next to nothing must look like it


class HeatMaps(Widget):
    """Two maps of a reconstruction: its error at once, its uncertainty when the page has asked for it.

    The value is what `payload` builds, or None for nothing.

    Server: `uncertainty(model, picture, beside)`.
    """

    @staticmethod
    def payload(
        model: OpenModel,
        picture: str,
        error: Float[np.ndarray, "size size"],
        beside: Mapping[str, Float[np.ndarray, "other other"]] | None = None,
    ) -> dict[str, Any]:
        """What the page needs to draw the error and to ask for the uncertainty.

        Args:
            model: whose reconstruction it is.
            picture: the path of the picture's file.
            error: of each pixel, in [0, 1].
            beside: by models' names, the errors that are shown next to this one, so that all have one scale.
        """
        others = beside or {}
        return {
            "model": model.name,
            "picture": picture,
            "has_variance": model.info.has_variance,
            "error": heat_map(error, max(LEAST_ERROR, *map(scale_end, [error, *others.values()]))),
            "beside": [*others],
        }
