"""The address bar: what a person looks at is in it, so that a link brings it back."""

from __future__ import annotations

from pathlib import Path

import gradio as gr

from app.checks import MAX_SEED
from app.tabs.common import QUIET, Workspace

SCRIPT = Path(__file__).with_suffix(".js")
HEAD = f"<script>{SCRIPT.read_text('utf-8')}</script>"


def build(page: gr.Blocks, work: Workspace, seed: gr.Number) -> None:
    """Keeps model, tab and seed in the address, and puts them back when the page is opened.

    The widgets keep their own: the place between two pictures (`t`) and the chosen point of the map (`point`).
    """
    for key, component in (("model", work.model), ("tab", work.open_tab), ("seed", seed)):
        component.change(None, component, None, js=f"(value) => window.latentscape.remember('{key}', value)")

    def restore(request: gr.Request):
        """What the address says, where it says something that there is."""
        asked = request.query_params
        model = asked.get("model", "") if asked.get("model") in work.library.names else work.library.default
        number = asked.get("seed", "")
        tab = asked.get("tab")
        return (
            model if model != work.library.default else gr.skip(),
            int(number) if number.isdecimal() and int(number) <= MAX_SEED else gr.skip(),
            gr.Tabs(selected=tab) if tab in work.redraw else gr.skip(),
        )

    page.load(restore, None, [work.model, seed, work.tabs], queue=False, **QUIET)
