"""LatentMap: the 2-D map of a data set's latents, to look at, walk over and click."""

from __future__ import annotations

import base64
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import plotly
from gradio.utils import get_upload_folder
from numpy.typing import ArrayLike

MAX_CATEGORIES = 1 << 16  # codes travel as 16-bit numbers

_HERE = Path(__file__)
_SCRIPT = _HERE.with_suffix(".js").read_text("utf-8")
_STYLE = _HERE.with_suffix(".css").read_text("utf-8")
_PLOTLY = Path(plotly.__file__).resolve().parent / "package_data" / "plotly.min.js"
_TEMPLATE = """
<section class="latent-map" data-state="empty" aria-label="Map of the latents">
  <div class="latent-map-tools">
    <label>Colour by <select class="latent-map-colour"></select></label>
    <label>Find <input type="search" class="latent-map-search" placeholder="a label" autocomplete="off"></label>
    <span class="latent-map-found" role="status"></span>
  </div>
  <div class="latent-map-stage">
    <div class="latent-map-view" tabindex="0" role="application">
      <div class="latent-map-plot" aria-hidden="true"></div>
      <svg class="latent-map-overlay" aria-hidden="true"></svg>
    </div>
    <div class="latent-map-zoom" role="group" aria-label="Zoom">
      <button type="button" data-zoom="in" aria-label="Zoom in" title="Zoom in">
        <svg viewBox="0 0 16 16" aria-hidden="true"><path d="M8 3v10M3 8h10"/></svg>
      </button>
      <button type="button" data-zoom="out" aria-label="Zoom out" title="Zoom out">
        <svg viewBox="0 0 16 16" aria-hidden="true"><path d="M3 8h10"/></svg>
      </button>
      <button type="button" class="latent-map-reset" data-zoom="reset" aria-label="Reset view" title="Reset view">
        <svg viewBox="0 0 16 16" aria-hidden="true"><path d="M2 6V2h4M10 2h4v4M14 10v4h-4M6 14H2v-4"/></svg>
      </button>
    </div>
    <div class="latent-map-card" hidden>
      <img alt="">
      <p class="latent-map-nearness"></p>
      <dl></dl>
    </div>
    <p class="latent-map-drop" aria-hidden="true">Drop a picture to find its place</p>
    <p class="latent-map-message" role="status"></p>
  </div>
  <div class="latent-map-legend" role="group" aria-label="Categories: press one to hide or show it"></div>
  <p class="latent-map-live" aria-live="polite"></p>
</section>
"""

# Gradio serves this one file in place, and only it.
gr.set_static_paths([_PLOTLY])


