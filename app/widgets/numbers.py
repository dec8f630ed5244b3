"""Numbers as a person or a client typed them. Whether one is accepted is Explorer's to say, in words."""

from __future__ import annotations

from typing import Any

import gradio as gr


class RawNumber(gr.Number):
    """A number box that hands on what was sent. Gradio's own rounds fractions, and fails on text without a word."""

    is_template = True  # the front end is gr.Number's own

    def preprocess(self, payload: Any) -> Any:
        """The payload, whatever it is."""
        return payload


class RawSlider(gr.Slider):
    """A slider that hands on what was sent: a number typed into its box may be out of range."""

    is_template = True  # the front end is gr.Slider's own

    def preprocess(self, payload: Any) -> Any:
        """The payload, whatever it is."""
        return payload
