"""LatentMap: the 2-D map of a data set's latents, to look at, walk over and click."""

from __future__ import annotations

import base64
import json
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr
import numpy as np
import plotly
from numpy.typing import ArrayLike
from PIL import Image

from app.widgets.encoding import strip_url

MAX_CATEGORIES = 1 << 16  # codes travel as 16-bit numbers

_HERE = Path(__file__)
# One function body in the page; the last part starts it.
_PARTS = ("", "_view", "_card", "_hands", "_pictures", "_drawing", "_page")
_SCRIPT = "\n".join(_HERE.with_name(f"latent_map{part}.js").read_text("utf-8") for part in _PARTS)
_STYLE = _HERE.with_suffix(".css").read_text("utf-8")
_PLOTLY = Path(plotly.__file__).resolve().parent / "package_data" / "plotly.min.js"
_TEMPLATE = """
<section class="latent-map" data-state="empty" aria-label="Map of the latents">
  <div class="latent-map-tools">
    <label>Colour by <select class="latent-map-colour"></select></label>
    <label>Find <input type="search" class="latent-map-search" placeholder="a label" autocomplete="off"></label>
    <span class="latent-map-found" role="status"></span>
  </div>
  <div class="latent-map-tools">
    <div class="latent-map-switches latent-map-modes" role="group" aria-label="Tool">
      <button type="button" data-tool="walk" aria-pressed="true"
        title="Look around: drag to pan, click a point to select it">Walk</button>
      <button type="button" data-tool="path" aria-pressed="false"
        title="Draw a line over the map, or click places: the pictures along it become an animation">Path</button>
      <button type="button" data-tool="lasso" aria-pressed="false"
        title="Draw around points: their mean; around a second group: the direction between the two">Lasso</button>
    </div>
    <div class="latent-map-switches latent-map-layers" role="group" aria-label="Show on the map">
      <button type="button" data-layer="pictures" aria-pressed="true"
        title="Decoded pictures in place of points, when zoomed in">Pictures</button>
      <button type="button" data-layer="lattice" aria-pressed="false"
        title="Decoded pictures of evenly spaced places, wherever data is near">Lattice</button>
      <button type="button" data-layer="contours" aria-pressed="false"
        title="Lines of equal density; the innermost holds the densest tenth of the points">Density</button>
    </div>
  </div>
  <div class="latent-map-stage">
    <div class="latent-map-view" tabindex="0" role="application">
      <canvas class="latent-map-lattice" aria-hidden="true"></canvas>
      <svg class="latent-map-contours" aria-hidden="true" hidden></svg>
      <div class="latent-map-plot" aria-hidden="true"></div>
      <canvas class="latent-map-pictures" aria-hidden="true"></canvas>
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
        <svg viewBox="0 0 16 16" aria-hidden="true"><path d="M3.2 5.5A5.5 5.5 0 1 1 2.5 8M3 2v3.8h3.8"/></svg>
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
  <div class="latent-map-drawing" hidden>
    <p class="latent-map-drawn" role="status"></p>
    <div class="latent-map-switches latent-map-groups" role="group" aria-label="Groups">
      <button type="button" data-group="a">Shown as A</button>
      <button type="button" data-group="b">Shown as B</button>
      <button type="button" class="latent-map-from" aria-pressed="false">From the selected point</button>
    </div>
    <button type="button" class="latent-map-clear">Clear</button>
  </div>
  <div class="latent-map-legend" role="group" aria-label="Categories: press one to hide or show it"></div>
  <figure class="latent-map-ramp" hidden>
    <figcaption></figcaption>
    <div class="latent-map-bar" aria-hidden="true"></div>
    <p class="latent-map-scale"><span></span><span></span><span></span></p>
  </figure>
  <p class="latent-map-live" aria-live="polite"></p>
</section>
"""

# Gradio serves this one file in place, and only it.
gr.set_static_paths([_PLOTLY])

# For the head of a page with a map.
PRELOAD = f"""<script>{{
const PLOTLY = {json.dumps(str(_PLOTLY))};
{_HERE.with_name("latent_map_preload.js").read_text("utf-8")}}}</script>"""


class Number(NamedTuple):
    """A number for each point, NaN where it has none, to colour by; and a note on what it means."""

    values: ArrayLike
    note: str = ""


