"""A run's losses as a picture for the model card: `training-curves.png`."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import MaxNLocator
from PIL import Image

from train.held_out import PREFIX

CURVES = "training-curves.png"
COLOURS = 128
INK, MUTED, RULE, LINE, HELD_OUT_LINE = "#1f2328", "#59636e", "#d8dee4", "#0a6ed1", "#c2410c"


def write_curves(folder: Path, curves: dict[str, str]) -> None:
    """Draws `training/metrics.jsonl` of a model folder: terms of the loss against steps, smoothed, and as they were.

    Beside them those of the held-out pictures, at every checkpoint: where the two part, the model learns by heart.

    1600 pixels wide, to be shown at 800. It brings its own white, so that it reads on pages of any colour.

    Args:
        folder: of the model.
        curves: the terms to draw, with their titles: an objective's `curves`.
    """
    rows = [json.loads(line) for line in (folder / "training" / "metrics.jsonl").read_text().splitlines()]
    steps = np.array([row["step"] for row in rows])
    layout = ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.1)
    figure = Figure(figsize=(8, 2.7), dpi=200, layout=layout, facecolor="white")
    for axes, (term, title) in zip(figure.subplots(1, len(curves)), curves.items(), strict=True):
        values = np.array([row[term] for row in rows])
        axes.plot(steps, values, color=LINE, alpha=0.3, linewidth=0.8)
        axes.plot(steps, smooth(values), color=LINE, linewidth=1.8, label="trained on")
        measured = np.array([(row["step"], row[PREFIX + term]) for row in rows if PREFIX + term in row]).reshape(-1, 2)
        axes.plot(*measured.T, color=HELD_OUT_LINE, linewidth=1.2, marker=".", markersize=4, label="held out")
        # The first steps, from noise, would press all others flat: the scale is that of what follows.
        begun = steps[len(steps) // 20]
        settled = np.concatenate([values[steps >= begun], measured[measured[:, 0] >= begun, 1]])
        margin = 0.08 * np.ptp(settled) or 0.5 * abs(settled[-1]) or 1.0
        axes.set_ylim(settled.min() - margin, settled.max() + margin)
        axes.set_xlim(0, steps[-1])
        axes.set_title(title, loc="left", fontsize=9, color=INK)
        axes.set_xlabel("steps", fontsize=8, color=MUTED, loc="right")
        axes.xaxis.set_major_locator(MaxNLocator(3, integer=True))
        axes.xaxis.set_major_formatter("{x:,.0f}")
        axes.yaxis.set_major_locator(MaxNLocator(4))
        axes.tick_params(labelsize=8, labelcolor=MUTED, length=0)
        axes.grid(axis="y", color=RULE, linewidth=0.7)
        axes.spines[:].set_visible(False)
        axes.spines["bottom"].set(visible=True, color=RULE)
    figure.axes[0].legend(fontsize=8, labelcolor=INK, frameon=False)
    drawn = io.BytesIO()
    figure.savefig(drawn)
    # A third of the bytes: it is committed with each model.
    Image.open(drawn).convert("RGB").quantize(COLOURS, Image.Quantize.MAXCOVERAGE).save(folder / CURVES, optimize=True)


def smooth(values: np.ndarray) -> np.ndarray:
    """Means over a fortieth of the run around each point; over less of it at the two ends."""
    window = np.ones(max(1, len(values) // 40))
    return np.convolve(values, window, "same") / np.convolve(np.ones(len(values)), window, "same")
