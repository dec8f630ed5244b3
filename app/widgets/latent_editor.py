"""LatentEditor: the latent of a picture to look at and to change by hand, and the picture that follows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
from jaxtyping import Float
from PIL import Image

from app.checks import RequestError
from app.widgets.encoding import colour, data_url, uploaded_file

BAR_LIMIT = 3.0  # the axis runs from -3 to 3, where N(0, I) has nearly all its mass, and farther if a number does
KNOWN_WELL = 0.7  # of a posterior's standard deviation: below, a number tells at least half a bit
MAX_EDITS = 4096

_HERE = Path(__file__)
_TEMPLATE = """
<section class="latent-editor" aria-label="The latent" hidden>
  <div class="latent-editor-numbers">
    <div class="latent-editor-bars" hidden>
      <svg preserveAspectRatio="none" role="img"></svg>
      <div class="latent-editor-controls">
        <label>Number <input type="number" class="latent-editor-index" min="0" step="1" value="0"></label>
        <input type="range" class="latent-editor-value" step="0.01" aria-label="Value of this number">
        <output class="latent-editor-readout"></output>
      </div>
    </div>
    <div class="latent-editor-channels" hidden></div>
    <p class="latent-editor-words"></p>
  </div>
  <figure class="latent-editor-result">
    <canvas role="img" aria-label="The picture of the edited latent"></canvas>
    <figcaption><span class="latent-editor-status" role="status"></span>
      <button type="button" class="latent-editor-reset" disabled>Reset</button></figcaption>
  </figure>
</section>
"""


class LatentEditor(gr.HTML):
    """Bars for a vector latent, maps with a slider each for a spatial one, and the picture they make.

    The value is what `payload` builds, or None for nothing.

    Events:
        settle: a hand has come to rest; read the `gr.EventData` with `edit_of`. Its `edits` is empty if the latent is
            as it was, or another.

    Args:
        value: from `LatentEditor.payload`, or None.
        edit: `(model, picture path, edits, temperature, seed) -> picture`, as `Explorer.edit`; called while a hand
            moves, one call at a time for each page. Whatever comes from the browser is checked to be of these types,
            the path to be that of an uploaded file; ranges are for `edit` to check.
        options: of `gr.HTML`, such as `elem_id` and `visible`.
    """

    def __init__(
        self,
        value: dict[str, Any] | None = None,
        *,
        edit: Callable[[str, str, dict[int, float], float, int], Image.Image] | None = None,
        **options: Any,
    ):
        super().__init__(
            value,
            html_template=_TEMPLATE,
            css_template=_HERE.with_suffix(".css").read_text("utf-8"),
            js_on_load=_HERE.with_suffix(".js").read_text("utf-8"),
            apply_default_css=False,
            server_functions=[_server_function(edit)] if edit else None,
            **options,
        )

    def get_config(self) -> dict[str, Any]:
        """gr.HTML's own, less our setting, which is a function."""
        return {name: setting for name, setting in super().get_config().items() if name != "edit"}

    @staticmethod
    def payload(
        model: str,
        picture: str,
        temperature: float,
        seed: int,
        reconstruction: Image.Image,
        latent: Float[np.ndarray, "*latent"],
        deviation: Float[np.ndarray, "*latent"],
    ) -> dict[str, Any]:
        """Packs a latent for the browser.

        Args:
            model, picture, temperature, seed: handed back to `edit`.
            reconstruction: of the latent as it is.
            latent: (length,) or (height, width, channels).
            deviation: of the posterior, of the same shape.
        """
        source = {"model": model, "picture": picture, "temperature": temperature, "seed": seed}
        packed = {"source": source, "reconstruction": data_url(reconstruction)}
        if latent.ndim == 1:
            known = int((deviation < KNOWN_WELL).sum())
            return packed | {
                "latent": latent.round(4).tolist(),
                "deviation": deviation.round(4).tolist(),
                "limit": max(BAR_LIMIT, float(np.abs(latent).max())),
                "words": f"{len(latent)} numbers: each bar is one, each line one standard deviation of the posterior "
                f"up and down. {known} of them are known well for this picture (deviation below {KNOWN_WELL}); where "
                "the line is 1 long, the model says no more than the prior. Drag a bar, or choose a number.",
            }
        height, width, channels = latent.shape
        limit = float(np.quantile(np.abs(latent), 0.99)) or 1.0
        return packed | {
            "channels": [
                {
                    "url": data_url(colour(latent[..., channel] / limit / 2 + 0.5, "RdBu_r")),
                    "deviation": float(deviation[..., channel].mean()),
                }
                for channel in range(channels)
            ],
            "words": f"{height} x {width} x {channels} numbers, a channel a map; blue is {-limit:.1f} and below, red "
            f"{limit:.1f} and above. The deviation is the posterior's, on average: small means that the encoder is "
            "sure. A slider multiplies its channel: 0 silences it, 2 doubles it.",
        }

    @staticmethod
    def edit_of(event: gr.EventData) -> tuple[str, str, dict[int, float], float, int]:
        """The arguments for `edit` that a `settle` event with edits carries.

        Raises:
            RequestError: the event is forged.
        """
        return _read([getattr(event, "source", None), event.edits])


def _read(arguments: list) -> tuple[str, str, dict[int, float], float, int]:
    """Checks the types of what any client can send."""
    try:
        source, edits = arguments
        if len(edits) > MAX_EDITS:
            raise ValueError("too many")
        changed = {int(index): float(value) for index, value in edits}
        model, temperature, seed = str(source["model"]), float(source["temperature"]), int(source["seed"])
        picture = source["picture"]
    except (TypeError, ValueError, KeyError, OverflowError):
        raise RequestError("edit takes a source and pairs of an index and a number.") from None
    return model, uploaded_file(picture), changed, temperature, seed


def _server_function(make: Callable) -> Callable:
    """The form that Gradio calls: all arguments in one list."""

    def edit(arguments: list) -> dict[str, str]:
        try:
            return {"picture": data_url(make(*_read(arguments)))}
        except ValueError as error:  # RequestError and PictureError are ValueErrors too
            return {"refused": str(error)}

    return edit
