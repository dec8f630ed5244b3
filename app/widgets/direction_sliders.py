"""DirectionSliders: a latent moved along directions by hand, its picture following."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr

_HERE = Path(__file__)
_SCRIPT = _HERE.with_suffix(".js").read_text("utf-8")
_STYLE = _HERE.with_suffix(".css").read_text("utf-8")
_TEMPLATE = """
<section class="direction-sliders" aria-label="Directions">
  <p class="direction-message" role="status" hidden></p>
  <div class="direction-body" hidden>
    <div class="direction-result">
      <img class="direction-picture" alt="Picture at the sliders' place">
      <p class="direction-start"></p>
      <button type="button" class="direction-reset">Reset sliders</button>
    </div>
    <div class="direction-rows"></div>
  </div>
</section>
"""


class DirectionSliders(gr.HTML):
    """A large picture and, for each direction, a slider under the strip of pictures that it passes through.

    The value is `{"model", "token", "start"}`: the model's name, the name of the latent that Explorer holds, and words
    for what it is. All else is asked of the server when the component is seen.

    Events:
        settle: a slider has come to rest; the `gr.EventData` has `model`, `token`, `coefficients`, `labels` (column,
            from, to; or None) and `towards`. It comes from the browser and may be forged: check it before use.

    Args:
        describe: server function `(model, token) -> {"directions": [{"share"}], "choices": {column: [label]}}`.
        strip: `(model, token, row, labels) -> {"sheet"}`: 7 pictures from -3 to 3 standard deviations; row None is the
            label direction's.
        move: `(model, token, coefficients, labels, towards) -> {"picture"}`.
        options: of `gr.HTML`.

    Every one of them may answer `{"error": sentence}` instead.
    """

    def __init__(
        self,
        value: dict[str, Any] | None = None,
        *,
        describe: Callable | None = None,
        strip: Callable | None = None,
        move: Callable | None = None,
        **options: Any,
    ):
        super().__init__(
            value,
            html_template=_TEMPLATE,
            css_template=_STYLE,
            js_on_load=_SCRIPT,
            apply_default_css=False,
            server_functions=[describe, strip, move] if move else None,
            **options,
        )

    def get_config(self) -> dict[str, Any]:
        """gr.HTML's own, less our functions."""
        return {name: it for name, it in super().get_config().items() if name not in {"describe", "strip", "move"}}
