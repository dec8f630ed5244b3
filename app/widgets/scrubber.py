"""Scrubber: a slider through the pictures that lie between two pictures, drawn in the browser without the network."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import gradio as gr
from PIL import Image

from app.widgets.encoding import webp_url

SHEET_LIMIT = 8192  # pixels; a sheet's side stays below, since many phones decode nothing larger
LOSSLESS_PIXELS = 1 << 19  # up to here a lossless sheet weighs little; above, WebP at quality 90 saves the most

_HERE = Path(__file__)
_SCRIPT = _HERE.with_suffix(".js").read_text("utf-8")
_STYLE = _HERE.with_suffix(".css").read_text("utf-8")
_TEMPLATE = """
<section class="scrubber" data-state="empty" aria-label="Interpolation">
  <p class="scrubber-message"></p>
  <div class="scrubber-body" hidden>
    <canvas class="scrubber-picture" role="img" aria-label="Picture at this place between the two"></canvas>
    <div class="scrubber-track">
      <span class="scrubber-caption" data-end="start"></span>
      <input type="range" min="0" max="1" step="0.01" value="0.5" aria-label="Place between the two pictures">
      <span class="scrubber-caption" data-end="end"></span>
    </div>
    <figure class="scrubber-distances" hidden>
      <svg viewBox="0 0 100 40" preserveAspectRatio="none" role="img"></svg>
      <figcaption></figcaption>
    </figure>
    <div class="scrubber-controls">
      <button type="button" class="scrubber-play" aria-pressed="false">
        <svg viewBox="0 0 16 16" aria-hidden="true">
          <path class="when-paused" d="M4 2.5v11l9-5.5z"/>
          <path class="when-playing" d="M4 2.5h3v11H4zM9 2.5h3v11H9z"/>
        </svg>
        <span>Play</span>
      </button>
      <label class="scrubber-speed">Speed
        <select>
          <option value="0.5">0.5×</option><option value="1" selected>1×</option><option value="2">2×</option>
        </select>
      </label>
      <label class="scrubber-mode">At the end
        <select>
          <option value="ping-pong">turn back</option><option value="loop">start over</option>
          <option value="once">stop</option>
        </select>
      </label>
      <output class="scrubber-t"></output>
    </div>
    <p class="scrubber-progress" role="status"></p>
    <div class="scrubber-strip" role="group" aria-label="Jump to a place"></div>
  </div>
</section>
"""


class Scrubber(gr.HTML):
    """Shows an interpolation and lets a person drag through it.

    The value is what `payload` builds, or None for the empty state. Dragging asks nothing of the server. A value may be
    followed by finer ones, of more frames, while a person drags: the place stays.

    Events:
        settle: a drag, a jump or the playing has come to rest, or all frames of a new value are there; the
            `gr.EventData` has `t`, a float in [0, 1].

    Args:
        value: from `Scrubber.payload`, or None.
        empty_text: what the empty state says.
        address: the key under which the place is kept in the address bar, such as "t"; None keeps it nowhere.
        options: of `gr.HTML`, such as `elem_id` and `visible`.
    """

    def __init__(
        self,
        value: dict[str, Any] | None = None,
        *,
        empty_text: str = "Choose two pictures: the way between them appears here.",
        address: str | None = None,
        **options: Any,
    ):
        # Gradio looks an updated setting up on the component.
        self.empty_text, self.address = empty_text, address
        super().__init__(
            value,
            html_template=_TEMPLATE,
            css_template=_STYLE,
            js_on_load=_SCRIPT,
            apply_default_css=False,
            empty_text=empty_text,
            address=address,
            **options,
        )

    def get_config(self) -> dict[str, Any]:
        """gr.HTML's own, less our settings, which travel in `props`."""
        return {key: value for key, value in super().get_config().items() if key not in ("empty_text", "address")}

    @staticmethod
    def payload(
        frames: Sequence[Image.Image],
        t: float | None = None,
        captions: tuple[str, str] = ("A", "B"),
        *,
        total: int | None = None,
        distances: Mapping[str, Sequence[float]] | None = None,
    ) -> dict[str, Any]:
        """Packs frames into one picture, row by row from the top left.

        Args:
            frames: at least two, all of one size, from the first picture to the second at equal steps of t.
            t: in [0, 1], the place shown first; None stays where it is (the middle, to begin with).
            captions: of the two ends.
            total: how many frames there will be when all are decoded; None if these are all.
            distances: to plot under the slider: name -> length of each step between neighbouring frames, at least 0.

        Returns:
            The value of a Scrubber: `sheet` (a WebP data URL), `count` and `columns` of frames in it, `width` and
            `height` of a frame in pixels, `t`, `captions`, `total`, `distances`.

        Raises:
            ValueError: fewer than two frames, frames of different sizes, too many pixels for one sheet, t outside
                [0, 1], or distances that are not one fewer than the frames.
        """
        if len(frames) < 2:
            raise ValueError(f"{len(frames)} frames given; a way between two pictures needs at least 2")
        sizes = {frame.size for frame in frames}
        if len(sizes) > 1:
            raise ValueError(f"frames are of different sizes: {sorted(sizes)}")
        if t is not None and not 0 <= t <= 1:
            raise ValueError(f"t is {t}; it must be in [0, 1]")
        for name, steps in (distances or {}).items():
            if len(steps) != len(frames) - 1:
                raise ValueError(f"{name!r} has {len(steps)} distances; {len(frames)} frames have {len(frames) - 1}")
        width, height = frames[0].size
        columns = _columns(len(frames), width, height)
        rows = math.ceil(len(frames) / columns)
        sheet = Image.new("RGB", (columns * width, rows * height))
        for k, frame in enumerate(frames):
            sheet.paste(frame.convert("RGB"), (k % columns * width, k // columns * height))
        return {
            "sheet": _sheet_url(sheet),
            "count": len(frames),
            "columns": columns,
            "width": width,
            "height": height,
            "t": None if t is None else float(t),
            "captions": list(captions),
            "total": total or len(frames),
            "distances": {name: [float(step) for step in steps] for name, steps in (distances or {}).items()},
        }


def _columns(count: int, width: int, height: int) -> int:
    """Columns of the squarest grid whose sides stay below the limit."""
    columns = min(max(1, round(math.sqrt(count * height / width))), (SHEET_LIMIT - 1) // width)
    if columns == 0 or math.ceil(count / columns) * height >= SHEET_LIMIT:
        raise ValueError(f"{count} frames of {width} x {height} pixels do not fit a sheet below {SHEET_LIMIT} pixels")
    return columns


def _sheet_url(sheet: Image.Image) -> str:
    lossless = sheet.width * sheet.height <= LOSSLESS_PIXELS
    # For a lossless picture, quality is the effort to make it small.
    return webp_url(sheet, lossless=lossless, quality=50 if lossless else 90, method=3)
