"""Number boxes that accept anything, and what is made of it: Gradio's own refuse with a traceback in the log."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import gradio as gr


class FreeSlider(gr.Slider):
    """A slider that hands on what was typed into its box, in range or not."""

    is_template = True  # the front end is gr.Slider's own

    def preprocess(self, payload: Any) -> Any:
        """What was typed, as it is."""
        return payload


class FreeNumber(gr.Number):
    """A number box that hands on what was typed."""

    is_template = True

    def preprocess(self, payload: Any) -> Any:
        """What was typed, as it is."""
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
