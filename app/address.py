"""The address bar: what a person looks at is in it, so that a link brings it back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import gradio as gr
from gradio.components import Component

from app.checks import MAX_SEED
from app.tabs.common import EXAMPLES, QUIET, PictureInput, Workspace

SCRIPT = Path(__file__).with_suffix(".js")
HEAD = f"<script>{SCRIPT.read_text('utf-8')}</script>"


def build(page: gr.Blocks, work: Workspace, kept: Mapping[str, Component]) -> None:
    """Keeps model, tab and these inputs in the address, and puts them back when the page is opened.

    Of the pictures, those that are examples: a link holds no uploads. The widgets keep their own: the place between two
    pictures (`t`), and the chosen point of the map (`point`).
    """
    kept = {"model": work.model, **kept}
    for key, component in kept.items():
        remember = f"(value) => window.latentscape.remember('{key}', {_text(component)})"
        component.change(None, component, None, js=remember)
    work.open_tab.change(None, work.open_tab, None, js="(tab) => window.latentscape.visit(tab)")

    def restore(request: gr.Request):
        """What the address says, where it says something that there is."""
        asked = request.query_params
        values = [_value(component, asked.get(key, "")) for key, component in kept.items()]
        tab = asked.get("tab")
        return *values, gr.Tabs(selected=tab) if tab in work.redraw else gr.skip()

    page.load(restore, None, [*kept.values(), work.tabs], queue=False, **QUIET)


def _text(component: Component) -> str:
    """In JavaScript, an input's `value` as the address has it."""
    if isinstance(component, PictureInput):
        return f"window.latentscape.fileAmong(value, {json.dumps([*EXAMPLES])})"
    return "value"


def _value(component: Component, text: str):
    """The value of an input that the address means; nothing new if there is no such value."""
    if isinstance(component, PictureInput):
        found = {name: str(path) for name, path in EXAMPLES.items()}
    elif isinstance(component, gr.Radio | gr.Dropdown):
        found = {str(value): value for _, value in component.choices}
    else:
        low, high = (component.minimum, component.maximum) if isinstance(component, gr.Slider) else (0, MAX_SEED)
        try:
            number = float(text)
        except ValueError:
            return gr.skip()
        found = {text: int(number) if number.is_integer() else number} if low <= number <= high else {}
    return found.get(text, gr.skip())
