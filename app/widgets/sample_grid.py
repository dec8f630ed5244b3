"""SampleGrid: pictures drawn at random, asked for a few at a time and shown as they come."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr

_HERE = Path(__file__)
_SCRIPT = _HERE.with_suffix(".js").read_text("utf-8")
_STYLE = _HERE.with_suffix(".css").read_text("utf-8")
_TEMPLATE = """
<section class="sample-grid" aria-label="Samples">
  <p class="sample-grid-message" role="status" hidden></p>
  <div class="sample-grid-panels"></div>
</section>
"""


class SampleGrid(gr.HTML):
    """One grid of samples, or two side by side whose pictures of one number share their noise.

    The value is what `payload` builds.

    Events:
        select: a person chose a sample; the `gr.EventData` has `model`, `distribution`, `temperature`, `seed` and
            `index`. It comes from the browser and may be forged: check it before use.

    Args:
        draw: server function `(model, distribution, first, count, temperature, seed) -> {"pictures": [data URL]}`, or
            `{"error": sentence}`; called with one request in flight.
        options: of `gr.HTML`.
    """

    def __init__(self, value: dict[str, Any] | None = None, *, draw: Callable | None = None, **options: Any):
        super().__init__(
            value,
            html_template=_TEMPLATE,
            css_template=_STYLE,
            js_on_load=_SCRIPT,
            apply_default_css=False,
            server_functions=[draw] if draw else None,
            **options,
        )

    def get_config(self) -> dict[str, Any]:
        """gr.HTML's own, less our function."""
        return {name: setting for name, setting in super().get_config().items() if name != "draw"}

    @staticmethod
    def payload(
        model: str, panels: list[tuple[str, str]], count: int, temperature: float, seed: int, chunk: int
    ) -> dict[str, Any]:
        """What to draw.

        Args:
            model: handed to `draw`.
            panels: a distribution and its title, for each grid.
            count: samples in each.
            temperature, seed: handed to `draw`.
            chunk: samples asked for at once.
        """
        titled = [{"distribution": name, "title": title} for name, title in panels]
        return {
            "model": model, "panels": titled, "count": count, "temperature": temperature, "seed": seed, "chunk": chunk,
        }  # fmt: skip
