"""LocalGrid: the pictures around a place in latent space, to walk by clicking."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr

_HERE = Path(__file__)
_SCRIPT = _HERE.with_suffix(".js").read_text("utf-8")
_STYLE = _HERE.with_suffix(".css").read_text("utf-8")
_TEMPLATE = """
<section class="local-grid" aria-label="Pictures around this place">
  <p class="local-grid-message" role="status" hidden></p>
  <div class="local-grid-body">
    <div class="local-grid-tiles" role="group" aria-label="A click makes a picture the new centre"></div>
    <div class="local-grid-tools">
      <button type="button" class="local-grid-back" disabled>Back</button>
      <span class="local-grid-steps" role="status"></span>
    </div>
  </div>
</section>
"""


class LocalGrid(gr.HTML):
    """A square of pictures around a centre, along two directions of the data near it. A click walks there.

    The value is `{"model", "token", "start"}`: the model's name, the name of the latent that Explorer holds, and words
    for what it is.

    Events:
        settle: there is a new centre; the `gr.EventData` has `model`, `token` and `steps`. It comes from the browser
            and may be forged: check it before use.

    Args:
        row: server function `(model, token, y) -> {"pictures": [data URL]}`, of one row of the square.
        step: `(model, token, x, y) -> {"token"}` of the picture at that place; x and y count from -2 to 2.
        options: of `gr.HTML`.

    Both may answer `{"error": sentence}` instead.
    """

    def __init__(
        self,
        value: dict[str, Any] | None = None,
        *,
        row: Callable | None = None,
        step: Callable | None = None,
        **options: Any,
    ):
        super().__init__(
            value,
            html_template=_TEMPLATE,
            css_template=_STYLE,
            js_on_load=_SCRIPT,
            apply_default_css=False,
            server_functions=[row, step] if step else None,
            **options,
        )

    def get_config(self) -> dict[str, Any]:
        """gr.HTML's own, less our functions."""
        return {name: setting for name, setting in super().get_config().items() if name not in {"row", "step"}}
