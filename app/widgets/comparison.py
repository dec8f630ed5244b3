"""Comparison: a picture over another, and a divider between them that a pointer or the keys move."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr
from PIL import Image

from app.widgets.encoding import data_url

_HERE = Path(__file__)
_TEMPLATE = """
<figure class="comparison" hidden>
  <div class="comparison-frame">
    <img class="comparison-after" alt="The reconstruction">
    <img class="comparison-before" alt="The input">
    <input type="range" min="0" max="100" step="1" value="50" aria-label="How much of the input is shown">
    <span class="comparison-divider" aria-hidden="true"></span>
  </div>
  <figcaption><span>Input</span><a>Download the reconstruction</a><span>Reconstruction</span></figcaption>
</figure>
"""


class Comparison(gr.HTML):
    """Shows what went into a model against what came out. The divider stays where it is when the pictures change.

    The value is what `payload` builds, or None for nothing.

    Args:
        value: from `Comparison.payload`, or None.
        options: of `gr.HTML`, such as `elem_id`.
    """

    def __init__(self, value: dict[str, Any] | None = None, **options: Any):
        super().__init__(
            value,
            html_template=_TEMPLATE,
            css_template=_HERE.with_suffix(".css").read_text("utf-8"),
            js_on_load=_HERE.with_suffix(".js").read_text("utf-8"),
            apply_default_css=False,
            **options,
        )

    @staticmethod
    def payload(before: Image.Image, after: Image.Image, file: str) -> dict[str, str]:
        """Packs two pictures of one size, and the name under which the second is downloaded."""
        return {"before": data_url(before), "after": data_url(after), "file": file}
