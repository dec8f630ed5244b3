"""Examples: pictures to click instead of one's own. Buttons with names, which those of gr.Examples have not."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import gradio as gr

from app.widgets.encoding import strip_url
from vae.images import fit, open_picture

THUMBNAIL_SIDE = 104  # pixels; shown at half of it, so that it stays sharp on a dense screen

_TEMPLATE = """
<fieldset class="examples">
  <legend>{{value.legend}}</legend>
  {{#each value.pictures}}
  <button type="button" value="{{file}}" title="{{name}}"><img src="{{thumbnail}}" alt="{{name}}"></button>
  {{/each}}
</fieldset>
"""
_SCRIPT = """
const told = {};  // what the events say; app/tabs/common.py tells why in one object
element.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button) trigger("select", Object.assign(told, { file: button.value }));
});
"""


class Examples(gr.HTML):
    """A row of pictures that are chosen by a click.

    Events:
        select: one was chosen; the `gr.EventData` has `file`, its file name, which comes from the browser: check it.

    Args:
        value: from `payload`.
        options: of `gr.HTML`, such as `elem_id`.
    """

    def __init__(self, value: dict | None = None, **options):
        super().__init__(value, html_template=_TEMPLATE, js_on_load=_SCRIPT, apply_default_css=False, **options)

    @staticmethod
    def payload(legend: str, paths: Sequence[Path]) -> dict:
        """Packs examples for the browser.

        Args:
            legend: the words above them.
            paths: of the pictures, named after their kind and what they show: "fruit-apple.png" is an apple.

        Returns:
            `legend`, and `pictures`: of each its `file`, its `name`, and a `thumbnail` (a data URL).
        """
        pictures = [
            {"file": path.name, "name": path.stem.partition("-")[2].replace("-", " "), "thumbnail": _thumbnail(path)}
            for path in paths
        ]
        return {"legend": legend, "pictures": pictures}


@cache
def _thumbnail(path: Path) -> str:
    # WebP, since the page begins with fifty of them.
    return strip_url([fit(open_picture(path), THUMBNAIL_SIDE)], THUMBNAIL_SIDE)
