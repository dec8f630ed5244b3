"""HeatMaps: where a reconstruction is wrong, and where the model is unsure, as colours."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
from jaxtyping import Float

from app.widgets.encoding import colour, data_url, uploaded_file

LEVELS = 255
LEAST_ERROR, LEAST_DEVIATION = 8 / LEVELS, 1 / LEVELS  # of a scale's end: next to nothing must look like it

_HERE = Path(__file__)
_FIGURE = """
  <figure class="heat-map" data-map="{name}" data-state="waiting">
    <figcaption class="heat-map-title">{title}</figcaption>
    <div class="heat-map-frame"><img alt="" hidden><p class="heat-map-message" role="status"></p></div>
    <div class="heat-map-legend"><span>0</span><span class="heat-map-scale" aria-hidden="true"></span>
      <span class="heat-map-limit"></span></div>
    <figcaption class="heat-map-words"></figcaption>
  </figure>
"""
_TEMPLATE = (
    '<section class="heat-maps" aria-label="Error and uncertainty of each pixel">'
    + _FIGURE.format(name="error", title="Error")
    + _FIGURE.format(name="uncertainty", title="Where the model is unsure")
    + "</section>"
)


class HeatMaps(gr.HTML):
    """Two maps of a reconstruction: its error at once, its uncertainty when the page has asked for it.

    The value is what `payload` builds, or None for nothing.

    Args:
        value: from `HeatMaps.payload`, or None.
        uncertainty: `(model, picture path) -> (map, samples)`, as `Explorer.uncertainty` returns them, called by the
            page after the error is shown. `model` is a string from the browser; the path is that of an uploaded file.
        options: of `gr.HTML`, such as `elem_id` and `visible`.
    """

    def __init__(
        self,
        value: dict[str, Any] | None = None,
        *,
        uncertainty: Callable[[str, str], tuple[Float[np.ndarray, "size size"], int]] | None = None,
        **options: Any,
    ):
        super().__init__(
            value,
            html_template=_TEMPLATE,
            css_template=_HERE.with_suffix(".css").read_text("utf-8"),
            js_on_load=_HERE.with_suffix(".js").read_text("utf-8"),
            apply_default_css=False,
            server_functions=[_server_function(uncertainty)] if uncertainty else None,
            **options,
        )

    def get_config(self) -> dict[str, Any]:
        """gr.HTML's own, less our setting, which is a function."""
        return {name: setting for name, setting in super().get_config().items() if name != "uncertainty"}

    @staticmethod
    def payload(
        model: str,
        picture: str,
        error: Float[np.ndarray, "size size"],
        beside: Float[np.ndarray, "other other"] | None = None,
    ) -> dict[str, Any]:
        """What the page needs to draw the error and to ask for the uncertainty.

        Args:
            model, picture: handed back to `uncertainty`.
            error: of each pixel, in [0, 1].
            beside: an error that is shown next to this one, so that both have one scale.
        """
        errors = [error] if beside is None else [error, beside]
        return {"model": model, "picture": picture, "error": _map(error, max(LEAST_ERROR, *map(_end, errors)))}


def _end(values: Float[np.ndarray, "size size"]) -> float:
    return float(np.quantile(values, 0.995))  # a few stray pixels would darken all others


def _map(values: Float[np.ndarray, "size size"], limit: float) -> dict[str, Any]:
    url = data_url(colour(values / limit, "Viridis"))
    return {"url": url, "limit": limit * LEVELS, "mean": float(values.mean()) * LEVELS}


def _server_function(compute: Callable) -> Callable:
    """The form that Gradio calls: all arguments in one list, which any client can send."""

    def uncertainty(arguments: list) -> dict[str, Any]:
        try:
            model, picture = arguments
            values, count = compute(str(model), uploaded_file(picture))
        except (TypeError, ValueError) as error:
            return {"refused": str(error)}
        return _map(values, max(LEAST_DEVIATION, _end(values))) | {"samples": count}

    return uncertainty