class LatentMap(gr.HTML):
    """A scatter plot of up to some hundred thousand pictures that decodes what the pointer is over.

    The value is what `payload` builds, or None for the empty state. To update, return from a handler
    `LatentMap(value=...)`, `LatentMap(marker=...)`, `LatentMap(selected=...)`, or several of them in one; None takes
    a marker or a selection away. (`gr.update` would drop the None.)

    Events:
        select: a person chose a point; the `gr.EventData` has `index`, its row, and `value`, its labels by column.
        drop_picture: a person dropped a picture file; read it with `dropped_path`.

    Both come from the browser and may be forged: check an index before use.

    Args:
        value: from `LatentMap.payload`, or None.
        decode_place: `(model, index, x, y) -> {"picture": data URL, "distance": float}`, called while the pointer
            moves, one call at a time for each page. `index` is the row of a point, or None for a place between points;
            `x` and `y` are finite map coordinates; `distance` is to the nearest point, in units of the median distance
            between neighbouring points of the map. `model` is a string from the browser: look it up, trust it not.
        marker: None, or a picture of the person's own: `{"x", "y", "neighbours": rows, "label": str}`.
        selected: row of the selected point, or None.
        empty_text: what the empty state says; `code` in backquotes.
        options: of `gr.HTML`, such as `elem_id` and `visible`.
    """

    def __init__(
        self,
        value: dict[str, Any] | None = None,
        *,
        decode_place: Callable[[str, int | None, float, float], dict[str, Any]] | None = None,
        marker: dict[str, Any] | None = None,
        selected: int | None = None,
        empty_text: str = "This model has no map yet.",
        **options: Any,
    ):
        # Gradio looks an updated setting up on the component.
        self.marker, self.selected, self.empty_text = marker, selected, empty_text
        super().__init__(
            value,
            html_template=_TEMPLATE,
            css_template=_STYLE,
            js_on_load=_SCRIPT,
            apply_default_css=False,
            server_functions=[_server_function(decode_place)] if decode_place else None,
            marker=marker,
            selected=selected,
            empty_text=empty_text,
            **options,
        )

    def get_config(self) -> dict[str, Any]:
        """gr.HTML's own, less our settings, which travel in `props` (and one of which is a function)."""
        ours = {"decode_place", "marker", "selected", "empty_text"}
        return {name: setting for name, setting in super().get_config().items() if name not in ours}

    def postprocess(self, value: dict[str, Any] | None) -> dict[str, Any] | None:
        """Adds the address of the plotting library: as a file of Gradio's, which knows the root path it is under."""
        return value and value | {"plotly": {"path": str(_PLOTLY), "meta": {"_type": "gradio.FileData"}}}

    @staticmethod
    def payload(model: str, x: ArrayLike, y: ArrayLike, labels: Mapping[str, Sequence[Any]]) -> dict[str, Any]:
        """Packs a map for the browser.

        Args:
            model: handed back to `decode_place`.
            x, y: map coordinates, each (count,), finite, in any unit.
            labels: columns of `count` labels each; None and "" mean no label.

        Returns:
            `model`, `count`, `x` and `y` (base64 of little-endian float32), and `columns`: for each, its `name`, its
            `categories` from the most to the least frequent, and the `codes` of the points (base64 of little-endian
            uint16, positions in `categories`).

        Raises:
            ValueError: lengths differ, a coordinate is not finite, or a column has more than 65,536 different labels.
        """
        x, y = (np.asarray(axis, "<f4") for axis in (x, y))
        if x.ndim != 1 or x.shape != y.shape:
            raise ValueError(f"x has shape {x.shape}, y has {y.shape}; both must be (count,)")
        if not (np.isfinite(x).all() and np.isfinite(y).all()):
            raise ValueError("a coordinate of the map is not a finite number")
        columns = [_column(name, values, len(x)) for name, values in labels.items()]
        return {"model": model, "count": len(x), "x": _base64(x), "y": _base64(y), "columns": columns}

    @staticmethod
    def dropped_path(event: gr.EventData) -> Path:
        """The file that a `drop_picture` event is about.

        Raises:
            ValueError: the path is not that of an uploaded file, which means that the event is forged.
        """
        path = Path(str(event.path)).resolve()
        if not path.is_relative_to(Path(get_upload_folder()).resolve()) or not path.is_file():
            raise ValueError("This is not an uploaded picture.")
        return path


def _server_function(decode: Callable) -> Callable:
    """The form that Gradio calls: all arguments in one list, which any client can send."""

    def decode_place(arguments: list) -> dict[str, Any]:
        model, index, x, y = arguments
        if not (isinstance(model, str) and (index is None or type(index) is int)):
            raise ValueError("decode_place takes (model: str, index: int | None, x: float, y: float)")
        x, y = float(x), float(y)
        if not (math.isfinite(x) and math.isfinite(y)):
            raise ValueError("x and y must be finite")
        return decode(model, index, x, y)

    return decode_place


def _column(name: str, values: Sequence[Any], count: int) -> dict[str, Any]:
    if len(values) != count:
        raise ValueError(f"column {name!r} has {len(values)} labels for {count} points")
    texts = ["" if value is None else str(value) for value in values]
    sizes = Counter(texts)
    if len(sizes) > MAX_CATEGORIES:
        raise ValueError(f"column {name!r} has {len(sizes)} different labels; at most {MAX_CATEGORIES} are drawn")
    categories = sorted(sizes, key=lambda category: (-sizes[category], category))
    code = {category: k for k, category in enumerate(categories)}
    codes = np.fromiter((code[text] for text in texts), "<u2", count)
    return {"name": name, "categories": categories, "codes": _base64(codes)}


def _base64(array: np.ndarray) -> str:
    return base64.b64encode(array.tobytes()).decode()
