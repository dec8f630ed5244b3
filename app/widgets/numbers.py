"""Numbers as a person or a client typed them, and what a page makes of those that are not accepted.

Of what a client sends, Explorer says in words whether it is accepted. A person's number becomes the nearest accepted.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Limits:
    """What a number box accepts."""

    name: str
    low: float
    high: float
    whole: bool = False

    def settle(self, value: Any) -> tuple[float, str]:
        """The nearest number that is accepted, and a sentence if that is another than was typed; else ""."""
        try:
            number = float(value)
        except (TypeError, ValueError, OverflowError):
            number = math.nan
        if math.isnan(number):
            kept = self.low
        else:
            kept = min(max(number, self.low), self.high)
            kept = round(kept) if self.whole else kept
        kept = int(kept) if self.whole else kept
        if kept == number:
            return kept, ""
        kind = "whole numbers" if self.whole else "numbers"
        typed = "nothing" if value is None else str(value)[:20]
        return kept, f"{self.name} takes {kind} from {self.low} to {self.high}: {typed} became {kept}."

    def take(self, value: Any) -> float:
        """The nearest number that is accepted; the page says so if that is another than was typed."""
        kept, sentence = self.settle(value)
        if sentence:
            gr.Warning(sentence, title="Out of range")
        return kept
