"""Corners: a square of pictures between four, to move over. Drawn in the browser without the network."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradio as gr
from PIL import Image

from app.widgets.scrubber import Scrubber

_HERE = Path(__file__)
_SCRIPT = _HERE.with_suffix(".js").read_text("utf-8")
_STYLE = _HERE.with_suffix(".css").read_text("utf-8")
_TEMPLATE = """
<section class="corners" data-state="empty" aria-label="Square between four pictures">
  <p class="corners-message"></p>
  <div class="corners-body" hidden>
    <div class="corners-square">
      <canvas class="corners-grid" tabindex="0" role="application"></canvas>
      <span class="corners-held" aria-hidden="true"></span>
      <span class="corners-frame" aria-hidden="true"></span>
      <b data-corner="a">A</b><b data-corner="b">B</b><b data-corner="c">C</b><b data-corner="d">D</b>
    </div>
    <figure class="corners-large">
      <canvas role="img" aria-label="The picture at the chosen place"></canvas>
      <figcaption role="status"></figcaption>
    </figure>
  </div>
</section>
"""


class Corners(gr.HTML):
    """Shows a square of pictures, and large the one under the pointer; a click or the keys choose one.

    The value is what `payload` builds, or None for the empty state. A value may be followed by finer ones.

    Events:
        settle: a picture was chosen, or the one at the chosen place is another; the `gr.EventData` has `u` and `v`,
            floats in [0, 1], from the left and from the top.

    Args:
        value: from `Corners.payload`, or None.
        empty_text: what the empty state says.
        options: of `gr.HTML`, such as `elem_id` and `visible`.
    """

    def __init__(self, value: dict[str, Any] | None = None, *, empty_text: str, **options: Any):
        self.empty_text = empty_text
        super().__init__(
            value,
            html_template=_TEMPLATE,
            css_template=_STYLE,
            js_on_load=_SCRIPT,
            apply_default_css=False,
            empty_text=empty_text,
            **options,
        )

    def get_config(self) -> dict[str, Any]:
        """gr.HTML's own, less our setting, which travels in `props`."""
        return {key: value for key, value in super().get_config().items() if key != "empty_text"}

    @staticmethod
    def payload(pictures: Sequence[Image.Image]) -> dict[str, Any]:
        """Packs a square of pictures, given row by row.

        Returns:
            The value of a Corners: `side`, how many there are along an edge, and the sheet of `Scrubber.payload`.

        Raises:
            ValueError: their number is not a square above 1.
        """
        side = math.isqrt(len(pictures))
        if side < 2 or side**2 != len(pictures):
            raise ValueError(f"{len(pictures)} pictures are no square of at least 2 x 2")
        return {"side": side, **Scrubber.payload(pictures)}