class LatentMap(gr.HTML):
    """A scatter plot of up to some hundred thousand pictures that decodes what the pointer is over.

    The value is what `payload` builds, or None for the empty state. To update, return from a handler
    `LatentMap(value=...)`, `LatentMap(marker=...)`, `LatentMap(selected=...)`, or several of them in one; None takes
    a marker or a selection away. (`gr.update` would drop the None.)

    Events:
        select: a person chose a point; the `gr.EventData` has `index`, its row, and `value`, its labels by column.
        drop_picture: a person dropped a picture file; the `gr.EventData` has its `path`, which `uploaded_file` checks.
        walk_path: a person drew a line; `path` is its corners (x, y), in map coordinates.
        compare_groups: a person gathered points; `a` and `b` are lists of rows, `b` empty for one group alone, and
            `point` is the row to start from, or None.
        clear_drawing: a person is done with what was drawn.

    All come from the browser and may be forged: check an index before use.

    Args:
        value: from `LatentMap.payload`, or None.
        decode_place: `(model, index, x, y) -> {"picture": data URL, "distance": float}`, called while the pointer
            moves, one call at a time for each page. `index` is the row of a point, or None for a place between points;
            `x` and `y` are finite map coordinates; `distance` is to the nearest point, in units of the median distance
            between neighbouring points of the map. `model` is a string from the browser: look it up, trust it not.
        thumbnails: `(model, places) -> list of square pictures of one size`, for the pictures on the map; a place is a
            row or a pair (x, y). What both raise as a ValueError is told to the page.
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
        thumbnails: Callable[[str, list], list[Image.Image]] | None = None,
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
            server_functions=_server_functions(decode_place, thumbnails),
            marker=marker,
            selected=selected,
            empty_text=empty_text,
            **options,
        )

    def get_config(self) -> dict[str, Any]:
        """gr.HTML's own, less our settings, which travel in `props` (and one of which is a function)."""
        ours = {"decode_place", "thumbnails", "marker", "selected", "empty_text"}
        return {name: setting for name, setting in super().get_config().items() if name not in ours}

    def postprocess(self, value: dict[str, Any] | None) -> dict[str, Any] | None:
        """Adds the address of the plotting library: as a file of Gradio's, which knows the root path it is under."""
        return value and value | {"plotly": {"path": str(_PLOTLY), "meta": {"_type": "gradio.FileData"}}}

    @staticmethod
    def payload(
        model: str,
        x: ArrayLike,
        y: ArrayLike,
        labels: Mapping[str, Sequence[Any]],
        numbers: Mapping[str, Number] | None = None,
        spacing: float = 0.0,
    ) -> dict[str, Any]:
        """Packs a map for the browser.

        Args:
            model: handed back to `decode_place`.
            x, y: map coordinates, each (count,), finite, in any unit.
            labels: columns of `count` labels each; None and "" mean no label.
            numbers: columns of `count` numbers each.
            spacing: median distance between neighbouring points on the map.

        Returns:
            `model`, `count`, `x` and `y` (base64 of little-endian float32), and `columns`: for each, its `name`, its
            `categories` from the most to the least frequent, and the `codes` of the points (base64 of little-endian
            uint16, positions in `categories`); `numbers`: for each, `name`, `note`, `values` (base64 of float32) and
            `range`, from the 1st to the 99th percentile, so that a few outliers do not take all the colours.

        Raises:
            ValueError: lengths differ, a coordinate is not finite, or a column has more than 65,536 different labels.
        """
        x, y = (np.asarray(axis, "<f4") for axis in (x, y))
        if x.ndim != 1 or x.shape != y.shape:
            raise ValueError(f"x has shape {x.shape}, y has {y.shape}; both must be (count,)")
        if not (np.isfinite(x).all() and np.isfinite(y).all()):
            raise ValueError("a coordinate of the map is not a finite number")
        columns = [_column(name, values, len(x)) for name, values in labels.items()]
        return {
            "model": model,
            "count": len(x),
            "x": _base64(x),
            "y": _base64(y),
            "columns": columns,
            "numbers": [_number(name, number, len(x)) for name, number in (numbers or {}).items()],
            "spacing": float(spacing),
        }


def _server_functions(decode: Callable | None, draw: Callable | None) -> list[Callable] | None:
    """The form that Gradio calls: all arguments in one list, which any client can send. They answer what is wrong."""

    def decode_place(arguments: list) -> dict[str, Any]:
        try:
            model, index, x, y = arguments
            x, y = float(x), float(y)
            if not (isinstance(model, str) and (index is None or type(index) is int)):
                raise TypeError("decode_place takes (model: str, index: int | None, x: float, y: float)")
            if not (math.isfinite(x) and math.isfinite(y)):
                raise ValueError("x and y must be finite")
            return decode(model, index, x, y)
        except (TypeError, ValueError) as error:
            return {"error": str(error)}

    def thumbnails(arguments: list) -> dict[str, Any]:
        try:
            model, places = arguments
            if not (isinstance(model, str) and isinstance(places, list)):
                raise TypeError("thumbnails takes (model: str, places: list)")
            return _strip(draw(model, places))
        except (TypeError, ValueError) as error:
            return {"error": str(error)}

    given = [function for function, behind in ((decode_place, decode), (thumbnails, draw)) if behind]
    return given or None


def _strip(pictures: list[Image.Image]) -> dict[str, Any]:
    """Square pictures of one size, side by side."""
    side = pictures[0].width
    return {"strip": strip_url(pictures, side), "side": side}


def _number(name: str, number: Number, count: int) -> dict[str, Any]:
    values = np.asarray(number.values, "<f4")
    if values.shape != (count,):
        raise ValueError(f"column {name!r} has numbers of shape {values.shape} for {count} points")
    finite = values[np.isfinite(values)]
    low, high = np.percentile(finite, [1, 99]).tolist() if finite.size else (0.0, 1.0)
    values = np.where(np.isfinite(values), values, np.float32(np.nan))
    return {"name": name, "note": number.note, "values": _base64(values.astype("<f4")), "range": [low, high]}


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
