"""HeatMaps: where a reconstruction is wrong, and where the model is unsure, as colours."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from jaxtyping import Float

from app.explore import reconstruct
from app.explore.library import Library
from app.explore.limits import RequestError
from app.explore.opened import OpenModel
from app.explore.subject import open_subject
from app.kit.inputs import own_file
from app.kit.pictures import colour, data_url
from app.kit.widget import Widget

LEVELS = 255
LEAST_ERROR, LEAST_DEVIATION = 8 / LEVELS, 1 / LEVELS  # of a scale's end: next to nothing must look like it


class HeatMaps(Widget):
    """Two maps of a reconstruction: its error at once, its uncertainty when the page has asked for it.

    The value is what `payload` builds, or None for nothing.

    Server: `uncertainty(model, picture)`, as `uncertainty_of` makes it.
    """

    @staticmethod
    def payload(
        model: OpenModel,
        picture: str,
        error: Float[np.ndarray, "size size"],
        beside: Float[np.ndarray, "other other"] | None = None,
    ) -> dict[str, Any]:
        """What the page needs to draw the error and to ask for the uncertainty.

        Args:
            model: whose reconstruction it is.
            picture: the path of the picture's file.
            error: of each pixel, in [0, 1].
            beside: an error that is shown next to this one, so that both have one scale.
        """
        errors = [error] if beside is None else [error, beside]
        drawn = _heat_map(error, max(LEAST_ERROR, *map(_end, errors)))
        return {"model": model.name, "picture": picture, "has_variance": model.info.has_variance, "error": drawn}


def uncertainty_of(library: Library) -> Callable[[str, str], dict[str, Any]]:
    """The server function of these models."""

    def uncertainty(model: str, picture: str) -> dict[str, Any]:
        found = reconstruct.uncertainty(library[model], open_subject(own_file(picture)))
        if found is None:
            raise RequestError("This model's encoder gives no variance: it has no uncertainty to show.")
        limit = max(LEAST_DEVIATION, _end(found.deviation))
        return _heat_map(found.deviation, limit) | {"samples": found.samples}

    return uncertainty


def _end(values: Float[np.ndarray, "size size"]) -> float:
    return float(np.quantile(values, 0.995))  # a few stray pixels would darken all others


def _heat_map(values: Float[np.ndarray, "size size"], limit: float) -> dict[str, Any]:
    url = data_url(colour(values / limit, "Viridis"))
    return {"url": url, "limit": limit * LEVELS, "mean": float(values.mean()) * LEVELS}
